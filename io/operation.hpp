// SPDX-License-Identifier: MIT
// The way of every operation on a descriptor: perform() blocks, async_operation (async_operation.hpp) suspends a
// coroutine; both go the steps of operation_steps. Floor 5. Private.
//
// What an operation does is a small object, an *attempt*; the same serves both ways:
//   way                          direction::read or write
//   record()                     the descriptor's
//   int64_t operator()(int fd)   one try: a count or -errno
//   value(result)                what the user gets, of a count or -errno
//   what()                       names the operation in an exception
//   prepare(limit)               optional, before all else, may block: a result that is known already, or none
//   ended(result)                optional: told of the result, whatever it is
//   is_event_enough              optional: there is nothing to try once an event has come
//   fails_at_end                 optional: a result of 0 is the end of the stream, and an error
#pragma once

#include "fiber/sched/current.hpp"
#include "fiber/sched/stop.hpp"
#include "fiber/sched/suspend.hpp"
#include "io/io_error.hpp"
#include "io/reactor/fd_state.hpp"
#include "io/reactor/kernel_call.hpp"

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>

namespace coir {

/// For what never waits: `call(fd)`, which returns as libc does, inside of an operation; the result or -errno, also
/// -EBADF.
template <class Call>
std::int64_t perform_now(fd_state& record, Call&& call) noexcept {
  if (!record.enter()) return -EBADF;
  const std::int64_t result = kernel_call([&] { return call(record.fd); });
  record.leave();
  return result;
}

/// One operation between begin() and end(): tries until an attempt does not say EAGAIN, and says when to wait in
/// between. If no event has come since the last attempt found nothing, it waits first, and after the time-out tries a
/// last time.
///
/// A read takes the edge before it tries, and says itself (leave_edge) if it left something. A write nearly
/// always succeeds, so it leaves the edge alone and takes it only when it found no room; then it must try once
/// more, see fd_state.hpp. Whoever has taken an edge for anything but to find nothing leaves it to the next.
template <class Attempt>
class operation_steps {
public:
  static constexpr bool is_event_enough = requires { Attempt::is_event_enough; };
  static constexpr event_use use_of_event = is_event_enough ? event_use::peek : event_use::take;

  /// By the fiber or coroutine `self`; null: a plain thread. What ends it at once (a stop request, a closed
  /// descriptor) is found out here.
  void begin(Attempt& attempt, clock::time_point limit, const control_block* self) noexcept {
    if constexpr (requires { attempt.prepare(limit); }) {
      if (const auto known = attempt.prepare(limit)) return finish(*known);
    }
    if (self != nullptr && is_stop_requested(*self)) return finish(-ECANCELED);
    if (!attempt.record().enter()) return finish(-EBADF);
    is_inside_ = true;
    fd_state& record = attempt.record();
    may_try_ = is_write ? record.has_edge(Attempt::way) : record.take_edge(Attempt::way);
  }

  /// Tries as long as that makes sense. False: the caller has to wait for an event, and to note_wait().
  [[nodiscard]] bool try_to_finish(Attempt& attempt) noexcept {
    while (may_try_) {
      fd_state& record = attempt.record();
      std::int64_t result = 0;
      do {
        result = attempt(record.fd);
      } while (result == -EINTR);
      if (result != -EAGAIN) {
        owes_edge_ = owes_edge_ || result < 0;
        finish(result);
        break;
      }
      owes_edge_ =
          record.forget_hang_up(Attempt::way) || (is_write && record.take_edge(Attempt::way));
      if (owes_edge_) continue;
      may_try_ = false;
      if (is_last_) finish(-ETIMEDOUT);
    }
    return is_finished_;
  }

  /// `error` as fd_state::wait returns it.
  void note_wait(int error) noexcept {
    has_waited_ = has_waited_ || error == 0;
    owes_edge_ = is_write && error == 0;
    is_last_ = error == -ETIMEDOUT;
    may_try_ = error == 0 || is_last_;
    if (!may_try_ || (is_event_enough && error == 0)) finish(error);
  }

