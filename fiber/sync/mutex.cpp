// SPDX-License-Identifier: MIT
#include "fiber/sync/mutex.hpp"

#include "fiber/base/check.hpp"
#include "fiber/base/pause.hpp"

#include <mutex>

namespace coir {

bool mutex::try_lock() noexcept { return try_take(0); }

bool mutex::try_take(std::uint32_t cleared) noexcept {
  std::uint32_t seen = state_.load(relaxed); // relaxed: the exchange has the order
  while ((seen & locked) == 0) {
    // acquire: pairs with the releases in unlock and unlock_contended. relaxed: only looks again.
    if (state_.compare_exchange_weak(seen, (seen & ~cleared) | locked, acquire, relaxed))
      return true;
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

bool mutex::try_lock_or_announce(bool is_woken) noexcept {
  std::uint32_t seen = state_.load(relaxed); // relaxed: the exchange has the order
  for (;;) {
    const bool is_free = (seen & locked) == 0;
    const std::uint32_t kept = is_woken ? seen & ~std::uint32_t{waking} : seen;
    // acquire: pairs with the release in unlock, if it is free by now. relaxed: only looks again.
    if (state_.compare_exchange_weak(seen, kept | (is_free ? locked : contended), acquire, relaxed))
      return is_free;
  }
}

void mutex::decline() noexcept {
  // relaxed: publishes nothing; who wakes the next is decided by the lock that follows.
  state_.fetch_and(~std::uint32_t{waking}, relaxed);
  if (try_lock()) unlock();
}

bool mutex::lock_contended(clock::time_point limit) {
  if (try_lock_patiently()) return true;
  const auto patient_until = clock::now() + patience;
  for (bool is_woken = false;; is_woken = true) {
    mutex_waiter self;
    self.wants_handover = is_woken && clock::now() >= patient_until;
    try {
      self.arm(queue_, limit, wait_kind::plain);
    } catch (...) {
      if (is_woken) decline();
      throw;
    }
    std::unique_lock held(queue_.lock());
    if (try_lock_or_announce(is_woken)) return true;
    if (queue_.wait_locked(self, std::move(held)) != wait_outcome::notified) return false;
    if (self.is_handed_over || try_take(waking)) return true;
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
  std::uint32_t seen = state_.load(relaxed); // relaxed: ours, but for what others announce
  while ((seen & waking) != 0) {
    // release: pairs with the acquires in try_take and try_lock_or_announce. relaxed: only looks again.
    if (state_.compare_exchange_weak(seen, seen & ~std::uint32_t{locked}, release, relaxed)) return;
  }
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
      // release: pairs with the acquires in try_take and try_lock_or_announce.
      state_.store(rest | (next != nullptr ? std::uint32_t{waking} : 0), release);
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
  if (wanted.try_lock_or_announce(false)) return false;
  return suspension::begin_locked(wanted.queue_, self_, locking, std::move(held));
}

} // namespace coir
