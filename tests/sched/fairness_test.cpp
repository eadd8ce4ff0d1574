// SPDX-License-Identifier: MIT
// Nobody starves: neither beside a pair that keeps waking each other, nor beside one that never has to wait.
#include "fiber/sched/suspend.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/worker_counts.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir::test::only_one_worker;
using coir::test::with_workers;

TEST_CASE("A pair that wakes each other gets three turns, then it is somebody else's") {
  coir::run(only_one_worker(), [] {
    std::atomic<bool> is_over{false};
    std::atomic<int> passes{0};
    coir::counting_semaphore<8> ping(1);
    coir::counting_semaphore<8> pong(0);
    coir::scope players;
    const auto player = [&](coir::counting_semaphore<8>& mine, coir::counting_semaphore<8>& other) {
      while (!is_over) {
        mine.acquire();
        ++passes;
        other.release();
      }
      other.release();
    };
    players.spawn(player, std::ref(ping), std::ref(pong));
    players.spawn(player, std::ref(pong), std::ref(ping));
    int turns = 0;
    int most_passes = 0;
    for (; turns < 1000; ++turns) {
      const int before = passes;
      coir::this_fiber::yield();
      most_passes = std::max(most_passes, passes - before);
    }
    is_over = true;
    players.join();
    CHECK(passes > 0);
    // A turn of the pair is one pass, or two where one finds the ball without having to wait.
    CHECK(most_passes <= 2 * (3 + 1));
  });
}

TEST_CASE("Timers and foreign threads get through to a worker whose fibers never rest") {
  const unsigned workers = GENERATE(1U, 2U);
  coir::runtime runtime(with_workers(workers));
  runtime.run([&] {
    std::atomic<bool> is_over{false};
    coir::scope busy;
    for (int i = 0; i < 8; ++i) {
      busy.spawn([&] {
        while (!is_over) coir::this_fiber::yield();
      });
    }
    coir::this_fiber::sleep_for(1ms); // would never return
    std::thread foreign([&] { runtime.spawn([&] { is_over = true; }).join(); });
    busy.join();
    foreign.join();
  });
}

TEST_CASE("A pinned fiber runs beside others that never rest") {
  coir::run(only_one_worker(), [] {
    std::atomic<bool> is_over{false};
    coir::scope busy;
    for (int i = 0; i < 8; ++i) {
      busy.spawn([&] {
        while (!is_over) coir::this_fiber::yield();
      });
    }
    int rounds = 0;
    coir::spawn({.placement = coir::placement::pinned}, [&] {
      for (; rounds < 1000; ++rounds) coir::this_fiber::yield();
    }).join();
    is_over = true;
    busy.join();
    CHECK(rounds == 1000);
  });
}

TEST_CASE("Operations that never have to wait yield now and then") {
  coir::run(only_one_worker(), [] {
    bool is_over = false;
    int turns = 0;
    auto other = coir::spawn([&] {
      while (!is_over) {
        ++turns;
        coir::this_fiber::yield();
      }
    });
    for (int i = 0; i < 64 * 100; ++i) coir::charge_operation();
    is_over = true;
    other.join();
    CHECK(turns >= 90);
    CHECK(turns <= 110);
  });
  coir::charge_operation(); // of a plain thread: nothing happens
}

TEST_CASE("Timers and later fibers get through to a worker with more restless fibers than its ring "
          "holds") {
  const std::size_t count = GENERATE(std::size_t{2048}, std::size_t{3000});
  std::vector<std::atomic<int>> turns(count);
  std::atomic<bool> is_over{false};
  coir::run(only_one_worker(), [&] {
    coir::scope restless;
    for (auto& mine : turns) {
      restless.spawn([&] {
        while (!is_over) {
          ++mine;
          coir::this_fiber::yield();
        }
      });
    }
    const auto has_run = [](const std::atomic<int>& one) { return one > 0; };
    do {
      coir::this_fiber::sleep_for(1ms);
    } while (!std::all_of(turns.begin(), turns.end(), has_run));
    is_over = true;
    restless.join();
  });
  SUCCEED("each of them had a turn, and so had the timer");
}
