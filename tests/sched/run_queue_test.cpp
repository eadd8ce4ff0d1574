// SPDX-License-Identifier: MIT
// run_queue alone: order, bounds, halves, and the way from exclusive to shared.
#include "fiber/sched/run_queue.hpp"

#include "tests/catch.hpp"
#include "tests/sched/fiber_records.hpp"

#include <cstdint>
#include <vector>

using coir::control_block;
using coir::run_queue;
using coir::test::fiber_records;

namespace {

std::vector<std::uint64_t> pop_all(run_queue& queue) {
  return coir::test::ids_of([&] { return queue.pop(); });
}

std::vector<std::uint64_t> ids_between(std::uint64_t first, std::uint64_t end) {
  std::vector<std::uint64_t> ids;
  for (auto id = first; id < end; ++id) ids.push_back(id);
  return ids;
}

bool push_ids(run_queue& queue, fiber_records& fibers, std::uint32_t first, std::uint32_t end) {
  bool all_fit = true;
  for (auto id = first; id < end; ++id) all_fit = queue.try_push(fibers[id]) && all_fit;
  return all_fit;
}

} // namespace

TEST_CASE("Fibers come out in the order in which they went in") {
  const bool is_exclusive = GENERATE(true, false);
  fiber_records fibers(100);
  run_queue queue(is_exclusive);
  CHECK(queue.pop() == nullptr);
  REQUIRE(push_ids(queue, fibers, 0, 100));
  CHECK(queue.size() == 100);
  CHECK(pop_all(queue) == ids_between(0, 100));
  CHECK(queue.size() == 0);
  CHECK(queue.pop() == nullptr);
}

TEST_CASE("A full queue refuses, and goes on after a pop") {
  const bool is_exclusive = GENERATE(true, false);
  constexpr auto capacity = run_queue::capacity;
  fiber_records fibers(capacity + 1);
  run_queue queue(is_exclusive);
  REQUIRE(push_ids(queue, fibers, 0, capacity));
  CHECK_FALSE(queue.try_push(fibers[capacity]));
  CHECK(queue.size() == capacity);
  CHECK(queue.pop() == &fibers[0]);
  CHECK(queue.try_push(fibers[capacity]));
  CHECK(pop_all(queue) == ids_between(1, capacity + 1));
}

TEST_CASE("The ring may be gone round any number of times") {
  const bool is_exclusive = GENERATE(true, false);
  fiber_records fibers(7);
  run_queue queue(is_exclusive);
  bool is_in_order = true;
  for (std::uint32_t round = 0; round < 3 * run_queue::capacity; ++round) {
    is_in_order = push_ids(queue, fibers, 0, 7) && is_in_order;
    is_in_order = pop_all(queue) == ids_between(0, 7) && is_in_order;
  }
  CHECK(is_in_order);
}

TEST_CASE("take_half takes the older half out, linked") {
  const bool is_exclusive = GENERATE(true, false);
  fiber_records fibers(11);
  run_queue queue(is_exclusive);
  REQUIRE(push_ids(queue, fibers, 0, 11));
  control_block* first = nullptr;
  control_block* last = nullptr;
  REQUIRE(queue.take_half(first, last) == 5);
  std::vector<std::uint64_t> taken;
  for (const control_block* each = first; each != nullptr; each = each->next) {
    taken.push_back(each->id);
  }
  CHECK(taken == ids_between(0, 5));
  CHECK(last == &fibers[4]);
  CHECK(pop_all(queue) == ids_between(5, 11));
  CHECK(queue.take_half(first, last) == 0);
  CHECK(first == nullptr);
}

TEST_CASE("A thief gets the older half, rounded up, in order") {
  fiber_records fibers(20);
  run_queue victim(false);
  run_queue own(false);
  CHECK(victim.steal_into(own) == 0);
  REQUIRE(push_ids(own, fibers, 15, 20));
  REQUIRE(push_ids(victim, fibers, 0, 9));
  CHECK(victim.steal_into(own) == 5);
  CHECK(pop_all(victim) == ids_between(5, 9));
  CHECK(pop_all(own) == std::vector<std::uint64_t>{15, 16, 17, 18, 19, 0, 1, 2, 3, 4});
}

TEST_CASE("A thief takes no more than it has room for, and at least one") {
  fiber_records fibers(run_queue::capacity + 8);
  run_queue victim(false);
  run_queue own(false);
  REQUIRE(push_ids(victim, fibers, 0, 8));
  REQUIRE(push_ids(own, fibers, 8, run_queue::capacity + 8));
  CHECK(victim.steal_into(own) == 0);
  CHECK(own.pop() == &fibers[8]);
  CHECK(victim.steal_into(own) == 1);
  CHECK(victim.size() == 7);

  run_queue empty(false);
  run_queue one(false);
  REQUIRE(one.try_push(fibers[0]));
  CHECK(one.steal_into(empty) == 1);
  CHECK(one.pop() == nullptr);
  CHECK(empty.pop() == &fibers[0]);
}

TEST_CASE("A queue that a theft has filled further than any push refuses when it is full") {
  constexpr auto capacity = run_queue::capacity;
  fiber_records fibers(capacity + 8);
  run_queue victim(false);
  run_queue own(false);
  for (std::uint32_t i = 0; i < capacity - 2; ++i) {
    REQUIRE(own.try_push(fibers[i]));
    REQUIRE(own.pop() == &fibers[i]);
  }
  REQUIRE(push_ids(victim, fibers, 0, 8));
  REQUIRE(victim.steal_into(own) == 4);
  std::uint32_t pushed = 4;
  while (pushed < capacity + 1 && own.try_push(fibers[pushed + 4])) ++pushed;
  CHECK(pushed == capacity);
  CHECK(own.pop() == &fibers[0]);
}

TEST_CASE("Nobody steals from an exclusive queue until it has been opened") {
  fiber_records fibers(10);
  run_queue victim(true);
  run_queue own(false);
  REQUIRE(push_ids(victim, fibers, 0, 10));
  CHECK(victim.pop() == &fibers[0]);
  // Where there is no membarrier(2), and under ThreadSanitizer, every queue is shared from the beginning.
  const auto stolen_before = victim.steal_into(own);
  victim.open_to_thieves();
  victim.open_to_thieves(); // the second finds it done
  CHECK(victim.size() == 9 - stolen_before);
  CHECK(stolen_before + victim.steal_into(own) >= 5);
  auto all = pop_all(own);
  for (const auto id : pop_all(victim)) all.push_back(id);
  CHECK(all == ids_between(1, 10));
  REQUIRE(push_ids(victim, fibers, 0, 10));
  CHECK(pop_all(victim) == ids_between(0, 10));
}

TEST_CASE("An opened queue that began exclusive can be closed") {
  fiber_records fibers(10);
  run_queue victim(true);
  run_queue own(false);
  REQUIRE(push_ids(victim, fibers, 0, 10));
  const bool can_be_exclusive = victim.steal_into(own) == 0;
  victim.open_to_thieves();
  static_cast<void>(victim.steal_into(own));
  const auto left = victim.size();
  victim.close_to_thieves();
  CHECK(victim.size() == left);
  CHECK((victim.steal_into(own) == 0) == can_be_exclusive);
  victim.open_to_thieves();
  CHECK(victim.steal_into(own) > 0);
  auto all = pop_all(own);
  for (const auto id : pop_all(victim)) all.push_back(id);
  CHECK(all == ids_between(0, 10));
}
