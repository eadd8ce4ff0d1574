// SPDX-License-Identifier: MIT
// scope: children that end before it does (structured concurrency). Floor 3.
#pragma once

#include "fiber/fiber_state.hpp"
#include "fiber/spawn.hpp"

#include <cstddef>
#include <exception>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coir {

class scope;
template <class Value>
class task;

/// A scope's record of one child; lies in the child's closure. Private.
///
/// A base class, so that the closure's own members are destroyed first: they may refer to what the scope protects.
class scope_member {
public:
  explicit scope_member(scope& owner) noexcept : owner_(owner) {}
  scope_member(const scope_member&) = delete;
  scope_member& operator=(const scope_member&) = delete;
  ~scope_member();

protected:
  /// Called in a handler: the child has failed.
  void fail() noexcept;

private:
  friend class scope;
  scope& owner_;
  control_block* fiber_ = nullptr; ///< set while linked
  scope_member* next_ = nullptr;
  scope_member** link_ = nullptr; ///< the pointer that points here
};

/// A bound for the lives of fibers: none of its children outlives it. So a child may refer to what lives longer
/// than the scope.
///
/// The first child that ends by an exception cancels the others, and join() rethrows it. A child that was
/// requested to stop and ends by operation_canceled has ended cleanly.
///
///     coir::scope connections;
///     connections.spawn([&] { serve(first); });
///     connections.spawn([&] { serve(second); });
///     connections.join();
///
/// **safety**: children and other fibers may call spawn() and request_stop() while the scope lives. It costs a
/// child 40 bytes.
class scope {
public:
  scope() noexcept = default;
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;
  /// Without join(): requests the children to stop and waits for their ends, as fiber<T> does; what they threw is
  /// dropped. **blocks**: suspends the calling fiber, blocks a plain thread.
  ~scope();

  /// Starts a child. Its result is dropped. Throws as coir::spawn. In a scope that has been requested to stop,
  /// the child is too.
  template <class Function, class... Arguments>
  requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
  void spawn(Function&& function, Arguments&&... arguments) {
    spawn(default_spawn_options, std::forward<Function>(function),
          std::forward<Arguments>(arguments)...);
  }
  template <class Function, class... Arguments>
  requires std::is_invocable_v<std::decay_t<Function>, std::decay_t<Arguments>...>
  void spawn(const spawn_options& options, Function&& function, Arguments&&... arguments) {
    using closure = child<bound_call<std::decay_t<Function>, std::decay_t<Arguments>...>>;
    spawning_place place;
    auto& made = make_fiber<fiber_state<void, closure>>(place, options, *this,
                                                        std::forward<Function>(function),
                                                        std::forward<Arguments>(arguments)...);
    start(place, made, made.closure);
  }

  /// A coroutine as a child; include fiber/coro/spawn.hpp.
  template <class Value>
  void spawn(task<Value> body);
  template <class Value>
  void spawn(const spawn_options& options, task<Value> body);

  /// Waits until all children have ended, then rethrows what the first that failed has thrown.
  ///
  /// If the calling fiber is requested to stop or its deadline_scope ends, the children are requested to stop,
  /// waited for, and std::system_error (operation_canceled, timed_out) is thrown. **migration**: may continue on
  /// another thread.
  void join();
  /// `co_await scope.async_join()`: the same for coroutines; include fiber/coro/spawn.hpp.
  [[nodiscard]] task<void> async_join();

  /// Requests all children to stop, those of later spawns too. Never blocks; any thread.
  void request_stop() noexcept;

  /// How many children live. Never blocks.
  [[nodiscard]] std::size_t size() noexcept;

private:
  friend class scope_member;

  template <class Call>
  struct child final : scope_member {
    Call call;
    template <class... Parts>
    explicit child(scope& owner, Parts&&... parts)
        : scope_member(owner), call(std::forward<Parts>(parts)...) {}
    void operator()() {
      try {
        static_cast<void>(call());
      } catch (...) {
        fail();
      }
    }
  };

  void start(spawning_place& place, control_block& fiber, scope_member& member) noexcept;
  void leave(scope_member& member) noexcept;
  void note_failure(const control_block& fiber) noexcept;
  /// Rethrows what a child has thrown, else reports that join() was interrupted.
  void throw_if_failed(wait_outcome joining);

  // Guarded by the queue's lock.
  wait_queue ended_;                ///< who waits for size_ == 0
  scope_member* running_ = nullptr; ///< children that have not been requested to stop by us
  scope_member* told_ = nullptr;    ///< those that have
  std::size_t size_ = 0;
  bool is_stopping_ = false;
  std::exception_ptr error_{};
};

} // namespace coir
