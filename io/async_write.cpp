// SPDX-License-Identifier: MIT
#include "io/async_write.hpp"

#include "fiber/coro/sleep.hpp"

#include <new>

namespace coir {
namespace {

const_buffer behind(const_buffer all, std::size_t sent) noexcept {
  return {static_cast<const std::byte*>(all.data()) + sent, all.size() - sent};
}

/// Whose value is what perform() returns.
struct part_attempt : write_attempt {
  using write_attempt::write_attempt;
  [[nodiscard]] static std::int64_t value(std::int64_t result) noexcept { return result; }
};

struct not_reporting {
  void operator()(const part_attempt&, std::int64_t) const noexcept {}
};

} // namespace

std::int64_t write_all(fd_state& socket, const_buffer from, clock::time_point limit,
                       std::size_t& sent) noexcept {
  for (sent = 0; sent < from.size();) {
    write_attempt part(socket, behind(from, sent));
    const std::int64_t count = perform(part, limit);
    if (count < 0) return count;
    sent += static_cast<std::size_t>(count);
  }
  return static_cast<std::int64_t>(sent);
}

bool async_write::await_ready() noexcept {
  is_finished_ = true;
  if (from_.size() == 0) return true;
  if (!runs_as_coroutine()) {
    result_ = write_all(socket_, from_, limit_, sent_);
    return true;
  }
  write_attempt first(socket_, from_);
  operation_steps<write_attempt> steps;
  steps.begin(first, limit_, runs_as());
  static_cast<void>(steps.try_to_finish(first)); // if it has to wait, nothing is written: 0
  steps.end(first);
  result_ = steps.result();
  if (result_ > 0) sent_ = static_cast<std::size_t>(result_);
  is_finished_ = result_ < 0 || sent_ == from_.size();
  return is_finished_ && !is_turn_over();
}

std::coroutine_handle<> async_write::await_suspend(std::coroutine_handle<> awaiting) noexcept {
  try {
    rest_ = write_rest();
  } catch (const std::bad_alloc&) {
    if (!is_finished_) result_ = -ENOMEM;
    return awaiting;
  }
  auto end_of_rest = std::move(rest_).operator co_await();
  end_of_rest.run_as(runs_as());
  return end_of_rest.await_suspend(awaiting);
}

task<std::int64_t> async_write::write_rest() {
  if (is_finished_) co_await this_fiber::async_yield(); // there is none, only the turn is over
  while (result_ >= 0 && sent_ < from_.size()) {
    const std::int64_t count = co_await async_operation<part_attempt, not_reporting>(
        part_attempt(socket_, behind(from_, sent_)), limit_);
    if (count < 0) co_return count;
    sent_ += static_cast<std::size_t>(count);
  }
  co_return result_;
}

} // namespace coir
