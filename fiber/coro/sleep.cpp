// SPDX-License-Identifier: MIT
#include "fiber/coro/sleep.hpp"

#include "fiber/sched/current.hpp"
#include "fiber/sched/wait_error.hpp"
#include "fiber/sched/worker.hpp"
#include "fiber/this_fiber.hpp"

namespace coir::this_fiber {

bool yield_awaiter::await_ready() const noexcept {
  if (runs_as_coroutine()) return false;
  yield();
  return true;
}

bool yield_awaiter::await_suspend(std::coroutine_handle<> yielding) const noexcept {
  worker& here = *current_worker();
  control_block& self = detach_coroutine(yielding).block;
  if (self.home != nullptr) {
    self.home->push_pinned(self);
  } else {
    here.push_back(self);
  }
  return true;
}

bool sleep_awaiter::await_ready() const {
  if (runs_as_coroutine()) return false;
  sleep_until(when_);
  return true;
}

bool sleep_awaiter::await_suspend(std::coroutine_handle<> sleeping) {
  if (when_.when() <= clock::now()) return yield_awaiter().await_suspend(sleeping);
  return begin(nobody_notifies_, when_.when(), wait_kind::interruptible, sleeping,
               [] { return false; });
}

void sleep_awaiter::await_resume() {
  const wait_outcome ended = outcome();
  if (ended == wait_outcome::timed_out && when_.when() <= current_limit()) return;
  throw_if_interrupted(ended, "coir: sleep");
}

} // namespace coir::this_fiber
