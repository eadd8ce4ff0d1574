// SPDX-License-Identifier: MIT
#include "fiber/sync/condition_variable.hpp"

#include "fiber/base/check.hpp"

namespace coir {
namespace {
void unlock_mutex(void* held) noexcept { static_cast<mutex*>(held)->unlock(); }
} // namespace

void condition_variable::wait(std::unique_lock<mutex>& lock) {
  wait_until(lock, deadline::never());
}

cv_status condition_variable::wait_until(std::unique_lock<mutex>& lock, deadline limit) {
  COIR_CHECK(lock.owns_lock(), "condition_variable::wait without holding the mutex");
  wait_outcome outcome{};
  {
    waiter self;
    self.arm(queue_, limit.when(), wait_kind::plain);
    std::unique_lock held(queue_.lock());
    // The mutex is unlocked once the waiter is linked and suspended: a notifier that locks it afterwards finds it.
    outcome = queue_.wait_locked(self, std::move(held), unlock_mutex, lock.mutex());
  }
  lock.mutex()->lock();
  return outcome == wait_outcome::timed_out ? cv_status::timeout : cv_status::no_timeout;
}

} // namespace coir
