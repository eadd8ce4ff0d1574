// SPDX-License-Identifier: MIT
// The typed part of a fiber: its result and its closure, behind the control block in the same cell. Floor 2. Private.
#pragma once

#include "fiber/sched/control_block.hpp"
#include "fiber/sched/scheduler.hpp"

#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coir {

/// Stands in for a result of type void.
struct no_value {};

/// A control block with room for a result; what a handle knows.
template <class Value>
struct fiber_with_result : control_block {
  using kept = std::conditional_t<
      std::is_void_v<Value>, no_value,
      std::conditional_t<std::is_reference_v<Value>, std::remove_reference_t<Value>*, Value>>;

  union {
    kept result; ///< constructed if the fiber has ended without an error
  };

  fiber_with_result() noexcept {} // NOLINT: the union's member is constructed later
  ~fiber_with_result() {}         // NOLINT

  /// Moves the result out, or rethrows. After the end of the fiber, once.
  Value take() {
    // Moved out, so that it goes with its last handler and not with our record, which another thread may be dropping.
    if (has_failed) std::rethrow_exception(std::exchange(error, nullptr));
    if constexpr (std::is_reference_v<Value>) {
      return static_cast<Value>(*result);
    } else if constexpr (!std::is_void_v<Value>) {
      return std::move(result);
    }
  }
};

/// The whole of it.
template <class Value, class Closure>
struct fiber_state final : fiber_with_result<Value> {
  union {
    Closure closure; ///< until it has run
  };
  bool has_run = false; ///< then it holds the result instead, unless it has failed

  template <class... Parts>
  explicit fiber_state(Parts&&... parts) : closure(std::forward<Parts>(parts)...) {}
  ~fiber_state() {} // NOLINT: operations.destroy knows what is alive

  static bool run(control_block& block) noexcept {
    auto& self = static_cast<fiber_state&>(block);
    try {
      if constexpr (std::is_void_v<Value>) {
        self.closure();
        new (&self.result) no_value;
      } else if constexpr (std::is_reference_v<Value>) {
        auto&& reference = self.closure();
        self.result = &reference;
      } else {
        new (&self.result) Value(self.closure());
      }
    } catch (...) {
      keep_error(self, std::current_exception());
    }
    self.has_run = true;
    self.closure.~Closure();
    return true;
  }

  static void destroy(control_block& block) noexcept {
    auto& self = static_cast<fiber_state&>(block);
    if (!self.has_run) {
      self.closure.~Closure();
    } else if (!self.has_failed) {
      using kept = typename fiber_with_result<Value>::kept;
      self.result.~kept();
    }
  }

  static constexpr fiber_operations operations{run, destroy, false};
};

/// A callable and its arguments, all decayed copies, called once as rvalues, as std::thread does.
template <class Function, class... Arguments>
struct bound_call {
  Function function;
  std::tuple<Arguments...> arguments;

  template <class F, class... As>
  explicit bound_call(F&& f, As&&... as)
      : function(std::forward<F>(f)), arguments(std::forward<As>(as)...) {}

  decltype(auto) operator()() {
    return std::apply(
        [this](Arguments&... each) -> decltype(auto) {
          return std::invoke(std::move(function), std::move(each)...);
        },
        arguments);
  }
};

/// The scheduler for spawn(): the caller's, or on a plain thread that of the runtime that has been in run() for
/// longest.
/// Throws std::system_error(operation_not_permitted) if there is none. Private.
scheduler& scheduler_for_spawn();

/// Where a fiber is made and started: the scheduler, and the caller's worker if it is one of it. Private.
struct spawning_place {
  worker* here;
  scheduler& owner;

  spawning_place()
      : here(current_worker()), owner(here != nullptr ? here->owner() : scheduler_for_spawn()) {}
  explicit spawning_place(scheduler& given) noexcept : here(given.own_worker()), owner(given) {}

  /// After what may have suspended.
  void look_again() noexcept { here = owner.own_worker(); }
  void start(control_block& made) noexcept { owner.start(here, made); }
};

/// Makes a fiber that has not been started; `State`: fiber_state, or what a coroutine has instead of it, which says
/// that nothing of what it is made of can suspend (copying a closure might). Strong
/// guarantee: if anything throws, nothing has happened. Private.
template <class State, class... Parts>
State& make_fiber(spawning_place& place, const spawn_options& options, Parts&&... parts) {
  static_assert(alignof(State) <= sizeof(slab_cell),
                "over-aligned closures and results go behind a pointer");
  prepared_fiber prepared = place.owner.prepare(place.here, options, sizeof(State));
  State* made = nullptr;
  try {
    made = new (prepared.cell->object()) State(std::forward<Parts>(parts)...);
  } catch (...) {
    place.owner.abandon(prepared);
    throw;
  }
  if constexpr (!requires { State::cannot_suspend_when_made; }) place.look_again();
  place.owner.adopt(place.here, *made, prepared, State::operations);
  return *made;
}

} // namespace coir
