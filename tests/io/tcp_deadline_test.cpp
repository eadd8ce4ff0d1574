// SPDX-License-Identifier: MIT
// Limits of operations: exact on a virtual clock, where no peer ever answers, and harmless to the connection.
#include "tests/io/silence.hpp"
#include "tests/support/virtual_poller.hpp"

#include <functional>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::tcp_listener;
using coir::tcp_stream;

namespace {

/// Each operation that can wait, in vain.
struct vain_operations : silence {
  std::vector<std::function<std::error_code(coir::deadline)>> operations() {
    return {
        [this](auto limit) { return error_of([&](auto& e) { ends.client.read(byte, e, limit); }); },
        [this](auto limit) {
          return error_of([&](auto& e) { ends.client.write(more_than_fits(), e, limit); });
        },
        [this](auto limit) {
          return error_of([&](auto& e) { ends.client.wait_readable(e, limit); });
        },
        [this](auto limit) {
          return error_of([&](auto& e) { static_cast<void>(listener.accept(e, limit)); });
        },
    };
  }
};

void run_virtually(const std::function<void()>& body) {
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 1), body);
}

} // namespace

TEST_CASE("an operation ends when its limit has passed") {
  run_virtually([] {
    vain_operations silent;
    for (auto& operation : silent.operations()) {
      const auto begin = coir::clock::now();
      CHECK(operation(3s) == std::errc::timed_out);
      CHECK(coir::clock::now() == begin + 3s);
      CHECK(operation(begin + 5s) == std::errc::timed_out);
      CHECK(coir::clock::now() == begin + 5s);
      CHECK(operation(begin) == std::errc::timed_out); // long past
      CHECK(operation(-1s) == std::errc::timed_out);
      CHECK(coir::clock::now() == begin + 5s);
    }
  });
}

TEST_CASE("a deadline_scope bounds every operation in it") {
  run_virtually([] {
    vain_operations silent;
    for (auto& operation : silent.operations()) {
      const auto begin = coir::clock::now();
      {
        const coir::deadline_scope outer(2s);
        CHECK(operation(coir::deadline::never()) == std::errc::timed_out);
        CHECK(coir::clock::now() == begin + 2s);
        CHECK(operation(10s) == std::errc::timed_out); // at once: the scope is over
        CHECK(coir::clock::now() == begin + 2s);
      }
      const coir::deadline_scope outer(10s);
      const coir::deadline_scope inner(4s);
      CHECK(operation(1s) == std::errc::timed_out); // the earliest of all
      CHECK(coir::clock::now() == begin + 3s);
      CHECK(operation({}) == std::errc::timed_out);
      CHECK(coir::clock::now() == begin + 6s);
    }
  });
}

TEST_CASE("the throwing forms throw timed_out") {
  run_virtually([] {
    vain_operations silent;
    const auto thrown_by = [](auto&& call) {
      try {
        call();
      } catch (const std::system_error& error) {
        return error.code();
      }
      return std::error_code();
    };
    auto& client = silent.ends.client;
    CHECK(thrown_by([&] { client.read(silent.byte, 1s); }) == std::errc::timed_out);
    CHECK(thrown_by([&] { client.write(more_than_fits(), 1s); }) == std::errc::timed_out);
    CHECK(thrown_by([&] { client.wait_readable(1s); }) == std::errc::timed_out);
    CHECK(thrown_by([&] { static_cast<void>(silent.listener.accept(1s)); }) ==
          std::errc::timed_out);
    const coir::deadline_scope limit(1s);
    CHECK(thrown_by([&] { client.read_some(coir::mutable_buffer(silent.byte)); }) ==
          std::errc::timed_out);
    CHECK(thrown_by([&] {
            for (;;) client.write_some(coir::const_buffer(more_than_fits()));
          }) == std::errc::timed_out);
  });
}

TEST_CASE("a write that gives up tells how much was sent") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    make_narrow(ends);
    const auto sent = pattern(8 << 20);
    std::error_code error;
    const std::size_t count = ends.client.write(sent, error, 10ms);
    CHECK(error == std::errc::timed_out);
    CHECK(count > 0);
    CHECK(count < sent.size());
    // The connection is usable: the rest can be sent.
    auto reader = coir::spawn([&] { return read_exactly(ends.server, sent.size()); });
    ends.client.write({sent.data() + count, sent.size() - count});
    const std::string all = reader.join();
    CHECK(all == std::string(reinterpret_cast<const char*>(sent.data()), sent.size()));
  });
}

TEST_CASE("after a time-out the stream goes on") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    char byte[1];
    for (int i = 0; i < 10; ++i) {
      CHECK(error_of([&](auto& error) { ends.server.read(byte, error, 1ms); }) ==
            std::errc::timed_out);
      CHECK(error_of([&](auto& error) { ends.server.wait_readable(error, 1ms); }) ==
            std::errc::timed_out);
      ends.client.write("x");
      CHECK(ends.server.read(byte) == 1);
    }
  });
}

TEST_CASE("an expired limit still takes what is there, told or not") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    char byte[1];
    for (int i = 0; i < 10; ++i) {
      ends.client.write("x");
      CHECK(ends.server.read(byte, 0s) == 1); // its event has not been fetched: nobody has polled since
      CHECK(error_of([&](auto& error) { ends.server.read(byte, error, 0s); }) ==
            std::errc::timed_out);
      ends.client.write("y");
      ends.server.wait_readable(0s);
      CHECK(ends.server.read(byte, 0s) == 1);
    }
  });
}
