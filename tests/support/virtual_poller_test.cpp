// SPDX-License-Identifier: MIT
// The virtual clock: timers, time-outs and idling without real time, and deadlocks that are told.
#include "fiber/condition_variable.hpp"
#include "fiber/latch.hpp"
#include "fiber/mutex.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/forked_child.hpp"
#include "tests/support/virtual_poller.hpp"

#include <chrono>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir::test::on_virtual_clock;
using coir::test::run_in_child;
using coir::test::virtual_clock;

TEST_CASE("A virtual clock jumps to the next deadline") {
  const unsigned workers = GENERATE(1U, 8U);
  const auto really_before = std::chrono::steady_clock::now();
  virtual_clock clock;
  const auto before = clock.now();
  coir::run(on_virtual_clock(clock, workers), [] {
    coir::this_fiber::sleep_for(24h);
    coir::this_fiber::sleep_for(1h);
  });
  CHECK(clock.now() - before == 25h);
  CHECK(std::chrono::steady_clock::now() - really_before < 1h);
}

TEST_CASE("A virtual_poller keeps the contract of a poller") {
  virtual_clock clock;
  coir::test::virtual_poller poller(clock);
  coir::fiber_list ready;
  const auto before = clock.now();
  CHECK(poller.now() == before);
  CHECK(poller.poll(coir::base::time_point::min(), ready) == coir::poll_result::done); // does not wait
  CHECK(poller.poll(before - 1s, ready) == coir::poll_result::done);
  CHECK(clock.now() == before);
  poller.interrupt(); // of the next poll that would wait
  CHECK(poller.poll(before + 1h, ready) == coir::poll_result::done);
  CHECK(clock.now() == before);
  CHECK(poller.poll(before + 1h, ready) == coir::poll_result::done);
  CHECK(clock.now() == before + 1h);
  CHECK(poller.poll(coir::base::time_point::max(), ready) == coir::poll_result::deadlocked);
  CHECK(ready.is_empty());
}

TEST_CASE("Sleepers wake in the order of their deadlines") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  const auto before = clock.now();
  std::vector<int> woken;
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::scope sleepers;
    for (const int seconds : {5, 1, 4, 2, 3}) {
      sleepers.spawn([&woken, seconds] {
        coir::this_fiber::sleep_for(std::chrono::seconds(seconds));
        woken.push_back(seconds); // one at a time: all others sleep until a later time
      });
    }
    sleepers.join();
  });
  CHECK(woken == std::vector<int>{1, 2, 3, 4, 5});
  CHECK(clock.now() - before == 5s);
}

TEST_CASE("Time stands still while a fiber is runnable") {
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 2), [&] {
    auto sleeper = coir::spawn([] { coir::this_fiber::sleep_for(1s); });
    const auto before = clock.now();
    for (int i = 0; i < 1000; ++i) coir::this_fiber::yield();
    CHECK(clock.now() == before);
    sleeper.join();
    CHECK(clock.now() == before + 1s);
  });
}

TEST_CASE("A time-out on the virtual clock takes its time and no more") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  const auto before = clock.now();
  bool is_acquired = true;
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::binary_semaphore nobody_releases(0);
    is_acquired = nobody_releases.try_acquire_for(90min);
  });
  CHECK_FALSE(is_acquired);
  CHECK(clock.now() - before == 90min);
}

TEST_CASE("A deadlock ends the waits and is told by run()") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::runtime runtime(on_virtual_clock(clock, workers));
  std::error_code told_fiber;
  std::error_code told_caller;
  try {
    runtime.run([&] {
      coir::latch never_counted(1);
      try {
        never_counted.wait();
      } catch (const std::system_error& error) {
        told_fiber = error.code();
        throw;
      }
    });
  } catch (const std::system_error& error) {
    told_caller = error.code();
  }
  CHECK(told_fiber == std::errc::operation_canceled);
  CHECK(told_caller == std::errc::resource_deadlock_would_occur);
  // The runtime is as good as new.
  CHECK(runtime.run([] { return coir::spawn([] { return 7; }).join(); }) == 7);
}

TEST_CASE("A deadlock that heeds no stop request ends the process with a message") {
  const unsigned workers = GENERATE(1U, 8U);
  const auto end = run_in_child([workers] {
    virtual_clock clock;
    coir::run(on_virtual_clock(clock, workers), [] {
      coir::mutex mutex;
      coir::condition_variable nobody_notifies; // its plain wait is no cancellation point
      std::unique_lock lock(mutex);
      nobody_notifies.wait(lock);
    });
    return true;
  });
  INFO(end.error_output);
  CHECK(end.has_aborted_saying("deadlock"));
}

TEST_CASE("A plain thread that may still act is no deadlock") {
  virtual_clock clock;
  coir::latch gate(1);
  const auto before = clock.now();
  bool is_through = false;
  {
    auto hold = std::make_unique<virtual_clock::hold>(clock);
    coir::runtime runtime(on_virtual_clock(clock, 2));
    std::thread runs([&] {
      runtime.run([&] {
        auto sleeper = coir::spawn([] { coir::this_fiber::sleep_for(1h); });
        gate.wait();
        is_through = clock.now() == before; // neither the sleeper nor a deadlock was in the way
        sleeper.join();
      });
    });
    gate.count_down();
    hold.reset();
    runs.join();
  }
  CHECK(is_through);
  CHECK(clock.now() - before == 1h);
}
