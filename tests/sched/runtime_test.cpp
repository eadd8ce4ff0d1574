// SPDX-License-Identifier: MIT
// Runtimes: one after another, side by side, nested, entered by several threads; what run() returns and throws.
#include "fiber/latch.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/living_fibers.hpp"
#include "tests/support/virtual_poller.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;
using coir::test::on_virtual_clock;
using coir::test::virtual_clock;
using coir::test::with_workers;

namespace {

/// Fibers that meet: an answer that needs the scheduler.
int count_in_fibers(int fibers) {
  coir::latch all_here(fibers);
  std::atomic<int> count{0};
  coir::scope meeting;
  for (int i = 0; i < fibers; ++i) {
    meeting.spawn([&] {
      all_here.arrive_and_wait();
      ++count;
    });
  }
  meeting.join();
  return count;
}

} // namespace

TEST_CASE("run() returns what its function returns") {
  const unsigned workers = GENERATE(1U, 8U);
  const auto options = with_workers(workers);
  CHECK(coir::run(options, [] { return 42; }) == 42);
  CHECK(coir::run(
            options, [](int left, int right) { return left - right; }, 44, 2) == 42);
  CHECK(*coir::run(
            options, [](std::unique_ptr<int> moved) { return moved; }, std::make_unique<int>(42)) ==
        42);
  static_assert(std::is_void_v<decltype(coir::run([] {}))>);
  coir::run(options, [] {});
}

TEST_CASE("run() returns a reference as one") {
  int kept = 0;
  const auto give = [&kept]() -> int& { return kept; };
  static_assert(std::is_same_v<decltype(coir::run(give)), int&>);
  CHECK(&coir::run(with_workers(1), give) == &kept);
  coir::runtime runtime(with_workers(1));
  CHECK(&runtime.run(give) == &kept);
}

TEST_CASE("run() rethrows what its function throws") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::runtime runtime(with_workers(workers));
  CHECK_THROWS_AS(runtime.run([]() -> int { throw std::domain_error("thrown in a fiber"); }),
                  std::domain_error);
  CHECK(runtime.run([] { return count_in_fibers(3); }) == 3);
}

TEST_CASE("A runtime can be run again, and runtimes follow each other") {
  const unsigned workers = GENERATE(1U, 8U);
  for (int made = 0; made < 5; ++made) {
    coir::runtime runtime(with_workers(workers));
    CHECK(runtime.workers() == workers);
    for (int round = 0; round < 5; ++round) {
      CHECK(runtime.run([] { return count_in_fibers(10); }) == 10);
    }
    CHECK(runtime.statistics().spawned == 5 * 11);
    CHECK(runtime.statistics().finished == 5 * 11);
  }
}

TEST_CASE("Runtimes work side by side") {
  const unsigned workers = GENERATE(1U, 4U);
  std::vector<std::thread> threads;
  std::atomic<int> sum{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        sum += coir::run(with_workers(workers), [] { return count_in_fibers(20); });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(sum == 4 * 10 * 20);
}

TEST_CASE("A fiber can run another runtime, and its own") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::runtime outer(with_workers(workers));
  const int sum = outer.run([&] {
    const auto id = coir::this_fiber::id();
    int result = coir::run(with_workers(2), [] { return count_in_fibers(5); });
    result += outer.run([] { return count_in_fibers(5); });
    return coir::this_fiber::id() == id ? result : -1;
  });
  CHECK(sum == 10);
}

TEST_CASE("A nested run() that is interrupted takes its function along") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  std::error_code told_inside;
  std::error_code told_caller;
  {
    coir::runtime outer(on_virtual_clock(clock, workers));
    const auto sleep_long = [&] {
      try {
        coir::this_fiber::sleep_for(1h);
      } catch (const std::system_error& error) {
        told_inside = error.code();
      }
    };
    outer.run([&] {
      const coir::deadline_scope limit{10ms};
      try {
        outer.run(sleep_long);
      } catch (const std::system_error& error) {
        told_caller = error.code();
      }
    });
  }
  CHECK(told_caller == std::errc::timed_out);
  CHECK(told_inside == std::errc::operation_canceled);
  CHECK(coir::test::count_living_fibers() == 0);
}

TEST_CASE("Two runtimes can talk to each other through a primitive") {
  coir::binary_semaphore ping(0);
  coir::binary_semaphore pong(0);
  std::thread other([&] {
    coir::run(with_workers(2), [&] {
      for (int i = 0; i < 200; ++i) {
        ping.acquire();
        pong.release();
      }
    });
  });
  coir::run(with_workers(2), [&] {
    for (int i = 0; i < 200; ++i) {
      ping.release();
      pong.acquire();
    }
  });
  other.join();
  CHECK_FALSE(ping.try_acquire());
  CHECK_FALSE(pong.try_acquire());
}

TEST_CASE("Several threads can be in run() of one runtime, and come and go as they like") {
  const unsigned workers = GENERATE(1U, 3U);
  coir::runtime runtime(with_workers(workers));
  std::atomic<int> sum{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 300; ++round) sum += runtime.run([] { return 1; });
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(sum == 4 * 300);
}

TEST_CASE("Options out of range are refused") {
  const auto is_refused = [](const coir::runtime_options& options) {
    try {
      const coir::runtime runtime(options);
      return false;
    } catch (const std::system_error& error) {
      return error.code() == std::errc::invalid_argument;
    }
  };
  CHECK(is_refused(with_workers(1025)));
  coir::runtime_options options;
  options.stack_size = (std::size_t{64} << 20) + 1;
  CHECK(is_refused(options));
}
