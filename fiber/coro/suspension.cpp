// SPDX-License-Identifier: MIT
#include "fiber/coro/suspension.hpp"

#include "fiber/sched/current.hpp"
#include "fiber/sched/worker.hpp"

namespace coir {

bool runs_as_coroutine() noexcept {
  const control_block* const self = current_fiber();
  return self != nullptr && self->is_coroutine;
}

control_block& detach_coroutine(std::coroutine_handle<> resumed) noexcept {
  worker& here = *current_worker();
  control_block& self = *here.current();
  self.resume_point = resumed.address();
  self.saved = nullptr; // it may have been suspended with its stack before
  here.set_current(nullptr);
  return self;
}

bool suspension::begin_locked(wait_queue& queue, waiter& self, std::coroutine_handle<> resumed,
                              std::unique_lock<base::spin_lock> held) noexcept {
  worker& here = *current_worker();
  control_block& fiber = detach_coroutine(resumed);
  if (queue.begin_wait(self, std::move(held))) return true;
  here.set_current(&fiber); // still ours: nobody knows the waiter
  return false;
}

} // namespace coir
