// SPDX-License-Identifier: MIT
// Awaitables of other libraries inside of our tasks: they may resume on any thread, the task continues on the
// scheduler. Floor 3. Private.
//
// Such an awaitable is given the handle of a small coroutine, the resumer, in place of the task's. Resuming it makes
// the task's control block runnable, once. What the awaitable runs meanwhile (its await_suspend, a coroutine that it
// transfers control to) runs like any code that the task calls: if it blocks like a fiber, the stack is suspended.
#pragma once

#include "fiber/coro/frame.hpp"
#include "fiber/coro/suspension.hpp"

#include <concepts>
#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

namespace coir {

/// The race between a task that suspends and whoever resumes it, maybe before that. In the awaiter, in the task's
/// frame.
class foreign_wait {
public:
  explicit foreign_wait(control_block* waiting) noexcept : waiting_(waiting) {}

  /// By the task: it suspends as `awaiting`. False: it has been resumed already, and goes on.
  [[gnu::noinline]] bool try_suspend(std::coroutine_handle<> awaiting) noexcept;
  /// By the resumer, on any thread. As soon as the task runs, this and the resumer may be gone.
  [[gnu::noinline]] void resume() noexcept;

private:
  enum class stage : std::uint8_t { running, suspended, resumed };

  atomic<stage> stage_{stage::running};
  control_block* const waiting_; ///< null: runs under another library's coroutine, on any thread
  std::coroutine_handle<> awaiting_;
};

/// Stands in for a task's handle.
class resumer {
public:
  struct promise_type : slab_frame {
    resumer get_return_object() noexcept {
      return resumer(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };

  resumer() noexcept = default;
  resumer(resumer&& other) noexcept : coroutine_(std::exchange(other.coroutine_, {})) {}
  resumer& operator=(resumer&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~resumer() {
    if (coroutine_) coroutine_.destroy();
  }

  /// Makes the coroutine. Throws std::bad_alloc.
  [[nodiscard]] static resumer of(foreign_wait& wait);
  [[nodiscard]] std::coroutine_handle<> coroutine() const noexcept { return coroutine_; }

private:
  explicit resumer(std::coroutine_handle<promise_type> coroutine) noexcept
      : coroutine_(coroutine) {}

  std::coroutine_handle<promise_type> coroutine_;
};

/// Wraps an awaiter that knows no scheduler.
template <class Awaiter>
class foreign_awaiter : public scheduled {
public:
  template <class Awaitable>
  foreign_awaiter(Awaitable&& awaitable, control_block* runs_as);

  [[nodiscard]] bool await_ready() { return static_cast<bool>(inner_.await_ready()); }

  bool await_suspend(std::coroutine_handle<> awaiting) {
    resumer_ = resumer::of(wait_);
    return start() && wait_.try_suspend(awaiting);
  }

  decltype(auto) await_resume() {
    resumer_ = {};
    return inner_.await_resume();
  }

private:
  /// False: it need not be waited for.
  bool start() {
    const std::coroutine_handle<> given = resumer_.coroutine();
    using answer = decltype(inner_.await_suspend(given));
    if constexpr (std::is_void_v<answer>) {
      inner_.await_suspend(given);
      return true;
    } else if constexpr (std::same_as<answer, bool>) {
      return inner_.await_suspend(given);
    } else {
      // Not transferred to: a coroutine that is not ours runs on top of us, as what we call.
      const std::coroutine_handle<> next = inner_.await_suspend(given);
      if (next == given) return false;
      next.resume();
      return true;
    }
  }

  Awaiter inner_; // maybe a reference
  foreign_wait wait_;
  resumer resumer_;
};

template <class Awaitable>
concept has_member_co_await = requires(Awaitable&& awaitable) {
  std::forward<Awaitable>(awaitable).operator co_await();
};
template <class Awaitable>
concept has_free_co_await = requires(Awaitable&& awaitable) {
  operator co_await(std::forward<Awaitable>(awaitable));
};

/// The awaiter of anything awaitable, as the language finds it.
template <class Awaitable>
decltype(auto) awaiter_of(Awaitable&& awaitable) {
  if constexpr (has_member_co_await<Awaitable>) {
    return std::forward<Awaitable>(awaitable).operator co_await();
  } else if constexpr (has_free_co_await<Awaitable>) {
    return operator co_await(std::forward<Awaitable>(awaitable));
  } else {
    return static_cast<std::remove_reference_t<Awaitable>&>(awaitable);
  }
}

/// What `co_await` gives back.
template <class Awaitable>
using await_result = decltype(awaiter_of(std::declval<Awaitable>()).await_resume());

template <class Awaiter>
template <class Awaitable>
foreign_awaiter<Awaiter>::foreign_awaiter(Awaitable&& awaitable, control_block* runs_as)
    : inner_(awaiter_of(std::forward<Awaitable>(awaitable))), wait_(runs_as) {}

/// Has or refers to an awaiter of ours, which is told who awaits it.
template <class Awaiter>
class told_awaiter {
public:
  template <class Awaitable>
  told_awaiter(Awaitable&& awaitable, control_block* runs_as)
      : inner_(awaiter_of(std::forward<Awaitable>(awaitable))) {
    inner_.run_as(runs_as);
  }
  [[nodiscard]] bool await_ready() { return inner_.await_ready(); }
  auto await_suspend(std::coroutine_handle<> awaiting) { return inner_.await_suspend(awaiting); }
  decltype(auto) await_resume() { return inner_.await_resume(); }

private:
  Awaiter inner_;
};

/// How a task that runs as `runs_as` (null: under a coroutine of another library) awaits something.
template <class Awaitable>
auto awaiter_in_task(Awaitable&& awaitable, control_block* runs_as) {
  using awaiter = decltype(awaiter_of(std::forward<Awaitable>(awaitable)));
  if constexpr (std::derived_from<std::remove_cvref_t<awaiter>, scheduled>) {
    return told_awaiter<awaiter>(std::forward<Awaitable>(awaitable), runs_as);
  } else {
    return foreign_awaiter<awaiter>(std::forward<Awaitable>(awaitable), runs_as);
  }
}

} // namespace coir
