// SPDX-License-Identifier: MIT
#include "fiber/base/spin_lock.hpp"

#include "fiber/base/pause.hpp"

#include <sched.h>

namespace coir::base {

void spin_lock::lock_contended() noexcept {
  // The holder is running on another CPU, or was preempted by the kernel; the second case needs the CPU that we hold.
  constexpr int spin_limit_rounds = 64;
  for (int round = 0;; ++round) {
    // relaxed: only a hint when to try; try_lock() has the acquire.
    if (held_.load(relaxed) == 0 && try_lock()) return;
    if (round < spin_limit_rounds) {
      pause();
    } else {
      ::sched_yield();
    }
  }
}

} // namespace coir::base
