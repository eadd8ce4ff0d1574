// SPDX-License-Identifier: MIT
#include "fiber/sync/mutex.hpp"

#include "fiber/base/check.hpp"
#include "fiber/base/pause.hpp"

#include <mutex>

namespace coir {
namespace {

struct mutex_waiter : waiter {
  bool wants_handover = false; ///< it was woken in vain before
  bool is_handed_over = false; ///< written by unlock() under the queue's lock
};

} // namespace

bool mutex::try_lock() noexcept {
  std::uint32_t seen = state_.load(relaxed); // relaxed: the exchange has the order
  while ((seen & locked) == 0) {
    // acquire: pairs with the releases in unlock and unlock_contended. relaxed: only looks again.
    if (state_.compare_exchange_weak(seen, seen | locked, acquire, relaxed)) return true;
  }
  return false;
}

bool mutex::lock_contended(clock::time_point limit) {
  // The holder may be running on another CPU and nearly done: a few looks cost less than a suspension.
  constexpr int spin_limit_rounds = 16;
  for (int round = 0; round < spin_limit_rounds; ++round) {
    base::pause();
    if (try_lock()) return true;
  }
  for (bool wants_handover = false;; wants_handover = true) {
    mutex_waiter self;
    self.wants_handover = wants_handover;
    self.arm(queue_, limit, wait_kind::plain);
    std::unique_lock held(queue_.lock());
    // acquire: pairs with the release in unlock, if it is free by now.
    const std::uint32_t before = state_.fetch_or(contended, acquire);
    if ((before & locked) == 0 && try_lock()) return true;
    if (queue_.wait_locked(self, std::move(held)) != wait_outcome::notified) return false;
    if (self.is_handed_over || try_lock()) return true;
  }
}

void mutex::unlock() noexcept {
  COIR_ASSERT((state_.load(relaxed) & locked) != 0, "unlock of a mutex that nobody holds"); // relaxed: ours
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
      state_.store(locked | rest, relaxed); // relaxed: it stays locked; the resume hands our writes over
    } else {
      state_.store(rest, release); // pairs with the acquires in try_lock and lock_contended
    }
  }
  wait_queue::resume(next);
}

} // namespace coir
