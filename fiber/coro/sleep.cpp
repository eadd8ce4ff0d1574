// SPDX-License-Identifier: MIT
#include "fiber/coro/sleep.hpp"

#include "fiber/sched/current.hpp"
#include "fiber/sched/wait_error.hpp"
#include "fiber/sched/worker.hpp"
#include "fiber/this_fiber.hpp"

namespace coir::this_fiber {

bool yield_awaiter::await_suspend(std::coroutine_handle<> yielding) noexcept {
  if (!runs_as_coroutine()) {
    yield();
    return false;
  }
  worker& here = *current_worker();
  control_block& self = detach_coroutine(yielding);
  if (self.home != nullptr) {
    self.home->push_pinned(self);
  } else {
    here.push_back(self);
  }
  return true;
}

bool sleep_awaiter::await_ready() {
  if (runs_as_coroutine() && when_.when() > clock::now()) return false;
  sleep_until(when_);
  return true;
}

bool sleep_awaiter::await_suspend(std::coroutine_handle<> sleeping) {
  scope_limit_ = current_limit();
  has_waited_ = true;
  return begin(nobody_notifies_, when_.when(), wait_kind::interruptible, sleeping,
               [] { return false; });
}

void sleep_awaiter::await_resume() {
  if (!has_waited_) return;
  if (outcome() == wait_outcome::timed_out && when_.when() <= scope_limit_) return;
  throw_if_interrupted(outcome(), "coir: sleep");
}

} // namespace coir::this_fiber
