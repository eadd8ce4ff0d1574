// SPDX-License-Identifier: MIT
// How fibers are scheduled.
//
// Terms. A *fiber* is an execution with its own stack; its record is the control block. A *worker* is a kernel
// thread that runs fibers; there is one per CPU that the process may use. A *scheduler* is the set of workers of
// one runtime.
//
// Goal. Every runnable fiber runs soon, on a CPU that has time for it, and CPUs without work sleep. The costs to
// keep down are cache-line transfers between CPUs (about 50 ns each) and system calls (about 0.2 µs for one that
// does nothing, 1 to 2 µs for one that wakes a thread); instructions hardly count.
//
// Rejected:
//   * One shared queue. Each push and pop would move its cache lines between all CPUs.
//   * A queue per worker and no stealing. One worker drowns while others sleep: connections do not cost the same.
//   * Hand the next fiber to an idle worker at each wake-up. Its caches are cold, and the waker mostly suspends at
//     once: the fiber would have run sooner here. So what a fiber wakes goes to the worker's next_slot and wakes
//     nobody.
//   * Hand a stuck worker's seat (queue, poller, caches) to another thread, as Go does around system calls. The
//     stuck thread may be computing and touch its seat at any moment; every access would need synchronization. A
//     stuck worker therefore keeps its seat, and others reach what is shared of it anyhow: run queue, poller,
//     timers.
//
// The rule. A worker takes, in this order: the fiber its last one woke (next_slot, at most 3 in a row, so that a
// ping-pong pair starves nobody), what was spawned last (fresh_deque, at most 128 in a row while others wait), its run
// queue, then the inject queue, its poller and timers, other workers' queues; then it parks in its poller. Every 61st
// pass, and at least when 50 µs have gone, it looks at timers, poller and inject queue first.
//
// No hop while there is work. A fiber that suspends picks its successor itself and switches to it (suspend.cpp);
// one that ends runs a fresh successor in place, on its own stack. Only the looks around, and parking, happen on
// the worker's own stack. It must be so: a suspending fiber still holds the lock of the queue it waits in, and
// expiring a timer may need that very lock.
//
// Wake-ups. Two patterns, and every one of them pairs two full fences (idle_workers.hpp):
//   submit:   publish the fiber; full_fence; if nobody searches and somebody is parked, wake one
//   go idle:  say so (idle_workers::add); full_fence; look at all queues once more; park
// The last worker that stops searching with success wakes the next, so that a burst spreads as fast as it is found.
//
// End. The function given to run() is a fiber like any other. When it has ended, run() waits for all others: at most
// shutdown_grace, then they are requested to stop, and it goes on waiting. Counting them needs no shared counter:
// each worker counts what it spawned and finished, and the sums are compared (has_living_fibers).
#include "fiber/sched/scheduler.hpp"

#include "fiber/base/check.hpp"
#include "fiber/base/cpu_count.hpp"
#include "fiber/base/pause.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/park_poller.hpp"
#include "fiber/sched/resume.hpp"
#include "fiber/sched/running_schedulers.hpp"
#include "fiber/sched/stop.hpp"

#include <algorithm>
#include <sched.h>
#include <system_error>
#include <utility>

namespace coir {
namespace {

constexpr unsigned most_workers = 1024;

unsigned count_workers(const runtime_options& options) {
  if (options.workers > most_workers) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            "coir: runtime_options::workers must be at most 1024");
  }
  return options.workers != 0 ? options.workers : base::usable_cpu_count();
}

std::uint64_t fresh_serial() noexcept {
  static atomic<std::uint64_t> last{0};
  return last.fetch_add(1, relaxed) + 1; // relaxed: only uniqueness matters
}

} // namespace

scheduler::scheduler(const runtime_options& options)
    : options_(options),
      serial_(fresh_serial()),
      nominal_workers_(count_workers(options)),
      default_class_(static_cast<std::uint8_t>(stack_class_for(options.stack_size))),
      workers_(nominal_workers_ + most_compensating),
      idle_(nominal_workers_ + most_compensating),
      monitor_(*this),
      drain_limit_(base::time_point::max().time_since_epoch().count()) {
  for (unsigned i = 0; i < nominal_workers_; ++i) add_worker(make_first_poller(i));
  threads_.reserve(workers_.size());
}

scheduler::~scheduler() {
  base::spin_wait wait;
  while (visitors_.load(acquire) != 0) wait.once(); // pairs with the release in resume_from_outside
}

std::unique_ptr<poller> scheduler::make_first_poller(unsigned index) const {
  if (options_.make_poller) return options_.make_poller(index);
  return make_poller_ != nullptr ? make_poller_() : std::make_unique<park_poller>();
}

