// SPDX-License-Identifier: MIT
// A fiber and a coroutine share one mutex, one semaphore and one connection, from different workers.
#include "tests/io/coroutines.hpp"
#include "tests/support/kernel_thread.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/worker_counts.hpp"

#include <fiber/mutex.hpp>
#include <fiber/semaphore.hpp>

#include <mutex>

using namespace coir::test;
using coir::task;

namespace {

constexpr int rounds = is_sanitized ? 200 : 1000;
constexpr int waiting_at_most = 3;

enum class kind : char { fiber = 'f', coroutine = 'c' };

/// What both use. All but the semaphore and the streams is plain, and guarded by the mutex.
struct shared {
  coir::mutex mutex;
  coir::counting_semaphore<> room{waiting_at_most};
  connection ends = connect_over_loopback();

  kind last = kind::fiber;
  pid_t last_thread = kernel_thread();
  int turns = 0;
  int changes = 0; ///< turns before which the other kind had one on another thread

  void note_turn(kind mine) {
    changes += last != mine && last_thread != kernel_thread() ? 1 : 0;
    last = mine;
    last_thread = kernel_thread();
    ++turns;
  }
};

/// Two bytes in two writes, which belong together.
void write_in_fiber(shared& all) {
  for (int i = 0; i < rounds; ++i) {
    all.room.acquire();
    const std::lock_guard held(all.mutex);
    all.note_turn(kind::fiber);
    all.ends.client.write("f");
    coir::this_fiber::yield();
    all.ends.client.write("F");
  }
}

task<> write_in_coroutine(shared& all) {
  for (int i = 0; i < rounds; ++i) {
    co_await all.room.async_acquire();
    co_await all.mutex.async_lock();
    const std::lock_guard held(all.mutex, std::adopt_lock);
    all.note_turn(kind::coroutine);
    co_await all.ends.client.async_write("c");
    co_await coir::this_fiber::async_yield();
    co_await all.ends.client.async_write("C");
  }
}

/// How many whole messages of each kind have come.
struct counts {
  int fiber = 0;
  int coroutine = 0;
  int broken = 0;
  void add(char first, char second) {
    fiber += first == 'f' && second == 'F' ? 1 : 0;
    coroutine += first == 'c' && second == 'C' ? 1 : 0;
    broken += first - 'a' != second - 'A' ? 1 : 0;
  }
};

/// Both readers take turns by the mutex `reading`, so that each message is read as a whole.
void read_in_fiber(shared& all, coir::mutex& reading, counts& seen, int messages) {
  for (int i = 0; i < messages; ++i) {
    {
      const std::lock_guard held(reading);
      const std::string message = read_exactly(all.ends.server, 2);
      seen.add(message[0], message[1]);
    }
    all.room.release();
  }
}

task<> read_in_coroutine(shared& all, coir::mutex& reading, counts& seen, int messages) {
  for (int i = 0; i < messages; ++i) {
    {
      co_await reading.async_lock();
      const std::lock_guard held(reading, std::adopt_lock);
      char first[1] = {};
      char second[1] = {};
      co_await all.ends.server.async_read(first);
      co_await all.ends.server.async_read(second);
      seen.add(first[0], second[0]);
    }
    all.room.release();
  }
}

} // namespace

TEST_CASE("a fiber and a coroutine share a mutex, a semaphore and a connection") {
  const unsigned workers = GENERATE(2U, 4U);
  coir::run(migrating(workers), [] {
    shared all;
    coir::mutex reading;
    counts seen;
    coir::scope both;
    both.spawn([&] { write_in_fiber(all); });
    both.spawn(write_in_coroutine(all));
    both.spawn([&] { read_in_fiber(all, reading, seen, rounds); });
    both.spawn(read_in_coroutine(all, reading, seen, rounds));
    both.join();
    CHECK(seen.fiber == rounds);
    CHECK(seen.coroutine == rounds);
    CHECK(seen.broken == 0);
    CHECK(all.turns == 2 * rounds);
    CHECK(all.changes > 0);
    for (int i = 0; i < waiting_at_most; ++i) CHECK(all.room.try_acquire());
    CHECK_FALSE(all.room.try_acquire());
  });
}
