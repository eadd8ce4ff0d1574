// SPDX-License-Identifier: MIT
// async_write_operation: writes all of a buffer. Floor 5. Private.
//
// What the kernel takes at once is written without a coroutine of its own; for the rest, which may have to wait many
// times, one is made.
#pragma once

#include "fiber/coro/task.hpp"
#include "io/async_operation.hpp"
#include "io/tcp_attempts.hpp"

#include <coroutine>
#include <cstdint>
#include <utility>

namespace coir {

/// A part of it.
struct write_attempt : send_attempt {
  using send_attempt::send_attempt;
  [[nodiscard]] static const char* what() noexcept { return "coir: write"; }
};

/// Blocking. `sent` tells how much, also after an error; the result is that or -errno.
std::int64_t write_all(fd_state& socket, const_buffer from, clock::time_point limit,
                       std::size_t& sent) noexcept;

/// The half that does not depend on how errors are reported.
class async_write : public scheduled {
public:
  async_write(fd_state& socket, const_buffer from, deadline limit) noexcept
      : socket_(socket), from_(from), limit_(limit.when()) {}

  [[nodiscard]] bool await_ready() noexcept;
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept;

protected:
  /// Reports, and returns how much was sent.
  template <class Report>
  std::size_t end(const Report& report) {
    if (rest_.is_valid()) result_ = std::move(rest_).operator co_await().await_resume();
    report(write_attempt(socket_, from_), result_);
    return sent_;
  }

private:
  task<std::int64_t> write_rest();

  fd_state& socket_;
  const_buffer from_;
  clock::time_point limit_;
  std::size_t sent_ = 0;
  std::int64_t result_ = 0;
  task<std::int64_t> rest_; ///< none if it was written at once
  bool is_finished_ = false;
};

/// As async_operation.
template <class Report>
class [[nodiscard]] async_write_operation : public async_write {
public:
  async_write_operation(fd_state& socket, const_buffer from, deadline limit,
                        Report report = {}) noexcept
      : async_write(socket, from, limit), report_(report) {}

  std::size_t await_resume() { return end(report_); }

private:
  [[no_unique_address]] Report report_;
};

} // namespace coir
