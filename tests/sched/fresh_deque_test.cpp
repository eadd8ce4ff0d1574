// SPDX-License-Identifier: MIT
// fresh_deque alone: orders, batches, growth.
#include "fiber/sched/fresh_deque.hpp"

#include "fiber/base/asymmetric_fence.hpp"
#include "tests/catch.hpp"
#include "tests/sched/fiber_records.hpp"

#include <cstdint>
#include <vector>

using coir::fresh_deque;
using coir::test::fiber_records;
using ids = std::vector<std::uint64_t>;

namespace {

bool push(fresh_deque& deque, fiber_records& fibers, std::uint32_t first, std::uint32_t end) {
  bool all_fit = true;
  for (auto i = first; i < end; ++i) all_fit = deque.try_push(fibers[i]) && all_fit;
  return all_fit;
}

ids pop_all(fresh_deque& deque) {
  return coir::test::ids_of([&] { return deque.pop(); });
}

ids steal_all(fresh_deque& deque) {
  return coir::test::ids_of([&] { return deque.steal(); });
}

} // namespace

TEST_CASE("The owner takes the newest, a thief the oldest") {
  fiber_records fibers(5);
  fresh_deque deque(false);
  CHECK(deque.is_empty());
  CHECK(deque.pop() == nullptr);
  CHECK(deque.steal() == nullptr);
  REQUIRE(push(deque, fibers, 0, 5));
  CHECK(deque.steal() == &fibers[0]);
  CHECK(deque.pop() == &fibers[4]);
  CHECK_FALSE(deque.is_empty());
  CHECK(steal_all(deque) == ids{1, 2, 3});
  CHECK(deque.is_empty());
  CHECK(deque.pop() == nullptr);
}

TEST_CASE("A batch comes in the order of its birth, before what was there") {
  const std::uint32_t below = GENERATE(0u, 1u, 3u);
  const std::uint32_t batch = GENERATE(1u, 2u, 3u, 8u);
  fiber_records fibers(below + batch);
  fresh_deque deque(false);
  REQUIRE(push(deque, fibers, 0, below + batch));
  ids expected;
  for (auto i = below; i < below + batch; ++i) expected.push_back(i);
  for (auto i = below; i > 0; --i) expected.push_back(i - 1);
  ids popped{deque.pop_batch(batch)->id};
  for (const auto id : pop_all(deque)) popped.push_back(id);
  CHECK(popped == expected);
  CHECK(deque.is_empty());
  REQUIRE(push(deque, fibers, 0, 1)); // it is as good as new
  CHECK(deque.steal() == &fibers[0]);
}

TEST_CASE("What thieves have taken of a batch is not in it any more") {
  const std::uint32_t stolen = GENERATE(1u, 3u, 4u);
  fiber_records fibers(4);
  fresh_deque deque(false);
  REQUIRE(push(deque, fibers, 0, 4));
  for (std::uint32_t i = 0; i < stolen; ++i) REQUIRE(deque.steal() == &fibers[i]);
  CHECK(deque.pop_batch(4) == (stolen < 4 ? &fibers[stolen] : nullptr));
  ids rest;
  for (auto i = stolen + 1; i < 4; ++i) rest.push_back(i);
  CHECK(pop_all(deque) == rest);
}

TEST_CASE("Thieves find the rest of a batch whose first fiber the owner has taken") {
  fiber_records fibers(6);
  fresh_deque deque(false);
  REQUIRE(push(deque, fibers, 0, 6));
  CHECK(deque.pop_batch(4) == &fibers[2]);
  CHECK(deque.taken() == 0);
  CHECK(steal_all(deque) == ids{0, 1, 5, 4, 3});
  CHECK(deque.taken() == 5);
}

TEST_CASE("It grows, keeps its order, and refuses only when it is very full") {
  constexpr std::uint32_t most = 1 << 13;
  fiber_records fibers(most + 1);
  fresh_deque deque(false);
  REQUIRE(push(deque, fibers, 0, 200));
  for (std::uint32_t i = 0; i < 150; ++i) REQUIRE(deque.steal() == &fibers[i]); // the ring wraps
  REQUIRE(push(deque, fibers, 200, 600));
  CHECK(deque.steal() == &fibers[150]);
  CHECK(deque.pop() == &fibers[599]);
  CHECK(steal_all(deque).size() == 448);
  REQUIRE(push(deque, fibers, 0, most));
  CHECK_FALSE(deque.try_push(fibers[most]));
  CHECK(deque.pop() == &fibers[most - 1]);
  CHECK(deque.try_push(fibers[most]));
  CHECK(steal_all(deque).size() == most);
}

TEST_CASE("A closed deque is its owner's alone until it is opened") {
  if (!coir::base::has_heavy_fence()) return; // then it is never closed
  fiber_records fibers(6);
  fresh_deque deque(true);
  REQUIRE(push(deque, fibers, 0, 6));
  CHECK(deque.steal() == nullptr);
  CHECK(deque.take_oldest() == &fibers[0]);
  CHECK(deque.pop() == &fibers[5]);
  deque.open_to_thieves();
  deque.open_to_thieves(); // the second finds it done
  CHECK(deque.steal() == &fibers[1]);
  CHECK(deque.pop() == &fibers[4]);
  deque.close_to_thieves();
  CHECK(deque.steal() == nullptr);
  CHECK(pop_all(deque) == ids{3, 2});
  CHECK(deque.is_empty());
  REQUIRE(push(deque, fibers, 0, 2));
  CHECK(pop_all(deque) == ids{1, 0});
}
