// SPDX-License-Identifier: MIT
// runtime and run(): where fibers live. Floor 2.
#pragma once

#include "fiber/options.hpp"
#include "fiber/spawn.hpp"

#include <memory>
#include <type_traits>
#include <utility>

namespace coir {

/// A scheduler with its workers, and what main() owns. Several may live in one process, one after another and side
/// by side.
class runtime {
public:
  /// Throws std::system_error(invalid_argument) for options out of range. Starts no thread yet.
  explicit runtime(const runtime_options& options = {});
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  /// Nobody may be in run(). Fibers that were spawned since the last run() are requested to stop, and run to their end.
  ~runtime();

  /// Runs `function(arguments...)` as a fiber and returns its result, or rethrows what it threw.
  ///
  /// The calling thread is worker 0 meanwhile; the other workers are threads that live as long as the call. When
  /// the function has returned, run() waits for all other fibers, detached ones too: for
  /// runtime_options::shutdown_grace, then they are requested to stop and it waits on. So nothing of the runtime
  /// runs after run().
  ///
  /// If another thread is in run() of the same runtime, or the caller is one of its fibers: spawns and joins there.
  /// If the caller is a fiber that is interrupted meanwhile (operation_canceled, timed_out), the function is
  /// requested to stop and waited for.
  ///
  /// Throws std::system_error(resource_unavailable_try_again) if a thread cannot be started; the function has not
  /// begun then.
  template <class Function, class... Arguments>
    requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
  std::invoke_result_t<std::decay_t<Function>, std::decay_t<Arguments>...>
  run(Function&& function, Arguments&&... arguments) {
    using value = std::invoke_result_t<std::decay_t<Function>, std::decay_t<Arguments>...>;
    using closure = bound_call<std::decay_t<Function>, std::decay_t<Arguments>...>;
    spawning_place place(*scheduler_);
    auto& made = make_fiber<fiber_state<value, closure>>(place, {.name = "main"},
                                                         std::forward<Function>(function),
                                                         std::forward<Arguments>(arguments)...);
    run_fiber(made);
    return fiber<value>(made).join();
  }

  /// As coir::spawn, on this runtime, from any thread. While nobody is in run() the fiber waits for the next run().
  template <class Function, class... Arguments>
    requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
  spawned<Function, Arguments...> spawn(Function&& function, Arguments&&... arguments) {
    return spawn_in(spawning_place(*scheduler_), default_spawn_options,
                    std::forward<Function>(function), std::forward<Arguments>(arguments)...);
  }
  template <class Function, class... Arguments>
    requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
  spawned<Function, Arguments...> spawn(const spawn_options& options, Function&& function,
                                        Arguments&&... arguments) {
    return spawn_in(spawning_place(*scheduler_), options, std::forward<Function>(function),
                    std::forward<Arguments>(arguments)...);
  }

  /// How many workers there are, compensating ones aside.
  [[nodiscard]] unsigned workers() const noexcept;
  /// Counts since the runtime was made.
  [[nodiscard]] scheduler_statistics statistics() const noexcept;

private:
  void run_fiber(control_block& main);

  std::unique_ptr<scheduler> scheduler_;
  bool reports_overflow_;
};

/// runtime(options).run(function, arguments...): the shortest way in.
///
///     int main() { return coir::run([] { return coir::spawn([] { return 0; }).join(); }); }
template <class Function, class... Arguments>
  requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
decltype(auto) run(Function&& function, Arguments&&... arguments) {
  return runtime().run(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
}
template <class Function, class... Arguments>
  requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
decltype(auto) run(const runtime_options& options, Function&& function, Arguments&&... arguments) {
  return runtime(options).run(std::forward<Function>(function),
                              std::forward<Arguments>(arguments)...);
}

} // namespace coir
