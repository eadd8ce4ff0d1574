// SPDX-License-Identifier: MIT
// Coroutines that accept, connect and wait for signals.
#include "tests/io/coroutines.hpp"
#include "tests/io/deaf_server.hpp"
#include "tests/io/descriptor_shortage.hpp"
#include "tests/support/virtual_poller.hpp"

#include <io/signal_set.hpp>

#include <csignal>
#include <unistd.h>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::task;
using coir::tcp_listener;
using coir::tcp_stream;

namespace {

task<std::error_code> async_error_of_accept(tcp_listener& listener, coir::deadline limit = {}) {
  return async_error_of([&, limit](auto& error) { return listener.async_accept(error, limit); });
}

} // namespace

TEST_CASE("async_connect and async_accept find each other") {
  coir::run({.workers = 2}, [] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    auto server = coir::spawn([](tcp_listener& accepting) -> task<int> {
      int bytes = 0;
      for (int i = 0; i < 100; ++i) {
        auto stream = co_await accepting.async_accept();
        bytes += static_cast<int>((co_await async_read_to_end(stream)).size());
      }
      co_return bytes;
    }(listener));
    coir::await([](coir::endpoint where) -> task<> {
      for (int i = 0; i < 100; ++i) {
        auto stream = co_await tcp_stream::async_connect(where, 5s);
        co_await stream.async_write("hello");
      }
    }(listener.local_endpoint()));
    CHECK(server.join() == 500);
  });
}

TEST_CASE("async_connect says what went wrong") {
  coir::run(only_one_worker(), [] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    const auto nobody = listener.local_endpoint();
    listener.close();
    CHECK(coir::await(async_error_of([&](auto& error) {
            return tcp_stream::async_connect(nobody, error);
          })) == std::errc::connection_refused);
    try {
      static_cast<void>(coir::await(tcp_stream::async_connect(nobody)));
      FAIL("connected to nobody");
    } catch (const std::system_error& thrown) {
      CHECK(std::string(thrown.what()).find(nobody.to_string()) != std::string::npos);
    }
    const descriptor_shortage shortage;
    CHECK(coir::await(async_error_of([&](auto& error) {
            return tcp_stream::async_connect(nobody, error);
          })) == std::errc::too_many_files_open);
  });
}

TEST_CASE("async_connect gives up at its limit, and connects late") {
  coir::run(only_one_worker(), [] {
    deaf_server server;
    CHECK(coir::await(async_error_of([&](auto& error) {
            return tcp_stream::async_connect(server.address(), error, 5ms);
          })) == std::errc::timed_out);
    auto connecting = coir::spawn([](coir::endpoint where) -> task<bool> {
      co_return (co_await tcp_stream::async_connect(where)).is_open();
    }(server.address()));
    coir::this_fiber::yield();
    CHECK_FALSE(connecting.has_ended());
    server.accept_all();
    CHECK(connecting.join());
  });
}

TEST_CASE("async_accept without descriptors fails, then slows down to 20 tries a second") {
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 1), [] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    auto client = tcp_stream::connect(listener.local_endpoint());
    int tries = 0;
    {
      const descriptor_shortage shortage;
      coir::await([](tcp_listener& accepting, int& count) -> task<> {
        const auto end = coir::clock::now() + 10s;
        for (; coir::clock::now() < end; ++count) {
          if (co_await async_error_of_accept(accepting) != std::errc::too_many_files_open)
            co_return;
        }
      }(listener, tries));
    }
    CHECK(tries >= 200);
    CHECK(tries <= 210);
    CHECK(coir::await(listener.async_accept()).is_open());
  });
}

TEST_CASE("the pause of async_accept obeys limits, stop requests and close") {
  coir::run(only_one_worker(), [] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    auto client = tcp_stream::connect(listener.local_endpoint());
    const descriptor_shortage shortage;
    const auto be_short = [&] {
      while (coir::await(async_error_of_accept(listener)) != std::errc::too_many_files_open) {
      }
    };
    be_short();
    CHECK(coir::await(async_error_of_accept(listener, 5ms)) == std::errc::timed_out);
    be_short();
    auto stopped = coir::spawn(async_error_of_accept(listener));
    coir::this_fiber::yield();
    stopped.request_stop();
    CHECK(stopped.join() == std::errc::operation_canceled);
    be_short();
    auto closed = coir::spawn(async_error_of_accept(listener));
    coir::this_fiber::yield();
    listener.close();
    CHECK(closed.join() == std::errc::bad_file_descriptor);
  });
}

TEST_CASE("a coroutine waits for signals") {
  coir::signal_set signals{SIGUSR1, SIGUSR2};
  coir::run({.workers = 2}, [&] {
    for (int i = 0; i < 100; ++i) {
      const int number = i % 2 == 0 ? SIGUSR1 : SIGUSR2;
      auto waiter = coir::spawn([](coir::signal_set& awaited) -> task<int> {
        co_return co_await awaited.async_wait();
      }(signals));
      if (i % 3 == 0) coir::this_fiber::yield();
      REQUIRE(::kill(::getpid(), number) == 0);
      CHECK(waiter.join() == number);
    }
    CHECK(coir::await(async_error_of([&](auto& error) {
            return signals.async_wait(error, 1ms);
          })) == std::errc::timed_out);
    auto closed =
        coir::spawn(async_error_of([&](auto& error) { return signals.async_wait(error); }));
    coir::this_fiber::yield();
    signals.close();
    CHECK(closed.join() == std::errc::bad_file_descriptor);
  });
}
