// SPDX-License-Identifier: MIT
// async_operation: what the async_ functions of io/ return, to be awaited once. Floor 5. Private.
//
// It goes the steps of perform() (operation.hpp); the coroutine suspends where perform() suspends the fiber. That
// happens at most once: if the event that resumes it turns out to be of no use, the rest blocks, with the stack that
// the coroutine runs on at the moment. Awaited elsewhere than in a spawned coroutine it is perform().
#pragma once

#include "fiber/coro/sleep.hpp"
#include "fiber/coro/suspension.hpp"
#include "io/operation.hpp"

#include <coroutine>
#include <cstdint>
#include <utility>

namespace coir {

/// The half that does not depend on what is attempted.
class async_wait : public suspension {
protected:
  /// Suspends `awaiting` until the event. False: it goes on at once. Never inlined into a coroutine, which may run
  /// elsewhere, and be gone, before this returns.
  [[gnu::noinline]] bool begin_wait(fd_state& record, direction d, event_use use,
                                    clock::time_point limit,
                                    std::coroutine_handle<> awaiting) noexcept;
  /// When it goes on: what fd_state::wait would have returned.
  [[nodiscard]] int end_wait(fd_state& record) noexcept;

  bool is_suspending_ = false; ///< it has to wait

private:
  int cannot_wait_ = 0;
};

/// Whether the running coroutine has done enough in a row and shall let others run.
[[nodiscard]] bool is_turn_over() noexcept;

/// `Attempt`: see operation.hpp. `Report`: throwing or reporting<ErrorCode>.
///
/// Movable until it is awaited. What its arguments refer to (the object, buffers, the error code) must live until the
/// end of the co_await expression.
template <class Attempt, class Report = throwing>
class [[nodiscard]] async_operation : public async_wait {
public:
  async_operation(Attempt attempt, deadline limit, Report report = {}) noexcept
      : report_(report), attempt_(std::move(attempt)), limit_(limit.when()) {}

  [[nodiscard]] bool await_ready() noexcept {
    if (!runs_as_coroutine()) {
      steps_.perform(attempt_, limit_);
      return true;
    }
    steps_.begin(attempt_, limit_, runs_as());
    is_suspending_ = !steps_.try_to_finish(attempt_);
    if (is_suspending_) return false;
    steps_.end(attempt_);
    return !is_turn_over();
  }

  bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
    return is_suspending_ ? begin_wait(attempt_.record(), Attempt::way,
                                       operation_steps<Attempt>::use_of_event, limit_, awaiting)
                          : this_fiber::yield_awaiter().await_suspend(awaiting);
  }

  auto await_resume() noexcept(noexcept(std::declval<Report&>()(std::declval<Attempt&>(), 0))) {
    if (is_suspending_) {
      steps_.note_wait(end_wait(attempt_.record()));
      steps_.finish_blocking(attempt_, limit_, runs_as());
    }
    report_(attempt_, steps_.result());
    return attempt_.value(steps_.result());
  }

private:
  [[no_unique_address]] Report report_;
  Attempt attempt_;
  clock::time_point limit_;
  operation_steps<Attempt> steps_;
};

} // namespace coir
