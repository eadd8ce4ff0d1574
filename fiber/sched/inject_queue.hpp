// SPDX-License-Identifier: MIT
// inject_queue: the shared queue: fibers from foreign threads and what overflows a run_queue. Floor 2.
//
// A mutex and a list: it is off the hot path, and its batches make one lock serve many fibers. Any thread may call
// everything. is_empty() is a hint whose staleness callers must allow for by a full fence (see scheduler.cpp).
#pragma once

#include "fiber/base/atomic.hpp"
#include "fiber/sched/fiber_list.hpp"

#include <mutex>

namespace coir {

class inject_queue {
public:
  void push(control_block& fiber) noexcept {
    const std::lock_guard held(mutex_);
    fibers_.push_back(fiber);
    size_.store(fibers_.size(), release); // pairs with the acquire in is_empty
  }
  void push_chain(control_block* first, control_block* last, std::uint32_t count) noexcept {
    const std::lock_guard held(mutex_);
    fibers_.append(first, last, count);
    size_.store(fibers_.size(), release); // pairs with the acquire in is_empty
  }
  /// Moves a fair share, at most `most`, to `out`: what is there divided by the `sharers`.
  void take_share(std::uint32_t sharers, std::uint32_t most, fiber_list& out) noexcept {
    const std::lock_guard held(mutex_);
    std::uint32_t count = fibers_.size() / sharers + 1;
    if (count > most) count = most;
    while (count-- > 0 && !fibers_.is_empty()) out.push_back(*fibers_.pop_front());
    size_.store(fibers_.size(), release); // pairs with the acquire in is_empty
  }
  [[nodiscard]] bool is_empty() const noexcept {
    return size_.load(acquire) == 0; // pairs with the release stores above
  }

private:
  std::mutex mutex_;
  fiber_list fibers_;             ///< guarded by mutex_
  atomic<std::uint32_t> size_{0}; ///< of fibers_, to look at without the lock
};

} // namespace coir
