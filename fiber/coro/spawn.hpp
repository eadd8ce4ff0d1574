// SPDX-License-Identifier: MIT
// spawn and await for tasks: from the scheduler to coroutines, and from fibers to them. Floor 3.
#pragma once

#include "fiber/coro/join.hpp"
#include "fiber/coro/task.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/scope.hpp"
#include "fiber/spawn.hpp"

#include <coroutine>
#include <new>
#include <stdexcept>
#include <utility>

namespace coir {

/// The task becomes the root of what the block runs. Private.
template <class Value>
void begin_coroutine(control_block& block, task<Value>&& body) noexcept {
  const auto root = body.release();
  root.promise().begin({}, &block);
  block.resume_point = root.address();
}
/// Runs it until it suspends (null) or ends: then the caller has to destroy it. Private.
template <class Value>
typename task<Value>::handle run_coroutine(control_block& block) noexcept {
  void* const ended = resume_coroutine(block);
  return ended != nullptr ? task<Value>::handle::from_address(ended) : nullptr;
}

/// A spawned coroutine: its control block, and later its result. The coroutine itself lies in its frame. Private.
template <class Value>
struct task_state final : fiber_with_result<Value> {
  static constexpr bool cannot_suspend_when_made = true;

  explicit task_state(task<Value>&& body) noexcept { begin_coroutine(*this, std::move(body)); }

  static bool run(control_block& block) noexcept {
    const auto root = run_coroutine<Value>(block);
    if (!root) return false;
    static_cast<task_state&>(block).keep_result(root.promise());
    root.destroy();
    return true;
  }

  // Only ever called after the end: what has been spawned is run.
  static void destroy(control_block& block) noexcept {
    using kept = typename fiber_with_result<Value>::kept;
    if (!block.has_failed) static_cast<task_state&>(block).result.~kept();
  }

  static constexpr fiber_operations operations{run, destroy, true};

private:
  void keep_result(task_promise<Value>& promise) noexcept {
    if (std::exception_ptr failure = promise.take_error()) {
      return keep_error(*this, std::move(failure));
    }
    try {
      if constexpr (std::is_void_v<Value>) {
        promise.take();
        new (&this->result) no_value;
      } else if constexpr (std::is_reference_v<Value>) {
        auto&& reference = promise.take();
        this->result = &reference;
      } else {
        new (&this->result) Value(promise.take());
      }
    } catch (...) {
      keep_error(*this, std::current_exception());
    }
  }
};

/// Starts a task on the scheduler, as coir::spawn starts a fiber, with the same handle. It has no stack of its own:
/// while it runs it borrows one of its worker, which it keeps beyond a suspension only if it calls a function that
/// blocks like a fiber's. options.stack_size says how large. Throws as coir::spawn; std::invalid_argument: an empty
/// task.
template <class Value>
fiber<Value> spawn(const spawn_options& options, task<Value> body) {
  if (!body.is_valid()) throw std::invalid_argument("coir: an empty task is spawned");
  spawning_place place;
  auto& made = make_fiber<task_state<Value>>(place, options, std::move(body));
  place.start(made);
  return fiber<Value>(made);
}
template <class Value>
fiber<Value> spawn(task<Value> body) {
  return spawn(default_spawn_options, std::move(body));
}

/// Anything awaitable as a task. `Awaitable`: a reference, and it must outlive the task, or a type to be moved in.
template <class Awaitable>
task<await_result<Awaitable>> make_task(Awaitable awaitable) {
  co_return co_await static_cast<Awaitable&&>(awaitable);
}

/// Suspends the calling fiber (a plain thread blocks) until the task has ended, and returns its result or rethrows.
///
/// Cancellation point, bounded by deadline_scope: the task is then requested to stop and waited for. **migration**:
/// may continue on another thread. A plain thread needs a running runtime, see spawn().
template <class Value>
Value await(task<Value> body) {
  return spawn(std::move(body)).join();
}
/// The same for any awaitable, ours or another library's, on whatever thread it resumes.
template <class Awaitable>
await_result<Awaitable> await(Awaitable&& awaitable) {
  return await(make_task<Awaitable&&>(std::forward<Awaitable>(awaitable)));
}

/// A child of a scope that is a coroutine. Private.
template <class Value>
struct scope_task_state final : fiber_with_result<void> {
  static constexpr bool cannot_suspend_when_made = true;

  struct child : scope_member {
    using scope_member::scope_member;
    void check(task_promise<Value>& promise) noexcept {
      try {
        static_cast<void>(promise.take());
      } catch (...) {
        fail();
      }
    }
  };
  union {
    child membership; ///< until the coroutine has ended
  };

  scope_task_state(scope& joins, task<Value>&& body) noexcept : membership(joins) {
    begin_coroutine(*this, std::move(body));
  }
  ~scope_task_state() {} // NOLINT: run() has destroyed the member

  static bool run(control_block& block) noexcept {
    const auto root = run_coroutine<Value>(block);
    if (!root) return false;
    auto& self = static_cast<scope_task_state&>(block);
    self.membership.check(root.promise());
    root.destroy();
    self.membership.~child();
    return true;
  }
  static void destroy(control_block&) noexcept {}

  static constexpr fiber_operations operations{run, destroy, true};
};

template <class Value>
void scope::spawn(const spawn_options& options, task<Value> body) {
  if (!body.is_valid()) throw std::invalid_argument("coir: an empty task is spawned");
  spawning_place place;
  auto& made = make_fiber<scope_task_state<Value>>(place, options, *this, std::move(body));
  start(place, made, made.membership);
}
template <class Value>
void scope::spawn(task<Value> body) {
  spawn(default_spawn_options, std::move(body));
}

} // namespace coir
