// SPDX-License-Identifier: MIT
// wait_queue: order, time-outs, stop requests, destruction; fibers and plain threads as waiters.
#include "fiber/sched/wait_queue.hpp"

#include "fiber/sched/control_block.hpp"
#include "fiber/sched/fiber_list.hpp"
#include "fiber/sched/resume.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/forked_child.hpp"
#include "tests/support/virtual_poller.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coir::wait_kind;
using coir::wait_outcome;
using coir::wait_queue;
using coir::base::time_point;
using coir::test::on_virtual_clock;
using coir::test::until_others_wait;
using coir::test::virtual_clock;

namespace {

constexpr auto never = time_point::max();

wait_outcome wait_plainly(wait_queue& queue, time_point limit = never) {
  return queue.wait(limit, wait_kind::plain, [] { return false; });
}

wait_outcome wait_interruptibly(wait_queue& queue, time_point limit = never) {
  return queue.wait(limit, wait_kind::interruptible, [] { return false; });
}

bool has_waiters(wait_queue& queue) {
  const std::lock_guard held(queue.lock());
  return !queue.is_empty();
}

} // namespace

TEST_CASE("Nobody waits for what is so already") {
  wait_queue queue;
  CHECK(queue.wait(never, wait_kind::plain, [] { return true; }) == wait_outcome::notified);
  int looks = 0;
  CHECK(queue.wait(time_point{}, wait_kind::plain, [&] { return ++looks == 2; }) ==
        wait_outcome::notified);
}

TEST_CASE("Waiters are notified one by one in the order in which they came, or all at once") {
  virtual_clock clock;
  std::vector<int> woken;
  coir::run(on_virtual_clock(clock, 1), [&] {
    wait_queue queue;
    coir::scope waiters;
    for (int i = 0; i < 5; ++i) {
      waiters.spawn([&, i] {
        if (wait_plainly(queue) == wait_outcome::notified) woken.push_back(i);
      });
    }
    until_others_wait();
    queue.notify_one();
    until_others_wait();
    CHECK(woken == std::vector<int>{0});
    queue.notify_one();
    until_others_wait();
    CHECK(woken == std::vector<int>{0, 1});
    queue.notify_all();
    waiters.join();
    queue.notify_one(); // nobody there
    queue.notify_all();
  });
  REQUIRE(woken.size() == 5);
  std::sort(woken.begin() + 2, woken.end());
  CHECK(woken == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("A wait ends at its deadline, and the next notification is for others") {
  const unsigned workers = GENERATE(1U, 8U);
  const auto kind = GENERATE(wait_kind::plain, wait_kind::interruptible);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&, kind] {
    wait_queue queue;
    const auto before = clock.now();
    auto patient = coir::spawn([&] { return wait_plainly(queue, before + 10s); });
    const auto outcome = queue.wait(before + 1s, kind, [] { return false; });
    CHECK(outcome == wait_outcome::timed_out);
    CHECK(clock.now() == before + 1s);
    queue.notify_one();
    CHECK(patient.join() == wait_outcome::notified);
    CHECK(clock.now() == before + 1s);
  });
}

TEST_CASE("A deadline that has passed ends the wait before it begins") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    wait_queue queue;
    CHECK(wait_plainly(queue, clock.now()) == wait_outcome::timed_out);
    CHECK(wait_interruptibly(queue, time_point::min()) == wait_outcome::timed_out);
    CHECK_FALSE(has_waiters(queue));
  });
  wait_queue queue; // of a plain thread
  CHECK(wait_plainly(queue, time_point{}) == wait_outcome::timed_out);
}

TEST_CASE("A stop request ends an interruptible wait, present or next, and no plain one") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    wait_queue queue;
    auto present = coir::spawn([&] { return wait_interruptibly(queue); });
    until_others_wait();
    CHECK(present.request_stop());
    CHECK_FALSE(present.request_stop());
    CHECK(present.join() == wait_outcome::stopped);

    auto next = coir::spawn([&] {
      while (!coir::this_fiber::stop_requested()) coir::this_fiber::yield();
      const auto first = wait_interruptibly(queue);
      const auto second = wait_interruptibly(queue, clock.now() + 1s);
      return first == wait_outcome::stopped && second == wait_outcome::stopped;
    });
    next.request_stop();
    CHECK(next.join());

    auto plain = coir::spawn([&] { return wait_plainly(queue, clock.now() + 5s); });
    until_others_wait();
    plain.request_stop();
    CHECK(plain.join() == wait_outcome::timed_out);
  });
}

