// SPDX-License-Identifier: MIT
// Stop requests: of handles, as std::stop_token and as callbacks; raced.
#include "fiber/latch.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/living_fibers.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/virtual_poller.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <chrono>
#include <stop_token>
#include <system_error>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir::test::on_virtual_clock;
using coir::test::shuffled;
using coir::test::virtual_clock;

TEST_CASE("A stop is requested once") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    coir::binary_semaphore go_on(0);
    auto fiber = coir::spawn([&] {
      const bool before = coir::this_fiber::stop_requested();
      while (!coir::this_fiber::stop_requested()) coir::this_fiber::yield();
      return !before;
    });
    CHECK(fiber.request_stop());
    CHECK_FALSE(fiber.request_stop());
    static_cast<void>(fiber.join());
    auto ended = coir::spawn([] {});
    ended.wait();
    CHECK(ended.request_stop()); // too late, and harmless
  });
}

TEST_CASE("A stop request is not forgotten by the waits that it ends") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    auto fiber = coir::spawn([] {
      int interrupted = 0;
      for (int i = 0; i < 3; ++i) {
        try {
          coir::this_fiber::sleep_for(1h);
        } catch (const std::system_error&) {
          ++interrupted;
        }
      }
      return interrupted;
    });
    fiber.request_stop();
    CHECK(fiber.join() == 3);
  });
}

TEST_CASE("A token tells of requests before and after it was made") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    coir::latch never(1);
    std::stop_token inner;
    coir::latch has_token(1);
    auto fiber = coir::spawn([&] {
      inner = coir::this_fiber::get_stop_token();
      has_token.count_down();
      try {
        never.wait();
      } catch (const std::system_error&) {
      }
    });
    has_token.wait();
    const auto early = fiber.get_stop_token();
    CHECK(early.stop_possible());
    CHECK_FALSE(early.stop_requested());
    CHECK(early == inner);
    fiber.request_stop();
    CHECK(early.stop_requested());
    const auto late = fiber.get_stop_token();
    CHECK(late.stop_requested());
    fiber.join();
    CHECK(early.stop_requested()); // a token outlives its fiber

    auto stopped_first = coir::spawn([&] {
      try {
        never.wait();
      } catch (const std::system_error&) {
      }
    });
    stopped_first.request_stop();
    CHECK(stopped_first.get_stop_token().stop_requested());
  });
}

TEST_CASE("Callbacks run on the requester, once") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    coir::latch ready(1);
    int calls = 0;
    std::uint64_t called_in = 0;
    coir::binary_semaphore woken(0);
    auto fiber = coir::spawn([&] {
      const std::stop_callback callback(coir::this_fiber::get_stop_token(), [&] {
        ++calls;
        called_in = coir::this_fiber::id();
        woken.release(); // notifying is all right
      });
      ready.count_down();
      const std::stop_token none; // what it waits for does not end by the request itself
      while (!woken.try_acquire()) coir::this_fiber::yield();
    });
    ready.wait();
    fiber.request_stop();
    CHECK(calls == 1);
    CHECK(called_in == coir::this_fiber::id());
    fiber.join();
    CHECK(calls == 1);
  });
}

TEST_CASE("Tokens made and requests sent at the same time find each other") {
  const unsigned workers = GENERATE(2U, 8U);
  constexpr int rounds = coir::test::is_sanitized ? 300 : 3000;
  std::atomic<int> missed{0};
  coir::run(shuffled(workers), [&] {
    for (int round = 0; round < rounds; ++round) {
      coir::latch gate(2);
      std::atomic<int> calls{0};
      auto fiber = coir::spawn([&] {
        gate.arrive_and_wait();
        const std::stop_callback callback(coir::this_fiber::get_stop_token(), [&] { ++calls; });
        while (!coir::this_fiber::stop_requested()) coir::this_fiber::yield();
        // The request is known; its callbacks may still be on their way.
        while (calls == 0) coir::this_fiber::yield();
      });
      auto requester = coir::spawn([&] {
        try {
          gate.arrive_and_wait();
        } catch (const std::system_error&) {
        }
        fiber.request_stop();
      });
      requester.join();
      try {
        fiber.join();
      } catch (const std::system_error&) { // at the gate
        continue;
      }
      if (calls != 1) ++missed;
    }
  });
  CHECK(missed == 0);
}

TEST_CASE("Of many requesters one is the first") {
  const unsigned workers = GENERATE(1U, 8U);
  constexpr int rounds = coir::test::is_sanitized ? 100 : 1000;
  coir::run(shuffled(workers), [] {
    int wrong = 0;
    for (int round = 0; round < rounds; ++round) {
      coir::binary_semaphore never(0);
      auto fiber = coir::spawn([&] {
        try {
          never.acquire();
        } catch (const std::system_error&) {
          return true;
        }
        return false;
      });
      std::atomic<int> firsts{0};
      coir::scope requesters;
      for (int i = 0; i < 4; ++i) {
        requesters.spawn([&] {
          if (fiber.request_stop()) ++firsts;
        });
      }
      requesters.join();
      wrong += fiber.join() && firsts == 1 ? 0 : 1;
    }
    CHECK(wrong == 0);
  });
  CHECK(coir::test::count_living_fibers() == 0);
}

TEST_CASE("A plain thread requests a stop") {
  virtual_clock clock;
  const virtual_clock::hold thread_may_act(clock);
  coir::run(on_virtual_clock(clock, 2), [] {
    auto fiber = coir::spawn([] {
      try {
        coir::this_fiber::sleep_for(1h);
      } catch (const std::system_error& error) {
        return error.code();
      }
      return std::error_code();
    });
    std::thread thread([&] { fiber.request_stop(); });
    CHECK(fiber.join() == std::errc::operation_canceled);
    thread.join();
  });
}
