// SPDX-License-Identifier: MIT
// co_await of a fiber's handle. Floor 3.
#pragma once

#include "fiber/coro/suspension.hpp"
#include "fiber/fiber.hpp"
#include "fiber/sched/wait_error.hpp"

#include <coroutine>

namespace coir {

/// What does not depend on the result. Private.
class end_awaiter : public suspension {
protected:
  /// Whether it has ended. Throws as wait_for_end.
  [[nodiscard]] bool is_ready(control_block* awaited) const {
    // What join() says, whether it has ended or is us, is said without a wait.
    return awaited == nullptr || !runs_as_coroutine() || awaited == runs_as() ||
                   awaited->has_ended.load(acquire) // pairs with the release in worker::finish
               ? find_ready(awaited)
               : false;
  }
  void check_outcome() { throw_if_interrupted(outcome(), "coir: join"); }

private:
  [[nodiscard]] bool find_ready(control_block* awaited) const;
};

/// Private; see fiber<T>::async_join().
template <class Value>
class [[nodiscard]] join_awaiter : public end_awaiter {
public:
  explicit join_awaiter(fiber<Value>& handle) noexcept : handle_(&handle) {}
  [[nodiscard]] bool await_ready() const { return is_ready(handle_->state_); }
  bool await_suspend(std::coroutine_handle<> joining) {
    return begin_join(*handle_->state_, joining);
  }
  Value await_resume() {
    check_outcome();
    return handle_->take_result();
  }

private:
  fiber<Value>* handle_;
};

template <class Value>
join_awaiter<Value> fiber<Value>::async_join() noexcept {
  return join_awaiter<Value>(*this);
}

/// `co_await handle`: the result of the fiber, or its exception, as join(); the handle is empty then. It must not be
/// moved meanwhile.
template <class Value>
[[nodiscard]] join_awaiter<Value> operator co_await(fiber<Value>& handle) noexcept {
  return handle.async_join();
}
template <class Value>
[[nodiscard]] join_awaiter<Value> operator co_await(fiber<Value>&& handle) noexcept {
  return handle.async_join();
}

} // namespace coir
