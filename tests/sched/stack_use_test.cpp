// SPDX-License-Identifier: MIT
// Stacks and records as the scheduler uses them: bound late, used again in place, all given back, and refused in time.
#include "fiber/context/stack_pool.hpp"
#include "fiber/latch.hpp"
#include "fiber/sched/control_block.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/slab.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/forked_child.hpp"
#include "tests/support/living_fibers.hpp"
#include "tests/support/process_memory.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <cstdint>
#include <sys/resource.h>
#include <system_error>
#include <vector>

using coir::test::only_one_worker;
using coir::test::shuffled;
using coir::test::with_workers;

namespace {

constexpr int many = coir::test::has_thread_sanitizer ? 1000 : 5000;

[[gnu::noinline]] const coir::stack* stack_of_this_fiber() { return coir::current_fiber()->bound; }

/// What the process holds for fibers.
struct holdings {
  std::size_t promised = coir::test::count_promised_stacks();
  std::size_t living = coir::test::count_living_fibers();
  std::size_t chunks = coir::slab::statistics().chunks;
  std::size_t large = coir::slab::statistics().large;
  std::size_t reserved = sum_over_classes(&coir::stack_statistics::reserved_slots);
  std::size_t held_back = sum_over_classes(&coir::stack_statistics::held_back);

  static std::size_t sum_over_classes(std::size_t coir::stack_statistics::*figure) {
    std::size_t sum = 0;
    for (unsigned size_class = 0; size_class < coir::stack_class_count; ++size_class) {
      sum += coir::stack_pool::instance().statistics(size_class).*figure;
    }
    return sum;
  }
};

/// Address space stays reserved, for the most that was needed at any time. How many caches have asked for their share
/// at the peak differs by round; this is more than all of them may want, beside the fibers.
void reserve_for_any_peak() {
  for (const std::size_t bytes : {std::size_t{64} << 10, coir::default_stack_bytes}) {
    const unsigned size_class = coir::stack_class_for(bytes);
    coir::stack_pool::instance().promise(size_class, 2 * many + 2000);
    coir::stack_pool::instance().withdraw(size_class, 2 * many + 2000);
  }
}

void use_fibers(unsigned workers) {
  coir::run(shuffled(workers), [] {
    coir::latch all_run(many);
    coir::latch go_on(1);
    coir::scope scope;
    for (int i = 0; i < many; ++i) {
      scope.spawn(
          {.name = "named", .stack_size = i % 2 == 0 ? std::size_t{0} : std::size_t{64} << 10},
          [&] {
            all_run.count_down();
            go_on.wait();
          });
    }
    all_run.wait();
    go_on.count_down();
    scope.join();
    for (int i = 0; i < 100; ++i) coir::spawn([] {}).detach();
    for (int i = 0; i < 100; ++i) static_cast<void>(coir::spawn([] { coir::this_fiber::yield(); }));
  });
}

} // namespace

TEST_CASE("A fresh fiber runs in place on the stack of the one that has ended") {
  std::vector<const coir::stack*> used;
  coir::run(only_one_worker(), [&] {
    coir::scope scope;
    for (int i = 0; i < 10; ++i) scope.spawn([&] { used.push_back(stack_of_this_fiber()); });
    scope.join();
  });
  REQUIRE(used.size() == 10);
  for (const auto* each : used) CHECK(each == used.front());
}

TEST_CASE(
    "Fibers that live at the same time have stacks of their own, of the size that they asked for") {
  std::vector<const coir::stack*> used;
  coir::run(only_one_worker(), [&] {
    coir::latch all_run(3);
    coir::scope scope;
    for (const std::size_t bytes : {std::size_t{64} << 10, std::size_t{0}, std::size_t{64} << 10}) {
      scope.spawn({.stack_size = bytes}, [&] {
        used.push_back(stack_of_this_fiber());
        all_run.arrive_and_wait();
      });
    }
    scope.join();
    REQUIRE(used.size() == 3);
    CHECK(used[0]->slot_bytes() == std::size_t{64} << 10);
    CHECK(used[1]->slot_bytes() == coir::default_stack_bytes);
    CHECK(used[2]->slot_bytes() == std::size_t{64} << 10);
    CHECK(used[0] != used[2]);
    // One that ends is followed in place only by one of the same size.
    used.clear();
    scope.spawn([&] { used.push_back(stack_of_this_fiber()); });
    scope.spawn({.stack_size = std::size_t{64} << 10},
                [&] { used.push_back(stack_of_this_fiber()); });
    scope.join();
    REQUIRE(used.size() == 2);
    CHECK(used[0]->slot_bytes() == coir::default_stack_bytes);
    CHECK(used[1]->slot_bytes() == std::size_t{64} << 10);
  });
}

TEST_CASE("When a runtime is gone nothing of its fibers is left") {
  const unsigned workers = GENERATE(1U, 8U);
  use_fibers(workers); // fills what is kept for reuse
  reserve_for_any_peak();
  const holdings before;
  for (int round = 0; round < 3; ++round) use_fibers(workers);
  const holdings after;
  CHECK(after.living == 0);
  CHECK(after.promised == before.promised);
  CHECK(after.chunks <= before.chunks + 16); // a few wholly free ones may stay, of a size not used before
  CHECK(after.large == before.large);
  CHECK(after.held_back == 0);
  CHECK(after.reserved == before.reserved);
}

TEST_CASE("Without address space for a stack spawn throws, and nothing has happened") {
  if (coir::test::is_sanitized) return; // their shadow memory does not fit below any limit
  const unsigned workers = GENERATE(1U, 4U);
  const auto end = coir::test::run_in_child([workers] {
    coir::runtime_options options = with_workers(workers);
    options.monitor = false;
    coir::runtime runtime(options);
    const auto promised_before = coir::test::count_promised_stacks();
    const bool is_good = runtime.run([&] {
      const rlim_t limit = coir::test::read_memory().mapped_bytes + (rlim_t{512} << 20);
      const rlimit tight{limit, RLIM_INFINITY};
      if (::setrlimit(RLIMIT_AS, &tight) != 0) return false;
      coir::latch go_on(1);
      std::vector<coir::fiber<>> fibers;
      std::error_code refusal;
      try {
        while (fibers.size() < 1000) {
          fibers.push_back(coir::spawn({.name = "large", .stack_size = std::size_t{16} << 20},
                                       [&] { go_on.wait(); }));
        }
      } catch (const std::system_error& error) {
        refusal = error.code();
      }
      const bool is_refused = refusal == std::errc::not_enough_memory && fibers.size() >= 8;
      go_on.count_down();
      for (auto& each : fibers) each.join(); // all that were made do run
      fibers.clear();
      return is_refused &&
             coir::spawn({.stack_size = std::size_t{16} << 20}, [] { return true; }).join();
    });
    return is_good && runtime.statistics().spawned == runtime.statistics().finished &&
           coir::test::count_living_fibers() == 0 &&
           coir::test::count_promised_stacks() <= promised_before + workers * 128;
  });
  INFO(end.error_output);
  CHECK(end.has_succeeded());
}