TEST_CASE("A plain thread waits as well, beside fibers and in order") {
  wait_queue queue;
  std::vector<int> woken;
  std::atomic<int> waiting{0};
  std::mutex mutex;
  const auto wait_as = [&](int id) {
    // Under the queue's lock, so that whoever sees the count finds the waiter once it has the lock.
    const auto outcome = queue.wait(never, wait_kind::plain, [&, is_first = true]() mutable {
      if (!std::exchange(is_first, false)) ++waiting;
      return false;
    });
    const std::lock_guard held(mutex);
    if (outcome == wait_outcome::notified) woken.push_back(id);
  };
  const auto wait_until_waiting = [&](int count) {
    while (waiting < count) std::this_thread::yield();
  };
  const auto wait_until_woken = [&](std::size_t count) {
    for (;;) {
      const std::lock_guard held(mutex);
      if (woken.size() == count) return;
    }
  };
  std::thread thread([&] { wait_as(1); });
  wait_until_waiting(1);
  std::thread fiber([&] { coir::run([&] { wait_as(2); }); });
  wait_until_waiting(2);
  queue.notify_one();
  wait_until_woken(1);
  queue.notify_one();
  wait_until_woken(2);
  thread.join();
  fiber.join();
  CHECK(woken == std::vector<int>{1, 2});
}

TEST_CASE("A plain thread's wait ends at its deadline") {
  wait_queue queue;
  const auto limit = std::chrono::steady_clock::now() + 5ms;
  CHECK(wait_interruptibly(queue, limit) == wait_outcome::timed_out);
  CHECK(std::chrono::steady_clock::now() >= limit);
}

TEST_CASE("detach_all hands the fibers over and wakes the threads") {
  wait_queue queue;
  std::atomic<int> waiting{0};
  std::atomic<int> woken{0};
  const auto wait_once = [&] {
    static_cast<void>(queue.wait(never, wait_kind::plain, [&, looks = 0]() mutable {
      if (++looks == 2) ++waiting;
      return false;
    }));
    ++woken;
  };
  std::thread thread(wait_once);
  coir::run([&] {
    auto fiber = coir::spawn(wait_once);
    while (waiting < 2) coir::this_fiber::yield();
    coir::waiter* taken = nullptr;
    {
      const std::lock_guard held(queue.lock());
      taken = queue.take_all();
    }
    coir::fiber_list fibers;
    wait_queue::detach_all(taken, fibers);
    thread.join(); // blocks the worker: the thread has been woken, so not for long
    CHECK(fibers.size() == 1);
    CHECK(woken == 1);
    coir::resume(*fibers.pop_front());
    fiber.join();
    CHECK(woken == 2);
  });
}

TEST_CASE("A queue may go as soon as everybody has been notified") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    for (int round = 0; round < 20; ++round) {
      auto queue = std::make_unique<wait_queue>();
      coir::scope waiters;
      const auto limit = clock.now() + 2s;
      for (int i = 0; i < 10; ++i) {
        waiters.spawn([&, queue = queue.get()] { static_cast<void>(wait_plainly(*queue, limit)); });
      }
      coir::this_fiber::sleep_for(1s);
      queue->notify_all();
      queue.reset();
      waiters.join();
    }
  });
}

TEST_CASE("A queue that goes while somebody waits is a misuse, and is told") {
  const auto end = coir::test::run_in_child([] {
    virtual_clock clock;
    coir::run(on_virtual_clock(clock, 1), [] {
      auto queue = std::make_unique<wait_queue>();
      auto waiting = coir::spawn([queue = queue.get()] { wait_plainly(*queue); });
      coir::this_fiber::sleep_for(1s);
      queue.reset();
      waiting.join();
    });
    return true;
  });
  INFO(end.error_output);
  CHECK(end.has_aborted_saying("destroyed while somebody waits on it"));
}
