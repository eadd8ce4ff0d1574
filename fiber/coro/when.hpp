// SPDX-License-Identifier: MIT
// when_all and when_any: several awaitables at once, each in a coroutine of its own. Floor 3.
#pragma once

#include "fiber/coro/spawn.hpp"

#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace coir {

/// How a result is handed on: a reference stays one, nothing becomes std::monostate. Private.
template <class Value>
using result_of_one = std::conditional_t<
    std::is_void_v<Value>, std::monostate,
    std::conditional_t<std::is_lvalue_reference_v<Value>, Value, std::remove_cvref_t<Value>>>;

[[noreturn]] void throw_canceled();

/// Where one of several keeps its result. Private.
template <class Value>
class result_slot {
public:
  template <class Awaitable>
  task<void> fill(Awaitable awaitable) {
    if constexpr (std::is_void_v<await_result<Awaitable>>) {
      co_await static_cast<Awaitable&&>(awaitable);
      kept_.emplace();
    } else if constexpr (std::is_reference_v<Value>) {
      auto&& result = co_await static_cast<Awaitable&&>(awaitable);
      kept_.emplace(&result);
    } else {
      kept_.emplace(co_await static_cast<Awaitable&&>(awaitable));
    }
  }
  /// After the end. Throws operation_canceled if it was requested to stop before it had a result.
  [[nodiscard]] Value take() {
    if (!kept_) throw_canceled();
    if constexpr (std::is_reference_v<Value>) {
      return **kept_;
    } else {
      return std::move(*kept_);
    }
  }

private:
  std::optional<
      std::conditional_t<std::is_reference_v<Value>, std::remove_reference_t<Value>*, Value>>
      kept_;
};

/// Which of several has come first. Private.
class first_of_several {
public:
  /// Runs one of them, and requests the others to stop if it is the first to end.
  task<void> race(scope& others, std::size_t index, task<void> one);
  /// After the end of all: which.
  [[nodiscard]] std::size_t winner() const noexcept {
    return winner_.load(relaxed); // relaxed: all have ended
  }

private:
  static constexpr std::size_t nobody = ~std::size_t{0};
  atomic<std::size_t> winner_{nobody};
};

template <class... Awaitables, std::size_t... Indices>
task<std::tuple<result_of_one<await_result<Awaitables>>...>>
when_all_of(std::index_sequence<Indices...>, Awaitables... awaitables) {
  std::tuple<result_slot<result_of_one<await_result<Awaitables>>>...> slots;
  scope children;
  (children.spawn(
       std::get<Indices>(slots).template fill<Awaitables>(static_cast<Awaitables&&>(awaitables))),
   ...);
  co_await children.async_join();
  co_return std::tuple<result_of_one<await_result<Awaitables>>...>(
      std::get<Indices>(slots).take()...);
}

template <class... Awaitables, std::size_t... Indices>
task<std::variant<result_of_one<await_result<Awaitables>>...>>
when_any_of(std::index_sequence<Indices...>, Awaitables... awaitables) {
  using result = std::variant<result_of_one<await_result<Awaitables>>...>;
  std::tuple<result_slot<result_of_one<await_result<Awaitables>>>...> slots;
  first_of_several first;
  scope children;
  (children.spawn(first.race(
       children, Indices,
       std::get<Indices>(slots).template fill<Awaitables>(static_cast<Awaitables&&>(awaitables)))),
   ...);
  co_await children.async_join();
  const std::size_t winner = first.winner();
  std::optional<result> found;
  static_cast<void>(
      ((Indices == winner &&
        (found.emplace(std::in_place_index<Indices>, std::get<Indices>(slots).take()), true)) ||
       ...));
  co_return std::move(*found);
}

/// Awaits all of them at once: `co_await when_all(read(), this_fiber::async_sleep_for(1s))` gives a std::tuple of
/// their results, std::monostate for void.
///
/// Each runs in a coroutine of its own, which begins when when_all is awaited. The first that fails cancels the
/// others, and its exception is rethrown when all have ended, as by scope::join(); so is a stop request or the end of
/// a deadline_scope of who awaits. An rvalue is moved in, an lvalue is referred to.
template <class... Awaitables>
[[nodiscard]] auto when_all(Awaitables&&... awaitables) {
  return when_all_of<Awaitables...>(std::index_sequence_for<Awaitables...>{},
                                    std::forward<Awaitables>(awaitables)...);
}

/// The same for any number of tasks: their results in their order (nothing for void).
template <class Value>
[[nodiscard]] auto when_all(std::vector<task<Value>> tasks)
    -> task<std::conditional_t<std::is_void_v<Value>, void, std::vector<result_of_one<Value>>>> {
  std::vector<result_slot<result_of_one<Value>>> slots(tasks.size());
  {
    scope children;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      children.spawn(slots[i].template fill<task<Value>>(std::move(tasks[i])));
    }
    co_await children.async_join();
  }
  if constexpr (!std::is_void_v<Value>) {
    std::vector<result_of_one<Value>> results;
    results.reserve(slots.size());
    for (auto& slot : slots) results.push_back(slot.take());
    co_return results;
  }
}

/// Awaits the first of them: gives a std::variant whose index() says which, and that holds its result.
///
/// As when_all, but whichever ends first, by a result or an exception, is the answer. The others are requested to stop
/// and waited for; what they return or throw is dropped.
template <class... Awaitables>
requires(sizeof...(Awaitables) > 0) [[nodiscard]] auto when_any(Awaitables&&... awaitables) {
return when_any_of<Awaitables...>(std::index_sequence_for<Awaitables...>{},
                                  std::forward<Awaitables>(awaitables)...);
}

/// The first of any number of tasks.
template <class Value>
struct first_result {
  std::size_t index;
  result_of_one<Value> value;
};
/// `tasks` must not be empty.
template <class Value>
[[nodiscard]] task<first_result<Value>> when_any(std::vector<task<Value>> tasks) {
  std::vector<result_slot<result_of_one<Value>>> slots(tasks.size());
  first_of_several first;
  scope children;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    children.spawn(
        first.race(children, i, slots[i].template fill<task<Value>>(std::move(tasks[i]))));
  }
  co_await children.async_join();
  const std::size_t winner = first.winner();
  co_return first_result<Value>{winner, slots[winner].take()};
}

} // namespace coir
