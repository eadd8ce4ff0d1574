// SPDX-License-Identifier: MIT
// Stuck workers: somebody computes, or blocks in a call that nobody made fiber-aware, and only his own fiber is late.
//
// The subject is real time on a machine that others use too. So a latency is measured in up to ten rounds, and
// the best round counts; what is asserted is that waits do not take as long as the stall, which they all would
// without the monitor.
#include "fiber/coro/spawn.hpp"
#include "fiber/mutex.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/blocking_call.hpp"
#include "tests/support/forked_child.hpp"
#include "tests/support/kernel_thread.hpp"
#include "tests/support/process_memory.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/worker_counts.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <sched.h>
#include <sys/resource.h>
#include <system_error>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir::test::blocking_call;

namespace {

using steady = std::chrono::steady_clock;
using coir::test::with_workers;
constexpr auto stall = 200ms;
constexpr int most_rounds = 10; ///< a busy machine spoils some; without the monitor every one takes the whole stall
constexpr auto most_delay = coir::test::is_sanitized ? 100ms : 20ms;

void compute_for(std::chrono::nanoseconds duration) {
  const auto end = steady::now() + duration;
  while (steady::now() < end) {
  }
}

void block_for(std::chrono::nanoseconds duration) {
  std::this_thread::sleep_for(duration); // sleep: an unhooked blocking call is the subject
}

/// The longest that a sleeper of 1 ms overslept until `is_over`.
std::chrono::nanoseconds worst_timer_delay(const std::atomic<bool>& is_over) {
  std::chrono::nanoseconds worst{0};
  while (!is_over) {
    const steady::time_point due = steady::now() + 1ms;
    coir::this_fiber::sleep_until(due);
    worst = std::max<std::chrono::nanoseconds>(worst, steady::now() - due);
  }
  return worst;
}

/// The longest that a fiber took to run after it had been notified, until `is_over`.
std::chrono::nanoseconds worst_wake_delay(const std::atomic<bool>& is_over) {
  std::chrono::nanoseconds worst{0};
  coir::binary_semaphore thrown(0);
  coir::binary_semaphore caught(0);
  steady::time_point thrown_at{};
  auto catcher = coir::spawn([&] {
    while (!is_over) {
      thrown.acquire();
      worst = std::max<std::chrono::nanoseconds>(worst, steady::now() - thrown_at);
      caught.release();
    }
  });
  while (!catcher.has_ended()) {
    thrown_at = steady::now();
    thrown.release();
    caught.acquire();
    coir::this_fiber::sleep_for(1ms);
  }
  return worst;
}

/// The worst delay of anybody while two fibers stall one after the other; the best of some rounds.
std::chrono::nanoseconds delay_beside(const std::function<void(std::chrono::nanoseconds)>& hog) {
  auto best = std::chrono::nanoseconds::max();
  for (int round = 0; round < most_rounds && best > most_delay; ++round) {
    best = std::min(best, coir::run(with_workers(2), [&] {
                      std::atomic<bool> is_over{false};
                      std::vector<coir::fiber<std::chrono::nanoseconds>> watchers;
                      for (int i = 0; i < 4; ++i) {
                        watchers.push_back(coir::spawn([&] { return worst_timer_delay(is_over); }));
                        watchers.push_back(coir::spawn([&] { return worst_wake_delay(is_over); }));
                      }
                      coir::this_fiber::sleep_for(5ms);
                      coir::spawn([&] { hog(stall); }).join();
                      coir::spawn([&] { hog(stall); }).join();
                      is_over = true;
                      std::chrono::nanoseconds worst{0};
                      for (auto& each : watchers) worst = std::max(worst, each.join());
                      return worst;
                    }));
  }
  return best;
}

} // namespace

TEST_CASE("A fiber that computes delays nobody else") {
  CHECK(delay_beside(compute_for) <= most_delay);
}

TEST_CASE("A fiber that blocks its thread delays nobody else") {
  CHECK(delay_beside(block_for) <= most_delay);
}

