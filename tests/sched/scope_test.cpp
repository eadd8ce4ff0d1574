// SPDX-License-Identifier: MIT
// scope: children end before it does, failures cancel, stop requests and deadlines go down to the children.
#include "fiber/scope.hpp"

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
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>

using namespace std::chrono_literals;
using coir::test::on_virtual_clock;
using coir::test::shuffled;
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

/// Sleeps for ever; counts if it was cancelled, and lets it through.
void sleep_until_cancelled(std::atomic<int>& cancelled) {
  try {
    coir::this_fiber::sleep_until(coir::deadline::never());
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::operation_canceled) ++cancelled;
    throw;
  }
}

} // namespace

TEST_CASE("A scope's children end before join() returns") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    std::atomic<int> ended{0};
    coir::scope scope;
    scope.join(); // no child yet
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 20; ++i) {
        scope.spawn(
            {.name = "child"},
            [&](int pauses) {
              while (pauses-- > 0) coir::this_fiber::yield();
              ++ended;
            },
            i % 4);
      }
      scope.join();
      CHECK(scope.size() == 0);
      CHECK(ended == (round + 1) * 20);
    }
  });
}

TEST_CASE("A scope that is left without join() cancels its children and waits for them") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  const auto before = clock.now();
  std::atomic<int> cancelled{0};
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::scope scope;
    for (int i = 0; i < 20; ++i) scope.spawn([&] { sleep_until_cancelled(cancelled); });
    coir::this_fiber::sleep_for(1s);
    CHECK(scope.size() == 20);
  });
  CHECK(cancelled == 20);
  CHECK(clock.now() - before == 1s);
}

TEST_CASE("The first child that fails cancels the others, and join() rethrows what it threw") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  const auto before = clock.now();
  std::atomic<int> cancelled{0};
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::scope scope;
    for (int i = 0; i < 10; ++i) scope.spawn([&] { sleep_until_cancelled(cancelled); });
    scope.spawn([] {
      coir::this_fiber::sleep_for(1s);
      throw std::domain_error("the first");
    });
    scope.spawn([] {
      try {
        coir::this_fiber::sleep_for(1h);
      } catch (const std::system_error&) {
        throw std::range_error("a consequence");
      }
    });
    CHECK_THROWS_WITH(scope.join(), "the first");
    scope.join(); // thrown once
  });
  CHECK(cancelled == 10);
  CHECK(clock.now() - before == 1s);
}

TEST_CASE("A child that obeys a stop request has ended cleanly, one that cancels itself has not") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    std::atomic<int> cancelled{0};
    coir::scope obedient;
    obedient.spawn([&] { sleep_until_cancelled(cancelled); });
    obedient.request_stop();
    obedient.join();
    CHECK(cancelled == 1);
    coir::scope strange;
    strange.spawn(
        [] { throw std::system_error(std::make_error_code(std::errc::operation_canceled)); });
    CHECK(error_of([&] { strange.join(); }) == std::errc::operation_canceled);
  });
}

TEST_CASE("A stop request of the parent goes down through nested scopes") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  std::atomic<int> cancelled{0};
  coir::run(on_virtual_clock(clock, workers), [&] {
    auto parent = coir::spawn([&] {
      coir::scope outer;
      for (int i = 0; i < 3; ++i) {
        outer.spawn([&] {
          coir::scope inner;
          for (int k = 0; k < 3; ++k) inner.spawn([&] { sleep_until_cancelled(cancelled); });
          inner.join();
        });
      }
      return error_of([&] { outer.join(); });
    });
    coir::this_fiber::sleep_for(1s);
    parent.request_stop();
    CHECK(parent.join() == std::errc::operation_canceled);
  });
  CHECK(cancelled == 9);
}

TEST_CASE("A deadline of the parent ends join(), and the children") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  const auto before = clock.now();
  std::atomic<int> cancelled{0};
  coir::run(on_virtual_clock(clock, workers), [&] {
    const coir::deadline_scope limit{200ms};
    coir::scope scope;
    for (int i = 0; i < 5; ++i) scope.spawn([&] { sleep_until_cancelled(cancelled); });
    CHECK(error_of([&] { scope.join(); }) == std::errc::timed_out);
    CHECK(scope.size() == 0);
  });
  CHECK(cancelled == 5);
  CHECK(clock.now() - before == 200ms);
}

TEST_CASE("What is spawned into a scope that stops, stops too") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    std::atomic<int> cancelled{0};
    coir::scope scope;
    scope.request_stop();
    scope.request_stop();
    for (int i = 0; i < 10; ++i) scope.spawn([&] { sleep_until_cancelled(cancelled); });
    scope.join();
    CHECK(cancelled == 10);
  });
}

TEST_CASE("Children spawn siblings") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    std::atomic<int> ended{0};
    coir::scope scope;
    const std::function<void(int)> grow = [&](int depth) {
      if (depth > 0) {
        scope.spawn(grow, depth - 1);
        scope.spawn(grow, depth - 1);
      }
      ++ended;
    };
    scope.spawn(grow, 8);
    scope.join();
    CHECK(ended == (1 << 9) - 1);
  });
}

TEST_CASE("A scope has room for ten thousand children") {
  const unsigned workers = GENERATE(1U, 8U);
  constexpr int children = coir::test::has_thread_sanitizer ? 2'000 : 10'000;
  coir::run(shuffled(workers), [&] {
    std::atomic<int> cancelled{0};
    coir::latch all_run(children);
    coir::scope scope;
    for (int i = 0; i < children; ++i) {
      scope.spawn([&] {
        all_run.count_down();
        sleep_until_cancelled(cancelled);
      });
    }
    all_run.wait();
    scope.request_stop();
    scope.join();
    CHECK(cancelled == children);
  });
  CHECK(coir::test::count_living_fibers() == 0);
}

TEST_CASE("A child's captures are gone when the scope is") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    for (int round = 0; round < 200; ++round) {
      const auto watched = std::make_shared<int>(0);
      {
        std::optional<coir::scope> scope(std::in_place);
        for (int i = 0; i < 4; ++i) scope->spawn([watched] { coir::this_fiber::yield(); });
        if (round % 2 == 0) scope->join();
      }
      CHECK(watched.use_count() == 1);
    }
  });
}

TEST_CASE("A plain thread has scopes too") {
  coir::run(shuffled(2), [] {
    std::atomic<int> ended{0};
    std::atomic<int> cancelled{0};
    coir::latch done(1);
    std::thread thread([&] {
      {
        coir::scope scope;
        for (int i = 0; i < 10; ++i) scope.spawn([&] { ++ended; });
        scope.join();
        scope.spawn([&] { sleep_until_cancelled(cancelled); });
      }
      done.count_down();
    });
    done.wait();
    thread.join();
    CHECK(ended == 10);
    CHECK(cancelled == 1);
  });
}

TEST_CASE("If a child cannot be made, the scope is as before") {
  struct refuses_copies {
    refuses_copies() = default;
    refuses_copies(const refuses_copies&) { throw std::length_error("no copy"); }
    void operator()() const {}
  };
  coir::run(shuffled(2), [] {
    coir::scope scope;
    const refuses_copies function;
    CHECK_THROWS_AS(scope.spawn(function), std::length_error);
    CHECK(scope.size() == 0);
    scope.join();
  });
}
