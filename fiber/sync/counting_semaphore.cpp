// SPDX-License-Identifier: MIT
#include "fiber/sync/counting_semaphore.hpp"

#include "fiber/base/check.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/wait_error.hpp"

#include <mutex>

namespace coir {

void semaphore_base::add(std::ptrdiff_t units, std::ptrdiff_t most) noexcept {
  while (units > 0) {
    waiter* taken = nullptr;
    {
      const std::lock_guard held(queue_.lock());
      taken = queue_.take_first();
      if (taken == nullptr) {
        COIR_CHECK(units <= most - count_, "counting_semaphore::release above max()");
        count_ += units;
        return;
      }
    }
    --units; // straight to the waiter: nobody can come in between
    wait_queue::resume(taken);
  }
}

bool semaphore_base::try_take() noexcept {
  const std::lock_guard held(queue_.lock());
  if (count_ == 0) return false;
  --count_;
  return true;
}

void semaphore_base::take() {
  const auto outcome = queue_.wait(clock::time_point::max(), wait_kind::interruptible,
                                   [this] { return count_ > 0 && count_-- > 0; });
  throw_if_interrupted(outcome, "coir: counting_semaphore::acquire");
}

bool semaphore_base::take_until(clock::time_point limit) {
  const auto scope_limit = current_limit();
  const auto outcome =
      queue_.wait(limit, wait_kind::interruptible, [this] { return count_ > 0 && count_-- > 0; });
  if (outcome == wait_outcome::timed_out && limit <= scope_limit) return false;
  throw_if_interrupted(outcome, "coir: counting_semaphore::try_acquire_until");
  return true;
}

bool semaphore_awaiter::await_ready() const {
  if (semaphore_->try_take()) return true;
  if (runs_as_coroutine()) return false;
  semaphore_->take();
  return true;
}

bool semaphore_awaiter::await_suspend(std::coroutine_handle<> acquiring) {
  semaphore_base& wanted = *semaphore_;
  return begin(wanted.queue_, clock::time_point::max(), wait_kind::interruptible, acquiring,
               [&] { return wanted.count_ > 0 && wanted.count_-- > 0; });
}

void semaphore_awaiter::await_resume() {
  throw_if_interrupted(outcome(), "coir: counting_semaphore::acquire");
}

} // namespace coir
