// SPDX-License-Identifier: MIT
// Pinned fibers stay on their kernel thread, whatever suspends them and whoever looks for work.
#include "fiber/mutex.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/kernel_thread.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/worker_counts.hpp"

#include <chrono>
#include <optional>
#include <vector>

using namespace std::chrono_literals;
using coir::test::shuffled;

namespace {

/// Suspends in every way there is; true if the kernel thread was always the same.
bool stays_on_its_thread(coir::mutex& mutex, coir::binary_semaphore& semaphore, int rounds) {
  const auto home = coir::test::kernel_thread();
  for (int round = 0; round < rounds; ++round) {
    coir::this_fiber::yield();
    if (coir::test::kernel_thread() != home) return false;
    {
      const std::lock_guard held(mutex);
      coir::this_fiber::yield();
    }
    if (coir::test::kernel_thread() != home) return false;
    semaphore.acquire();
    coir::this_fiber::yield();
    semaphore.release();
    if (coir::test::kernel_thread() != home) return false;
    if (round % 16 == 0) coir::this_fiber::sleep_for(10us);
    if (coir::test::kernel_thread() != home) return false;
  }
  return true;
}

} // namespace

TEST_CASE("A pinned fiber never leaves its thread") {
  const unsigned workers = GENERATE(1U, 8U);
  const auto all_stayed = coir::run(shuffled(workers), [] {
    coir::mutex mutex;
    coir::binary_semaphore semaphore(1);
    std::vector<coir::fiber<bool>> pinned;
    for (int i = 0; i < 16; ++i) {
      pinned.push_back(coir::spawn({.placement = coir::placement::pinned},
                                   [&] { return stays_on_its_thread(mutex, semaphore, 100); }));
    }
    coir::scope movers; // keep thieves awake
    for (int i = 0; i < 16; ++i) {
      movers.spawn([] {
        for (int round = 0; round < 1000; ++round) coir::this_fiber::yield();
      });
    }
    movers.join();
    bool result = true;
    for (auto& each : pinned) result = each.join() && result;
    return result;
  });
  CHECK(all_stayed);
}

TEST_CASE("A pinned fiber runs on the worker that spawned it") {
  const auto is_same = coir::run(shuffled(8), [] {
    const coir::pin here;
    const auto home = coir::test::kernel_thread();
    auto pinned = coir::spawn({.placement = coir::placement::pinned},
                              [] { return coir::test::kernel_thread(); });
    return pinned.join() == home;
  });
  CHECK(is_same);
}

TEST_CASE("pin keeps a fiber for a region, and scopes nest") {
  const unsigned workers = GENERATE(1U, 8U);
  const auto all_stayed = coir::run(shuffled(workers), [] {
    coir::mutex mutex;
    coir::binary_semaphore semaphore(1);
    std::vector<coir::fiber<bool>> fibers;
    for (int i = 0; i < 16; ++i) {
      fibers.push_back(coir::spawn([&] {
        bool result = true;
        for (int region = 0; region < 10; ++region) {
          const coir::pin outer;
          {
            const coir::pin inner;
            result = stays_on_its_thread(mutex, semaphore, 3) && result;
          }
          result = stays_on_its_thread(mutex, semaphore, 3) && result;
        }
        return result;
      }));
    }
    bool result = true;
    for (auto& each : fibers) result = each.join() && result;
    return result;
  });
  CHECK(all_stayed);
}

TEST_CASE("A pin on a plain thread has no effect") {
  const std::optional<coir::pin> here(std::in_place);
  CHECK(here.has_value());
}

TEST_CASE("A fiber that is not pinned moves at every suspension where that is forced") {
  const int stays = coir::run(coir::test::migrating(4), [] {
    coir::binary_semaphore never(0);
    int count = 0;
    for (int round = 0; round < 100; ++round) {
      const auto before = coir::test::kernel_thread();
      if (never.try_acquire_for(1ms)) return -1;
      count += coir::test::kernel_thread() == before ? 1 : 0;
    }
    return count;
  });
  CHECK(stays >= 0);
  CHECK(stays <= 1); // the first time nobody knows where the fiber has been
}
