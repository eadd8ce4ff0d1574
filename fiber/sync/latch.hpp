// SPDX-License-Identifier: MIT
// latch. Floor 3.
#pragma once

#include "fiber/coro/suspension.hpp"
#include "fiber/deadline.hpp"
#include "fiber/sched/wait_queue.hpp"

#include <coroutine>
#include <cstddef>
#include <limits>

namespace coir {

class latch_awaiter;

/// As std::latch, for fibers and plain threads at once: opens when it has been counted down to zero, and stays open.
///
/// Waiting is a cancellation point and bounded by deadline_scope: throws std::system_error (operation_canceled,
/// timed_out).
/// **safety**: any fiber, any thread.
class latch {
public:
  explicit latch(std::ptrdiff_t expected) noexcept : count_(expected) {}
  latch(const latch&) = delete;
  latch& operator=(const latch&) = delete;

  [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept {
    return std::numeric_limits<std::ptrdiff_t>::max();
  }

  /// Never blocks. Counting below zero is a broken precondition and aborts.
  void count_down(std::ptrdiff_t update = 1) noexcept;
  /// Whether it is open. Never blocks.
  [[nodiscard]] bool try_wait() noexcept;
  /// **blocks**: suspends until it is open. **migration**: may continue on another thread.
  void wait();
  /// `co_await latch.async_wait()`: as wait().
  [[nodiscard]] latch_awaiter async_wait() noexcept;
  void arrive_and_wait(std::ptrdiff_t update = 1) {
    count_down(update);
    wait();
  }

private:
  friend class latch_awaiter;

  wait_queue queue_;
  std::ptrdiff_t count_; ///< guarded by the queue's lock
};

/// Private; see latch::async_wait().
class [[nodiscard]] latch_awaiter : public suspension {
public:
  explicit latch_awaiter(latch& awaited) noexcept : latch_(&awaited) {}
  [[nodiscard]] bool await_ready() const;
  bool await_suspend(std::coroutine_handle<> waiting);
  void await_resume();

private:
  latch* latch_;
};

inline latch_awaiter latch::async_wait() noexcept { return latch_awaiter(*this); }

} // namespace coir
