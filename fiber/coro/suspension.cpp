// SPDX-License-Identifier: MIT
#include "fiber/coro/suspension.hpp"

#include "fiber/base/check.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/worker.hpp"

namespace coir {

detached_coroutine detach_coroutine(std::coroutine_handle<> resumed) noexcept {
  worker& here = *current_worker();
  control_block& self = *here.current();
  const detached_coroutine detached{self, self.transfers};
  self.resume_point = resumed.address();
  self.saved = nullptr; // it may have been suspended with its stack before
  here.set_current(nullptr);
  return detached;
}

void detached_coroutine::reattach() const noexcept {
  block.transfers = transfers;
  current_worker()->set_current(&block);
}

suspension::~suspension() {
  COIR_CHECK(self_.is_idle(), "a coroutine is destroyed while it waits");
}

waiter& suspension::arm(wait_queue& queue, clock::time_point limit, wait_kind kind) {
  COIR_CHECK(self_.is_idle(), "an awaiter is awaited twice at once");
  self_.set_target(*runs_as());
  try {
    self_.arm(queue, limit, kind);
  } catch (...) {
    self_.reset(); // nobody will ask for its outcome
    throw;
  }
  return self_;
}

wait_outcome suspension::outcome() noexcept {
  const wait_outcome found = self_.outcome();
  self_.reset();
  return found;
}

bool suspension::begin_locked(wait_queue& queue, waiter& self, std::coroutine_handle<> resumed,
                              std::unique_lock<base::spin_lock> held) noexcept {
  const detached_coroutine detached = detach_coroutine(resumed);
  if (queue.begin_wait(self, std::move(held))) return true;
  detached.reattach(); // nobody knows the waiter
  return false;
}

} // namespace coir
