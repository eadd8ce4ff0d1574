// SPDX-License-Identifier: MIT
// Waiting for another thread that is a few instructions away from what we wait for. Floor 0.
#pragma once

#include <sched.h>

namespace coir::base {
/// Tells the CPU that this is a spin loop.
inline void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory"); // waits longer than `yield`, which many cores ignore
#else
  asm volatile("" ::: "memory");
#endif
}

/// Once per round of a spin loop. The other thread is running on another CPU, or the kernel has preempted it in the
/// wrong moment and it needs a CPU, perhaps ours: so we spin for a while and then let others run.
class spin_wait {
public:
  void once() noexcept {
    if (rounds_ < limit_rounds) {
      ++rounds_;
      pause();
    } else {
      ::sched_yield();
    }
  }

private:
  static constexpr int limit_rounds = 64;
  int rounds_ = 0;
};
} // namespace coir::base
