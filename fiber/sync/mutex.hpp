// SPDX-License-Identifier: MIT
// mutex: mutual exclusion between fibers, and with plain threads. Floor 3.
#pragma once

#include "fiber/deadline.hpp"
#include "fiber/sched/wait_queue.hpp"

#include <cstdint>

namespace coir {

/// As std::timed_mutex, for fibers and plain threads at once. Whoever cannot have it suspends (a thread blocks).
///
/// A lock that becomes free goes to whoever comes first, running or woken; a waiter that was woken in vain once
/// gets it handed over the next time, so nobody starves. It may be unlocked on another thread than it was locked
/// on, by the same fiber.
///
/// Not a cancellation point, and not bounded by deadline_scope: lock() has no way to report it.
/// **safety**: any fiber, any thread, not from signal handlers. 32 bytes, no allocation.
class mutex {
public:
  constexpr mutex() noexcept = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  /// **blocks**: suspends the calling fiber. **migration**: may continue on another thread.
  void lock() noexcept {
    if (!try_lock()) lock_contended(clock::time_point::max());
  }
  /// Never blocks, never fails spuriously.
  [[nodiscard]] bool try_lock() noexcept;
  /// False: not locked by then. Throws std::bad_alloc.
  [[nodiscard]] bool try_lock_until(deadline limit) {
    return try_lock() || lock_contended(limit.when());
  }
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& duration) {
    return try_lock_until(deadline(duration));
  }
  /// By whoever locked it. Never blocks.
  void unlock() noexcept;

private:
  // State: bit 0 locked; bit 1 the queue may hold waiters, so unlock() must look. Bit 1 is set and cleared under the
  // queue's lock, and is set whenever a waiter is in the queue.
  enum : std::uint32_t { locked = 1, contended = 2 };

  bool lock_contended(clock::time_point limit);
  void unlock_contended() noexcept;

  atomic<std::uint32_t> state_{0};
  wait_queue queue_;
};

} // namespace coir
