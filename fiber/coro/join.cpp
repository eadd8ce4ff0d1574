// SPDX-License-Identifier: MIT
#include "fiber/coro/join.hpp"

#include "fiber/coro/task.hpp"
#include "fiber/sched/wait_error.hpp"
#include "fiber/scope.hpp"

#include <system_error>

namespace coir {

bool end_awaiter::find_ready(control_block* awaited) const {
  if (awaited == nullptr) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            "coir: no fiber to join");
  }
  wait_for_end(*awaited, clock::time_point::max());
  return true;
}

namespace {

/// Until no child of a scope is left. Only awaited by tasks.
class no_children_awaiter : public suspension {
public:
  no_children_awaiter(wait_queue& ended, const std::size_t& size, wait_kind kind) noexcept
      : ended_(ended), size_(size), kind_(kind) {}
  [[nodiscard]] bool await_ready() {
    if (runs_as_coroutine()) return false;
    blocking_ = ended_.wait(clock::time_point::max(), kind_, [this] { return size_ == 0; });
    return true;
  }
  bool await_suspend(std::coroutine_handle<> joining) {
    return begin(ended_, clock::time_point::max(), kind_, joining, [this] { return size_ == 0; });
  }
  [[nodiscard]] wait_outcome await_resume() noexcept {
    return runs_as_coroutine() ? outcome() : blocking_;
  }

private:
  wait_queue& ended_;
  const std::size_t& size_;
  wait_kind kind_;
  wait_outcome blocking_ = wait_outcome::notified;
};

} // namespace

task<void> scope::async_join() {
  const wait_outcome joining =
      co_await no_children_awaiter(ended_, size_, wait_kind::interruptible);
  if (joining != wait_outcome::notified) {
    request_stop();
    static_cast<void>(co_await no_children_awaiter(ended_, size_, wait_kind::plain));
  }
  throw_if_failed(joining);
}

} // namespace coir
