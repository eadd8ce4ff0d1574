// SPDX-License-Identifier: MIT
// timer_queue: the deadlines of a worker's waiting fibers. Floor 2.
//
// A 4-ary heap of {when, slot} with a table slot -> position beside it, so that moving entries touches two dense
// arrays and never the waiters, which lie on as many cold stack pages as there are sleepers. Equal deadlines may
// fire in any order.
//
// Any thread may call everything: fibers disarm after they have migrated, and the monitor expires the timers of a stuck
// worker. Lock order: this lock -> wait_queue's lock (inside waiter::try_interrupt).
#pragma once

#include "fiber/base/atomic.hpp"
#include "fiber/base/futex.hpp"
#include "fiber/base/spin_lock.hpp"
#include "fiber/sched/fiber_list.hpp"

#include <cstdint>
#include <vector>

namespace coir {

class waiter;

class timer_queue {
public:
  /// `w`, a fiber's, will be interrupted with timed_out once `when` has passed, unless disarmed before. Throws
  /// std::bad_alloc.
  void arm(waiter& w, base::time_point when);
  /// Afterwards the queue does not know `w` any more, and is not looking at it.
  void disarm(waiter& w) noexcept;
  /// Interrupts what is due and appends the fibers that this makes runnable.
  void expire(base::time_point now, fiber_list& ready) noexcept;
  /// The earliest deadline; time_point::max() if there is none.
  [[nodiscard]] base::time_point next_deadline() const noexcept;

private:
  struct entry {
    base::time_point when;
    std::uint32_t slot;
  };
  struct slot {
    waiter* armed;          ///< null: free
    std::uint32_t position; ///< in heap_; of a free slot: the next free one
  };
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  void remove(std::uint32_t position) noexcept;
  void move_up(std::uint32_t position) noexcept;
  void move_down(std::uint32_t position) noexcept;
  void place(std::uint32_t position, entry e) noexcept;
  void publish_next() noexcept;

  mutable base::spin_lock lock_;
  std::vector<entry> heap_; ///< guarded by lock_, as are the next two
  std::vector<slot> slots_;
  std::uint32_t free_slot_ = none;
  /// Of heap_[0]; written under lock_, read by anybody.
  atomic<base::time_point::rep> next_{base::time_point::max().time_since_epoch().count()};
};

} // namespace coir
