// SPDX-License-Identifier: MIT
// Stop requests: before an operation, and while it waits.
#include "tests/io/deaf_server.hpp"
#include "tests/io/silence.hpp"

#include <functional>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::tcp_listener;
using coir::tcp_stream;

namespace {

using operation = std::function<void(std::error_code&)>;

/// Runs it in a fiber that is requested to stop: while it waits, and before it begins.
void check_ends_by_stop(const operation& waits) {
  auto waiting = coir::spawn([&] { return error_of(waits); });
  coir::this_fiber::yield();
  REQUIRE_FALSE(waiting.has_ended());
  waiting.request_stop();
  CHECK(waiting.join() == std::errc::operation_canceled);

  auto late = coir::spawn([&] { return error_of(waits); });
  late.request_stop(); // it has not begun
  CHECK(late.join() == std::errc::operation_canceled);
}

} // namespace

TEST_CASE("a stop request ends every operation, and the stream stays usable") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    tcp_stream& stream = ends.client;
    char byte[1];
    check_ends_by_stop([&](auto& error) { stream.read(byte, error); });
    check_ends_by_stop([&](auto& error) { stream.wait_readable(error); });
    check_ends_by_stop([&](auto& error) { stream.read_some(coir::mutable_buffer(byte), error); });
    ends.server.write("x");
    CHECK(stream.read(byte) == 1);
    const std::vector<std::byte> large(16 << 20);
    check_ends_by_stop([&](auto& error) { stream.write(large, error); });
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    check_ends_by_stop([&](auto& error) { static_cast<void>(listener.accept(error)); });
    auto client = tcp_stream::connect(listener.local_endpoint());
    CHECK(listener.accept().is_open());
  });
}

TEST_CASE("a stop request ends connect") {
  coir::run(only_one_worker(), [] {
    const deaf_server server;
    check_ends_by_stop(
        [&](auto& error) { static_cast<void>(tcp_stream::connect(server.address(), error)); });
  });
}

TEST_CASE("a stopped fiber's operation does not even take what is there") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    ends.server.write("x");
    auto stopped = coir::spawn([&] {
      char byte[1];
      return error_of([&](auto& error) { ends.client.read(byte, error); });
    });
    stopped.request_stop();
    CHECK(stopped.join() == std::errc::operation_canceled);
    CHECK(read_exactly(ends.client, 1) == "x");
  });
}

TEST_CASE("a fiber that ends by a stop request ends cleanly") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    coir::scope readers;
    for (int i = 0; i < 3; ++i) {
      readers.spawn([&] {
        char byte[1];
        ends.client.read(byte);
      });
    }
    coir::this_fiber::yield();
    readers.request_stop();
    readers.join(); // does not throw
  });
}

TEST_CASE("stop requests race with bytes and lose or win, but nothing is lost") {
  stop_readers_while_bytes_come([](tcp_stream& stream) {
    return coir::spawn([&stream] {
      char bytes[64];
      std::error_code error;
      return stream.read(bytes, error);
    });
  });
}

TEST_CASE("shutdown of the runtime ends operations") {
  coir::run({.workers = 1, .shutdown_grace = 0s}, [] {
    coir::spawn([] {
      auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
      static_cast<void>(listener.accept());
    }).detach();
    coir::this_fiber::yield();
  });
}
