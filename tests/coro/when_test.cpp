// SPDX-License-Identifier: MIT
// when_all and when_any: results, the first error, the losers' end, interruption.
#include "fiber/coro/when.hpp"

#include "fiber/coro/sleep.hpp"
#include "fiber/runtime.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/this_fiber.hpp"
#include "tests/catch.hpp"
#include "tests/coro/expect.hpp"
#include "tests/coro/living_frames.hpp"
#include "tests/support/virtual_poller.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;
using coir::task;
using coir::when_all;
using coir::when_any;
using coir::test::no_leaks;
using coir::test::on_virtual_clock;
using coir::test::shuffled;
using coir::test::virtual_clock;

namespace {

task<int> after(std::chrono::milliseconds delay, int value) {
  co_await coir::this_fiber::async_sleep_for(delay);
  co_return value;
}
task<std::unique_ptr<int>> pointer_after(std::chrono::milliseconds delay, int value) {
  co_await coir::this_fiber::async_sleep_for(delay);
  co_return std::make_unique<int>(value);
}
task<int&> reference_after(std::chrono::milliseconds delay, int& value) {
  co_await coir::this_fiber::async_sleep_for(delay);
  co_return value;
}
task<> fail_after(std::chrono::milliseconds delay, const char* what) {
  co_await coir::this_fiber::async_sleep_for(delay);
  throw std::runtime_error(what);
}
/// Tells how it has ended.
task<> wait_for_ever(std::string& end) {
  try {
    co_await coir::this_fiber::async_sleep_until(coir::deadline::never());
    end = "returned";
  } catch (const std::system_error& caught) {
    end = caught.code() == std::errc::operation_canceled ? "canceled" : "another error";
    throw;
  }
}

template <class Awaitable>
task<std::string> message_of(Awaitable awaited) {
  try {
    co_await std::move(awaited);
  } catch (const std::exception& caught) {
    co_return caught.what();
  }
  co_return "";
}

template <class Body>
void run_on_virtual_clock(virtual_clock& clock, Body&& body) {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 2U);
  coir::run(on_virtual_clock(clock, workers), [&] { coir::await(body()); });
}

} // namespace

TEST_CASE("when_all gives all results, and takes as long as the slowest") {
  virtual_clock clock;
  run_on_virtual_clock(clock, [&]() -> task<> {
    const auto before = clock.now();
    int target = 0;
    coir::counting_semaphore<> semaphore(1);
    auto handle = coir::spawn(after(1ms, 5));
    auto [number, nothing, pointer, reference, acquired, joined] = co_await when_all(
        after(3ms, 1), coir::this_fiber::async_sleep_for(2ms), pointer_after(1ms, 2),
        reference_after(1ms, target), semaphore.async_acquire(), handle);
    CHECK(number == 1);
    CHECK(*pointer == 2);
    CHECK(&reference == &target);
    CHECK(joined == 5);
    static_cast<void>(nothing);
    static_cast<void>(acquired);
    CHECK_FALSE(semaphore.try_acquire());
    CHECK(clock.now() == before + 3ms);
    const std::tuple<> none = co_await when_all();
    static_cast<void>(none);
  });
}

TEST_CASE("when_all of many gives their results in their order") {
  virtual_clock clock;
  run_on_virtual_clock(clock, [&]() -> task<> {
    std::vector<task<int>> tasks;
    for (int i = 0; i < 100; ++i) tasks.push_back(after(std::chrono::milliseconds(100 - i), i));
    const auto results = co_await when_all(std::move(tasks));
    REQUIRE(results.size() == 100);
    for (int i = 0; i < 100; ++i) CHECK(results[static_cast<std::size_t>(i)] == i);

    std::vector<task<>> without_results;
    for (int i = 0; i < 10; ++i) without_results.push_back([]() -> task<> { co_return; }());
    co_await when_all(std::move(without_results));
    COIR_EXPECT((co_await when_all(std::vector<task<int>>{})).empty());
  });
}

