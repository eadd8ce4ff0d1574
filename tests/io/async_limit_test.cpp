// SPDX-License-Identifier: MIT
// Limits of operations in coroutines: exact on a virtual clock, and harmless to the connection.
#include "tests/io/coroutines.hpp"
#include "tests/io/silence.hpp"
#include "tests/support/virtual_poller.hpp"

#include <functional>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::task;
using coir::tcp_listener;
using coir::tcp_stream;

namespace {

/// Each operation that can wait, in vain.
struct vain_operations : silence {
  std::vector<std::function<task<std::error_code>(coir::deadline)>> operations() {
    auto& stream = ends.client;
    return {
        [&](auto limit) {
          return async_error_of([&, limit](auto& e) { return stream.async_read(byte, e, limit); });
        },
        [&](auto limit) {
          return async_error_of(
              [&, limit](auto& e) { return stream.async_write(more_than_fits(), e, limit); });
        },
        [&](auto limit) {
          return async_error_of(
              [&, limit](auto& e) { return stream.async_wait_readable(e, limit); });
        },
        [&](auto limit) {
          return async_error_of([&, limit](auto& e) { return listener.async_accept(e, limit); });
        },
        [&](auto limit) {
          return async_thrown_by([&, limit] { return stream.async_read(byte, limit); });
        },
        [&](auto limit) {
          return async_thrown_by(
              [&, limit] { return stream.async_write(more_than_fits(), limit); });
        },
        [&](auto limit) {
          return async_thrown_by([&, limit] { return stream.async_wait_readable(limit); });
        },
        [&](auto limit) {
          return async_thrown_by([&, limit] { return listener.async_accept(limit); });
        },
    };
  }
};

void run_virtually(task<> (*body)(vain_operations&)) {
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 1), [&] {
    vain_operations silent;
    coir::await(body(silent));
  });
}

} // namespace

TEST_CASE("an awaited operation ends when its limit has passed") {
  run_virtually([](vain_operations& silent) -> task<> {
    for (auto& operation : silent.operations()) {
      const auto begin = coir::clock::now();
      COIR_EXPECT(co_await operation(3s) == std::errc::timed_out);
      CHECK(coir::clock::now() == begin + 3s);
      COIR_EXPECT(co_await operation(begin + 5s) == std::errc::timed_out);
      CHECK(coir::clock::now() == begin + 5s);
      COIR_EXPECT(co_await operation(begin) == std::errc::timed_out); // long past
      COIR_EXPECT(co_await operation(-1s) == std::errc::timed_out);
      CHECK(coir::clock::now() == begin + 5s);
    }
  });
}

TEST_CASE("a deadline_scope bounds every awaited operation in it") {
  run_virtually([](vain_operations& silent) -> task<> {
    for (auto& operation : silent.operations()) {
      const auto begin = coir::clock::now();
      const coir::deadline_scope outer(10s);
      const coir::deadline_scope inner(4s);
      COIR_EXPECT(co_await operation(1s) == std::errc::timed_out); // the earliest of all
      CHECK(coir::clock::now() == begin + 1s);
      COIR_EXPECT(co_await operation({}) == std::errc::timed_out);
      CHECK(coir::clock::now() == begin + 4s);
      COIR_EXPECT(co_await operation(10s) == std::errc::timed_out); // at once: the scope is over
      CHECK(coir::clock::now() == begin + 4s);
    }
  });
}

TEST_CASE("an awaited write that gives up tells how much was sent") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    make_narrow(ends);
    const auto sent = pattern(8 << 20);
    std::error_code error;
    std::size_t count = 0;
    coir::await(
        kept([&]() -> task<> { count = co_await ends.client.async_write(sent, error, 10ms); }));
    CHECK(error == std::errc::timed_out);
    CHECK(count > 0);
    CHECK(count < sent.size());
    auto reader = coir::spawn([&] { return read_exactly(ends.server, sent.size()); });
    ends.client.write({sent.data() + count, sent.size() - count});
    CHECK(reader.join() == std::string(reinterpret_cast<const char*>(sent.data()), sent.size()));
  });
}

TEST_CASE("after a time-out the stream goes on, and an expired limit takes what is there") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    coir::await(kept([&]() -> task<> {
      char byte[1];
      for (int i = 0; i < 10; ++i) {
        COIR_EXPECT(co_await async_error_of([&](auto& error) {
                      return ends.server.async_read(byte, error, 1ms);
                    }) == std::errc::timed_out);
        ends.client.write("x");
        COIR_EXPECT(co_await ends.server.async_read(byte, 0s) == 1); // told or not
        COIR_EXPECT(co_await async_error_of([&](auto& error) {
                      return ends.server.async_read(byte, error, 0s);
                    }) == std::errc::timed_out);
        ends.client.write("y");
        co_await ends.server.async_wait_readable(0s);
        COIR_EXPECT(co_await ends.server.async_read(byte, 0s) == 1);
      }
    }));
  });
}