  /// From here on there is a result().
  void end(Attempt& attempt) noexcept {
    if (is_inside_) {
      fd_state& record = attempt.record();
      // One too many costs a try, one too few a wait for ever.
      if (owes_edge_) record.leave_edge(Attempt::way);
      if (is_event_enough && has_waited_) record.pass_peeked_edge(Attempt::way);
      if (result_ < 0 && record.is_closed()) result_ = -EBADF;
      record.leave();
    }
    if constexpr (requires { attempt.ended(result_); }) attempt.ended(result_);
  }
  /// A count or -errno, also -ETIMEDOUT, -ECANCELED (stop request), -EBADF (closed).
  [[nodiscard]] std::int64_t result() const noexcept { return result_; }

  /// All of it, blocking, by whoever calls.
  void perform(Attempt& attempt, clock::time_point limit) noexcept {
    control_block* const self = current_fiber();
    begin(attempt, limit, self);
    finish_blocking(attempt, limit, self);
  }

  /// The rest, blocking, and the end. What has not waited is charged whatever it returns: a loop that goes on in spite
  /// of errors shall starve nobody.
  void finish_blocking(Attempt& attempt, clock::time_point limit, control_block* self) noexcept {
    while (!try_to_finish(attempt))
      note_wait(attempt.record().wait(self, Attempt::way, limit, use_of_event));
    end(attempt);
    if (!has_waited_) charge_operation();
  }

private:
  static constexpr bool is_write = Attempt::way == direction::write;

  void finish(std::int64_t result) noexcept {
    result_ = result;
    is_finished_ = true;
    may_try_ = false;
  }

  std::int64_t result_ = 0;
  bool is_inside_ = false; ///< has entered the record
  bool is_finished_ = false;
  bool may_try_ = false;
  bool is_last_ = false;
  bool owes_edge_ = false;
  bool has_waited_ = false;
};

/// The whole operation, blocking: suspends in between until an event says that an attempt may succeed. Returns as
/// operation_steps::result. errno is left as it was.
template <class Attempt>
std::int64_t perform(Attempt& attempt, clock::time_point limit) noexcept {
  operation_steps<Attempt> steps;
  steps.perform(attempt, limit);
  return steps.result();
}

/// The error that a result stands for, if any.
template <class ErrorCode, class Attempt>
ErrorCode error_of(const Attempt& attempt, std::int64_t result) {
  if (result < 0) return error_code_traits<ErrorCode>::from_errno(static_cast<int>(-result));
  if constexpr (requires { Attempt::fails_at_end; }) {
    if (result == 0 && !attempt.is_empty()) return error_code_traits<ErrorCode>::end_of_stream();
  }
  return ErrorCode();
}

/// How the user is told of an error: by an exception …
struct throwing {
  template <class Attempt>
  void operator()(const Attempt& attempt, std::int64_t result) const {
    const auto error = error_of<std::error_code>(attempt, result);
    if (error) throw std::system_error(error, attempt.what());
  }
};

/// … or in an error code, which the attempt's value then comes with.
template <class ErrorCode>
struct reporting {
  ErrorCode* error;

  template <class Attempt>
  void operator()(const Attempt& attempt, std::int64_t result) const noexcept {
    *error = error_of<ErrorCode>(attempt, result);
  }
};
// clang before 17 does not deduce the arguments of an aggregate by itself.
template <class ErrorCode>
reporting(ErrorCode*) -> reporting<ErrorCode>;

/// perform() as the user sees it.
template <class Attempt, class Report>
auto perform(Attempt&& attempt, clock::time_point limit, const Report& report) {
  const std::int64_t result = perform(attempt, limit);
  report(attempt, result);
  return attempt.value(result);
}

} // namespace coir
