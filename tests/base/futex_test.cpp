// SPDX-License-Identifier: MIT
// futex: sleeping until woken, until a deadline, or not at all; errno stays.
#include "fiber/base/futex.hpp"

#include "tests/catch.hpp"

#include <cerrno>
#include <chrono>
#include <thread>

using namespace std::chrono_literals;
using coir::atomic;
using coir::base::futex_wait;
using coir::base::futex_wake;
using coir::base::time_point;

TEST_CASE("Nobody sleeps if the word has changed") {
  atomic<std::uint32_t> word{1};
  errno = 77;
  CHECK(futex_wait(word, 0, time_point::max()));
  CHECK(errno == 77);
}

TEST_CASE("A deadline ends the sleep, and only that is told") {
  atomic<std::uint32_t> word{0};
  const auto deadline = std::chrono::steady_clock::now() + 5ms;
  errno = 77;
  while (futex_wait(word, 0, deadline)) {
  }
  CHECK(errno == 77);
  CHECK(std::chrono::steady_clock::now() >= deadline);
  CHECK_FALSE(futex_wait(word, 0, time_point{})); // has passed
}

TEST_CASE("A wake ends the sleep of as many as it says") {
  atomic<std::uint32_t> word{0};
  std::thread sleeper([&] {
    while (word.load(coir::acquire) == 0) futex_wait(word, 0, time_point::max());
  });
  word.store(1, coir::release);
  errno = 77;
  futex_wake(&word, 1);
  CHECK(errno == 77);
  sleeper.join();
}

TEST_CASE("Waking at an address where nobody sleeps, or nothing is, is harmless") {
  auto* const nowhere = reinterpret_cast<atomic<std::uint32_t>*>(std::uintptr_t{4096});
  errno = 77;
  futex_wake(nowhere, 1);
  CHECK(errno == 77);
}
