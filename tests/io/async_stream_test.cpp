// SPDX-License-Identifier: MIT
// A stream in coroutines: what its operations give, at once and after a wait.
#include "tests/io/coroutines.hpp"

#include <array>
#include <vector>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::io_errc;
using coir::task;
using coir::tcp_stream;

namespace {

/// Runs as a coroutine on one worker, or on two of which every wait changes to the other.
void run_coroutine(task<> (*body)(connection&)) {
  coir::runtime_options two;
  two.workers = 2;
  two.force_migration = true;
  for (const auto& options : {only_one_worker(), two}) {
    coir::run(options, [&] {
      connection ends = connect_over_loopback();
      coir::await(body(ends));
    });
  }
}

} // namespace

TEST_CASE("async_read: what is there, what comes later, the end") {
  run_coroutine([](connection& ends) -> task<> {
    char bytes[8] = {};
    ends.client.write("abc");
    COIR_EXPECT(co_await ends.server.async_read(bytes) == 3);
    CHECK(std::string(bytes, 3) == "abc");
    auto later = coir::spawn([&] {
      coir::this_fiber::sleep_for(1ms);
      ends.client.write("0123456789");
      ends.client.shutdown_send();
    });
    COIR_EXPECT(co_await ends.server.async_read(bytes) == 8);
    CHECK(std::string(bytes, 8) == "01234567");
    COIR_EXPECT(co_await ends.server.async_read(bytes) == 2);
    COIR_EXPECT(co_await ends.server.async_read(bytes) == 0);
    COIR_EXPECT(co_await ends.server.async_read(bytes) == 0);
    co_await later;
    ends.server.write("half-closed"); // the other direction goes on
    ends.server.shutdown_send();
    COIR_EXPECT(co_await async_read_to_end(ends.client) == "half-closed");
  });
}

TEST_CASE("async_read_some and async_write_some keep Asio's contract") {
  run_coroutine([](connection& ends) -> task<> {
    char left[2] = {};
    char right[4] = {};
    const std::array<coir::const_buffer, 2> out{coir::const_buffer("ab"),
                                                coir::const_buffer("cdef")};
    const std::array<coir::mutable_buffer, 2> in{coir::mutable_buffer(left),
                                                 coir::mutable_buffer(right)};
    COIR_EXPECT(co_await ends.client.async_write_some(out) == 6);
    COIR_EXPECT(co_await ends.server.async_read_some(in) == 6);
    CHECK(std::string(left, 2) + std::string(right, 4) == "abcdef");
    COIR_EXPECT(co_await ends.client.async_write_some("xy") == 2);
    COIR_EXPECT(co_await ends.server.async_read_some(right) == 2);
    ends.client.shutdown_send();
    std::error_code error;
    COIR_EXPECT(co_await ends.server.async_read_some(in, error) == 0);
    CHECK(error == io_errc::end_of_stream);
    COIR_EXPECT(co_await async_thrown_by([&] { return ends.server.async_read_some(left); }) ==
                io_errc::end_of_stream);
  });
}

TEST_CASE("empty buffers neither wait nor end the stream in coroutines either") {
  run_coroutine([](connection& ends) -> task<> {
    COIR_EXPECT(co_await ends.client.async_write("") == 0);
    COIR_EXPECT(co_await ends.server.async_read(coir::mutable_buffer()) == 0);
    COIR_EXPECT(co_await ends.server.async_read_some(std::array<coir::mutable_buffer, 2>()) == 0);
    COIR_EXPECT(co_await ends.client.async_write_some(coir::const_buffer()) == 0);
  });
}

TEST_CASE("async_write sends all, however often it has to wait") {
  run_coroutine([](connection& ends) -> task<> {
    make_narrow(ends);
    const auto sent = pattern(4 << 20);
    auto reader = coir::spawn(async_read_to_end(ends.server));
    COIR_EXPECT(co_await ends.client.async_write(sent) == sent.size());
    COIR_EXPECT(co_await ends.client.async_write("end") == 3);
    ends.client.shutdown_send();
    const std::string received = co_await reader;
    CHECK(received == std::string(reinterpret_cast<const char*>(sent.data()), sent.size()) + "end");
  });
}

TEST_CASE("async_wait_readable waits and reads nothing") {
  run_coroutine([](connection& ends) -> task<> {
    auto later = coir::spawn([&] {
      coir::this_fiber::sleep_for(1ms);
      ends.client.write("x");
    });
    co_await ends.server.async_wait_readable();
    co_await ends.server.async_wait_readable(); // still
    char bytes[4];
    COIR_EXPECT(co_await ends.server.async_read(bytes) == 1);
    co_await later;
    ends.client.shutdown_send();
    co_await ends.server.async_wait_readable();
    COIR_EXPECT(co_await ends.server.async_read(bytes) == 0);
  });
}

TEST_CASE("a peer that resets is an error") {
  run_coroutine([](connection& ends) -> task<> {
    char byte[1];
    auto reader = coir::spawn(async_error_of(
        [&](std::error_code& error) { return ends.server.async_read(byte, error); }));
    co_await coir::this_fiber::async_yield();
    reset_on_close(ends.client);
    ends.client.close();
    COIR_EXPECT(co_await reader == std::errc::connection_reset);
    COIR_EXPECT(co_await async_thrown_by([&] { return ends.server.async_write("x"); }) ==
                std::errc::broken_pipe);
  });
}

TEST_CASE("who finds nothing when resumed goes on waiting") {
  // Both wait; the first fills its buffer and so wakes the second, for which nothing is left.
  run_coroutine([](connection& ends) -> task<> {
    char first_byte[1] = {};
    char second_byte[1] = {};
    const auto read = [&](char* byte) {
      return kept([&ends, byte]() -> task<> {
        COIR_EXPECT(co_await ends.server.async_read({byte, 1}) == 1);
      });
    };
    auto first = coir::spawn(read(first_byte));
    auto second = coir::spawn(read(second_byte));
    co_await coir::this_fiber::async_yield();
    ends.client.write("x");
    while (!first.has_ended() && !second.has_ended()) co_await coir::this_fiber::async_yield();
    co_await coir::this_fiber::async_sleep_for(1ms);
    CHECK(first.has_ended() != second.has_ended());
    ends.client.write("y");
    co_await first;
    co_await second;
    CHECK(first_byte[0] + second_byte[0] == 'x' + 'y');
  });
}

TEST_CASE("a stream that is always ready starves nobody") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    bool is_over = false;
    auto greedy = coir::spawn(kept([&]() -> task<> {
      char byte[1];
      while (!is_over) {
        co_await ends.client.async_write("x");
        co_await ends.server.async_read(byte);
      }
    }));
    for (int turns = 0; turns < 10; ++turns) coir::this_fiber::yield();
    is_over = true;
    greedy.join();
  });
}

TEST_CASE("operations can be awaited from a fiber, and kept for later") {
  coir::run({.workers = 2}, [] {
    connection ends = connect_over_loopback();
    char bytes[4];
    auto reading = ends.server.async_read(bytes);
    CHECK(coir::await(ends.client.async_write("abc")) == 3);
    CHECK(coir::await(std::move(reading)) == 3);
    coir::await(kept([&]() -> task<> {
      auto writing = ends.client.async_write("de");
      auto moved = std::move(writing);
      COIR_EXPECT(co_await moved == 2);
    }));
    CHECK(coir::await(ends.server.async_read(bytes)) == 2);
  });
}
