// SPDX-License-Identifier: MIT
// spawn and await for tasks: from the scheduler to coroutines, and from fibers to them. Floor 3.
#pragma once

#include "fiber/coro/task.hpp"
#include "fiber/scope.hpp"
#include "fiber/spawn.hpp"

#include <coroutine>
#include <new>
#include <stdexcept>
#include <utility>

namespace coir {

/// A spawned coroutine: its control block, with the task in place of a closure. Private.
template <class Value>
struct task_state : fiber_with_result<Value> {
  task<Value> body; ///< empty once it has ended

  explicit task_state(task<Value>&& started) noexcept : body(std::move(started)) {
    this->is_coroutine = true;
    this->resume_point = body.coroutine().address();
  }

  static bool run(control_block& block) noexcept {
    auto& self = static_cast<task_state&>(block);
    resume_coroutine(std::coroutine_handle<>::from_address(self.resume_point));
    // If it has only suspended, somebody may run it by now. At the end it comes back here without a suspension in
    // between.
    if (!std::exchange(current_transfers().has_root_ended, false)) return false;
    self.keep_result();
    self.body = {};
    return true;
  }

  static void destroy(control_block& block) noexcept {
    auto& self = static_cast<task_state&>(block);
    using kept = typename fiber_with_result<Value>::kept;
    if (!self.body.is_valid() && self.error == nullptr) self.result.~kept();
    self.body.~task();
  }

  static constexpr fiber_operations operations{run, destroy};

private:
  void keep_result() noexcept {
    auto& promise = body.coroutine().promise();
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
      keep_error(*this);
    }
  }
};

/// Makes the block of a coroutine; as make_fiber. Private.
template <class State, class... Parts>
State& make_coroutine(scheduler& owner, const spawn_options& options, Parts&&... parts) {
  static_assert(alignof(State) <= sizeof(slab_cell), "over-aligned results go behind a pointer");
  prepared_fiber prepared = owner.prepare(options, sizeof(State));
  State* made = nullptr;
  try {
    made = new (prepared.cell->object()) State(std::forward<Parts>(parts)...);
  } catch (...) {
    owner.abandon(prepared);
    throw;
  }
  owner.adopt(*made, prepared, State::operations);
  return *made;
}

/// Starts a task on the scheduler, as coir::spawn starts a fiber, with the same handle. It has no stack of its own:
/// while it runs it borrows one of its worker, which it keeps beyond a suspension only if it calls a function that
/// blocks like a fiber's. options.stack_size says how large. Throws as coir::spawn; std::invalid_argument: an empty
/// task.
template <class Value>
fiber<Value> spawn(const spawn_options& options, task<Value> body) {
  if (!body.is_valid()) throw std::invalid_argument("coir: an empty task is spawned");
  scheduler& owner = scheduler_for_spawn();
  auto& made = make_coroutine<task_state<Value>>(owner, options, std::move(body));
  owner.start(made);
  return fiber<Value>(made);
}
template <class Value>
fiber<Value> spawn(task<Value> body) {
  return spawn(spawn_options{}, std::move(body));
}

/// Anything awaitable as a task. It must stay valid as long as the task, which takes it over if it is an rvalue.
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
  return await(make_task<Awaitable>(std::forward<Awaitable>(awaitable)));
}

/// A child of a scope that is a coroutine. Private.
template <class Value>
struct scope_task_state final : task_state<void> {
  struct child : scope_member {
    explicit child(scope& owner) noexcept : scope_member(owner) {}
    task<void> guard(task<Value> body) {
      try {
        static_cast<void>(co_await std::move(body));
      } catch (...) {
        fail();
      }
    }
  };
  union {
    child membership; ///< until the coroutine has ended, or been discarded
  };
  bool is_member = true;

  scope_task_state(scope& owner, task<Value>&& started)
      : task_state<void>(task<void>()), membership(owner) {
    body = membership.guard(std::move(started));
    resume_point = body.coroutine().address();
  }
  ~scope_task_state() {} // NOLINT: destroy() knows what is alive

  static bool run(control_block& block) noexcept {
    if (!task_state<void>::run(block)) return false;
    static_cast<scope_task_state&>(block).end_membership();
    return true;
  }
  static void destroy(control_block& block) noexcept {
    auto& self = static_cast<scope_task_state&>(block);
    task_state<void>::destroy(block);
    if (self.is_member) self.end_membership();
  }
  static constexpr fiber_operations operations{run, destroy};

private:
  void end_membership() noexcept {
    is_member = false;
    membership.~child();
  }
};

template <class Value>
void scope::spawn(const spawn_options& options, task<Value> body) {
  if (!body.is_valid()) throw std::invalid_argument("coir: an empty task is spawned");
  scheduler& runs_in = scheduler_for_spawn();
  auto& made = make_coroutine<scope_task_state<Value>>(runs_in, options, *this, std::move(body));
  start(runs_in, made, made.membership);
}
template <class Value>
void scope::spawn(task<Value> body) {
  spawn(spawn_options{}, std::move(body));
}

} // namespace coir