worker& scheduler::add_worker(std::unique_ptr<poller> first) {
  const std::uint32_t index = started_workers_.load(relaxed); // relaxed: only one thread adds at a time
  const bool is_alone = nominal_workers_ == 1 && index == 0;
  workers_[index] = std::make_unique<worker>(*this, index, is_alone, std::move(first));
  started_workers_.store(index + 1, release); // pairs with the acquire loads of the count
  return *workers_[index];
}

bool scheduler::enter_or_start(control_block& main) noexcept {
  // Held over start(), so that whoever is about to leave counts `main` among the living.
  const std::lock_guard held(entry_mutex_);
  if (is_entered_) start(nullptr, main);
  return !std::exchange(is_entered_, true);
}

bool scheduler::try_leave() noexcept {
  const std::lock_guard held(entry_mutex_);
  is_entered_ = has_living_fibers();
  return !is_entered_;
}

void scheduler::open() {
  is_draining_.store(false, relaxed); // relaxed: no other thread is in here yet; starting them publishes it
  is_deadlocked_.store(false, relaxed); // relaxed: the same
  try {
    start_threads();
  } catch (...) {
    const std::lock_guard held(entry_mutex_);
    is_entered_ = false;
    throw;
  }
}

void scheduler::start_threads() {
  is_stopping_.store(false, relaxed); // relaxed: no other thread is in here yet; starting them publishes it
  try {
    for (std::uint32_t i = 1; i < started_workers_.load(relaxed); ++i) { // relaxed: the same
      start_thread(*workers_[i]);
    }
    if (options_.monitor) monitor_.start();
  } catch (...) {
    stop();
    join_threads();
    throw;
  }
}

bool scheduler::work(control_block& main) noexcept {
  {
    const running_entry entry(*this);
    main.is_main = true;
    start(nullptr, main);
    run_workers();
  }
  const bool is_deadlocked = is_deadlocked_.load(relaxed); // relaxed: all threads have been joined
  while (!try_leave()) run_latecomers();
  return !is_deadlocked;
}

void scheduler::run_workers() noexcept {
  workers_[0]->loop();
  if (options_.monitor) monitor_.stop();
  join_threads();
}

void scheduler::run_latecomers() noexcept {
  try {
    start_threads();
  } catch (const std::exception&) {
    ::sched_yield(); // There were threads a moment ago: others have them now. Try again.
    return;
  }
  begin_draining();
  run_workers();
}

void scheduler::start_thread(worker& w) {
  const std::lock_guard held(threads_mutex_);
  threads_.emplace_back([&w] { w.loop(); });
}

void scheduler::join_threads() noexcept {
  for (;;) {
    std::vector<std::thread> joining;
    {
      const std::lock_guard held(threads_mutex_);
      joining.swap(threads_);
      if (joining.empty()) return;
    }
    for (auto& thread : joining) thread.join();
  }
}

void scheduler::stop() noexcept {
  is_stopping_.store(true, release); // pairs with the acquire in is_stopping
  full_fence();                      // pairs with the one in worker::park
  for_each_worker([](worker& w) { w.interrupt(); });
}

void resume(control_block& fiber) noexcept {
  worker* const here = current_worker();
  if (here != nullptr && &here->owner() == fiber.owner) {
    fiber.owner->resume_here(*here, fiber);
  } else {
    fiber.owner->resume_from_outside(fiber);
  }
}

void scheduler::resume_here(worker& here, control_block& fiber) noexcept {
  if (fiber.home != nullptr) {
    fiber.home->push_pinned(fiber);
  } else if (!try_push_elsewhere(fiber)) {
    here.push_next(fiber);
  }
}

bool scheduler::try_push_elsewhere(control_block& fiber) noexcept {
  if (!options_.force_migration || nominal_workers_ < 2) return false;
  // Through the inbox of another worker, which then runs it as if it were pinned there, once.
  std::uint32_t target = next_target_.fetch_add(1, relaxed) % nominal_workers_; // relaxed: any will do
  if (workers_[target].get() == fiber.last_worker) target = (target + 1) % nominal_workers_;
  fiber.last_worker = workers_[target].get();
  fiber.last_worker->push_pinned(fiber);
  return true;
}

void scheduler::resume_from_outside(control_block& fiber) noexcept {
  // Once the fiber is on a queue it may run and end, and the runtime with it, while we are still in here.
  visitors_.fetch_add(1, relaxed); // relaxed: the queue carries it to whoever runs the fiber
  if (fiber.home != nullptr) {
    fiber.home->push_pinned(fiber);
  } else {
    injected_.push(fiber);
    wake_one();
  }
  visitors_.fetch_sub(1, release); // pairs with the acquire in ~scheduler
}

