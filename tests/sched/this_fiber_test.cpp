// SPDX-License-Identifier: MIT
// this_fiber: yield, sleep and questions, from fibers and from plain threads.
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/virtual_poller.hpp"
#include "tests/support/worker_counts.hpp"

#include <chrono>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;
using coir::test::on_virtual_clock;
using coir::test::virtual_clock;
using coir::test::with_workers;

TEST_CASE("yield lets every other runnable fiber go first") {
  std::string order;
  coir::run(coir::test::only_one_worker(), [&] {
    coir::scope scope;
    for (const char name : {'a', 'b', 'c'}) {
      scope.spawn([&order, name] {
        for (int round = 0; round < 3; ++round) {
          order += name;
          coir::this_fiber::yield();
        }
      });
    }
    scope.join();
  });
  CHECK(order == "abcabcabc");
}

TEST_CASE("A fiber that yields alone goes on") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(with_workers(workers), [] {
    for (int i = 0; i < 10'000; ++i) coir::this_fiber::yield();
  });
}

TEST_CASE("sleep lasts as long as it was told, at least") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    const auto before = coir::clock::now();
    CHECK(before == clock.now());
    coir::this_fiber::sleep_for(1500us);
    CHECK(clock.now() == before + 1500us);
    coir::this_fiber::sleep_until(before + 1s);
    CHECK(clock.now() == before + 1s);
    coir::this_fiber::sleep_until(before); // has passed
    coir::this_fiber::sleep_for(0s);
    coir::this_fiber::sleep_for(-1h);
    CHECK(clock.now() == before + 1s);
  });
  const auto real = std::chrono::steady_clock::now();
  coir::run(with_workers(workers), [] { coir::this_fiber::sleep_for(3ms); });
  CHECK(std::chrono::steady_clock::now() - real >= 3ms);
}

TEST_CASE("A sleep too long for any clock is for ever") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    for (const auto hours : {std::chrono::hours::max(), std::chrono::hours(24 * 365 * 300)}) {
      auto sleeper = coir::spawn([hours] { coir::this_fiber::sleep_for(hours); });
      coir::this_fiber::sleep_for(24h);
      CHECK_FALSE(sleeper.has_ended());
      sleeper.request_stop();
      CHECK_THROWS_AS(sleeper.join(), std::system_error);
    }
  });
}

TEST_CASE("A stop request ends a sleep") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    const auto before = clock.now();
    auto sleeper = coir::spawn([] {
      CHECK_FALSE(coir::this_fiber::stop_requested());
      try {
        coir::this_fiber::sleep_for(1h);
      } catch (const std::system_error& error) {
        return error.code() == std::errc::operation_canceled && coir::this_fiber::stop_requested();
      }
      return false;
    });
    coir::this_fiber::sleep_for(1s);
    sleeper.request_stop();
    CHECK(sleeper.join());
    CHECK(clock.now() == before + 1s);
  });
}

TEST_CASE("A plain thread gets what std::this_thread would give") {
  CHECK(coir::this_fiber::id() == 0);
  CHECK(coir::this_fiber::name().empty());
  CHECK_FALSE(coir::this_fiber::stop_requested());
  CHECK_FALSE(coir::this_fiber::get_stop_token().stop_possible());
  coir::this_fiber::yield();
  const auto before = std::chrono::steady_clock::now();
  coir::this_fiber::sleep_for(2ms);
  CHECK(std::chrono::steady_clock::now() - before >= 2ms);
  coir::this_fiber::sleep_until(coir::clock::now() - 1s);
}
