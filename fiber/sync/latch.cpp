// SPDX-License-Identifier: MIT
#include "fiber/sync/latch.hpp"

#include "fiber/base/check.hpp"
#include "fiber/sched/wait_error.hpp"

#include <mutex>

namespace coir {

void latch::count_down(std::ptrdiff_t update) noexcept {
  waiter* taken = nullptr;
  {
    const std::lock_guard held(queue_.lock());
    COIR_CHECK(update >= 0 && update <= count_, "latch::count_down below zero");
    count_ -= update;
    if (count_ == 0) taken = queue_.take_all();
  }
  wait_queue::resume_all(taken);
}

bool latch::try_wait() noexcept {
  const std::lock_guard held(queue_.lock());
  return count_ == 0;
}

void latch::wait() {
  const auto outcome = queue_.wait(clock::time_point::max(), wait_kind::interruptible,
                                   [this] { return count_ == 0; });
  throw_if_interrupted(outcome, "coir: latch::wait");
}

bool latch_awaiter::await_ready() const {
  if (latch_->try_wait()) return true;
  if (runs_as_coroutine()) return false;
  latch_->wait();
  return true;
}

bool latch_awaiter::await_suspend(std::coroutine_handle<> waiting) {
  return begin(latch_->queue_, clock::time_point::max(), wait_kind::interruptible, waiting,
               [this] { return latch_->count_ == 0; });
}

void latch_awaiter::await_resume() { throw_if_interrupted(outcome(), "coir: latch::wait"); }

} // namespace coir
