// SPDX-License-Identifier: MIT
// What C and C++ keep per kernel thread goes along with the fiber: errno, exceptions being handled and in flight.
// Each test forces migration, so that a fiber finds itself on another thread after nearly every suspension.
#include "fiber/sched/current.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/kernel_thread.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coir::test::migrating;

namespace {

constexpr int rounds = coir::test::is_sanitized ? 50 : 300;
constexpr int fibers = 16;

/// errno is looked up anew: the compiler must not keep an address of it over a suspension, which is the caller's part.
[[gnu::noinline]] int read_errno() {
  asm volatile("" ::: "memory");
  return errno;
}
[[gnu::noinline]] void write_errno(int value) {
  asm volatile("" ::: "memory");
  errno = value;
}
/// Suspends in one of several ways.
void suspend(coir::binary_semaphore& turn, int round) {
  switch (round % 3) {
  case 0: coir::this_fiber::yield(); break;
  case 1: coir::this_fiber::sleep_for(200us); break;
  default: turn.acquire(); turn.release();
  }
}

/// Runs `body(turn, number)` in many fibers at once; the sum of what they return.
template <class Body>
int sum_in_fibers(unsigned workers, Body body) {
  return coir::run(migrating(workers), [body] {
    coir::binary_semaphore turn(1);
    std::vector<coir::fiber<int>> all;
    for (int number = 1; number <= fibers; ++number) {
      all.push_back(coir::spawn([&turn, body, number] { return body(turn, number); }));
    }
    int sum = 0;
    for (auto& each : all) sum += each.join();
    return sum;
  });
}

} // namespace

TEST_CASE("errno is the fiber's own, wherever it continues") {
  const unsigned workers = GENERATE(1U, 2U, 8U);
  const int wrong = sum_in_fibers(workers, [](coir::binary_semaphore& turn, int number) {
    int count = read_errno() == 0 ? 0 : 1; // a fiber begins with none
    for (int round = 0; round < rounds; ++round) {
      write_errno(number * 1000 + round);
      suspend(turn, round);
      count += read_errno() == number * 1000 + round ? 0 : 1;
    }
    return count;
  });
  CHECK(wrong == 0);
}

TEST_CASE("The library finds the running fiber wherever it continues") {
  const unsigned workers = GENERATE(1U, 2U, 8U);
  const int wrong = sum_in_fibers(workers, [](coir::binary_semaphore& turn, int) {
    int count = 0;
    const auto id = coir::this_fiber::id();
    const coir::deadline_scope limit{24h}; // kept with the fiber, found through the thread
    const auto when = coir::current_limit();
    for (int round = 0; round < rounds; ++round) {
      suspend(turn, round);
      count += coir::this_fiber::id() == id && coir::current_limit() == when ? 0 : 1;
    }
    return count;
  });
  CHECK(wrong == 0);
}

TEST_CASE("A pin keeps the address of a thread_local good") {
  static thread_local int of_the_thread = 0;
  const unsigned workers = GENERATE(1U, 2U, 8U);
  const int wrong = sum_in_fibers(workers, [](coir::binary_semaphore& turn, int number) {
    int count = 0;
    for (int round = 0; round < rounds; ++round) {
      const coir::pin here;
      int* const address = &of_the_thread;
      suspend(turn, round);
      *address = number; // the compiler may well do this where the source says `of_the_thread = number`
      count += of_the_thread == number ? 0 : 1;
    }
    return count;
  });
  CHECK(wrong == 0);
}

TEST_CASE("Fibers do move between threads in these tests") {
  std::atomic<int> moved{0};
  sum_in_fibers(8, [&moved](coir::binary_semaphore& turn, int) {
    for (int round = 0; round < rounds; ++round) {
      const auto before = coir::test::kernel_thread();
      suspend(turn, round);
      if (coir::test::kernel_thread() != before) ++moved;
    }
    return 0;
  });
  CHECK(moved > fibers * rounds / 6);
}

TEST_CASE("A fiber may suspend while it handles an exception, and rethrow it") {
  const unsigned workers = GENERATE(1U, 2U, 8U);
  const int wrong = sum_in_fibers(workers, [](coir::binary_semaphore& turn, int number) {
    int count = 0;
    for (int round = 0; round < rounds; ++round) {
      const std::string mine = std::to_string(number) + " in round " + std::to_string(round);
      try {
        try {
          throw std::runtime_error(mine);
        } catch (const std::exception&) {
          suspend(turn, round);
          throw;
        }
      } catch (const std::exception& caught) {
        suspend(turn, round + 1);
        count += caught.what() == mine ? 0 : 1;
        try { // one inside of the other
          throw number;
        } catch (int inner) {
          suspend(turn, round + 2);
          count += inner == number ? 0 : 1;
        }
        count += std::current_exception() != nullptr ? 0 : 1;
      }
      count += std::current_exception() == nullptr ? 0 : 1;
    }
    return count;
  });
  CHECK(wrong == 0);
}

TEST_CASE("A destructor may suspend while an exception unwinds the stack") {
  const unsigned workers = GENERATE(1U, 2U, 8U);
  struct suspends_at_end {
    coir::binary_semaphore& turn;
    int round;
    int& wrong;
    ~suspends_at_end() {
      wrong += std::uncaught_exceptions() == 1 ? 0 : 1;
      suspend(turn, round);
      wrong += std::uncaught_exceptions() == 1 ? 0 : 1;
    }
  };
  const int wrong = sum_in_fibers(workers, [](coir::binary_semaphore& turn, int number) {
    int count = 0;
    for (int round = 0; round < rounds; ++round) {
      try {
        const suspends_at_end guard{turn, round, count};
        throw number;
      } catch (int caught) {
        count += caught == number ? 0 : 1;
      }
      count += std::uncaught_exceptions() == 0 ? 0 : 1;
    }
    return count;
  });
  CHECK(wrong == 0);
}

TEST_CASE("run() in a handler leaves the exception of its caller alone") {
  int caught_inside = 0;
  try {
    throw std::domain_error("outside");
  } catch (const std::exception& outside) {
    errno = 77;
    caught_inside = coir::run(migrating(4), [] {
      if (std::current_exception() != nullptr) return -1;
      try {
        coir::spawn([] { throw 42; }).join();
      } catch (int inside) {
        coir::this_fiber::sleep_for(1us);
        return inside;
      }
      return -2;
    });
    CHECK(std::string(outside.what()) == "outside");
    REQUIRE(std::current_exception() != nullptr);
    CHECK_THROWS_AS(std::rethrow_exception(std::current_exception()), std::domain_error);
  }
  CHECK(caught_inside == 42);
  CHECK(std::current_exception() == nullptr);
}
