// SPDX-License-Identifier: MIT
// Handles of fibers: what join() returns and throws, and what becomes of a handle that is not joined.
#include "fiber/latch.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/forked_child.hpp"
#include "tests/support/living_fibers.hpp"
#include "tests/support/virtual_poller.hpp"
#include "tests/support/worker_counts.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coir::test::on_virtual_clock;
using coir::test::shuffled;
using coir::test::virtual_clock;

namespace {

/// The code of the std::system_error that `function` throws; none if it throws none.
template <class Function>
std::error_code error_of(Function&& function) {
  try {
    function();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

struct no_default {
  explicit no_default(int number) : value(number) {}
  int value;
};

} // namespace

TEST_CASE("join() returns what the fiber's function returned") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    CHECK(coir::spawn([] { return 42; }).join() == 42);
    CHECK(coir::spawn([](int a, int b) { return a * b; }, 6, 7).join() == 42);
    CHECK(coir::spawn([] { return std::string(1000, 'x'); }).join() == std::string(1000, 'x'));
    CHECK(*coir::spawn([] { return std::make_unique<int>(42); }).join() == 42);
    CHECK(coir::spawn([] { return no_default(42); }).join().value == 42);
    coir::spawn([] {}).join();
    int kept = 0;
    CHECK(&coir::spawn([&]() -> int& { return kept; }).join() == &kept);
    CHECK(&coir::spawn([&]() -> const int& { return kept; }).join() == &kept);
    static_assert(std::is_same_v<decltype(coir::spawn([] {})), coir::fiber<>>);
  });
}

TEST_CASE("Arguments are decayed copies, and moved into the call") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    std::string text = "a text that is too long for a small string";
    auto reader = coir::spawn([](const std::string& copy) { return copy; }, text);
    text.clear();
    CHECK(reader.join().size() == 42);
    auto owner = std::make_unique<int>(42);
    CHECK(coir::spawn([](std::unique_ptr<int> moved) { return *moved; }, std::move(owner)).join() ==
          42);
    int counter = 0;
    coir::spawn([](int& referred) { ++referred; }, std::ref(counter)).join();
    CHECK(counter == 1);
    struct accumulator {
      int sum = 0;
      int add(int number) { return sum += number; }
    } object;
    CHECK(coir::spawn(&accumulator::add, &object, 5).join() == 5);
    CHECK(object.sum == 5);
  });
}

TEST_CASE("join() rethrows what left the fiber") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    auto thrower = coir::spawn([]() -> int { throw std::domain_error("of the fiber"); });
    CHECK_THROWS_WITH(thrower.join(), "of the fiber");
    CHECK_FALSE(thrower.joinable());
    auto number = coir::spawn([] { throw 42; });
    CHECK_THROWS_AS(number.join(), int);
    auto ignored = coir::spawn([] { throw 42; });
    ignored.wait(); // keeps it
    CHECK(ignored.has_ended());
  });
}

TEST_CASE("A handle can be joined once") {
  coir::run(shuffled(2), [] {
    auto fiber = coir::spawn([] {});
    fiber.join();
    CHECK(error_of([&] { fiber.join(); }) == std::errc::invalid_argument);
    CHECK(error_of([&] { fiber.detach(); }) == std::errc::invalid_argument);
    CHECK(error_of([] { coir::fiber<int>().join(); }) == std::errc::invalid_argument);
    CHECK_FALSE(fiber.has_ended());
    CHECK(fiber.id() == 0);
    CHECK(fiber.name().empty());
    CHECK_FALSE(fiber.request_stop());
    CHECK_FALSE(fiber.get_stop_token().stop_possible());
  });
}

TEST_CASE("A fiber that joins itself is told") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    coir::latch is_known(1);
    coir::fiber<std::error_code> self;
    self = coir::spawn([&] {
      is_known.wait();
      return error_of([&] { self.wait(); });
    });
    is_known.count_down();
    CHECK(self.join() == std::errc::resource_deadlock_would_occur);
  });
}

