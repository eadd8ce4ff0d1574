// SPDX-License-Identifier: MIT
// counting_semaphore: units, order, time-outs, cancellation; fibers and plain threads at once.
#include "fiber/semaphore.hpp"

#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/forked_child.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/virtual_poller.hpp"
#include "tests/support/worker_counts.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir::counting_semaphore;
using coir::test::on_virtual_clock;
using coir::test::shuffled;
using coir::test::until_others_wait;
using coir::test::virtual_clock;

namespace {
constexpr int rounds = coir::test::is_sanitized ? 200 : 2000;
} // namespace

TEST_CASE("It counts") {
  counting_semaphore<5> semaphore(2);
  static_assert(counting_semaphore<5>::max() == 5);
  static_assert(coir::binary_semaphore::max() == 1);
  CHECK(semaphore.try_acquire());
  semaphore.acquire();
  CHECK_FALSE(semaphore.try_acquire());
  semaphore.release(3);
  CHECK(semaphore.try_acquire());
  CHECK(semaphore.try_acquire_for(1h));
  CHECK(semaphore.try_acquire_until(coir::deadline::never()));
  CHECK_FALSE(semaphore.try_acquire_for(0s));
  CHECK_FALSE(semaphore.try_acquire_for(1ms));
  semaphore.release(0);
  CHECK_FALSE(semaphore.try_acquire());
}

TEST_CASE("Units go to waiters first come, first served, and nobody comes in between") {
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 1), [] {
    counting_semaphore<> semaphore(0);
    std::vector<int> served;
    coir::scope scope;
    for (int i = 0; i < 5; ++i) {
      scope.spawn([&, i] {
        semaphore.acquire();
        served.push_back(i);
      });
    }
    until_others_wait();
    semaphore.release(2);
    CHECK_FALSE(semaphore.try_acquire()); // handed over already
    until_others_wait();
    std::sort(served.begin(), served.end()); // which of the two ran first does not matter
    CHECK(served == std::vector<int>{0, 1});
    semaphore.release(4);
    CHECK(semaphore.try_acquire()); // one was left
    scope.join();
    CHECK(served.size() == 5);
  });
}

TEST_CASE("At most as many are inside as there are units") {
  const unsigned workers = GENERATE(1U, 8U);
  constexpr int units = 3;
  counting_semaphore<units> semaphore(units);
  std::atomic<int> inside{0};
  std::atomic<bool> was_crowded{false};
  const auto visit = [&] {
    for (int round = 0; round < rounds; ++round) {
      semaphore.acquire();
      if (++inside > units) was_crowded = true;
      if (round % 8 == 0) coir::this_fiber::yield();
      --inside;
      semaphore.release();
    }
  };
  std::thread thread(visit);
  coir::run(shuffled(workers), [&] {
    coir::scope scope;
    for (int i = 0; i < 8; ++i) scope.spawn(visit);
    scope.join();
  });
  thread.join();
  CHECK_FALSE(was_crowded);
  for (int i = 0; i < units; ++i) CHECK(semaphore.try_acquire());
  CHECK_FALSE(semaphore.try_acquire());
}

TEST_CASE("A wait gives up at its deadline without taking a unit") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::binary_semaphore semaphore(0);
    const auto before = clock.now();
    CHECK_FALSE(semaphore.try_acquire_for(3s));
    CHECK_FALSE(semaphore.try_acquire_until(before + 4s));
    CHECK(clock.now() == before + 4s);
    auto releaser = coir::spawn([&] {
      coir::this_fiber::sleep_for(1s);
      semaphore.release();
    });
    CHECK(semaphore.try_acquire_for(1h));
    CHECK(clock.now() == before + 5s);
    releaser.join();
    semaphore.release();
    CHECK(semaphore.try_acquire());
  });
}

TEST_CASE("A stop request ends the wait, and its unit goes to the next") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [] {
    counting_semaphore<> semaphore(0);
    const auto acquire = [&] {
      try {
        semaphore.acquire();
      } catch (const std::system_error& error) {
        return error.code() != std::errc::operation_canceled;
      }
      return true;
    };
    auto first = coir::spawn(acquire);
    coir::this_fiber::sleep_for(1s);
    auto second = coir::spawn(acquire);
    coir::this_fiber::sleep_for(1s);
    first.request_stop();
    CHECK_FALSE(first.join());
    semaphore.release();
    CHECK(second.join());
    CHECK_FALSE(semaphore.try_acquire());
  });
}

TEST_CASE("Units are neither lost nor made when waits are interrupted") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    counting_semaphore<> semaphore(0);
    std::atomic<int> acquired{0};
    std::atomic<bool> is_over{false};
    coir::scope scope;
    for (int i = 0; i < 6; ++i) {
      scope.spawn([&, i] {
        while (!is_over) {
          if (semaphore.try_acquire_for(std::chrono::microseconds(5 + i))) ++acquired;
        }
      });
    }
    for (int round = 0; round < rounds; ++round) {
      semaphore.release();
      if (round % 4 == 0) coir::this_fiber::yield();
    }
    is_over = true;
    scope.join();
    int rest = 0;
    while (semaphore.try_acquire()) ++rest;
    CHECK(acquired + rest == rounds);
  });
}

TEST_CASE("It may be destroyed by whoever got the last unit") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    for (int round = 0; round < rounds; ++round) {
      auto done = std::make_unique<coir::binary_semaphore>(0);
      auto worker = coir::spawn([done = done.get()] { done->release(); });
      done->acquire();
      done.reset();
      worker.join();
    }
  });
  SUCCEED("nobody touched a semaphore that was gone");
}

TEST_CASE("Releasing above the maximum is a misuse, and is told") {
  const auto end = coir::test::run_in_child([] {
    coir::binary_semaphore semaphore(1);
    semaphore.release();
    return true;
  });
  INFO(end.error_output);
  CHECK(end.has_aborted_saying("above max()"));
}
