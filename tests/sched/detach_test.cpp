// SPDX-License-Identifier: MIT
// Detached fibers: run() waits for them, their errors end the process, their results are destroyed while they live.
#include "fiber/latch.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/forked_child.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <system_error>

using namespace std::chrono_literals;
using coir::test::run_in_child;
using coir::test::with_workers;

TEST_CASE("run() waits for detached fibers") {
  const unsigned workers = GENERATE(1U, 8U);
  std::atomic<int> ended{0};
  coir::run(with_workers(workers), [&] {
    for (int i = 0; i < 100; ++i) {
      coir::spawn([&] {
        coir::this_fiber::sleep_for(1ms);
        ++ended;
      }).detach();
    }
  });
  CHECK(ended == 100);
}

TEST_CASE("A handle can be let go at any time") {
  const unsigned workers = GENERATE(1U, 8U);
  std::atomic<int> ended{0};
  coir::run(with_workers(workers), [&] {
    for (int i = 0; i < 1000; ++i) {
      auto fiber = coir::spawn([&] { ++ended; });
      for (int pause = 0; pause < i % 4; ++pause) coir::this_fiber::yield();
      fiber.detach();
      if (fiber.joinable()) ended = -1'000'000;
    }
  });
  CHECK(ended == 1000);
}

TEST_CASE("A detached fiber may end by an obeyed stop request") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::latch never(1); // outlives run(), which waits for detached fibers
  coir::run(with_workers(workers), [&] {
    auto fiber = coir::spawn([&] { never.wait(); }); // throws operation_canceled
    fiber.request_stop();
    fiber.detach();
    auto has_ended_before = coir::spawn([&] { never.wait(); });
    has_ended_before.request_stop();
    has_ended_before.wait();
    has_ended_before.detach();
  });
  SUCCEED("the process lives");
}

TEST_CASE("An exception that leaves a detached fiber ends the process") {
  const bool is_late = GENERATE(false, true);
  const auto end = run_in_child([is_late] {
    coir::run([is_late] {
      auto fiber = coir::spawn([is_late] {
        if (!is_late) coir::this_fiber::yield();
        throw std::runtime_error("nobody can catch this");
      });
      if (is_late) fiber.wait();
      fiber.detach();
    });
    return true;
  });
  INFO(end.error_output);
  CHECK(end.has_aborted_saying("nobody can catch this"));
}

TEST_CASE("operation_canceled that nobody has requested ends the process too") {
  const auto end = run_in_child([] {
    coir::run([] {
      coir::spawn([] {
        throw std::system_error(std::make_error_code(std::errc::operation_canceled), "on its own");
      }).detach();
    });
    return true;
  });
  INFO(end.error_output);
  CHECK(end.has_aborted_saying("on its own"));
}

TEST_CASE("A result that nobody takes is destroyed while its fiber still lives") {
  const unsigned workers = GENERATE(1U, 8U);
  std::atomic<int> children_ended{0};
  std::atomic<int> destroyed_in_fiber{0};
  struct result {
    coir::fiber<> child; // its destructor requests the child to stop, and waits for its end
    std::atomic<int>* counter;
    result(coir::fiber<> moved, std::atomic<int>& counts)
        : child(std::move(moved)), counter(&counts) {}
    result(result&& other) noexcept : child(std::move(other.child)), counter(other.counter) {}
    ~result() {
      if (child.joinable() && coir::this_fiber::id() != 0) ++*counter;
    }
  };
  coir::run(with_workers(workers), [&] {
    for (int i = 0; i < 100; ++i) {
      coir::spawn([&] {
        auto child = coir::spawn([&] {
          try {
            coir::this_fiber::sleep_for(1h);
          } catch (const std::system_error&) {
          }
          coir::this_fiber::sleep_until(coir::clock::now()); // has obeyed, and takes its time
          coir::this_fiber::yield();
          ++children_ended;
        });
        return result(std::move(child), destroyed_in_fiber);
      }).detach();
    }
  });
  CHECK(children_ended == 100);
  CHECK(destroyed_in_fiber == 100);
}
