// SPDX-License-Identifier: MIT
// The small parts that workers share: fiber_list, inject_queue, idle_workers.
#include "fiber/sched/idle_workers.hpp"
#include "fiber/sched/inject_queue.hpp"
#include "fiber/sched/scheduler.hpp"
#include "fiber/sched/worker.hpp"
#include "tests/catch.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

using coir::control_block;
using coir::fiber_list;
using coir::inject_queue;

namespace {

template <std::size_t Count>
void number(std::array<control_block, Count>& fibers) {
  for (std::size_t i = 0; i < Count; ++i) fibers[i].id = i;
}

std::vector<std::uint64_t> ids_of(fiber_list& list) {
  std::vector<std::uint64_t> ids;
  while (const control_block* const fiber = list.pop_front()) ids.push_back(fiber->id);
  return ids;
}

} // namespace

TEST_CASE("A fiber_list is first in, first out, and takes chains") {
  std::array<control_block, 5> fibers;
  number(fibers);
  fiber_list list;
  CHECK(list.is_empty());
  CHECK(list.pop_front() == nullptr);
  list.push_back(fibers[0]);
  fibers[1].next = &fibers[2];
  fibers[2].next = nullptr;
  list.append(&fibers[1], &fibers[2], 2);
  list.append(nullptr, nullptr, 0);
  list.push_back(fibers[3]);
  CHECK(list.size() == 4);
  CHECK(list.front() == &fibers[0]);
  CHECK(ids_of(list) == std::vector<std::uint64_t>{0, 1, 2, 3});
  list.push_back(fibers[4]);
  CHECK(ids_of(list) == std::vector<std::uint64_t>{4});
}

TEST_CASE("An inject_queue hands out fair shares") {
  std::array<control_block, 10> fibers;
  number(fibers);
  inject_queue queue;
  CHECK(queue.is_empty());
  for (auto& fiber : fibers) queue.push(fiber);
  CHECK_FALSE(queue.is_empty());
  fiber_list share;
  queue.take_share(4, 100, share);
  CHECK(ids_of(share) == std::vector<std::uint64_t>{0, 1, 2});
  queue.take_share(1, 2, share); // no more than asked for
  CHECK(ids_of(share) == std::vector<std::uint64_t>{3, 4});
  queue.take_share(1, 0, share);
  CHECK(share.is_empty());
  queue.take_share(1, 100, share);
  CHECK(ids_of(share) == std::vector<std::uint64_t>{5, 6, 7, 8, 9});
  CHECK(queue.is_empty());
  queue.take_share(1, 100, share);
  CHECK(share.is_empty());
}

TEST_CASE("An inject_queue loses nothing between threads") {
  constexpr std::size_t per_thread = 10'000;
  constexpr std::size_t pushers = 3;
  const auto blocks = std::make_unique<control_block[]>(pushers * per_thread);
  inject_queue queue;
  std::atomic<std::size_t> taken{0};
  std::vector<std::thread> threads;
  for (std::size_t pusher = 0; pusher < pushers; ++pusher) {
    threads.emplace_back([&, pusher] {
      for (std::size_t i = 0; i < per_thread; ++i) queue.push(blocks[pusher * per_thread + i]);
    });
    threads.emplace_back([&] {
      while (taken < pushers * per_thread) {
        fiber_list share;
        queue.take_share(pushers, 64, share);
        while (control_block* const fiber = share.pop_front()) {
          ++fiber->id; // a second taker would race
          ++taken;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::size_t taken_once = 0;
  for (std::size_t i = 0; i < pushers * per_thread; ++i) taken_once += blocks[i].id == 1 ? 1 : 0;
  CHECK(taken_once == pushers * per_thread);
  CHECK(queue.is_empty());
}

TEST_CASE("idle_workers wakes one, and none while somebody searches") {
  coir::runtime_options options;
  options.workers = 3;
  const coir::scheduler owner(options); // only lends its workers
  std::vector<coir::worker*> workers;
  owner.for_each_worker([&](coir::worker& each) { workers.push_back(&each); });
  coir::idle_workers idle(workers.size());

  CHECK(idle.take_one(false) == nullptr);
  CHECK(idle.parked_count() == 0);
  for (auto* each : workers) idle.add(*each);
  CHECK(idle.parked_count() == 3);
  CHECK(idle.remove(*workers[1]));
  CHECK_FALSE(idle.remove(*workers[1]));

  CHECK(idle.take_one(false) == workers[2]); // parked last; counts as searching from now on
  CHECK(idle.take_one(false) == nullptr);
  CHECK(idle.take_one(true) == workers[0]);
  CHECK(idle.take_one(true) == nullptr);
  CHECK_FALSE(idle.stop_searching());
  CHECK(idle.stop_searching());
}

TEST_CASE("At most half of the workers search") {
  coir::idle_workers idle(4);
  CHECK(idle.start_searching(4));
  CHECK(idle.start_searching(4));
  CHECK_FALSE(idle.start_searching(4));
  CHECK_FALSE(idle.stop_searching());
  CHECK(idle.start_searching(4));
  CHECK_FALSE(idle.stop_searching());
  CHECK(idle.stop_searching());
}
