// SPDX-License-Identifier: MIT
// A storm of everything that coroutines, fibers and plain threads can do to each other.
#include "fiber/base/random.hpp"
#include "fiber/condition_variable.hpp"
#include "fiber/coro/sleep.hpp"
#include "fiber/coro/when.hpp"
#include "fiber/latch.hpp"
#include "fiber/mutex.hpp"
#include "fiber/runtime.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/this_fiber.hpp"
#include "tests/catch.hpp"
#include "tests/coro/expect.hpp"
#include "tests/coro/foreign_coroutine.hpp"
#include "tests/coro/living_frames.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir::task;
using coir::base::random_sequence;
using coir::test::no_leaks;
using coir::test::resuming_thread;

namespace {

constexpr int coroutines = 16;
constexpr int steps = coir::test::is_sanitized ? 60 : 400;

/// What all share.
struct world {
  coir::mutex mutex;
  coir::condition_variable changed;
  coir::counting_semaphore<> units{4};
  resuming_thread foreign;
  long counter = 0;   ///< guarded by mutex
  int generation = 0; ///< guarded by mutex
  std::atomic<long> expected{0};
};

task<> increment(world& w, bool is_long) {
  co_await w.mutex.async_lock();
  const std::unique_lock held(w.mutex, std::adopt_lock);
  const long before = w.counter;
  if (is_long) co_await coir::this_fiber::async_sleep_for(1us);
  w.counter = before + 1;
  ++w.expected;
}

void increment_blocking(world& w) {
  const std::lock_guard held(w.mutex);
  const long before = w.counter;
  coir::this_fiber::yield();
  w.counter = before + 1;
  ++w.expected;
}

task<> use_unit(world& w) {
  co_await w.units.async_acquire();
  co_await coir::this_fiber::async_yield();
  w.units.release();
}

/// Waits for the next generation, or makes it.
task<> turn(world& w, bool makes_it) {
  co_await w.mutex.async_lock();
  std::unique_lock held(w.mutex, std::adopt_lock);
  if (makes_it) {
    ++w.generation;
    w.changed.notify_all();
    co_return;
  }
  const int seen = w.generation;
  while (w.generation == seen) {
    if (co_await w.changed.async_wait_until(held, 50us) == coir::cv_status::timeout) break;
  }
}

/// Is stopped or timed out at any moment; must give its unit back.
task<> hold_unit_until_stopped(world& w) {
  co_await w.units.async_acquire();
  try {
    co_await coir::this_fiber::async_sleep_for(1h);
  } catch (const std::system_error&) {
  }
  w.units.release();
}

task<> stop_somebody(world& w, std::uint64_t delay) {
  auto victim = coir::spawn(hold_unit_until_stopped(w));
  if (delay != 0) co_await coir::this_fiber::async_sleep_for(std::chrono::microseconds(delay));
  victim.request_stop();
  try {
    co_await victim;
  } catch (const std::system_error&) { // stopped before it had a unit
  }
}

task<> time_out(world& w) {
  const coir::deadline_scope limit{20us};
  bool has_unit = false;
  try {
    co_await w.units.async_acquire();
    has_unit = true;
    co_await coir::this_fiber::async_sleep_for(1h);
  } catch (const std::system_error&) {
  }
  if (has_unit) w.units.release();
}

task<> one_step(world& w, random_sequence& random) {
  switch (random.below(14)) {
  case 0: co_return co_await increment(w, false);
  case 1: co_return co_await increment(w, true);
  case 2: increment_blocking(w); break;
  case 3: co_return co_await use_unit(w);
  case 4: co_return co_await turn(w, false);
  case 5: co_return co_await turn(w, true);
  case 6: co_return co_await stop_somebody(w, random.below(3) * 10);
  case 7: co_return co_await time_out(w);
  case 8: COIR_EXPECT(co_await w.foreign.resume_with(7) == 7); break;
  case 9: co_await coir::spawn([&w] { coir::await(increment(w, false)); }); break;
  case 10:
    co_await coir::when_all(increment(w, false), use_unit(w), coir::this_fiber::async_yield());
    break;
  case 11: co_await coir::spawn(increment(w, false)); break;
  case 12: co_await coir::spawn(use_unit(w)); break;
  default:
    static_cast<void>(
        co_await coir::when_any(hold_unit_until_stopped(w), w.foreign.resume_with(1)));
    break;
  }
}

task<> storm(world& w, std::uint64_t seed) {
  random_sequence random(seed);
  for (int i = 0; i < steps; ++i) co_await one_step(w, random);
}

void storm_on(const coir::runtime_options& options) {
  const no_leaks watch;
  world w;
  std::thread plain([&] {
    for (int i = 0; i < steps; ++i) increment_blocking(w);
  });
  coir::run(options, [&] {
    coir::scope scope;
    for (int i = 0; i < coroutines; ++i) {
      scope.spawn(storm(w, coir::test::seed() + static_cast<std::uint64_t>(i)));
      if (i % 4 == 0) {
        scope.spawn([&] {
          for (int n = 0; n < steps; ++n) increment_blocking(w);
        });
      }
    }
    scope.join();
  });
  plain.join();
  CHECK(w.counter == w.expected);
  for (int i = 0; i < 4; ++i) CHECK(w.units.try_acquire());
  CHECK_FALSE(w.units.try_acquire());
}

} // namespace

TEST_CASE("The storm, on one worker and on several, in a shuffled order") {
  storm_on(coir::test::shuffled(GENERATE(1U, 2U, 8U)));
}

TEST_CASE("The storm as in a user's runtime") {
  storm_on(coir::test::with_workers(GENERATE(1U, 2U, 8U)));
}

TEST_CASE("The storm, each resumed one on another worker") {
  storm_on(coir::test::migrating(GENERATE(2U, 5U)));
}
