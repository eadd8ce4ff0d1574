// SPDX-License-Identifier: MIT
// The awaitable twins of this_fiber::yield and sleep. Floor 3.
#pragma once

#include "fiber/coro/suspension.hpp"
#include "fiber/deadline.hpp"

#include <coroutine>

namespace coir::this_fiber {

/// Private; see async_yield().
class [[nodiscard]] yield_awaiter : public scheduled {
public:
  yield_awaiter() noexcept = default;
  [[nodiscard]] bool await_ready() const noexcept;
  [[gnu::noinline]] bool await_suspend(std::coroutine_handle<> yielding) const noexcept;
  void await_resume() const noexcept {}
};

/// Private; see async_sleep_until().
class [[nodiscard]] sleep_awaiter : public suspension {
public:
  explicit sleep_awaiter(deadline when) noexcept : when_(when) {}
  sleep_awaiter(sleep_awaiter&& other) noexcept
      : suspension(std::move(other)), when_(other.when_) {}
  [[nodiscard]] bool await_ready() const;
  bool await_suspend(std::coroutine_handle<> sleeping);
  void await_resume();

private:
  deadline when_;
  wait_queue nobody_notifies_;
};

/// `co_await async_yield()`: as yield(). The coroutine goes to the end of the run queue.
[[nodiscard]] inline yield_awaiter async_yield() noexcept { return {}; }

/// `co_await async_sleep_until(when)`: as sleep_until(), with the same errors.
[[nodiscard]] inline sleep_awaiter async_sleep_until(deadline when) noexcept {
  return sleep_awaiter(when);
}
/// The duration counts from this call on.
template <class Rep, class Period>
[[nodiscard]] sleep_awaiter async_sleep_for(const std::chrono::duration<Rep, Period>& duration) {
  return sleep_awaiter(deadline(duration));
}

} // namespace coir::this_fiber
