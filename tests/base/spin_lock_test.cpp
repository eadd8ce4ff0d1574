// SPDX-License-Identifier: MIT
// spin_lock: exclusion, also where its holder loses the CPU.
#include "fiber/base/spin_lock.hpp"

#include "tests/catch.hpp"
#include "tests/support/sanitized.hpp"

#include <mutex>
#include <thread>
#include <vector>

using coir::base::spin_lock;

TEST_CASE("A spin_lock is held by one at a time") {
  spin_lock lock;
  REQUIRE(lock.try_lock());
  CHECK_FALSE(lock.try_lock());
  lock.unlock();
  CHECK(lock.try_lock());
  lock.unlock();
}

TEST_CASE("A spin_lock excludes, with more threads than CPUs") {
  constexpr int threads = 8;
  constexpr int rounds = coir::test::is_sanitized ? 2'000 : 20'000;
  spin_lock lock;
  long counter = 0; // plain: exclusion is all that protects it
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i) {
    all.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) {
        const std::lock_guard held(lock);
        const long before = counter;
        if (round % 1024 == 0) std::this_thread::yield(); // as if preempted
        counter = before + 1;
      }
    });
  }
  for (auto& each : all) each.join();
  CHECK(counter == long{threads} * rounds);
}

TEST_CASE("It may be released by another thread than it was taken by") {
  spin_lock lock;
  lock.lock();
  std::thread([&] { lock.unlock(); }).join();
  CHECK(lock.try_lock());
}
