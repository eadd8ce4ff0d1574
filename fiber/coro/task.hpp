// SPDX-License-Identifier: MIT
// task<T>: a coroutine that runs when it is awaited or spawned. Floor 3.
#pragma once

#include "fiber/base/check.hpp"
#include "fiber/coro/foreign.hpp"
#include "fiber/coro/frame.hpp"
#include "fiber/coro/transfer.hpp"
#include "fiber/fiber_state.hpp"

#include <coroutine>
#include <exception>
#include <utility>

namespace coir {

template <class Value = void>
class task;

/// What the promises of all tasks share. Private.
class task_promise_base : public slab_frame {
public:
  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }

  struct final_awaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      const std::coroutine_handle<> continuation = ended.promise().continuation_;
      if (continuation) return transfer_to(continuation);
      current_transfers().has_root_ended = true;
      return std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };
  [[nodiscard]] final_awaiter final_suspend() const noexcept { return {}; }

  void unhandled_exception() noexcept { error_ = std::current_exception(); }

  /// Ours as they are; others are made to continue on the scheduler, see foreign.hpp.
  template <class Awaitable>
  auto await_transform(Awaitable&& awaitable) {
    return scheduled_awaiter(std::forward<Awaitable>(awaitable));
  }

  void set_continuation(std::coroutine_handle<> continuation) noexcept {
    continuation_ = continuation;
  }

protected:
  void rethrow_error() const {
    if (error_ != nullptr) std::rethrow_exception(error_);
  }

private:
  std::coroutine_handle<> continuation_; ///< who awaits; none: the root of a spawned coroutine
  std::exception_ptr error_{};
};

template <class Value>
class task_promise final : public task_promise_base {
  using kept = typename fiber_with_result<Value>::kept;

public:
  task_promise() noexcept {} // NOLINT: the union's member is constructed later
  ~task_promise() {
    if (has_value_) value_.~kept();
  }
  task<Value> get_return_object() noexcept;

  template <class Given>
    requires std::is_constructible_v<Value, Given>
  void return_value(Given&& given) {
    if constexpr (std::is_reference_v<Value>) {
      new (&value_) kept(&given);
    } else {
      new (&value_) kept(std::forward<Given>(given));
    }
    has_value_ = true;
  }

  /// The result moved out, or the exception. After the end, once.
  Value take() {
    rethrow_error();
    if constexpr (std::is_reference_v<Value>) {
      return static_cast<Value>(*value_);
    } else {
      return std::move(value_);
    }
  }

private:
  union {
    kept value_;
  };
  bool has_value_ = false;
};

template <>
class task_promise<void> final : public task_promise_base {
public:
  task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const { rethrow_error(); }
};

/// A lazy coroutine with a result: it begins when it is awaited, and continues who awaited it when it ends. Move-only.
///
/// Awaited by `co_await std::move(t)` in another coroutine, started on the scheduler by coir::spawn(std::move(t)),
/// waited for from a fiber by coir::await(std::move(t)). It keeps no stack while it is suspended: its frame lies in
/// the library's slabs.
/// An exception that leaves it is rethrown to who awaits it. Destroying a task that has not ended destroys its frame
/// and what lives in it; do so only while it is not running, and waits for nothing.
///
///     coir::task<int> add(int left, int right) { co_return left + right; }
///     coir::task<> twice() { const int sum = co_await add(co_await add(1, 2), 3); … }
template <class Value>
class [[nodiscard]] task {
public:
  using promise_type = task_promise<Value>;
  using handle = std::coroutine_handle<promise_type>;

  /// No coroutine.
  task() noexcept = default;
  explicit task(handle coroutine) noexcept : coroutine_(coroutine) {}
  task(task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, {})) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      if (coroutine_) coroutine_.destroy();
      coroutine_ = std::exchange(other.coroutine_, {});
    }
    return *this;
  }
  ~task() {
    if (coroutine_) coroutine_.destroy();
  }

  /// False: none, or moved from.
  [[nodiscard]] bool is_valid() const noexcept { return static_cast<bool>(coroutine_); }

  class awaiter : public scheduled {
  public:
    explicit awaiter(handle coroutine) noexcept : coroutine_(coroutine) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
      coroutine_.promise().set_continuation(awaiting);
      return transfer_to(coroutine_);
    }
    Value await_resume() { return coroutine_.promise().take(); }

  private:
    handle coroutine_;
  };
  /// The task must outlive the co_await expression, which a temporary does.
  [[nodiscard]] awaiter operator co_await() && noexcept {
    COIR_CHECK(coroutine_ && !coroutine_.done(), "a task is awaited that is empty or has ended");
    return awaiter(coroutine_);
  }

  /// For spawn().
  [[nodiscard]] handle coroutine() const noexcept { return coroutine_; }

private:
  handle coroutine_;
};

template <class Value>
task<Value> task_promise<Value>::get_return_object() noexcept {
  return task<Value>(std::coroutine_handle<task_promise>::from_promise(*this));
}
inline task<void> task_promise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}

} // namespace coir
