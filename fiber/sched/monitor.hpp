// SPDX-License-Identifier: MIT
// monitor: the thread that notices stuck workers. Floor 2.
//
// A worker is stuck when it has not passed its scheduling loop for runtime_options::stuck_after: its fiber
// computes, or blocks in a call that nobody made fiber-aware. (One that only waits for a CPU on a crowded machine is
// not: whoever took its place would wait as well.) While it is, the monitor serves its poller and its
// timers, and its fibers may be taken to the last: by a worker that is idle, else, since nobody steals who has
// fibers of his own, through the inject queue. If all workers are stuck while fibers are runnable a compensating
// worker runs them; it retires (serves only what waits on its own poller and timers) when one of them has returned.
//
// The monitor also asks a worker to look at timers and IO that has been passing its loop without doing so for long,
// and sleeps itself while all workers are parked.
#pragma once

#include "fiber/base/atomic.hpp"
#include "fiber/base/futex.hpp"
#include "fiber/sched/run_queue.hpp"

#include <cstdint>
#include <thread>
#include <vector>

namespace coir {

class scheduler;
class worker;

class monitor {
public:
  explicit monitor(scheduler& owner) noexcept : owner_(owner) {}
  monitor(const monitor&) = delete;
  monitor& operator=(const monitor&) = delete;

  void start();
  void stop() noexcept;

  /// A parked worker is about to run again; it has said so by a store before, ordered by a full_fence.
  void note_activity() noexcept;
  [[nodiscard]] std::uint64_t compensations() const noexcept {
    return compensations_.load(relaxed); // relaxed: a statistic
  }

private:
  struct observation {
    std::uint64_t passes = 0;
    base::time_point since{};              ///< when it was seen to pass last
    unsigned looks = 0;                    ///< how often it was seen not to
    std::chrono::nanoseconds used{unread}; ///< its CPU time when it was first seen not to
    base::time_point last_report{};

    void begin(base::time_point now) noexcept {
      since = now;
      looks = 0;
      used = unread;
    }
    static constexpr std::chrono::nanoseconds unread{-1};
  };

  void watch() noexcept;
  /// Returns how many workers are not parked, and how many of them are stuck.
  unsigned observe(base::time_point now, unsigned& stuck) noexcept;
  bool observe_one(worker& w, observation& seen, base::time_point now) noexcept;
  [[nodiscard]] bool waits_for_cpu(const worker& w, const observation& seen) const noexcept;
  void serve(worker& stuck) noexcept;
  void report(worker& stuck, observation& seen, base::time_point now) noexcept;
  void compensate(unsigned stuck, unsigned running, base::time_point now) noexcept;
  void hand_over(worker& stuck) noexcept;
  void start_compensating(std::uint32_t started, base::time_point now) noexcept;
  void sleep_until_activity() noexcept;

  scheduler& owner_;
  std::thread thread_;
  std::vector<observation> seen_; ///< by worker index; the monitor's own
  unsigned calm_rounds_ = 0;
  bool is_threadless_ = false; ///< the newest compensating worker still lacks a thread
  run_queue loot_{false};      ///< what hand_over() carries

  enum : std::uint32_t { awake, asleep, stopping };
  atomic<std::uint32_t> state_{awake};
  atomic<std::uint64_t> compensations_{0};
};

} // namespace coir