TEST_CASE("What a stuck worker has in its queue is run by others, however busy they are") {
  auto best = std::chrono::nanoseconds::max();
  for (int round = 0; round < most_rounds && best > most_delay; ++round) {
    const auto worst = coir::run(with_workers(2), [] {
      std::atomic<bool> is_over{false};
      coir::scope busy; // never lets its worker run out of fibers, so that it has no reason to steal
      for (int i = 0; i < 4; ++i) {
        busy.spawn([&] {
          while (!is_over) coir::this_fiber::yield();
        });
      }
      coir::this_fiber::sleep_for(2ms);
      std::chrono::nanoseconds worst_delay{0};
      coir::mutex mutex;
      coir::spawn([&] {
        coir::scope behind;
        const auto spawned_at = steady::now();
        for (int i = 0; i < 10; ++i) {
          behind.spawn([&, spawned_at] {
            const std::lock_guard held(mutex);
            worst_delay =
                std::max<std::chrono::nanoseconds>(worst_delay, steady::now() - spawned_at);
          });
        }
        compute_for(stall);
        behind.join();
      }).join();
      is_over = true;
      busy.join();
      return worst_delay;
    });
    best = std::min(best, worst);
  }
  CHECK(best <= most_delay);
}

TEST_CASE("If every worker blocks, a compensating one goes on") {
  const unsigned workers = GENERATE(1U, 2U, 8U);
  coir::runtime runtime(with_workers(workers));
  runtime.run([workers] {
    blocking_call call;
    std::atomic<unsigned> blocked_count{0};
    coir::scope blocked;
    for (unsigned i = 0; i < workers; ++i) {
      blocked.spawn([&] {
        ++blocked_count;
        call.block();
      });
    }
    blocked.spawn([&] { // in the end no worker is left to run it
      while (blocked_count < workers) coir::this_fiber::yield();
      for (unsigned i = 0; i < workers; ++i) call.end_one();
    });
    blocked.join();
  });
  CHECK(runtime.statistics().compensations >= 1);
  CHECK(runtime.workers() == workers);
  CHECK(runtime.run([] { return coir::spawn([] { return 42; }).join(); }) == 42);
}

TEST_CASE("If there is no thread for a compensating worker, it is tried again") {
  if (coir::test::is_sanitized) return; // their shadow memory does not fit below any limit
  const auto end = coir::test::run_in_child([] {
    coir::run(with_workers(1), [] {
      blocking_call call;
      auto waiting = coir::spawn([&] { call.end_one(); });
      const rlim_t mapped = coir::test::read_memory().mapped_bytes;
      const rlimit no_stacks{mapped + (rlim_t{1} << 20), RLIM_INFINITY};
      const rlimit no_limit{RLIM_INFINITY, RLIM_INFINITY};
      ::setrlimit(RLIMIT_AS, &no_stacks);
      compute_for(150ms); // more tries than there are seats for compensating workers
      ::setrlimit(RLIMIT_AS, &no_limit);
      call.block();
      waiting.join();
    });
    return true;
  });
  INFO(end.error_output);
  CHECK(end.has_succeeded());
}

TEST_CASE("A fiber that pinned itself to a compensating worker runs there after it has retired") {
  coir::run(with_workers(1), [] {
    blocking_call call;
    coir::binary_semaphore later(0);
    bool has_moved = false;
    bool has_stayed = false;
    const auto first = coir::test::kernel_thread();
    auto pinned = coir::spawn([&] {
      const coir::pin here;
      const auto home = coir::test::kernel_thread();
      has_moved = home != first;
      call.end_one();
      later.acquire();
      has_stayed = coir::test::kernel_thread() == home;
    });
    call.block();
    // Long enough for the monitor to see that the worker is back. If it takes longer, nothing is lost but the
    // test's point.
    coir::this_fiber::sleep_for(50ms);
    later.release();
    pinned.join();
    CHECK(has_moved);
    CHECK(has_stayed);
  });
}

