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

namespace {

/// Runs `awaited`, which has been taken out of its queue for it, on top of the coroutine that has suspended to join it.
/// True: it has ended without having suspended, and the joiner goes on. False: the joiner may run elsewhere already.
bool run_begun(worker& here, control_block& awaited, const detached_coroutine& joiner) noexcept {
  awaited.bound = joiner.block.bound;
  awaited.direct_joins_below = static_cast<std::uint8_t>(joiner.block.direct_joins_below + 1);
  here.set_current(&awaited);
  *here.words().error = 0;
  const bool has_ended = awaited.operations->run(awaited);
  worker& now = has_ended ? worker::finish(awaited) : *current_worker();
  return now.end_direct_join(has_ended) != nullptr;
}

} // namespace

bool suspension::begin_join(control_block& awaited, std::coroutine_handle<> resumed) {
  control_block& self = *runs_as();
  if (self.direct_joins_below < deepest_direct_joins) {
    COIR_CHECK(self_.is_idle(), "an awaiter is awaited twice at once");
    self_.set_target(self);
    if (worker& here = *current_worker(); here.try_join_directly(awaited, self_)) {
      const detached_coroutine joiner = detach_coroutine(resumed);
      if (!run_begun(here, awaited, joiner)) return true;
      joiner.reattach();
      return false;
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
    self_.arm(queue, limit, kind);
  } catch (...) {
    self_.reset(); // nobody will ask for its outcome
    throw;
  }
  return self_;
}

wait_outcome suspension::take_outcome() noexcept {
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
