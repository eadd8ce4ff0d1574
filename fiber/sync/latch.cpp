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

} // namespace coir