TEST_CASE("The first error cancels the others and is rethrown when they have ended") {
  virtual_clock clock;
  run_on_virtual_clock(clock, [&]() -> task<> {
    const auto before = clock.now();
    std::string end;
    COIR_EXPECT(co_await message_of(when_all(wait_for_ever(end), fail_after(2ms, "first"),
                                             fail_after(5ms, "second"), after(1ms, 1))) == "first");
    CHECK(end == "canceled");
    CHECK(clock.now() == before + 2ms);

    std::vector<task<>> tasks;
    tasks.push_back(wait_for_ever(end));
    tasks.push_back(fail_after(1ms, "of many"));
    COIR_EXPECT(co_await message_of(when_all(std::move(tasks))) == "of many");
  });
}

TEST_CASE("when_any gives the first, and the others have ended by then") {
  virtual_clock clock;
  run_on_virtual_clock(clock, [&]() -> task<> {
    const auto before = clock.now();
    std::string end;
    const auto first = co_await when_any(wait_for_ever(end), after(2ms, 7), pointer_after(9ms, 1));
    REQUIRE(first.index() == 1);
    CHECK(std::get<1>(first) == 7);
    CHECK(end == "canceled");
    CHECK(clock.now() == before + 2ms);

    // As a time-out.
    const auto late = co_await when_any(wait_for_ever(end), coir::this_fiber::async_sleep_for(3ms));
    CHECK(late.index() == 1);

    std::vector<task<int>> tasks;
    for (int i = 0; i < 20; ++i) {
      tasks.push_back(after(std::chrono::milliseconds(i == 13 ? 1 : 50 + i), i));
    }
    const auto of_many = co_await when_any(std::move(tasks));
    CHECK(of_many.index == 13);
    CHECK(of_many.value == 13);
    CHECK(clock.now() == before + 6ms);
  });
}

TEST_CASE("when_any rethrows if the first ends by an error, and drops later ones") {
  virtual_clock clock;
  run_on_virtual_clock(clock, [&]() -> task<> {
    std::string end;
    COIR_EXPECT(co_await message_of(when_any(wait_for_ever(end), fail_after(1ms, "early"))) ==
                "early");
    CHECK(end == "canceled");
    const auto stubborn = []() -> task<> {
      try {
        co_await coir::this_fiber::async_sleep_for(1h);
      } catch (const std::system_error&) {
        throw std::runtime_error("dropped");
      }
    };
    const auto first = co_await when_any(stubborn(), after(1ms, 3));
    CHECK(first.index() == 1);
  });
}

TEST_CASE("Who awaits several at once is interrupted, and they with it") {
  virtual_clock clock;
  run_on_virtual_clock(clock, [&]() -> task<> {
    std::string ends[4];
    const auto all = [&]() -> task<std::string> {
      return message_of(when_all(wait_for_ever(ends[0]), wait_for_ever(ends[1])));
    };
    const auto any = [&]() -> task<std::string> {
      return message_of(when_any(wait_for_ever(ends[2]), wait_for_ever(ends[3])));
    };
    auto first = coir::spawn(all());
    auto second = coir::spawn(any());
    co_await coir::this_fiber::async_sleep_for(1ms);
    first.request_stop();
    second.request_stop();
    COIR_EXPECT((co_await first).find("scope::join") != std::string::npos);
    COIR_EXPECT((co_await second).find("scope::join") != std::string::npos);
    for (const auto& end : ends) CHECK(end == "canceled");

    const coir::deadline_scope limit{2ms};
    const auto before = clock.now();
    COIR_EXPECT((co_await all()).find("scope::join") != std::string::npos);
    CHECK(clock.now() == before + 2ms);
  });
}

TEST_CASE("Those that end at the same time make one winner") {
  const no_leaks watch;
  const auto body = []() -> task<> {
    std::atomic<int> begun{0};
    const auto quick = [&](int n) -> task<int> {
      ++begun;
      co_await coir::this_fiber::async_yield();
      co_return n;
    };
    for (int round = 0; round < 100; ++round) {
      const auto first = co_await when_any(quick(0), quick(1), quick(2));
      std::visit([&](int n) { CHECK(n == static_cast<int>(first.index())); }, first);
    }
    CHECK(begun == 300);
  };
  coir::run(shuffled(8), [&] { coir::await(body()); });
}
