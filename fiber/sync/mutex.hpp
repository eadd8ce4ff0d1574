// SPDX-License-Identifier: MIT
// mutex: mutual exclusion between fibers, and with plain threads. Floor 3.
#pragma once

#include "fiber/coro/suspension.hpp"
#include "fiber/deadline.hpp"
#include "fiber/sched/wait_queue.hpp"

#include <coroutine>
#include <cstdint>

namespace coir {

class mutex_awaiter;

/// As std::timed_mutex, for fibers and plain threads at once. Whoever cannot have it suspends (a thread blocks).
///
/// A lock that becomes free goes to whoever comes first, running or woken; a waiter that has been woken in vain and
/// has waited for a millisecond gets it handed over, so nobody starves. It may be unlocked on another thread than it
/// was locked on, by the same fiber.
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
  /// `co_await mutex.async_lock()`: as lock(). A coroutine that has to wait gets the mutex handed over. Lock it for a
  /// block by `std::unique_lock held(mutex, std::adopt_lock)` behind it.
  [[nodiscard]] mutex_awaiter async_lock() noexcept;
  /// By whoever locked it. Never blocks.
  void unlock() noexcept;

private:
  friend class mutex_awaiter;

  // State: bit 0 locked; bit 1 the queue may hold waiters, so unlock() must look. Bit 1 is set and cleared under the
  // queue's lock, and is set whenever a waiter is in the queue. Bit 2: a waiter has been woken and has not tried yet,
  // so unlock() wakes no other; it clears the bit when it locks, or waits again. Without it every unlock of a busy
  // holder would wake one more in vain.
  enum : std::uint32_t { locked = 1, contended = 2, waking = 4 };
  static constexpr std::chrono::milliseconds patience{1}; ///< then it wants the mutex handed over

  bool lock_contended(clock::time_point limit);
  /// A few looks, which cost less than a suspension: the holder may be running on another CPU and nearly done.
  bool try_lock_patiently() noexcept;
  /// try_lock(), which also clears these bits: `waking`, by a waiter that has been woken.
  bool try_take(std::uint32_t cleared) noexcept;
  /// Under the queue's lock: says that the caller will wait (again, if it has been woken). True: the mutex has become
  /// free, and is locked.
  bool try_lock_or_announce(bool is_woken) noexcept;
  /// A waiter that has been woken can neither lock nor wait: lets another take its place.
  void decline() noexcept;
  void unlock_contended() noexcept;

  atomic<std::uint32_t> state_{0};
  wait_queue queue_;
};

/// Private; see unlock().
struct mutex_waiter : waiter {
  using waiter::waiter;
  bool wants_handover = false; ///< it was woken in vain before, or is a coroutine's
  bool is_handed_over = false; ///< written by unlock() under the queue's lock
};

/// Private; see mutex::async_lock().
class [[nodiscard]] mutex_awaiter : public scheduled {
public:
  explicit mutex_awaiter(mutex& wanted) noexcept : mutex_(&wanted) {}
  mutex_awaiter(mutex_awaiter&& other) noexcept : mutex_(other.mutex_) {}
  ~mutex_awaiter();
  [[nodiscard]] bool await_ready() const noexcept {
    if (mutex_->try_lock()) return true;
    if (runs_as_coroutine()) return false;
    mutex_->lock();
    return true;
  }
  [[gnu::noinline]] bool await_suspend(std::coroutine_handle<> locking) noexcept;
  void await_resume() noexcept { self_.reset(); }

private:
  mutex* mutex_;
  mutex_waiter self_{nullptr};
};

inline mutex_awaiter mutex::async_lock() noexcept { return mutex_awaiter(*this); }

} // namespace coir