TEST_CASE("A fiber that destroys its own handle is told") {
  const auto end = coir::test::run_in_child([] {
    coir::run([] {
      coir::latch is_known(1);
      auto self = std::make_unique<coir::fiber<>>();
      *self = coir::spawn([&] {
        is_known.wait();
        self.reset();
      });
      is_known.count_down();
      while (self != nullptr) coir::this_fiber::yield();
    });
    return true;
  });
  INFO(end.error_output);
  CHECK(end.has_aborted_saying("destroys its own handle"));
}

TEST_CASE("wait() keeps the result, and may give up") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    auto fiber = coir::spawn([] {
      coir::this_fiber::sleep_for(10s);
      return 42;
    });
    const auto before = clock.now();
    CHECK(error_of([&] { fiber.wait(4s); }) == std::errc::timed_out);
    CHECK(clock.now() == before + 4s);
    CHECK(fiber.joinable());
    CHECK_FALSE(fiber.has_ended());
    fiber.wait();
    CHECK(clock.now() == before + 10s);
    CHECK(fiber.has_ended());
    fiber.wait();
    CHECK(fiber.join() == 42);
  });
}

TEST_CASE("A joiner that is interrupted still has its handle") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    auto slow = coir::spawn([] { coir::this_fiber::sleep_for(10s); });
    auto joiner = coir::spawn([&] { return error_of([&] { slow.join(); }); });
    coir::this_fiber::sleep_for(1s);
    joiner.request_stop();
    CHECK(joiner.join() == std::errc::operation_canceled);
    CHECK(slow.joinable());
    {
      const coir::deadline_scope limit{1s};
      CHECK(error_of([&] { slow.join(); }) == std::errc::timed_out);
    }
    CHECK(slow.joinable());
    slow.join();
  });
}

TEST_CASE("A handle that is not joined requests a stop, and waits for the end") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  const auto before = clock.now();
  bool is_cancelled = false;
  bool has_ended = false;
  const auto sleep_long = [&] {
    is_cancelled =
        error_of([] { coir::this_fiber::sleep_for(1h); }) == std::errc::operation_canceled;
    coir::this_fiber::yield();
    has_ended = true;
  };
  coir::run(on_virtual_clock(clock, workers), [&] {
    {
      const auto fiber = coir::spawn(sleep_long);
      coir::this_fiber::sleep_for(1s);
    }
    CHECK(is_cancelled);
    CHECK(has_ended);
    has_ended = false;
    auto replaced = coir::spawn(sleep_long);
    replaced = coir::spawn([] {});
    CHECK(has_ended);
    auto moved = std::move(replaced);
    CHECK_FALSE(replaced.joinable()); // NOLINT: that a moved-from handle is empty is promised
    moved.join();
  });
  CHECK(clock.now() - before == 1s);
}

TEST_CASE("A plain thread joins fibers") {
  coir::run(shuffled(2), [] {
    auto fiber = coir::spawn([] {
      coir::this_fiber::yield();
      return 42;
    });
    int result = 0;
    coir::latch is_joined(1);
    std::thread thread([&] {
      result = fiber.join();
      is_joined.count_down();
    });
    is_joined.wait();
    thread.join();
    CHECK(result == 42);
  });
}

TEST_CASE("Closures and results of any size are kept and destroyed") {
  const unsigned workers = GENERATE(1U, 8U);
  const auto promised_before = coir::test::count_promised_stacks();
  coir::run(shuffled(workers), [] {
    const auto spawn_sized = [](const auto& bytes) {
      return coir::spawn(
          [bytes, alive = std::make_shared<int>(1)] { return std::pair(bytes, alive); });
    };
    std::array<char, 3000> large{};
    large.back() = 'x';
    std::array<char, 100'000> huge{};
    huge.back() = 'y';
    CHECK(spawn_sized(large).join().first.back() == 'x');
    CHECK(spawn_sized(std::array<char, 1>{'z'}).join().first.back() == 'z');
    auto on_heap = std::make_unique<std::array<char, 100'000>>(huge);
    auto fiber = coir::spawn([held = std::move(on_heap)] { return held->back(); });
    CHECK(fiber.join() == 'y');
    auto with_large_result = coir::spawn([] { return std::array<char, 20'000>{}; });
    with_large_result.wait(); // and is dropped
  });
  CHECK(coir::test::count_living_fibers() == 0);
  CHECK(coir::test::count_promised_stacks() == promised_before);
}
