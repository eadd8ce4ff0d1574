// SPDX-License-Identifier: MIT
// condition_variable, for coir::mutex. Floor 3.
#pragma once

#include "fiber/coro/task.hpp"
#include "fiber/sync/mutex.hpp"

#include <condition_variable>
#include <mutex>

namespace coir {

using std::cv_status;

/// As std::condition_variable with coir::mutex, for fibers and plain threads at once. It may be destroyed as soon
/// as all waiters have been notified, before they have returned. Waiters are notified in the order in which they
/// came.
///
/// Not a cancellation point, and not bounded by deadline_scope. **safety**: any fiber, any thread. 16 bytes.
class condition_variable {
public:
  constexpr condition_variable() noexcept = default;
  condition_variable(const condition_variable&) = delete;
  condition_variable& operator=(const condition_variable&) = delete;

  /// Never blocks; need not hold the mutex.
  void notify_one() noexcept { queue_.notify_one(); }
  void notify_all() noexcept { queue_.notify_all(); }

  /// **blocks**: unlocks, suspends until notified, locks again. No spurious wake-ups occur, but use a predicate all
  /// the same: another may have been faster. **migration**: may continue on another thread.
  void wait(std::unique_lock<mutex>& lock);
  template <class Predicate>
  void wait(std::unique_lock<mutex>& lock, Predicate is_done) {
    while (!is_done()) wait(lock);
  }

  /// `co_await changed.async_wait(lock)`: as wait(). `lock` must outlive the co_await expression.
  /// Throws std::bad_alloc, with the mutex locked.
  [[nodiscard]] task<void> async_wait(std::unique_lock<mutex>& lock);
  template <class Predicate>
  [[nodiscard]] task<void> async_wait(std::unique_lock<mutex>& lock, Predicate is_done) {
    while (!is_done()) co_await async_wait(lock);
  }
  /// `co_await changed.async_wait_until(lock, limit)`: as wait_until().
  [[nodiscard]] task<cv_status> async_wait_until(std::unique_lock<mutex>& lock, deadline limit);

  /// Throws std::bad_alloc, with the mutex locked.
  cv_status wait_until(std::unique_lock<mutex>& lock, deadline limit);
  /// Returns the last answer of the predicate.
  template <class Predicate>
  bool wait_until(std::unique_lock<mutex>& lock, deadline limit, Predicate is_done) {
    while (!is_done()) {
      if (wait_until(lock, limit) == cv_status::timeout) return is_done();
    }
    return true;
  }
  template <class Rep, class Period>
  cv_status wait_for(std::unique_lock<mutex>& lock,
                     const std::chrono::duration<Rep, Period>& duration) {
    return wait_until(lock, deadline(duration));
  }
  template <class Rep, class Period, class Predicate>
  bool wait_for(std::unique_lock<mutex>& lock, const std::chrono::duration<Rep, Period>& duration,
                Predicate is_done) {
    return wait_until(lock, deadline(duration), std::move(is_done));
  }

private:
  class notification;

  /// The first half of a wait: afterwards the mutex is unlocked.
  wait_outcome unlock_and_wait(mutex& held, clock::time_point limit);

  wait_queue queue_;
};

} // namespace coir
