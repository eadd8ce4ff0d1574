// SPDX-License-Identifier: MIT
// counting_semaphore. Floor 3.
#pragma once

#include "fiber/coro/suspension.hpp"
#include "fiber/deadline.hpp"
#include "fiber/sched/wait_queue.hpp"

#include <coroutine>
#include <cstddef>
#include <limits>

namespace coir {

class semaphore_awaiter;

/// What all counting_semaphores share. Private.
class semaphore_base {
protected:
  explicit semaphore_base(std::ptrdiff_t count) noexcept : count_(count) {}
  ~semaphore_base() = default;
  semaphore_base(const semaphore_base&) = delete;
  semaphore_base& operator=(const semaphore_base&) = delete;

  void add(std::ptrdiff_t units, std::ptrdiff_t most) noexcept;
  void take();
  bool take_until(clock::time_point limit);
  bool try_take() noexcept;

private:
  friend class semaphore_awaiter;

  wait_queue queue_;
  std::ptrdiff_t count_; ///< units that nobody waits for; guarded by the queue's lock
};

/// Private; see counting_semaphore::async_acquire().
class [[nodiscard]] semaphore_awaiter : public suspension {
public:
  explicit semaphore_awaiter(semaphore_base& wanted) noexcept : semaphore_(&wanted) {}
  [[nodiscard]] bool await_ready() const;
  bool await_suspend(std::coroutine_handle<> acquiring);
  void await_resume();

private:
  semaphore_base* semaphore_;
};

/// As std::counting_semaphore, for fibers and plain threads at once. First come, first served.
///
/// Waiting is a cancellation point and bounded by deadline_scope: throws std::system_error (operation_canceled,
/// timed_out).
/// **safety**: any fiber, any thread.
template <std::ptrdiff_t LeastMaxValue = std::numeric_limits<std::ptrdiff_t>::max()>
class counting_semaphore : private semaphore_base {
  static_assert(LeastMaxValue >= 0);

public:
  /// `desired`: 0 … max().
  explicit counting_semaphore(std::ptrdiff_t desired) noexcept : semaphore_base(desired) {}

  [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept { return LeastMaxValue; }

  /// Adds `update` units and resumes as many waiters. Never blocks. A sum above max() is a broken precondition and
  /// aborts.
  void release(std::ptrdiff_t update = 1) noexcept { add(update, LeastMaxValue); }
  /// **blocks**: suspends until there is a unit, and takes it. **migration**: may continue on another thread.
  void acquire() { take(); }
  /// `co_await semaphore.async_acquire()`: as acquire().
  [[nodiscard]] semaphore_awaiter async_acquire() noexcept { return semaphore_awaiter(*this); }
  /// Never blocks.
  [[nodiscard]] bool try_acquire() noexcept { return try_take(); }
  /// False: no unit by then. Throws operation_canceled, std::bad_alloc.
  [[nodiscard]] bool try_acquire_until(deadline limit) { return take_until(limit.when()); }
  template <class Rep, class Period>
  [[nodiscard]] bool try_acquire_for(const std::chrono::duration<Rep, Period>& duration) {
    return take_until(deadline(duration).when());
  }
};

using binary_semaphore = counting_semaphore<1>;

} // namespace coir
