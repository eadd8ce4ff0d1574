// SPDX-License-Identifier: MIT
// Operations that coroutines wait for end by a stop request, by close(), and with the runtime.
#include "tests/io/coroutines.hpp"
#include "tests/io/deaf_server.hpp"
#include "tests/io/silence.hpp"
#include "tests/support/forked_child.hpp"
#include "tests/support/sanitized.hpp"

#include <fcntl.h>
#include <functional>
#include <thread>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::task;
using coir::tcp_listener;
using coir::tcp_stream;

namespace {

using operation = std::function<task<std::error_code>()>;

/// Runs it in a coroutine that is requested to stop: while it waits, and before it begins.
void check_ends_by_stop(const operation& begin) {
  auto waiting = coir::spawn(begin());
  coir::this_fiber::yield();
  REQUIRE_FALSE(waiting.has_ended());
  waiting.request_stop();
  CHECK(waiting.join() == std::errc::operation_canceled);

  auto late = coir::spawn(begin());
  late.request_stop(); // it has not begun
  CHECK(late.join() == std::errc::operation_canceled);
}

} // namespace

TEST_CASE("a stop request ends every awaited operation, and the stream stays usable") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    tcp_stream& stream = ends.client;
    char byte[1];
    check_ends_by_stop([&] {
      return async_error_of([&](auto& error) { return stream.async_read(byte, error); });
    });
    check_ends_by_stop([&] {
      return async_error_of([&](auto& error) { return stream.async_wait_readable(error); });
    });
    check_ends_by_stop(
        [&] { return async_thrown_by([&] { return stream.async_read_some(byte); }); });
    ends.server.write("x");
    CHECK(stream.read(byte) == 1);
    const std::vector<std::byte> large(16 << 20);
    check_ends_by_stop([&] {
      return async_error_of([&](auto& error) { return stream.async_write(large, error); });
    });
    check_ends_by_stop(
        [&] { return async_thrown_by([&] { return stream.async_write_some(large); }); });
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    check_ends_by_stop(
        [&] { return async_error_of([&](auto& error) { return listener.async_accept(error); }); });
    auto client = tcp_stream::connect(listener.local_endpoint());
    CHECK(listener.accept().is_open());
  });
}

TEST_CASE("a stop request ends async_connect") {
  coir::run(only_one_worker(), [] {
    const deaf_server server;
    check_ends_by_stop([&] {
      return async_error_of(
          [&](auto& error) { return tcp_stream::async_connect(server.address(), error); });
    });
  });
}

TEST_CASE("stop requests race with bytes in coroutines, but nothing is lost") {
  stop_readers_while_bytes_come([](tcp_stream& from) {
    return coir::spawn([](tcp_stream& stream) -> task<std::size_t> {
      char bytes[64];
      std::error_code error;
      co_return co_await stream.async_read(bytes, error);
    }(from));
  });
}

TEST_CASE("close ends the waits of coroutines, and the descriptor when they have left") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    tcp_stream& stream = ends.client;
    make_narrow(ends);
    char byte[1];
    std::vector<coir::fiber<std::error_code>> waiting;
    waiting.push_back(
        coir::spawn(async_error_of([&](auto& error) { return stream.async_read(byte, error); })));
    waiting.push_back(coir::spawn(
        async_error_of([&](auto& error) { return stream.async_wait_readable(error); })));
    waiting.push_back(coir::spawn(
        async_error_of([&](auto& error) { return stream.async_write(more_than_fits(), error); })));
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    waiting.push_back(
        coir::spawn(async_error_of([&](auto& error) { return listener.async_accept(error); })));
    coir::this_fiber::yield();
    const int number = stream.native_handle();
    stream.close();
    listener.close();
    CHECK(::fcntl(number, F_GETFD) >= 0); // their operations may still pass it to the kernel
    for (auto& each : waiting) CHECK(each.join() == std::errc::bad_file_descriptor);
    CHECK(::fcntl(number, F_GETFD) < 0);
    CHECK(coir::await(async_thrown_by([&] { return stream.async_read(byte); })) ==
          std::errc::bad_file_descriptor);
    CHECK(coir::await(async_thrown_by([&] { return listener.async_accept(); })) ==
          std::errc::bad_file_descriptor);
  });
}

TEST_CASE("close may come from a plain thread while a coroutine waits") {
  coir::run({.workers = 2}, [] {
    for (int i = 0; i < 100; ++i) {
      connection ends = connect_over_loopback();
      char byte[1];
      auto reader = coir::spawn(
          async_error_of([&](auto& error) { return ends.client.async_read(byte, error); }));
      if (i % 2 == 0) coir::this_fiber::yield();
      std::thread([&] { ends.client.close(); }).join();
      CHECK(reader.join() == std::errc::bad_file_descriptor);
    }
  });
}

TEST_CASE("shutdown of the runtime ends the operations of coroutines") {
  coir::run({.workers = 1, .shutdown_grace = 0s}, [] {
    coir::spawn([]() -> task<> {
      auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
      static_cast<void>(co_await listener.async_accept());
    }())
        .detach();
    coir::this_fiber::yield();
  });
}
