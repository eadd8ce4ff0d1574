// SPDX-License-Identifier: MIT
// Awaitables of other libraries inside of our tasks: they may resume on any thread, the task continues on the
// scheduler. Floor 3.
//
// Such an awaitable is given the handle of a small coroutine, the resumer, in place of the task's. Resuming it makes
// the task's control block runnable, once; a second time is a misuse that is diagnosed.
#pragma once

#include "fiber/base/check.hpp"
#include "fiber/coro/frame.hpp"
#include "fiber/coro/suspension.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/resume.hpp"
#include "fiber/sched/worker.hpp"

#include <concepts>
#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

namespace coir {

/// Stands in for a task's handle. Private.
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

  [[nodiscard]] static resumer of(control_block& waiting) {
    for (bool is_first = true;; is_first = false) {
      COIR_CHECK(is_first, "an awaiter has resumed a coroutine twice");
      co_await making_runnable{waiting};
    }
  }
  [[nodiscard]] std::coroutine_handle<> coroutine() const noexcept { return coroutine_; }

private:
  struct making_runnable {
    control_block& waiting;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    // Here and not in the coroutine's body: as soon as the task runs it destroys the resumer, which must be
    // suspended then.
    void await_suspend(std::coroutine_handle<>) const noexcept { resume(waiting); }
    void await_resume() const noexcept {}
  };

  explicit resumer(std::coroutine_handle<promise_type> coroutine) noexcept
      : coroutine_(coroutine) {}

  std::coroutine_handle<promise_type> coroutine_;
};

/// Wraps an awaiter that knows no scheduler. Private.
template <class Awaiter>
class foreign_awaiter : public scheduled {
public:
  explicit foreign_awaiter(Awaiter&& inner) : inner_(std::forward<Awaiter>(inner)) {}

  [[nodiscard]] bool await_ready() { return static_cast<bool>(inner_.await_ready()); }

  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) {
    // Under a coroutine of another library, on whatever thread it likes: nothing of ours is to be continued.
    if (!runs_as_coroutine()) return suspend_inner(awaiting, awaiting);
    worker& here = *current_worker();
    resumer_ = resumer::of(*here.current());
    control_block& self = detach_coroutine(awaiting);
    try {
      const std::coroutine_handle<> next = suspend_inner(resumer_.coroutine(), awaiting);
      if (next == awaiting) here.set_current(&self); // it has not suspended
      return next;
    } catch (...) {
      here.set_current(&self);
      throw;
    }
  }

  decltype(auto) await_resume() {
    resumer_ = {};
    return inner_.await_resume();
  }

private:
  /// What runs next. Unless that is `awaiting`, this object may be gone already.
  std::coroutine_handle<> suspend_inner(std::coroutine_handle<> given,
                                        std::coroutine_handle<> awaiting) {
    using answer = decltype(inner_.await_suspend(given));
    if constexpr (std::is_void_v<answer>) {
      inner_.await_suspend(given);
      return std::noop_coroutine();
    } else if constexpr (std::same_as<answer, bool>) {
      if (inner_.await_suspend(given)) return std::noop_coroutine();
      return awaiting;
    } else {
      return inner_.await_suspend(given);
    }
  }

  Awaiter inner_;
  resumer resumer_;
};

template <class Awaitable>
concept has_member_co_await =
    requires(Awaitable&& awaitable) { std::forward<Awaitable>(awaitable).operator co_await(); };
    template <class Awaitable>
    concept has_free_co_await =
    requires(Awaitable&& awaitable) { operator co_await(std::forward<Awaitable>(awaitable)); };

    /// The awaiter of anything awaitable, as the language finds it. Private.
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

/// Refers to an awaiter of ours. gcc 12 copies what await_transform returns by reference, which such an awaiter
/// forbids; the awaiter itself lives until the end of the co_await expression either way. Private.
template <class Awaiter>
class awaiter_reference : public scheduled {
public:
  explicit awaiter_reference(Awaiter& inner) noexcept : inner_(&inner) {}
  [[nodiscard]] bool await_ready() { return inner_->await_ready(); }
  auto await_suspend(std::coroutine_handle<> awaiting) { return inner_->await_suspend(awaiting); }
  decltype(auto) await_resume() { return inner_->await_resume(); }

private:
  Awaiter* inner_;
};

/// The awaiter itself if it is one of ours, else wrapped. Private.
template <class Awaitable>
auto scheduled_awaiter(Awaitable&& awaitable) {
  using awaiter = decltype(awaiter_of(std::forward<Awaitable>(awaitable)));
  if constexpr (!std::derived_from<std::remove_cvref_t<awaiter>, scheduled>) {
    return foreign_awaiter<awaiter>(awaiter_of(std::forward<Awaitable>(awaitable)));
  } else if constexpr (std::is_reference_v<awaiter>) {
    return awaiter_reference<std::remove_reference_t<awaiter>>(awaiter_of(awaitable));
  } else {
    return awaiter_of(std::forward<Awaitable>(awaitable));
  }
}

} // namespace coir
