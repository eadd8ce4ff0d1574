// SPDX-License-Identifier: MIT
// fiber<T>: the handle of a fiber, shaped like std::jthread with a result. Floor 2.
#pragma once

#include "fiber/deadline.hpp"
#include "fiber/fiber_state.hpp"
#include "fiber/sched/stop.hpp"

#include <cstdint>
#include <stop_token>
#include <string_view>
#include <system_error>
#include <utility>

namespace coir {

template <class Value>
class join_awaiter;

/// Move-only handle of a fiber whose function returns `Value`. Empty after a move, join() or detach().
///
/// **safety**: distinct handles from any fiber or thread; one handle by one at a time, but request_stop() may run
/// beside wait().
template <class Value = void>
class fiber {
public:
  /// No fiber.
  fiber() noexcept = default;
  fiber(fiber&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  fiber& operator=(fiber&& other) noexcept {
    if (this != &other) {
      finish();
      state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
  }
  /// Requests the fiber to stop and waits for its end, as std::jthread does; its result or exception is dropped.
  /// **blocks**: suspends the calling fiber, blocks a plain thread; neither time-out nor stop request ends the wait.
  ~fiber() { finish(); }

  [[nodiscard]] bool joinable() const noexcept { return state_ != nullptr; }

  /// Waits for the end and returns what the fiber's function returned, or rethrows what it threw.
  /// **blocks**: suspends the calling fiber, blocks a plain thread. **migration**: may continue on another thread.
  /// Throws std::system_error: invalid_argument (no fiber), resource_deadlock_would_occur (itself),
  /// operation_canceled (the *calling* fiber was requested to stop) and timed_out (its deadline_scope); after the
  /// last two the handle is still joinable. If it is a coroutine's that has not begun, the call may begin it, and
  /// hears of a stop request when the coroutine first suspends, or ends.
  Value join() {
    wait();
    return take_result();
  }

  /// `co_await handle.async_join()`, or `co_await handle`: join() for coroutines; include fiber/coro/join.hpp.
  [[nodiscard]] join_awaiter<Value> async_join() noexcept;

  /// Waits for the end as join(), and keeps the result for it. Throws timed_out if `limit` passes first.
  void wait(deadline limit = {}) {
    if (state_ == nullptr) {
      throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                              "coir: no fiber to join");
    }
    wait_for_end(*state_, limit.when());
  }

  /// Whether join() would return at once. False if there is no fiber.
  [[nodiscard]] bool has_ended() const noexcept {
    return state_ != nullptr &&
           state_->has_ended.load(acquire); // pairs with the release in worker::finish
  }

  /// Lets go of the fiber; run() still waits for its end. From now on an exception that leaves it calls std::terminate,
  /// unless it says operation_canceled and the fiber was requested to stop.
  void detach() {
    if (state_ == nullptr) {
      throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                              "coir: no fiber to detach");
    }
    coir::detach(*std::exchange(state_, nullptr));
  }

  /// Asks the fiber to end: its present or next interruptible wait ends with operation_canceled. True: nobody had
  /// asked before. Never blocks; any thread.
  bool request_stop() noexcept { return state_ != nullptr && coir::request_stop(*state_); }

  /// Of the fiber's stop requests. Throws std::bad_alloc.
  [[nodiscard]] std::stop_token get_stop_token() const {
    return state_ != nullptr ? stop_token_of(*state_) : std::stop_token{};
  }

  /// Unique among the fibers of a runtime; 0: no fiber.
  [[nodiscard]] std::uint64_t id() const noexcept { return state_ != nullptr ? state_->id : 0; }
  /// As given at spawn; valid as long as the handle is not empty.
  [[nodiscard]] std::string_view name() const noexcept {
    return state_ != nullptr && state_->name != nullptr ? state_->name : std::string_view{};
  }

  /// Takes over a reference. For spawn() and runtime::run().
  explicit fiber(fiber_with_result<Value>& adopted) noexcept : state_(&adopted) {}

private:
  friend class join_awaiter<Value>;

  struct reference {
    control_block* held;
    ~reference() { drop_handle(*held); }
  };

  /// After the end.
  Value take_result() {
    fiber_with_result<Value>& ended = *std::exchange(state_, nullptr);
    const reference held{&ended};
    return ended.take();
  }

  void finish() noexcept {
    if (state_ == nullptr) return;
    request_stop();
    wait_for_end_uninterrupted(*state_);
    drop_handle(*std::exchange(state_, nullptr));
  }

  fiber_with_result<Value>* state_ = nullptr;
};

} // namespace coir
