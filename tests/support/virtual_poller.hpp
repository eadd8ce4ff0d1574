// SPDX-License-Identifier: MIT
// virtual_poller: a poller behind the contract of fiber/sched/poller.hpp that never lets real time pass. Floor 7.
//
// All pollers of a runtime share one virtual_clock. When every worker is parked nothing is runnable, so the clock jumps
// to the earliest deadline that any of them waits for; if there is none, nothing can ever happen any more, and one of
// them reports a deadlock. Descriptors are accepted and never become ready.
#pragma once

#include "fiber/options.hpp"
#include "fiber/sched/poller.hpp"

#include <condition_variable>
#include <mutex>
#include <vector>

namespace coir::test {

class virtual_poller;

/// The time of one runtime. Must outlive it. Any thread may call everything.
class virtual_clock {
public:
  virtual_clock() = default;
  virtual_clock(const virtual_clock&) = delete;
  virtual_clock& operator=(const virtual_clock&) = delete;

  [[nodiscard]] base::time_point now() const noexcept;

  /// While one lives, somebody outside of the runtime (a plain thread) may still do something: time stands still, and
  /// nothing is a deadlock.
  class hold {
  public:
    explicit hold(virtual_clock& held);
    hold(const hold&) = delete;
    hold& operator=(const hold&) = delete;
    ~hold();

  private:
    virtual_clock& held_;
  };

private:
  friend class virtual_poller;

  poll_result wait(virtual_poller& self, base::time_point deadline);
  /// Whether every worker sleeps and none has a reason to wake up. Under the mutex.
  [[nodiscard]] bool is_all_asleep() const;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<virtual_poller*> pollers_; ///< guarded by mutex_
  unsigned holds_ = 0;                   ///< guarded by mutex_
  /// Written under mutex_. Does not begin at zero, so that a deadline that nobody set is in the past.
  atomic<base::time_point::rep> now_{base::time_point::duration(std::chrono::hours(1)).count()};
};

class virtual_poller final : public poller {
public:
  explicit virtual_poller(virtual_clock& clock);
  ~virtual_poller() override;

  [[nodiscard]] base::time_point now() noexcept override { return clock_.now(); }
  poll_result poll(base::time_point deadline, fiber_list& ready) noexcept override;
  void interrupt() noexcept override;
  int attach(fd_state& fd) noexcept override;
  void detach(fd_state& fd) noexcept override;

private:
  friend class virtual_clock;
  [[nodiscard]] bool is_asleep() const noexcept;

  virtual_clock& clock_;
  // Guarded by the clock's mutex.
  base::time_point deadline_{};
  bool is_parked_ = false;
  bool is_interrupted_ = false;
};

/// Suspends the calling fiber, of a runtime on a virtual clock, until no other one can run: by then whoever has
/// something to wait for waits, however long it took to get there. Exact, since time passes at no other moment.
void until_others_wait();

/// Options of a runtime whose time is `clock`. Without a monitor, whose time is real.
[[nodiscard]] runtime_options on_virtual_clock(virtual_clock& clock, unsigned workers);

} // namespace coir::test
