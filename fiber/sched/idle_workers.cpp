// SPDX-License-Identifier: MIT
#include "fiber/sched/idle_workers.hpp"

#include <algorithm>

namespace coir {

void idle_workers::add(worker& self) noexcept {
  const std::lock_guard held(mutex_);
  parked_.push_back(&self);
  // release: pairs with the acquire in parked_count; the race against submitters is the caller's full_fence.
  parked_count_.store(static_cast<std::uint32_t>(parked_.size()), release);
}

bool idle_workers::remove(worker& self) noexcept {
  const std::lock_guard held(mutex_);
  const auto found = std::find(parked_.begin(), parked_.end(), &self);
  if (found == parked_.end()) return false;
  *found = parked_.back();
  parked_.pop_back();
  // release: pairs with the acquire in parked_count.
  parked_count_.store(static_cast<std::uint32_t>(parked_.size()), release);
  return true;
}

worker* idle_workers::take_one(bool is_urgent) noexcept {
  // relaxed: ordered after the submitter's publication by its full_fence.
  if (!is_urgent && searching_.load(relaxed) > 0) return nullptr;
  if (parked_count_.load(relaxed) == 0) return nullptr; // relaxed: the same
  const std::lock_guard held(mutex_);
  if (parked_.empty()) return nullptr;
  worker* const taken = parked_.back(); // parked last: its caches are the warmest
  parked_.pop_back();
  // release: pairs with the acquire in parked_count.
  parked_count_.store(static_cast<std::uint32_t>(parked_.size()), release);
  searching_.fetch_add(1, relaxed); // relaxed: a count; it throttles, it publishes nothing
  return taken;
}

bool idle_workers::start_searching(std::uint32_t worker_count) noexcept {
  // relaxed: the count only throttles; two workers that both read the old value search both, which is harmless.
  if (2 * searching_.load(relaxed) >= worker_count) return false;
  searching_.fetch_add(1, relaxed); // relaxed: as above
  return true;
}

bool idle_workers::stop_searching() noexcept {
  // seq_cst: pairs with the full_fence of scheduler::wake_one: who reads the old count is seen by our next look.
  return searching_.fetch_sub(1, seq_cst) == 1;
}

} // namespace coir
