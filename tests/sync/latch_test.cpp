// SPDX-License-Identifier: MIT
// latch: opens once and stays open; fibers and plain threads at once.
#include "fiber/latch.hpp"

#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/forked_child.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/virtual_poller.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir::test::on_virtual_clock;
using coir::test::shuffled;
using coir::test::virtual_clock;

namespace {
constexpr int rounds = coir::test::is_sanitized ? 100 : 1000;
} // namespace

TEST_CASE("It opens at zero, and stays open") {
  coir::latch latch(3);
  static_assert(coir::latch::max() == std::numeric_limits<std::ptrdiff_t>::max());
  CHECK_FALSE(latch.try_wait());
  latch.count_down(2);
  latch.count_down(0);
  CHECK_FALSE(latch.try_wait());
  latch.count_down();
  CHECK(latch.try_wait());
  latch.wait();
  latch.count_down(0);
  CHECK(latch.try_wait());
  CHECK(coir::latch(0).try_wait());
}

TEST_CASE("Nobody passes before the last has come") {
  const unsigned workers = GENERATE(1U, 8U);
  std::atomic<int> came{0};
  std::atomic<bool> was_early{false};
  constexpr int fibers = 10;
  coir::latch latch(fibers + 1);
  const auto arrive = [&] {
    ++came;
    latch.arrive_and_wait();
    if (came != fibers + 1) was_early = true;
  };
  std::thread thread(arrive);
  coir::run(shuffled(workers), [&] {
    coir::scope scope;
    for (int i = 0; i < fibers; ++i) scope.spawn(arrive);
    scope.join();
  });
  thread.join();
  CHECK_FALSE(was_early);
}

TEST_CASE("A wait ends by a stop request or a deadline") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::latch latch(1);
    const auto code_of_wait = [&] {
      try {
        latch.wait();
      } catch (const std::system_error& error) {
        return error.code();
      }
      return std::error_code();
    };
    auto stopped = coir::spawn(code_of_wait);
    auto patient = coir::spawn(code_of_wait);
    coir::test::until_others_wait();
    stopped.request_stop();
    CHECK(stopped.join() == std::errc::operation_canceled);
    {
      const coir::deadline_scope limit{1s};
      CHECK(code_of_wait() == std::errc::timed_out);
    }
    CHECK_FALSE(latch.try_wait()); // interrupted waits count nothing
    latch.count_down();
    CHECK_FALSE(patient.join());
  });
}

TEST_CASE("It may be destroyed by whoever has passed first") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    for (int round = 0; round < rounds; ++round) {
      auto latch = std::make_unique<coir::latch>(2);
      coir::scope counting;
      for (int i = 0; i < 2; ++i) counting.spawn([latch = latch.get()] { latch->count_down(); });
      latch->wait();
      latch.reset();
      counting.join();
    }
  });
  SUCCEED("nobody touched a latch that was gone");
}

TEST_CASE("Counting below zero is a misuse, and is told") {
  const auto end = coir::test::run_in_child([] {
    coir::latch latch(1);
    latch.count_down(2);
    return true;
  });
  INFO(end.error_output);
  CHECK(end.has_aborted_saying("below zero"));
}