TEST_CASE("A coroutine that a join begins on a retired worker may block there") {
  coir::run(with_workers(1), [] {
    blocking_call call;
    coir::binary_semaphore later(0);
    coir::binary_semaphore at_last(0);
    const auto first = coir::test::kernel_thread();
    bool has_moved = false;
    bool has_run = false;
    coir::fiber<> beside;
    // Makes a fiber runnable that only this worker may run, and blocks: that one runs next.
    const auto block = [&]() -> coir::task<int> {
      beside = coir::spawn({.placement = coir::placement::pinned}, [&] { has_run = true; });
      at_last.acquire();
      co_return 5;
    };
    auto pinned = coir::spawn([&] {
      const coir::pin here;
      has_moved = coir::test::kernel_thread() != first;
      call.end_one();
      later.acquire();
      const int result = coir::spawn(block()).join();
      beside.join();
      return result;
    });
    call.block();
    coir::this_fiber::sleep_for(50ms); // as above
    later.release();
    coir::this_fiber::sleep_for(5ms);
    CHECK_FALSE(pinned.has_ended());
    at_last.release();
    CHECK(pinned.join() == 5);
    CHECK(has_moved);
    CHECK(has_run);
  });
}

TEST_CASE("Fibers are requested to stop after the grace even if worker 0 is stuck") {
  auto options = with_workers(2);
  options.shutdown_grace = 50ms;
  blocking_call call;
  coir::runtime runtime(options);
  // Of a foreign thread's spawn, pinned means worker 0.
  auto stuck = runtime.spawn({.placement = coir::placement::pinned}, [&] { call.block(); });
  auto sleeper = runtime.spawn([&] {
    try {
      coir::this_fiber::sleep_for(1h);
    } catch (const std::system_error&) {
      call.end_one();
    }
  });
  stuck.detach();
  sleeper.detach();
  runtime.run([] { coir::this_fiber::sleep_for(5ms); });
  SUCCEED("run() has returned");
}

TEST_CASE("A stall is reported, with the worker and how long it lasts") {
  std::atomic<unsigned> worker{~0U};
  std::atomic<std::int64_t> stalled_ns{0};
  auto options = with_workers(2);
  options.stuck_after = 20ms;
  blocking_call call;
  options.on_stall = [&](const coir::stall_report& report) {
    worker = report.worker;
    stalled_ns = report.stalled_for.count();
    call.end_one();
  };
  coir::run(options, [&] { call.block(); });
  CHECK(worker < 2);
  CHECK(std::chrono::nanoseconds(stalled_ns) >= 20ms);
  CHECK(std::chrono::nanoseconds(stalled_ns) < 60s);
}

TEST_CASE("A worker that only waits for a CPU is not stuck, and gets no substitute") {
  // All threads that are started meanwhile share one CPU with the caller.
  cpu_set_t before;
  REQUIRE(::sched_getaffinity(0, sizeof before, &before) == 0);
  cpu_set_t one_cpu;
  CPU_ZERO(&one_cpu);
  CPU_SET(::sched_getcpu(), &one_cpu);
  REQUIRE(::sched_setaffinity(0, sizeof one_cpu, &one_cpu) == 0);
  std::atomic<bool> is_over{false};
  std::vector<std::thread> crowd; // so many that each waits for longer than what counts as stuck
  for (int i = 0; i < 8; ++i) {
    crowd.emplace_back([&] {
      while (!is_over) {
      }
    });
  }
  coir::runtime runtime(with_workers(1));
  runtime.run([] {
    const auto until = steady::now() + 300ms;
    coir::scope scope;
    for (int i = 0; i < 4; ++i) {
      scope.spawn([until] {
        while (steady::now() < until) coir::this_fiber::yield();
      });
    }
    scope.join();
  });
  is_over = true;
  for (auto& each : crowd) each.join();
  ::sched_setaffinity(0, sizeof before, &before);
  CHECK(runtime.statistics().compensations == 0);
}

TEST_CASE("Without a monitor nobody watches, and all still works") {
  auto options = with_workers(2);
  options.monitor = false;
  coir::runtime runtime(options);
  runtime.run([] {
    coir::scope sleepers;
    for (int i = 0; i < 10; ++i) sleepers.spawn([] { coir::this_fiber::sleep_for(1ms); });
    sleepers.join();
  });
  CHECK(runtime.statistics().compensations == 0);
}
