// SPDX-License-Identifier: MIT
// How run() ends: it waits for all fibers, and requests them to stop once shutdown_grace has passed.
#include "fiber/latch.hpp"
#include "fiber/sched/suspend.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/virtual_poller.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <stop_token>
#include <system_error>

using namespace std::chrono_literals;
using coir::test::on_virtual_clock;
using coir::test::virtual_clock;

namespace {

/// A clock for one worker that moves by a nanosecond each time it is read, so that a deadline can be put between
/// any two looks of the scheduler.
class ticking_poller final : public coir::poller {
public:
  [[nodiscard]] coir::base::time_point now() noexcept override {
    now_ += 1ns;
    return now_;
  }
  coir::poll_result poll(coir::base::time_point deadline, coir::fiber_list&) noexcept override {
    if (deadline == coir::base::time_point::min()) return coir::poll_result::done;
    if (std::exchange(is_interrupted_, false)) return coir::poll_result::done;
    if (deadline == coir::base::time_point::max()) return coir::poll_result::deadlocked;
    now_ = std::max(now_, deadline);
    return coir::poll_result::done;
  }
  void interrupt() noexcept override { is_interrupted_ = true; }
  int attach(coir::fd_state&) noexcept override { return 0; }
  void detach(coir::fd_state&) noexcept override {}

private:
  coir::base::time_point now_{1h};
  bool is_interrupted_ = false;
};

} // namespace

TEST_CASE("Fibers that live when main ends are waited for") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  const auto before = clock.now();
  int ended = 0;
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::spawn([&] {
      coir::this_fiber::sleep_for(1h);
      ++ended;
    }).detach();
  });
  CHECK(ended == 1);
  CHECK(clock.now() - before == 1h);
}

TEST_CASE("After the grace they are requested to stop, and still waited for") {
  const unsigned workers = GENERATE(1U, 8U);
  const auto grace = GENERATE(0s, 30s);
  virtual_clock clock;
  const auto before = clock.now();
  auto options = on_virtual_clock(clock, workers);
  options.shutdown_grace = grace;
  std::atomic<int> cancelled{0};
  std::atomic<int> cleaned_up{0};
  coir::run(options, [&] {
    for (int i = 0; i < 50; ++i) {
      coir::spawn([&] {
        try {
          coir::this_fiber::sleep_for(24h);
        } catch (const std::system_error& error) {
          if (error.code() == std::errc::operation_canceled) ++cancelled;
        }
        coir::this_fiber::yield();
        ++cleaned_up;
      }).detach();
    }
  });
  CHECK(cancelled == 50);
  CHECK(cleaned_up == 50);
  CHECK(clock.now() - before == grace);
}

TEST_CASE("The end of the grace is noticed wherever it falls") {
  for (int ticks = 0; ticks < 100; ++ticks) {
    coir::runtime_options options;
    options.workers = 1;
    options.monitor = false;
    options.shutdown_grace = std::chrono::nanoseconds(ticks);
    options.make_poller = [](unsigned) { return std::make_unique<ticking_poller>(); };
    bool is_cancelled = false;
    INFO("a grace of " << ticks << " ticks");
    CHECK_NOTHROW(coir::run(options, [&] {
      coir::spawn([&is_cancelled] {
        coir::latch never(1);
        try {
          never.wait();
        } catch (const std::system_error&) {
          is_cancelled = true;
        }
      }).detach();
    }));
    CHECK(is_cancelled);
  }
}

TEST_CASE("Callbacks of the request that ends the grace may yield, though no fiber runs them") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  auto options = on_virtual_clock(clock, workers);
  options.shutdown_grace = GENERATE(0s, 1s);
  int calls = 0;
  coir::run(options, [&] {
    coir::spawn([&] {
      const std::stop_callback callback(coir::this_fiber::get_stop_token(), [&calls] {
        coir::this_fiber::yield();
        coir::charge_operation();
        ++calls;
      });
      coir::latch never(1);
      never.wait();
    }).detach();
    coir::test::until_others_wait();
  });
  CHECK(calls == 1);
}

TEST_CASE("A runtime that goes away ends what was spawned since the last run") {
  const unsigned workers = GENERATE(1U, 8U);
  std::atomic<int> ended{0};
  std::atomic<int> was_requested{0};
  {
    coir::runtime_options options;
    options.workers = workers;
    coir::runtime runtime(options);
    runtime.run([] {});
    for (int i = 0; i < 10; ++i) {
      runtime
          .spawn([&] {
            while (!coir::this_fiber::stop_requested()) coir::this_fiber::yield();
            ++was_requested;
          })
          .detach();
      runtime.spawn([&] { ++ended; }).detach();
    }
  }
  CHECK(ended == 10);
  CHECK(was_requested == 10);
}
