// SPDX-License-Identifier: MIT
// spawn: starts a fiber. Floor 2.
#pragma once

#include "fiber/fiber.hpp"

#include <functional>
#include <type_traits>

namespace coir {

/// What spawn returns for a callable and its arguments.
template <class Function, class... Arguments>
using spawned = fiber<std::invoke_result_t<std::decay_t<Function>, std::decay_t<Arguments>...>>;

/// Starts a fiber in a given place; see spawn(). Private.
template <class Function, class... Arguments>
spawned<Function, Arguments...> spawn_in(spawning_place place, const spawn_options& options,
                                         Function&& function, Arguments&&... arguments) {
  using value = std::invoke_result_t<std::decay_t<Function>, std::decay_t<Arguments>...>;
  using closure = bound_call<std::decay_t<Function>, std::decay_t<Arguments>...>;
  auto& made = make_fiber<fiber_state<value, closure>>(
      place, options, std::forward<Function>(function), std::forward<Arguments>(arguments)...);
  place.start(made);
  return fiber<value>(made);
}

/// Starts a fiber that calls `function(arguments...)`, all decayed copies as for std::thread, and returns its handle.
///
/// The fiber runs on the runtime of the calling fiber; called by a plain thread, on the runtime that has been in
/// run() for longest. It gets a stack when it first runs. What one fiber spawns begins in that order, as far as other
/// workers do not take it: when the spawner waits, before what others have spawned earlier; when it yields, after all
/// that is runnable.
///
/// **blocks**: never. **safety**: any thread. **migration**: the caller goes on where it is.
/// Throws std::system_error: not_enough_memory (no address space for a stack), invalid_argument (stack size above
/// 64 MiB), operation_not_permitted (plain thread, no runtime is running); std::bad_alloc; what copying the
/// callable throws. Then no fiber was made.
///
///     auto answer = coir::spawn([] { return 42; });
///     std::printf("%d\n", answer.join());
template <class Function, class... Arguments>
  requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
spawned<Function, Arguments...> spawn(Function&& function, Arguments&&... arguments) {
  return spawn_in(spawning_place(), default_spawn_options, std::forward<Function>(function),
                  std::forward<Arguments>(arguments)...);
}

/// As above, with a name, a stack size or a placement.
template <class Function, class... Arguments>
  requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
spawned<Function, Arguments...> spawn(const spawn_options& options, Function&& function,
                                      Arguments&&... arguments) {
  return spawn_in(spawning_place(), options, std::forward<Function>(function),
                  std::forward<Arguments>(arguments)...);
}

} // namespace coir