void scheduler::wake_one() noexcept {
  full_fence(); // pairs with the one in worker::park: it sees our fiber, or we see it parked
  if (worker* const sleeper = idle_.take_one(false)) sleeper->interrupt();
}

bool scheduler::has_queued_work() const noexcept {
  if (!injected_.is_empty()) return true;
  bool found = false;
  for_each_worker([&](const worker& w) { found = found || w.has_runnable(); });
  return found;
}

void scheduler::begin_draining() noexcept {
  const auto grace = options_.shutdown_grace;
  const auto now = workers_[0]->now();
  const auto limit = grace >= base::time_point::max() - now ? base::time_point::max() : now + grace;
  drain_limit_.store(limit.time_since_epoch().count(), relaxed); // relaxed: published by the next
  is_draining_.store(true, release); // pairs with the acquire loads of is_draining_
  workers_[0]->interrupt();          // it watches the limit
}

bool scheduler::has_living_fibers() const noexcept {
  // Finished before spawned: if the sums are equal, every fiber spawned until the second sum had ended by the first.
  std::uint64_t finished = 0;
  for_each_worker([&](const worker& w) {
    finished += w.finished_.load(acquire); // pairs with the release in worker::finish
  });
  full_fence(); // pairs with the one in worker::park: the last worker to park sees all counts
  std::uint64_t spawned = foreign_spawned_.load(acquire); // pairs with the release in start
  for_each_worker([&](const worker& w) {
    spawned += w.spawned_.load(acquire); // pairs with the release in count_spawn
  });
  return finished != spawned;
}

void scheduler::check_drained() noexcept {
  if (!is_draining_.load(acquire) || is_stopping()) return; // pairs with the release in note_finished
  if (!has_living_fibers()) {
    stop();
    return;
  }
  // relaxed: published by is_draining_.
  auto limit = drain_limit_.load(relaxed);
  constexpr auto never = base::time_point::max().time_since_epoch().count();
  if (limit == never || workers_[0]->now().time_since_epoch().count() < limit) return;
  // relaxed: one of the callers wins, no memory goes with it.
  if (!drain_limit_.compare_exchange(limit, never, relaxed, relaxed)) return;
  try {
    request_stop_of_all();
  } catch (const std::bad_alloc&) {
    drain_limit_.store(limit, relaxed); // relaxed: whoever looks next tries again
  }
}

void scheduler::request_stop_of_all() {
  const auto visit = [](slab_cell& cell, void* self) {
    auto& fiber = *static_cast<control_block*>(cell.object());
    if (fiber.owner == self) request_stop(fiber);
    drop_reference(fiber);
  };
  slab::for_each_live(visit, this);
}

void scheduler::declare_deadlock() noexcept {
  // relaxed: whoever reads it as a result has joined us.
  COIR_CHECK(
      !is_deadlocked_.exchange(true, relaxed),
      "deadlock: every fiber waits for what can never happen, and does not heed a stop request");
  request_stop_of_all();
}

void scheduler::attach_pollers(std::unique_ptr<poller> (*make)()) {
  if (options_.make_poller) return; // tests bring pollers that can do what they need
  const std::lock_guard held(attach_mutex_);
  if (make_poller_ != nullptr) return;
  std::vector<std::unique_ptr<poller>> made;
  for_each_worker([&](worker&) { made.push_back(make()); });
  make_poller_ = make;
  std::size_t next = 0;
  // A compensating worker added meanwhile has been waiting for attach_mutex_, and uses make_poller_.
  for (auto& one : made) workers_[next++]->replace_poller(std::move(one));
}

std::uint64_t scheduler::fresh_ids(std::uint64_t count) noexcept {
  return next_id_.fetch_add(count, relaxed); // relaxed: only uniqueness matters
}

scheduler_statistics scheduler::statistics() const noexcept {
  // relaxed: counts, each a moment old.
  scheduler_statistics sum{foreign_spawned_.load(relaxed), 0, 0, 0, monitor_.compensations(),
                           slab::statistics().frames};
  for_each_worker([&](const worker& w) {
    sum.spawned += w.spawned_.load(relaxed);   // relaxed: as above
    sum.finished += w.finished_.load(relaxed); // relaxed: as above
    sum.steals += w.steals_.load(relaxed);     // relaxed: as above
    sum.parks += w.parks_.load(relaxed);       // relaxed: as above
  });
  return sum;
}

} // namespace coir
