// SPDX-License-Identifier: MIT
#include "fiber/coro/suspension.hpp"

#include "fiber/base/check.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/wait_steps.hpp"
#include "fiber/sched/worker.hpp"

namespace coir {

namespace {

detached_coroutine detach_from(worker& here, std::coroutine_handle<> resumed) noexcept {
  control_block& self = *here.current();
  const detached_coroutine detached{self, self.transfers};
  self.resume_point = resumed.address();
  self.saved = nullptr; // it may have been suspended with its stack before
  here.set_current(nullptr);
  return detached;
}

void reattach_to(worker& here, const detached_coroutine& detached) noexcept {
  detached.block.transfers = detached.transfers;
  here.set_current(&detached.block);
}

} // namespace

detached_coroutine detach_coroutine(std::coroutine_handle<> resumed) noexcept {
  return detach_from(*current_worker(), resumed);
}

void detached_coroutine::reattach() const noexcept { reattach_to(*current_worker(), *this); }

namespace {

/// Runs `awaited`, which has been taken out of its queue for it, on top of the coroutine that has suspended to join it.
/// True: it has ended without having suspended, and the joiner runs again. False: the joiner may run elsewhere already.
bool run_begun(worker& here, control_block& awaited, const detached_coroutine& joiner) noexcept {
  awaited.bound = joiner.block.bound;
  awaited.direct_joins_below = static_cast<std::uint8_t>(joiner.block.direct_joins_below + 1);
  here.set_current(&awaited);
  *here.words().error = 0;
  const bool has_ended = awaited.operations->run(awaited);
  worker& now = has_ended ? worker::finish(awaited) : *current_worker();
  if (now.end_direct_join(has_ended) == nullptr) return false;
  reattach_to(now, joiner);
  return true;
}

} // namespace

bool suspension::begin_join(control_block& awaited, std::coroutine_handle<> resumed) {
  control_block& self = *runs_as();
  // Of another size it needs a stack of its own.
  if (self.direct_joins_below < deepest_direct_joins &&
      awaited.size_class == self.bound->size_class) {
    COIR_CHECK(self_.is_idle(), "an awaiter is awaited twice at once");
    self_.set_target(self);
    if (worker& here = *current_worker(); here.try_join_directly(awaited, self_)) {
      return !run_begun(here, awaited, detach_from(here, resumed));
    }
  }
  return begin(awaited.ended, clock::time_point::max(), wait_kind::interruptible, resumed, [&] {
    return awaited.has_ended.load(acquire); // pairs with the release in worker::finish
  });
}

waiter& suspension::arm(wait_queue& queue, clock::time_point limit, wait_kind kind) {
  COIR_CHECK(self_.is_idle(), "an awaiter is awaited twice at once");
  self_.set_target(*runs_as());
  try {
    wait_steps::arm(self_, queue, limit, kind);
  } catch (...) {
    self_.reset(); // nobody will ask for its outcome
    throw;
  }
  return self_;
}

bool suspension::begin_locked(wait_queue& queue, waiter& self, std::coroutine_handle<> resumed,
                              std::unique_lock<base::spin_lock>&& held) noexcept {
  const detached_coroutine detached = detach_coroutine(resumed);
  if (wait_steps::begin_wait(queue, self, std::move(held))) return true;
  detached.reattach(); // nobody knows the waiter
  return false;
}

} // namespace coir
