// SPDX-License-Identifier: MIT
// Fibers, coroutines and plain threads on the same streams.
#include "tests/coro/foreign_coroutine.hpp"
#include "tests/io/coroutines.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/worker_counts.hpp"

#include <thread>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::task;
using coir::tcp_listener;
using coir::tcp_stream;

namespace {

constexpr std::size_t total_bytes = is_sanitized ? 1 << 20 : 8 << 20;

task<> write_pattern(tcp_stream& stream, std::uint32_t first) {
  const auto sent = pattern(total_bytes, first);
  co_await stream.async_write(sent);
  stream.shutdown_send();
}

bool is_pattern(const std::string& received, std::uint32_t first) {
  const auto sent = pattern(total_bytes, first);
  return received == std::string(reinterpret_cast<const char*>(sent.data()), sent.size());
}

/// Sends each message back, until the end.
task<> echo(tcp_stream stream) {
  char bytes[512];
  while (const std::size_t count = co_await stream.async_read(bytes)) {
    co_await stream.async_write({bytes, count});
  }
}

} // namespace

TEST_CASE("a fiber reads while a coroutine writes on one stream, and the other way round") {
  coir::run(migrating(2), [] {
    connection ends = connect_over_loopback();
    make_narrow(ends);
    auto there = coir::spawn(write_pattern(ends.client, 1));
    auto back = coir::spawn(write_pattern(ends.server, 2));
    auto coroutine = coir::spawn(async_read_to_end(ends.client));
    const std::string received = read_to_end(ends.server);
    CHECK(is_pattern(received, 1));
    CHECK(is_pattern(coroutine.join(), 2));
    there.join();
    back.join();
  });
}

TEST_CASE("a fiber and a coroutine read from one stream: every byte comes once") {
  coir::run(migrating(2), [] {
    connection ends = connect_over_loopback();
    constexpr std::size_t count = is_sanitized ? 2'000 : 20'000;
    auto coroutine = coir::spawn([](tcp_stream& stream) -> task<std::size_t> {
      co_return (co_await async_read_to_end(stream)).size();
    }(ends.server));
    auto fiber = coir::spawn([&] { return read_to_end(ends.server).size(); });
    for (std::size_t i = 0; i < count; ++i) {
      ends.client.write("x");
      if (i % 7 == 0) coir::this_fiber::yield();
    }
    ends.client.shutdown_send();
    CHECK(coroutine.join() + fiber.join() == count);
  });
}

TEST_CASE("clients that are fibers, servers that are coroutines, from all workers") {
  coir::run(migrating(4), [] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    constexpr std::uint32_t clients = is_sanitized ? 50 : 300;
    constexpr int rounds = 20;
    coir::scope connections;
    connections.spawn([](tcp_listener& accepting, coir::scope& spawned) -> task<> {
      for (std::uint32_t i = 0; i < clients; ++i)
        spawned.spawn(echo(co_await accepting.async_accept()));
    }(listener, connections));
    std::vector<coir::fiber<int>> all;
    for (std::uint32_t i = 0; i < clients; ++i) {
      all.push_back(coir::spawn([&, i] {
        auto stream = tcp_stream::connect(listener.local_endpoint());
        int right = 0;
        for (int round = 0; round < rounds; ++round) {
          const auto sent = pattern(200, i);
          stream.write(sent);
          const std::string got = read_exactly(stream, sent.size());
          right += got == std::string(reinterpret_cast<const char*>(sent.data()), sent.size());
        }
        return right;
      }));
    }
    int right = 0;
    for (auto& each : all) right += each.join();
    CHECK(right == static_cast<int>(clients) * rounds);
    connections.join();
  });
}

TEST_CASE("on a plain thread, in another library's coroutine, the operations block") {
  auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
  std::string received;
  std::thread server([&] {
    auto serving = [](tcp_listener& accepting) -> foreign_task<std::string> {
      auto stream = co_await accepting.async_accept();
      co_await stream.async_wait_readable();
      std::string all;
      char part[64];
      std::error_code error;
      while (const std::size_t count = co_await stream.async_read_some(part, error)) {
        all.append(part, count);
      }
      co_await stream.async_write("bye");
      co_return all;
    }(listener);
    received = start_detached(serving);
  });
  auto client = tcp_stream::connect(listener.local_endpoint());
  client.write("hello");
  client.shutdown_send();
  CHECK(read_to_end(client) == "bye");
  server.join();
  CHECK(received == "hello");
}

TEST_CASE("in another library's coroutine under a fiber or a task they suspend the stack") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    const auto read = [](tcp_stream& stream) -> foreign_task<std::size_t> {
      char bytes[8];
      co_return co_await stream.async_read(bytes);
    };
    auto in_task = coir::spawn([](foreign_task<std::size_t> reading) -> task<std::size_t> {
      co_return co_await std::move(reading);
    }(read(ends.server)));
    auto in_fiber = coir::spawn([&] {
      auto reading = read(ends.client);
      return start_detached(reading);
    });
    coir::this_fiber::yield();
    CHECK_FALSE(in_task.has_ended());
    CHECK_FALSE(in_fiber.has_ended());
    ends.client.write("abc");
    ends.server.write("de");
    CHECK(in_task.join() == 3);
    CHECK(in_fiber.join() == 2);
  });
}
