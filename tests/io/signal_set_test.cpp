// SPDX-License-Identifier: MIT
// Signals as events: each is returned once, and the thread's mask comes back.
#include "fiber/semaphore.hpp"
#include "tests/io/loopback.hpp"
#include "tests/support/forked_child.hpp"

#include <io/signal_set.hpp>

#include <csignal>
#include <thread>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::signal_set;

namespace {

bool is_blocked(int number) {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return ::sigismember(&mask, number) == 1;
}

void send(int number) { REQUIRE(::kill(::getpid(), number) == 0); }

} // namespace

TEST_CASE("a signal that comes while a fiber waits, or before") {
  signal_set signals{SIGUSR1, SIGUSR2};
  coir::run(only_one_worker(), [&] {
    auto waiter = coir::spawn([&] { return signals.wait(); });
    coir::this_fiber::yield();
    CHECK_FALSE(waiter.has_ended());
    send(SIGUSR1);
    CHECK(waiter.join() == SIGUSR1);
    send(SIGUSR2);
    CHECK(signals.wait() == SIGUSR2);
    send(SIGUSR1);
    send(SIGUSR2);
    const int first = signals.wait();
    const int second = signals.wait();
    CHECK(std::min(first, second) == std::min(SIGUSR1, SIGUSR2));
    CHECK(std::max(first, second) == std::max(SIGUSR1, SIGUSR2));
    CHECK(error_of([&](auto& error) { signals.wait(error, 1ms); }) == std::errc::timed_out);
  });
}

TEST_CASE("the other workers of the runtime do not take the signal away") {
  signal_set signals{SIGUSR1};
  coir::run({.workers = 4}, [&] {
    for (int i = 0; i < 100; ++i) {
      auto waiter = coir::spawn([&] { return signals.wait(); });
      send(SIGUSR1);
      CHECK(waiter.join() == SIGUSR1);
    }
  });
}

TEST_CASE("each signal ends one wait of several") {
  signal_set signals{SIGUSR1};
  coir::run(only_one_worker(), [&] {
    coir::counting_semaphore<> waited(0);
    const auto wait = [&] {
      const int number = signals.wait();
      waited.release();
      return number;
    };
    auto first = coir::spawn(wait);
    auto second = coir::spawn(wait);
    coir::this_fiber::yield();
    send(SIGUSR1);
    waited.acquire();
    coir::this_fiber::yield(); // had both been woken, both would have run by now
    CHECK(first.has_ended() != second.has_ended());
    send(SIGUSR1);
    CHECK(first.join() == SIGUSR1);
    CHECK(second.join() == SIGUSR1);
  });
}

TEST_CASE("waiting ends by a stop request and by close") {
  signal_set signals{SIGUSR1};
  coir::run(only_one_worker(), [&] {
    const auto wait = [&] { return error_of([&](auto& error) { signals.wait(error); }); };
    auto stopped = coir::spawn(wait);
    coir::this_fiber::yield();
    stopped.request_stop();
    CHECK(stopped.join() == std::errc::operation_canceled);
    auto closed = coir::spawn(wait);
    coir::this_fiber::yield();
    signals.close();
    CHECK(closed.join() == std::errc::bad_file_descriptor);
    CHECK_THROWS_AS(signals.wait(), std::system_error);
  });
}

TEST_CASE("a plain thread can wait too") {
  signal_set signals{SIGUSR1};
  CHECK(error_of([&](auto& error) { signals.wait(error, 1ms); }) == std::errc::timed_out);
  std::thread sender([] { send(SIGUSR1); });
  CHECK(signals.wait(10s) == SIGUSR1);
  sender.join();
}

TEST_CASE("the mask is as before afterwards, also in the wrong order") {
  REQUIRE_FALSE(is_blocked(SIGUSR1));
  {
    const signal_set outer{SIGUSR1};
    CHECK(is_blocked(SIGUSR1));
    const signal_set inner{SIGUSR1, SIGUSR2};
    CHECK(is_blocked(SIGUSR2));
  }
  CHECK_FALSE(is_blocked(SIGUSR1));
  CHECK_FALSE(is_blocked(SIGUSR2));
  auto first = std::make_unique<signal_set>(std::initializer_list<int>{SIGUSR1});
  auto second = std::make_unique<signal_set>(std::initializer_list<int>{SIGUSR2});
  first.reset();
  CHECK(is_blocked(SIGUSR2));
  CHECK_FALSE(is_blocked(SIGUSR1));
  second.reset();
  CHECK_FALSE(is_blocked(SIGUSR2));
}

TEST_CASE("a number that is no signal is refused, and blocks nothing") {
  CHECK_THROWS_AS((signal_set{SIGUSR1, 4711}), std::system_error);
  CHECK_FALSE(is_blocked(SIGUSR1));
}

TEST_CASE("a signal that nobody has waited for does not kill the process afterwards") {
  // Who stops a server twice, by impatience, gets the same clean end.
  const auto end = run_in_child([] {
    {
      signal_set signals{SIGTERM};
      send(SIGTERM);
      if (coir::run(only_one_worker(), [&] { return signals.wait(); }) != SIGTERM) return false;
      send(SIGTERM);
    }
    return true;
  });
  CHECK(end.has_succeeded());
}
