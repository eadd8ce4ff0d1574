// SPDX-License-Identifier: MIT
#include "fiber/sync/mutex.hpp"

#include "fiber/base/check.hpp"
#include "fiber/base/pause.hpp"

#include <mutex>

namespace coir {

bool mutex::try_lock() noexcept {
  std::uint32_t seen = state_.load(relaxed); // relaxed: the exchange has the order
  while ((seen & locked) == 0) {
    // acquire: pairs with the releases in unlock and unlock_contended. relaxed: only looks again.
    if (state_.compare_exchange_weak(seen, seen | locked, acquire, relaxed)) return true;
  }
  return false;
}

bool mutex::try_lock_patiently() noexcept {
  constexpr int spin_limit_rounds = 16;
  for (int round = 0; round < spin_limit_rounds; ++round) {
    base::pause();
    if (try_lock()) return true;
  }
  return false;
}

bool mutex::try_lock_or_announce() noexcept {
  // acquire: pairs with the release in unlock, if it is free by now.
  const std::uint32_t before = state_.fetch_or(contended, acquire);
  return (before & locked) == 0 && try_lock();
}

bool mutex::lock_contended(clock::time_point limit) {
  if (try_lock_patiently()) return true;
  for (bool wants_handover = false;; wants_handover = true) {
    mutex_waiter self;
    self.wants_handover = wants_handover;
    self.arm(queue_, limit, wait_kind::plain);
    std::unique_lock held(queue_.lock());
    if (try_lock_or_announce()) return true;
    if (queue_.wait_locked(self, std::move(held)) != wait_outcome::notified) return false;
    if (self.is_handed_over || try_lock()) return true;
  }
}

void mutex::unlock() noexcept {
  COIR_ASSERT((state_.load(relaxed) & locked) != 0,
              "unlock of a mutex that nobody holds"); // relaxed: ours
  std::uint32_t seen = locked;
  // release: pairs with the acquire in try_lock. relaxed: then unlock_contended does the work.
  if (!state_.compare_exchange(seen, 0, release, relaxed)) unlock_contended();
}

void mutex::unlock_contended() noexcept {
  mutex_waiter* next = nullptr;
  {
    const std::lock_guard held(queue_.lock());
    next = static_cast<mutex_waiter*>(queue_.take_first());
    const std::uint32_t rest = queue_.is_empty() ? 0 : std::uint32_t{contended};
    if (next != nullptr && next->wants_handover) {
      next->is_handed_over = true;
      state_.store(locked | rest,
                   relaxed); // relaxed: it stays locked; the resume hands our writes over
    } else {
      state_.store(rest, release); // pairs with the acquires in try_lock and lock_contended
    }
  }
  wait_queue::resume(next);
}

mutex_awaiter::~mutex_awaiter() {
  COIR_CHECK(self_.is_idle(), "a coroutine is destroyed while it waits for a mutex");
}

bool mutex_awaiter::await_suspend(std::coroutine_handle<> locking) noexcept {
  mutex& wanted = *mutex_;
  if (wanted.try_lock_patiently()) return false;
  COIR_CHECK(self_.is_idle(), "an awaiter is awaited twice at once");
  self_.set_target(*runs_as());
  self_.wants_handover = true; // it cannot try again without being suspended once more
  self_.arm(wanted.queue_, clock::time_point::max(), wait_kind::plain);
  std::unique_lock held(wanted.queue_.lock());
  if (wanted.try_lock_or_announce()) return false;
  return suspension::begin_locked(wanted.queue_, self_, locking, std::move(held));
}

} // namespace coir
