// SPDX-License-Identifier: MIT
// scheduler: the workers of one runtime and what they share. Floor 2. The essay on how it works heads scheduler.cpp.
#pragma once

#include "fiber/options.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/idle_workers.hpp"
#include "fiber/sched/inject_queue.hpp"
#include "fiber/sched/monitor.hpp"
#include "fiber/sched/worker.hpp"

#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace coir {

/// Counts since the runtime was made; each a moment old.
struct scheduler_statistics {
  std::uint64_t spawned;
  std::uint64_t finished;
  std::uint64_t steals;        ///< times that a worker took fibers from another
  std::uint64_t parks;         ///< times that a worker went to sleep
  std::uint64_t compensations; ///< times that a compensating worker was started
  std::int64_t frames;         ///< coroutine frames that live now, of the whole process
};

/// What a fiber needs before its closure can be made.
struct prepared_fiber {
  slab_cell* cell;
  char* name;
  std::uint8_t size_class;
  bool is_pinned;
};

class scheduler {
public:
  explicit scheduler(const runtime_options& options);
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;
  ~scheduler();

  /// True: the calling thread may become worker 0, and must call open(). False: another thread is in run(); `main` has
  /// been started and will be run to its end.
  [[nodiscard]] bool enter_or_start(control_block& main) noexcept;
  /// Starts the other workers. Throws std::system_error(resource_unavailable_try_again); nothing has happened then,
  /// and the caller has left.
  void open();
  /// Starts `main`, makes the calling thread worker 0, and returns when `main` and all other fibers have ended. The
  /// caller has left then. False: everything waited and nothing could ever happen (virtual clock only), so all were
  /// requested to stop.
  bool work(control_block& main) noexcept;

  // For the next ones, `here` is own_worker(), and the caller has not suspended since.

  /// Takes what a fiber needs before its closure can be made: a cell of `bytes`, a promised stack. Throws
  /// std::bad_alloc or std::system_error: ENOMEM if there is no address space, EINVAL if the stack is too large.
  /// Any thread.
  [[nodiscard]] prepared_fiber prepare(worker* here, const spawn_options& options,
                                       std::size_t bytes);
  /// Gives it back.
  void abandon(prepared_fiber& prepared) noexcept;
  /// Fills the record of a fiber made in a prepared cell. It has two references: its handle's and the scheduler's.
  void adopt(worker* here, control_block& fiber, prepared_fiber& prepared,
             const fiber_operations& operations) noexcept;
  /// Makes a new fiber runnable.
  void start(worker* here, control_block& fiber) noexcept;
  /// The calling thread's worker if it is one of ours, else null.
  [[nodiscard]] worker* own_worker() const noexcept {
    worker* const here = current_worker();
    return here != nullptr && &here->owner() == this ? here : nullptr;
  }
  /// Destroys a fiber that has not been started.
  void discard(control_block& fiber) noexcept;

  void resume_here(worker& here, control_block& fiber) noexcept;
  /// Where migration is forced: lets the fiber continue on another worker than before.
  bool try_push_elsewhere(control_block& fiber) noexcept;
  void resume_from_outside(control_block& fiber) noexcept;

  /// Wakes a parked worker if there is work that nobody will look for. After the work has been published.
  void wake_one() noexcept;
  [[nodiscard]] bool is_stopping() const noexcept {
    return is_stopping_.load(acquire); // pairs with the release in stop
  }

  /// Whether a fiber has been started that has not ended. Exact if nobody else starts any.
  [[nodiscard]] bool has_living_fibers() const noexcept;
  /// Requests all fibers to stop that live now. Throws std::bad_alloc.
  void request_stop_of_all();

  /// Unique in the process and never reused, unlike the address: by it a descriptor remembers where it is attached.
  [[nodiscard]] std::uint64_t serial() const noexcept { return serial_; }
  [[nodiscard]] unsigned worker_count() const noexcept { return nominal_workers_; }
  [[nodiscard]] scheduler_statistics statistics() const noexcept;
  [[nodiscard]] const runtime_options& options() const noexcept { return options_; }
  /// Replaces pollers without descriptors by what `make` makes, once. Throws std::system_error.
  void attach_pollers(std::unique_ptr<poller> (*make)());
  /// Calls `visit` for each worker, compensating ones included.
  template <class Visitor>
  void for_each_worker(Visitor&& visit) const {
    const std::uint32_t count = started_workers_.load(acquire); // pairs with the release in add_worker
    for (std::uint32_t i = 0; i < count; ++i) visit(*workers_[i]);
  }

private:
  friend class worker;
  friend class monitor;

  worker& add_worker(std::unique_ptr<poller> first);
  /// For a new worker. Under attach_mutex_, once there are others.
  [[nodiscard]] std::unique_ptr<poller> make_first_poller(unsigned index) const;
  void start_thread(worker& w);
  void start_threads();
  /// Worker 0's part of a run, until all threads have ended.
  void run_workers() noexcept;
  /// False: fibers were started while the threads ended, so the caller has to stay.
  [[nodiscard]] bool try_leave() noexcept;
  void run_latecomers() noexcept;
  void begin_draining() noexcept;
  void return_stack_promise(unsigned size_class) noexcept;
  void stop() noexcept;
  void join_threads() noexcept;
  void note_finished(bool is_main) noexcept {
    if (is_main) begin_draining();
    // relaxed: a finisher that misses it is followed by its worker's park(), which looks again behind a fence.
    if (is_draining_.load(relaxed)) check_drained();
  }
  void check_drained() noexcept;
  void declare_deadlock() noexcept;
  [[nodiscard]] bool has_queued_work() const noexcept;
  std::uint64_t fresh_ids(std::uint64_t count) noexcept;

  static constexpr std::size_t most_compensating = 64;

  const runtime_options options_;
  const std::uint64_t serial_;
  const unsigned nominal_workers_;
  const std::uint8_t default_class_;

  // Fixed in size when made, so that others may walk it while a compensating worker is added.
  std::vector<std::unique_ptr<worker>> workers_;
  atomic<std::uint32_t> started_workers_{0}; ///< how many of workers_ exist; written by the monitor after the start
  std::mutex threads_mutex_;
  std::vector<std::thread> threads_; ///< guarded by threads_mutex_

  inject_queue injected_;
  idle_workers idle_;
  class monitor monitor_;

  std::mutex attach_mutex_;
  std::unique_ptr<poller> (*make_poller_)() = nullptr; ///< guarded by attach_mutex_

  std::mutex entry_mutex_;
  bool is_entered_ = false;         ///< a thread is in run(); guarded by entry_mutex_
  atomic<bool> is_draining_{false}; ///< main has ended
  atomic<bool> is_stopping_{false}; ///< workers shall return
  atomic<bool> is_deadlocked_{false};
  atomic<base::time_point::rep> drain_limit_; ///< when living fibers are requested to stop, while draining
  atomic<std::uint64_t> foreign_spawned_{0};
  atomic<std::uint32_t> visitors_{0}; ///< threads in resume_from_outside, which may outlast a run
  atomic<std::uint64_t> next_id_{1};
  atomic<std::uint32_t> next_target_{0}; ///< of a forced migration
};

/// The scheduler of the calling fiber or, on a plain thread, of the runtime that has been in run() for longest; null if
/// there is none.
[[nodiscard]] scheduler* default_scheduler() noexcept;

} // namespace coir
