// SPDX-License-Identifier: MIT
// A lock for critical sections of a few dozen instructions that never suspend. Floor 0.
//
// It may be taken by a fiber and released by the after-switch action of that fiber's switch, on the same worker: that
// is how a waiter gets published (see fiber/sched/wait_queue.hpp). A std::mutex could not be used so: its owner is
// a thread.
#pragma once

#include "fiber/base/atomic.hpp"

namespace coir::base {

class spin_lock {
public:
  void lock() noexcept {
    if (!try_lock()) lock_contended();
  }
  [[nodiscard]] bool try_lock() noexcept {
    // acquire: pairs with the release in unlock().
    return held_.exchange(1, acquire) == 0;
  }
  void unlock() noexcept {
    held_.store(0, release); // pairs with the acquire in try_lock().
  }

private:
  void lock_contended() noexcept;

  atomic<std::uint32_t> held_{0};
};

} // namespace coir::base
