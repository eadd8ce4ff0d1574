// SPDX-License-Identifier: MIT
// What goes wrong on the other side: resets, writes to a peer that is gone, nobody there.
#include "tests/io/deaf_server.hpp"
#include "tests/support/forked_child.hpp"

#include <array>
#include <csignal>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::tcp_listener;
using coir::tcp_stream;

namespace {

bool is_gone(const std::error_code& error) {
  return error == std::errc::broken_pipe || error == std::errc::connection_reset;
}

/// Writes until it fails: the first writes to a peer that is gone may succeed.
std::error_code write_until_error(tcp_stream& stream) {
  std::error_code error;
  while (!error) stream.write("to nobody", error);
  return error;
}

} // namespace

TEST_CASE("a reset ends a read that waits, and the next that does not") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    char byte[1];
    auto reader = coir::spawn(
        [&] { return error_of([&](std::error_code& error) { ends.server.read(byte, error); }); });
    coir::this_fiber::yield();
    reset_on_close(ends.client);
    ends.client.close();
    CHECK(reader.join() == std::errc::connection_reset);

    connection other = connect_over_loopback();
    reset_on_close(other.client);
    other.client.close();
    CHECK(error_of([&](std::error_code& error) { other.server.read(byte, error); }) ==
          std::errc::connection_reset);
    CHECK(other.server.read(byte) == 0); // the error has been told; then there is nothing more
  });
}

TEST_CASE("a reset while bytes are unread loses them, and wakes a writer too") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    make_narrow(ends);
    auto writer = coir::spawn([&] {
      return error_of([&](std::error_code& error) { ends.client.write(more_than_fits(), error); });
    });
    coir::this_fiber::yield();
    REQUIRE_FALSE(writer.has_ended());
    ends.server.close(); // with unread bytes: resets
    CHECK(is_gone(writer.join()));
  });
}

TEST_CASE("wait_readable leaves the error for the read") {
  const bool waits = GENERATE(true, false);
  coir::run(only_one_worker(), [&] {
    connection ends = connect_over_loopback();
    auto waiter = coir::spawn([&] { ends.server.wait_readable(); });
    if (waits) coir::this_fiber::yield();
    reset_on_close(ends.client);
    ends.client.close();
    waiter.join();
    char byte[1];
    CHECK(error_of([&](std::error_code& error) { ends.server.read(byte, error); }) ==
          std::errc::connection_reset);
  });
}

TEST_CASE("a write to a closed peer fails with broken_pipe, and raises no signal") {
  const auto end = run_in_child([] {
    std::signal(SIGPIPE, SIG_DFL);
    bool is_right = true;
    coir::run(only_one_worker(), [&] {
      connection ends = connect_over_loopback();
      ends.client.close();
      is_right = is_gone(write_until_error(ends.server));
      std::error_code error;
      ends.server.write("x", error);
      is_right = is_right && error == std::errc::broken_pipe;
      const std::array<coir::const_buffer, 2> parts{coir::const_buffer("x"),
                                                    coir::const_buffer("y")};
      ends.server.write_some(parts, error);
      is_right = is_right && error == std::errc::broken_pipe;
    });
    return is_right;
  });
  CHECK(end.has_succeeded());
}

TEST_CASE("where nobody listens connections are refused") {
  coir::run(only_one_worker(), [] {
    // Bound, so that nobody else gets the port, but not listening.
    const int bound = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto any = coir::endpoint::loopback(0);
    REQUIRE(::bind(bound, any.native(), any.native_size()) == 0);
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(bound, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    const auto where = coir::endpoint::from_native(address);
    for (int i = 0; i < 3; ++i) {
      CHECK(error_of([&](std::error_code& error) {
              const auto stream = tcp_stream::connect(where, error);
              CHECK_FALSE(stream.is_open());
            }) == std::errc::connection_refused);
    }
    try {
      static_cast<void>(tcp_stream::connect(where));
      FAIL("connected");
    } catch (const std::system_error& error) {
      CHECK(error.code() == std::errc::connection_refused);
      CHECK(std::string(error.what()).find(where.to_string()) != std::string::npos);
    }
    ::close(bound);
  });
}

TEST_CASE("connecting to nowhere fails at once") {
  coir::run(only_one_worker(), [] {
    std::error_code error;
    // A link-local address says nothing without its zone.
    static_cast<void>(tcp_stream::connect(coir::endpoint::parse("[fe80::1]:1"), error));
    CHECK(error == std::errc::invalid_argument);
  });
}

TEST_CASE("a server that does not answer: connect gives up in time, and succeeds once it does") {
  coir::run(only_one_worker(), [] {
    deaf_server server;
    const auto begin = coir::clock::now();
    CHECK(error_of([&](std::error_code& error) {
            static_cast<void>(tcp_stream::connect(server.address(), error, 20ms));
          }) == std::errc::timed_out);
    CHECK(coir::clock::now() - begin >= 20ms);
    {
      const coir::deadline_scope limit(20ms);
      CHECK_THROWS_AS(tcp_stream::connect(server.address()), std::system_error);
    }
    CHECK(coir::clock::now() - begin < 10s); // the kernel alone would go on for minutes
    auto connecting =
        coir::spawn([&] { return tcp_stream::connect(server.address(), 30s).is_open(); });
    coir::this_fiber::yield();
    server.accept_all();
    CHECK(connecting.join()); // after the kernel has asked again, a second later
  });
}
