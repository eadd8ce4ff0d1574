// SPDX-License-Identifier: MIT
#include "fiber/sync/condition_variable.hpp"

#include "fiber/base/check.hpp"

namespace coir {
namespace {

void unlock_mutex(void* held) noexcept { static_cast<mutex*>(held)->unlock(); }

void check_locked(const std::unique_lock<mutex>& lock) noexcept {
  COIR_CHECK(lock.owns_lock(), "condition_variable::wait without holding the mutex");
}

cv_status to_status(wait_outcome outcome) noexcept {
  return outcome == wait_outcome::timed_out ? cv_status::timeout : cv_status::no_timeout;
}

} // namespace

void condition_variable::wait(std::unique_lock<mutex>& lock) {
  wait_until(lock, deadline::never());
}

wait_outcome condition_variable::unlock_and_wait(mutex& held, clock::time_point limit) {
  waiter self;
  self.arm(queue_, limit, wait_kind::plain);
  // The mutex is unlocked once the waiter is linked and suspended: a notifier that locks it afterwards finds it.
  return queue_.wait_locked(self, std::unique_lock(queue_.lock()), unlock_mutex, &held);
}

cv_status condition_variable::wait_until(std::unique_lock<mutex>& lock, deadline limit) {
  check_locked(lock);
  const wait_outcome outcome = unlock_and_wait(*lock.mutex(), limit.when());
  lock.mutex()->lock();
  return to_status(outcome);
}

/// unlock_and_wait() for coroutines.
class condition_variable::notification : public suspension {
public:
  notification(condition_variable& awaited, mutex& held, clock::time_point limit) noexcept
      : awaited_(awaited), held_(held), limit_(limit) {}

  [[nodiscard]] bool await_ready() {
    if (runs_as_coroutine()) return false;
    blocking_ = awaited_.unlock_and_wait(held_, limit_);
    return true;
  }
  [[gnu::noinline]] bool await_suspend(std::coroutine_handle<> waiting) {
    mutex& held =
        held_; // we may be gone when it is unlocked; it is not, since the coroutine has to lock it first
    wait_queue& queue = awaited_.queue_;
    waiter& self = arm(queue, limit_, wait_kind::plain);
    const bool has_suspended = begin_locked(queue, self, waiting, std::unique_lock(queue.lock()));
    held.unlock();
    return has_suspended;
  }
  [[nodiscard]] wait_outcome await_resume() noexcept {
    return runs_as_coroutine() ? outcome() : blocking_;
  }

private:
  condition_variable& awaited_;
  mutex& held_;
  clock::time_point limit_;
  wait_outcome blocking_ = wait_outcome::notified;
};

task<void> condition_variable::async_wait(std::unique_lock<mutex>& lock) {
  static_cast<void>(co_await async_wait_until(lock, deadline::never()));
}

task<cv_status> condition_variable::async_wait_until(std::unique_lock<mutex>& lock,
                                                     deadline limit) {
  check_locked(lock);
  const wait_outcome outcome = co_await notification(*this, *lock.mutex(), limit.when());
  co_await lock.mutex()->async_lock();
  co_return to_status(outcome);
}

} // namespace coir
