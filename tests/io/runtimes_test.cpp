// SPDX-License-Identifier: MIT
// Streams that outlive a runtime, are shared by two, or move between threads with their fibers.
#include "tests/io/loopback.hpp"
#include "tests/support/kernel_thread.hpp"
#include "tests/support/seed.hpp"

#include <cerrno>
#include <optional>
#include <thread>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::tcp_stream;

namespace {

/// Makes a fiber wait for bytes on `to`, so that it gets attached to the runtime that we are in.
void exchange(tcp_stream& from, tcp_stream& to) {
  auto reader = coir::spawn([&] {
    coir::deadline_scope limit(10s);
    return read_exactly(to, 4);
  });
  coir::this_fiber::yield();
  from.write("ping");
  CHECK(reader.join() == "ping");
}

// Behind functions that are never inlined, since a compiler keeps the address of errno.
[[gnu::noinline]] void set_errno(int value) {
  errno = value;
  asm volatile("" ::: "memory");
}
[[gnu::noinline]] int get_errno() {
  asm volatile("" ::: "memory");
  return errno;
}

} // namespace

TEST_CASE("a stream is used in one runtime after the other") {
  std::optional<connection> ends;
  coir::run(only_one_worker(), [&] {
    ends = connect_over_loopback();
    exchange(ends->client, ends->server);
  });
  for (int i = 0; i < 3; ++i) {
    coir::run(only_one_worker(), [&] {
      exchange(ends->client, ends->server);
      exchange(ends->server, ends->client);
    });
  }
}

TEST_CASE("a stream is used by two runtimes in turns") {
  connection ends = connect_over_loopback();
  coir::runtime first({.workers = 1});
  coir::runtime second({.workers = 2});
  for (int i = 0; i < 5; ++i) {
    first.run([&] { exchange(ends.client, ends.server); });
    second.run([&] { exchange(ends.client, ends.server); });
    ends.client.write("pong"); // and by a plain thread
    CHECK(read_exactly(ends.server, 4) == "pong");
  }
}

TEST_CASE("a stream is used by two runtimes at once") {
  connection ends = connect_over_loopback();
  constexpr int rounds = 2000;
  coir::runtime other({.workers = 1});
  std::thread thread([&] {
    other.run([&] {
      for (int i = 0; i < rounds; ++i) {
        if (read_exactly(ends.server, 4) != "ping") return;
        ends.server.write("pong");
      }
    });
  });
  int answered = 0;
  coir::run(only_one_worker(), [&] {
    for (; answered < rounds; ++answered) {
      ends.client.write("ping");
      if (read_exactly(ends.client, 4) != "pong") break;
    }
  });
  thread.join();
  CHECK(answered == rounds);
}

TEST_CASE("two runtimes read one stream at once: each byte is read once") {
  connection ends = connect_over_loopback();
  const auto count_all = [&] {
    std::size_t all = 0;
    char bytes[64];
    while (const std::size_t count = ends.server.read(bytes)) all += count;
    return all;
  };
  std::size_t there = 0;
  std::thread thread([&] { there = coir::run(only_one_worker(), count_all); });
  std::size_t here = 0;
  constexpr std::size_t size = 100'000;
  coir::run({.workers = 2}, [&] {
    auto reader = coir::spawn(count_all);
    for (std::size_t sent = 0; sent < size; sent += 100) ends.client.write(pattern(100));
    ends.client.shutdown_send();
    here = reader.join();
  });
  thread.join();
  CHECK(here + there == size);
}

TEST_CASE("operations go on after their fiber has moved to another thread") {
  coir::run({.workers = 4, .shuffle_seed = seed(), .force_migration = true}, [] {
    constexpr int rounds = 300;
    coir::scope pairs;
    int right[8] = {};
    for (int& done : right) {
      pairs.spawn([&done] {
        connection ends = connect_over_loopback();
        auto server = coir::spawn([&] {
          char buffer[256];
          while (const std::size_t count = ends.server.read(buffer))
            ends.server.write({buffer, count});
        });
        for (; done < rounds; ++done) {
          const std::string sent = std::to_string(done) + " times";
          ends.client.write(sent);
          if (read_exactly(ends.client, sent.size()) != sent) break;
        }
        ends.client.close();
        server.join();
      });
    }
    pairs.join();
    for (const int done : right) CHECK(done == rounds);
  });
}

TEST_CASE("errno belongs to the fiber, and no operation touches it") {
  coir::run({.workers = 2, .force_migration = true}, [] {
    connection ends = connect_over_loopback();
    pid_t first_thread = coir::test::kernel_thread();
    int moves = 0;
    for (int i = 0; i < 200; ++i) {
      auto writer = coir::spawn([&] {
        set_errno(ERANGE);
        coir::this_fiber::yield();
        ends.client.write("x");
        return get_errno();
      });
      set_errno(EXDEV);
      char byte[1];
      CHECK(ends.server.read(byte) == 1);
      CHECK(get_errno() == EXDEV);
      std::error_code error;
      ends.server.read(byte, error, 0s); // fails
      CHECK(error == std::errc::timed_out);
      CHECK(get_errno() == EXDEV);
      tcp_stream().read(byte, error);
      CHECK(get_errno() == EXDEV);
      CHECK(writer.join() == ERANGE);
      moves += coir::test::kernel_thread() != first_thread ? 1 : 0;
      first_thread = coir::test::kernel_thread();
    }
    CHECK(moves > 0);
  });
}

TEST_CASE("an error that comes after a move is that of the new thread") {
  coir::run({.workers = 2, .force_migration = true}, [] {
    // The reader moves only if it has come to wait when the error arrives; so ever more turns are left to it.
    int moves = 0;
    for (int turns = 0; moves < 50; ++turns) {
      connection ends = connect_over_loopback();
      auto reader = coir::spawn([&] {
        char byte[1];
        const auto before = kernel_thread();
        const auto found = error_of([&](auto& error) { ends.server.read(byte, error); });
        return std::pair(found, kernel_thread() != before);
      });
      for (int turn = 0; turn < turns; ++turn) coir::this_fiber::yield();
      reset_on_close(ends.client);
      ends.client.close();
      const auto [error, has_moved] = reader.join();
      CHECK(error == std::errc::connection_reset);
      moves += has_moved ? 1 : 0;
    }
  });
}
