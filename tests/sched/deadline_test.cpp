// SPDX-License-Identifier: MIT
// deadline and deadline_scope: conversions that cannot overflow, limits that nest and end.
#include "fiber/deadline.hpp"

#include "fiber/condition_variable.hpp"
#include "fiber/latch.hpp"
#include "fiber/mutex.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/virtual_poller.hpp"

#include <chrono>
#include <limits>
#include <mutex>
#include <ratio>
#include <system_error>

using namespace std::chrono_literals;
using coir::deadline;
using coir::deadline_scope;
using coir::test::on_virtual_clock;
using coir::test::virtual_clock;

namespace {

template <class Function>
std::error_code error_of(Function&& function) {
  try {
    function();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

} // namespace

TEST_CASE("A deadline is a point in time, a duration from now, or never") {
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 1), [&] {
    const auto now = clock.now();
    CHECK(deadline().is_never());
    CHECK(deadline::never().when() == coir::clock::time_point::max());
    CHECK(deadline(now + 1s).when() == now + 1s);
    CHECK(deadline(1500ms).when() == now + 1500ms);
    CHECK(deadline(1.5s).when() == now + 1500ms);
    CHECK(deadline(std::chrono::duration<double, std::nano>(0.25)).when() == now + 1ns); // rounded up
    CHECK(deadline(0s).when() == now);
    CHECK(deadline(-5s).when() == now);
    CHECK_FALSE(deadline(24h * 365 * 100).is_never());
  });
}

TEST_CASE("A duration that no clock can hold means never, or now") {
  using years = std::chrono::duration<double, std::ratio<31'556'952>>;
  CHECK(deadline(std::chrono::hours::max()).is_never());
  CHECK(deadline(std::chrono::nanoseconds::max()).is_never());
  CHECK(deadline(years(1e300)).is_never());
  CHECK(deadline(years(std::numeric_limits<double>::infinity())).is_never());
  for (const deadline past : {deadline(std::chrono::hours::min()), deadline(years(-1e300))}) {
    CHECK(past.when() <= coir::clock::now());
  }
}

TEST_CASE("A deadline_scope bounds what can report it") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    const auto before = clock.now();
    coir::latch never(1);
    coir::counting_semaphore<> none(0);
    auto sleeper = coir::spawn([] { coir::this_fiber::sleep_for(1h); });
    const deadline_scope limit{1s};
    CHECK(error_of([&] { never.wait(); }) == std::errc::timed_out);
    CHECK(clock.now() == before + 1s);
    // It has passed: the others only try.
    CHECK(error_of([&] { none.acquire(); }) == std::errc::timed_out);
    CHECK(error_of([] { coir::this_fiber::sleep_for(1ms); }) == std::errc::timed_out);
    CHECK(error_of([&] { sleeper.join(); }) == std::errc::timed_out);
    none.release();
    none.acquire();
    CHECK(clock.now() == before + 1s);
  });
}

TEST_CASE("A shorter time-out of its own is reported as usual") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::counting_semaphore<> none(0);
    const deadline_scope limit{10s};
    CHECK_FALSE(none.try_acquire_for(1s));
    coir::this_fiber::sleep_for(1s);
    CHECK(error_of([&] { static_cast<void>(none.try_acquire_for(1h)); }) == std::errc::timed_out);
  });
}

TEST_CASE("Nested scopes take the earlier limit, and give the outer one back") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    const auto before = clock.now();
    coir::latch never(1);
    const deadline_scope outer{10s};
    {
      const deadline_scope inner{1s};
      CHECK(error_of([&] { never.wait(); }) == std::errc::timed_out);
      CHECK(clock.now() == before + 1s);
    }
    {
      const deadline_scope later{1h};
      CHECK(error_of([&] { never.wait(); }) == std::errc::timed_out);
      CHECK(clock.now() == before + 10s);
    }
    {
      const deadline_scope none{deadline::never()};
      CHECK(error_of([&] { never.wait(); }) == std::errc::timed_out);
    }
  });
}

TEST_CASE("A limit is the fiber's own") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    const deadline_scope limit{1s};
    auto child = coir::spawn([] {
      coir::this_fiber::sleep_for(1h); // not bounded
      return true;
    });
    CHECK(error_of([&] { child.join(); }) == std::errc::timed_out);
    CHECK_FALSE(child.has_ended());
    child.detach();
  });
}

TEST_CASE("mutex::lock and plain waits of a condition variable are not bounded") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::mutex mutex;
    coir::condition_variable changed;
    bool is_done = false;
    auto holder = coir::spawn([&] {
      std::unique_lock held(mutex);
      coir::this_fiber::sleep_for(5s);
      held.unlock();
      coir::this_fiber::sleep_for(5s);
      held.lock();
      is_done = true;
      changed.notify_all();
    });
    coir::this_fiber::sleep_for(1s);
    const deadline_scope limit{1s};
    std::unique_lock held(mutex);
    changed.wait(held, [&] { return is_done; });
    CHECK(is_done);
  });
}

TEST_CASE("A plain thread has limits too") {
  coir::latch never(1);
  const deadline_scope limit{2ms};
  CHECK(error_of([&] { never.wait(); }) == std::errc::timed_out);
  CHECK(error_of([] { coir::this_fiber::sleep_for(1h); }) == std::errc::timed_out);
}
