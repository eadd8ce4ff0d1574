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
      const task_promise_base& promise = ended.promise();
      if (promise.continuation_) return transfer_to(promise.continuation_, promise.runs_as_);
      promise.runs_as_->transfers->ended_root = ended.address();
      return std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };
  [[nodiscard]] final_awaiter final_suspend() const noexcept { return {}; }

  void unhandled_exception() noexcept { error_ = std::current_exception(); }

  /// Ours as they are; others are made to continue on the scheduler, see foreign.hpp.
  template <class Awaitable>
  auto await_transform(Awaitable&& awaitable) {
    return awaiter_in_task(std::forward<Awaitable>(awaitable), runs_as_);
  }

  /// It is about to begin. `continuation`: who goes on at its end; none: it is the root of a spawned coroutine.
  void begin(std::coroutine_handle<> continuation, control_block* runs_as) noexcept {
    COIR_CHECK(is_fresh(), "a task is awaited or spawned twice");
    continuation_ = continuation;
    runs_as_ = runs_as;
  }
  [[nodiscard]] bool is_fresh() const noexcept { return runs_as_ == nullptr && !continuation_; }
  /// Part of a spawned coroutine, which will resume it unless it has ended.
  [[nodiscard]] bool is_scheduled() const noexcept { return runs_as_ != nullptr; }
  /// What left it, if anything did. After the end, once.
  [[nodiscard]] std::exception_ptr take_error() noexcept { return std::exchange(error_, nullptr); }

protected:
  void rethrow_error() {
    if (error_ != nullptr) std::rethrow_exception(take_error());
  }

private:
  std::coroutine_handle<>
      continuation_; ///< who awaits; none: not begun, or the root of a spawned coroutine
  control_block* runs_as_ =
      nullptr; ///< the spawned coroutine; null: not begun, or under another library's
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
  void take() { rethrow_error(); }
};

/// A lazy coroutine with a result: it begins when it is awaited, and continues who awaited it when it ends. Move-only.
///
/// Awaited by `co_await std::move(t)` in another coroutine, started on the scheduler by coir::spawn(std::move(t)),
/// waited for from a fiber by coir::await(std::move(t)). It keeps no stack while it is suspended: its frame lies in
/// the library's slabs.
/// An exception that leaves it is rethrown to who awaits it. A task that was never awaited may be destroyed; one that
/// runs or waits may not, which is checked. Misuse (awaiting an empty task, or one twice) aborts too.
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
      destroy();
      coroutine_ = std::exchange(other.coroutine_, {});
    }
    return *this;
  }
  ~task() { destroy(); }

  /// False: none, or moved from.
  [[nodiscard]] bool is_valid() const noexcept { return static_cast<bool>(coroutine_); }

  class awaiter : public scheduled {
  public:
    explicit awaiter(handle coroutine) noexcept : coroutine_(coroutine) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
      COIR_CHECK(coroutine_, "an empty task is awaited");
      coroutine_.promise().begin(awaiting, runs_as());
      return transfer_to(coroutine_, runs_as());
    }
    Value await_resume() { return coroutine_.promise().take(); }

  private:
    handle coroutine_;
  };
  /// The task must outlive the co_await expression, which a temporary does.
  [[nodiscard]] awaiter operator co_await() && noexcept { return awaiter(coroutine_); }

  /// Gives the coroutine up to the caller, who has to destroy it. For spawn().
  [[nodiscard]] handle release() noexcept { return std::exchange(coroutine_, {}); }

private:
  void destroy() noexcept {
    if (!coroutine_) return;
    COIR_CHECK(!coroutine_.promise().is_scheduled() || coroutine_.done(),
               "a task is destroyed that runs or waits");
    coroutine_.destroy();
  }

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
