// SPDX-License-Identifier: MIT
// No memory for a timer: the wait fails with an error that says so, and the next one works.
#include "tests/io/coroutines.hpp"
#include "tests/io/loopback.hpp"

#include "fiber/mutex.hpp"
#include "fiber/semaphore.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<bool> is_out_of_memory{false};

/// Only the runtime's own allocations may happen while one lives.
class memory_shortage {
public:
  memory_shortage() { is_out_of_memory = true; }
  memory_shortage(const memory_shortage&) = delete;
  memory_shortage& operator=(const memory_shortage&) = delete;
  ~memory_shortage() { is_out_of_memory = false; }
};

void* allocate(std::size_t size) {
  void* const memory = is_out_of_memory ? nullptr : std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

} // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

using namespace coir::test;
using namespace std::chrono_literals;
using coir::task;

namespace {

/// How often a wait has failed for lack of memory, out of: a sleep, a semaphore with a deadline, a read with one.
int failures_of_a_fiber(connection& ends) {
  const memory_shortage shortage;
  coir::counting_semaphore<> never(0);
  const coir::deadline_scope limit{1h};
  char byte = 0;
  std::error_code error;
  ends.server.read({&byte, 1}, error);
  int failures = error == std::errc::not_enough_memory ? 1 : 0;
  try {
    coir::this_fiber::sleep_for(1min);
  } catch (const std::bad_alloc&) {
    ++failures;
  }
  try {
    never.acquire();
  } catch (const std::bad_alloc&) {
    ++failures;
  }
  return failures;
}

task<int> failures_of_a_coroutine(connection& ends) {
  const memory_shortage shortage;
  coir::counting_semaphore<> never(0);
  const coir::deadline_scope limit{1h};
  char byte = 0;
  std::error_code error;
  co_await ends.server.async_read({&byte, 1}, error);
  int failures = error == std::errc::not_enough_memory ? 1 : 0;
  try {
    co_await coir::this_fiber::async_sleep_for(1min);
  } catch (const std::bad_alloc&) {
    ++failures;
  }
  try {
    co_await never.async_acquire();
  } catch (const std::bad_alloc&) {
    ++failures;
  }
  co_return failures;
}

} // namespace

TEST_CASE("a wait without memory for its timer fails, and can be tried again") {
  const bool is_coroutine = GENERATE(false, true);
  coir::run(only_one_worker(), [&] {
    connection ends = connect_over_loopback();
    auto waiting = is_coroutine ? coir::spawn(failures_of_a_coroutine(ends))
                                : coir::spawn([&] { return failures_of_a_fiber(ends); });
    CHECK(waiting.join() == 3);

    // What it left behind bears a stop request, and a wait with a timer.
    auto stopped = coir::spawn([](connection& used) -> task<std::error_code> {
      co_return co_await async_error_of(
          [&used](auto& error) { return used.server.async_wait_readable(error, 1h); });
    }(ends));
    coir::this_fiber::yield();
    stopped.request_stop();
    CHECK(stopped.join() == std::errc::operation_canceled);
    coir::this_fiber::sleep_for(1us);
  });
}

TEST_CASE("a read into a scratch buffer without memory fails and loses nothing") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    ends.client.write("kept");
    coir::scratch_buffer received;
    const auto failure = [&] {
      const memory_shortage shortage;
      return error_of([&](auto& error) { ends.server.read(received, error); });
    };
    CHECK(failure() == std::errc::not_enough_memory);
    CHECK(ends.server.read(received) == 4);
  });
}

namespace {

/// A waiter with a deadline is woken on a worker that has never had a timer, finds the mutex locked again, and has no
/// memory to wait once more. True: it came to that. Returns at all only if the one behind it is woken in its place.
bool has_declined() {
  bool has_thrown = false;
  coir::run({.workers = 2, .force_migration = true}, [&] {
    coir::mutex mutex;
    mutex.lock();
    std::atomic<int> waiting{0};
    auto first = coir::spawn([&] {
      ++waiting;
      try {
        if (mutex.try_lock_for(1h)) mutex.unlock();
      } catch (const std::bad_alloc&) {
        has_thrown = true;
      }
      ++waiting;
    });
    auto second = coir::spawn([&] {
      ++waiting;
      const std::lock_guard held(mutex);
    });
    while (waiting < 2) coir::this_fiber::yield();
    for (int i = 0; i < 100; ++i) coir::this_fiber::yield(); // until both wait, or most of the times
    {
      const memory_shortage shortage;
      mutex.unlock();
      mutex.lock();
      for (int i = 0; i < 1000 && waiting < 3; ++i) coir::this_fiber::yield();
    }
    mutex.unlock();
    first.join();
    second.join();
  });
  return has_thrown;
}

} // namespace

TEST_CASE("A waiter for a mutex that cannot wait again leaves its turn to the next") {
  int declined = 0;
  for (int round = 0; round < 500 && declined < 3; ++round) declined += has_declined() ? 1 : 0;
  CHECK(declined == 3);
}
