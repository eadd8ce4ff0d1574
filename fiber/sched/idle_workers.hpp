// SPDX-License-Identifier: MIT
// idle_workers: the set of parked workers, and how many of the others search. Floor 2.
//
// The rule (as Go's and Tokio's): a worker that finds nothing *searches* other run queues before it parks, and at
// most half of the workers search at once. Who makes work available wakes one parked worker, unless somebody
// searches already: the searcher will find it. A wake costs a system call and a searcher costs a CPU, so both are
// kept few.
//
// The store-load race, both sides written out:
//   submit:  publish the fiber; full_fence; look at searching_ and idle_            (scheduler::wake_one)
//   go idle: add() to idle_, or stop_searching(); full_fence; look at all queues again  (worker::park)
// Whichever comes second sees the other: either the submitter wakes somebody, or the worker finds the fiber.
#pragma once

#include "fiber/base/atomic.hpp"

#include <cstdint>
#include <mutex>
#include <vector>

namespace coir {

class worker;

class idle_workers {
public:
  /// Room for all workers that there will ever be, so that add() cannot fail.
  explicit idle_workers(std::size_t workers) { parked_.reserve(workers); }

  /// The calling worker is about to park.
  void add(worker& self) noexcept;
  /// The calling worker goes on. False: somebody has taken it out already, to wake it as a searcher.
  bool remove(worker& self) noexcept;
  /// Takes out a parked worker to wake, counted as searching, or null if none is needed or there is none.
  /// `is_urgent`: even if somebody searches.
  worker* take_one(bool is_urgent) noexcept;

  /// False if enough workers search already.
  bool start_searching(std::uint32_t worker_count) noexcept;
  /// True if the caller was the last that searched.
  bool stop_searching() noexcept;

  [[nodiscard]] std::uint32_t parked_count() const noexcept {
    return parked_count_.load(acquire); // pairs with the release stores in add, remove, take_one
  }

private:
  std::mutex mutex_;
  std::vector<worker*> parked_;           ///< guarded by mutex_
  atomic<std::uint32_t> parked_count_{0}; ///< of parked_, to look at without the lock
  atomic<std::uint32_t> searching_{0};
};

} // namespace coir
