// SPDX-License-Identifier: MIT
// task<T>: results of all kinds, exceptions, laziness, and that awaiting what is ready costs no trip to the scheduler.
#include "fiber/coro/task.hpp"

#include "fiber/coro/spawn.hpp"
#include "fiber/runtime.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/worker.hpp"
#include "tests/catch.hpp"
#include "tests/coro/expect.hpp"
#include "tests/coro/living_frames.hpp"
#include "tests/support/worker_counts.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

using coir::task;
using coir::test::no_leaks;
using coir::test::only_one_worker;
using coir::test::shuffled;

namespace {

task<int> give(int value) { co_return value; }
task<> nothing() { co_return; }
task<std::string> join_words(std::string first, std::string second) {
  co_return std::move(first) + second;
}
task<std::unique_ptr<int>> make_unique_int(int value) { co_return std::make_unique<int>(value); }
task<int&> refer_to(int& value) { co_return value; }
task<const std::string&> refer_to_constant(const std::string& value) { co_return value; }

/// Counts how many of it live.
struct counted {
  explicit counted(int& living) : living_(&living) { ++*living_; }
  counted(const counted& other) : living_(other.living_) { ++*living_; }
  counted& operator=(const counted&) = default;
  ~counted() { --*living_; }
  int* living_;
};

task<counted> make_counted(int& living) { co_return counted(living); }

struct failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

task<int> fail(int value) {
  if (value < 100) throw failure("value " + std::to_string(value));
  co_return value;
}

task<> mark(bool& has_run) {
  has_run = true;
  co_return;
}

} // namespace

TEST_CASE("A task's result reaches who awaits it, whatever it is") {
  const no_leaks watch;
  const auto body = []() -> task<> {
    COIR_EXPECT(co_await give(7) == 7);
    co_await nothing();
    COIR_EXPECT(co_await join_words("coconut", " fibre") == "coconut fibre");
    COIR_EXPECT(*co_await make_unique_int(3) == 3);
    int target = 1;
    int& reference = co_await refer_to(target);
    reference = 5;
    CHECK(&reference == &target);
    const std::string word = "husk";
    COIR_EXPECT(&co_await refer_to_constant(word) == &word);
    COIR_EXPECT(co_await give(co_await give(1) + co_await give(2)) == 3);
  };
  coir::run(shuffled(2), [&] { coir::await(body()); });
}

TEST_CASE("A fiber gets the same results from await and from a spawned task") {
  const no_leaks watch;
  coir::run(shuffled(2), [] {
    CHECK(coir::await(give(7)) == 7);
    coir::await(nothing());
    CHECK(coir::await(join_words("a", "b")) == "ab");
    CHECK(*coir::await(make_unique_int(3)) == 3);
    int target = 1;
    CHECK(&coir::await(refer_to(target)) == &target);
    CHECK(coir::spawn(give(8)).join() == 8);
    coir::spawn(nothing()).join();
    CHECK(&coir::spawn(refer_to(target)).join() == &target);
    CHECK(*coir::spawn(make_unique_int(4)).join() == 4);
  });
}

TEST_CASE("Every result is destroyed, taken or not") {
  const no_leaks watch;
  int living = 0;
  coir::run(only_one_worker(), [&] {
    coir::await(make_counted(living));
    CHECK(living == 0);
    {
      auto handle = coir::spawn(make_counted(living));
      handle.wait();
      CHECK(living == 1);
    }
    CHECK(living == 0);
    const auto in_coroutine = [&]() -> task<> {
      co_await make_counted(living);
      CHECK(living == 0);
      const counted taken = co_await make_counted(living);
      CHECK(living == 1);
    };
    coir::await(in_coroutine());
    CHECK(living == 0);
  });
}

TEST_CASE("An exception is rethrown where the task is awaited, through any number of them") {
  const no_leaks watch;
  const auto middle = [](int value) -> task<int> { co_return co_await fail(value) + 1; };
  const auto body = [&]() -> task<> {
    for (int i = 0; i < 3; ++i) {
      bool is_caught = false;
      try {
        co_await middle(i);
      } catch (const failure& caught) {
        is_caught = caught.what() == "value " + std::to_string(i);
      }
      CHECK(is_caught);
    }
    COIR_EXPECT(co_await middle(100) == 101);
  };
  coir::run(shuffled(2), [&] {
    coir::await(body());
    CHECK_THROWS_AS(coir::await(middle(1)), failure);
    CHECK_THROWS_AS(coir::spawn(middle(1)).join(), failure);
  });
}

TEST_CASE("A task does nothing before it is awaited, and may be dropped") {
  const no_leaks watch;
  bool has_run = false;
  {
    auto dropped = mark(has_run);
    CHECK(dropped.is_valid());
  }
  CHECK_FALSE(has_run);
  coir::run(only_one_worker(), [&] {
    auto moved_to = [&] {
      auto made = mark(has_run);
      auto other = std::move(made);
      CHECK_FALSE(made.is_valid()); // NOLINT: what a move leaves is the subject
      return other;
    }();
    CHECK_FALSE(has_run);
    moved_to = mark(has_run); // drops one that never ran
    coir::await(std::move(moved_to));
    CHECK(has_run);
  });
}

TEST_CASE("An empty task cannot be spawned") {
  coir::run(only_one_worker(), [] {
    CHECK_THROWS_AS(coir::spawn(task<>()), std::invalid_argument);
    coir::scope scope;
    CHECK_THROWS_AS(scope.spawn(task<int>()), std::invalid_argument);
  });
}

TEST_CASE("Arguments and locals live in the frame until the task ends") {
  const no_leaks watch;
  int living = 0;
  const auto hold = [](counted argument) -> task<int> {
    const counted local = argument;
    co_await nothing();
    co_return *argument.living_;
  };
  coir::run(only_one_worker(), [&] {
    auto made = hold(counted(living));
    CHECK(living == 1);
    CHECK(coir::await(std::move(made)) == 2);
    CHECK(living == 0);
    { const auto dropped = hold(counted(living)); }
    CHECK(living == 0);
  });
}

TEST_CASE("To await a task that is ready costs no trip to the scheduler") {
  // One worker, nothing else runnable: each trip would be a pass of its loop.
  const auto body = []() -> task<std::uint64_t> {
    coir::worker& here = *coir::current_worker();
    coir::control_block* const before = here.current();
    int sum = 0;
    for (int i = 0; i < 1000; ++i) sum += co_await give(1);
    CHECK(sum == 1000);
    CHECK(coir::current_fiber() == before);
    co_return here.passes();
  };
  const auto measure = [&]() -> task<> {
    coir::worker& here = *coir::current_worker();
    const std::uint64_t before = here.passes();
    const std::uint64_t after = co_await body();
    CHECK(after == before);
  };
  coir::run(only_one_worker(), [&] { coir::await(measure()); });
}

TEST_CASE("A task is move-only, and as large as a pointer") {
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<task<int>>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<task<int>>);
  STATIC_REQUIRE(sizeof(task<int>) == sizeof(void*));
}
