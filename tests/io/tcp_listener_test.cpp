// SPDX-License-Identifier: MIT
// Listening: ports in use, options, several fibers that accept.
#include "tests/io/loopback.hpp"

using namespace coir::test;
using namespace std::chrono_literals;
using coir::endpoint;
using coir::tcp_listener;
using coir::tcp_stream;

namespace {

std::error_code error_of_listening(const endpoint& where,
                                   const coir::listen_options& options = {}) {
  return error_of(
      [&](auto& error) { static_cast<void>(tcp_listener::listen(where, error, options)); });
}

} // namespace

TEST_CASE("a port that somebody listens on is in use") {
  coir::run(only_one_worker(), [] {
    const auto first = tcp_listener::listen(endpoint::loopback(0));
    const endpoint taken = first.local_endpoint();
    CHECK(taken.port() != 0);
    CHECK(error_of_listening(taken) == std::errc::address_in_use);
    CHECK(error_of_listening(endpoint::any(taken.port())) == std::errc::address_in_use);
    CHECK(error_of_listening(taken, {.reuse_port = true}) == std::errc::address_in_use);
    try {
      static_cast<void>(tcp_listener::listen(taken));
      FAIL("listened twice");
    } catch (const std::system_error& error) {
      CHECK(error.code() == std::errc::address_in_use);
      CHECK(std::string(error.what()).find(taken.to_string()) != std::string::npos);
    }
  });
}

TEST_CASE("a port is free again once its listener has been closed, in spite of connections") {
  coir::run(only_one_worker(), [] {
    auto first = tcp_listener::listen(endpoint::loopback(0));
    const endpoint where = first.local_endpoint();
    auto client = tcp_stream::connect(where);
    auto server = first.accept();
    first.close();
    server.close(); // ours first: its port stays in TIME_WAIT
    client.close();
    auto second = tcp_listener::listen(where);
    CHECK(second.local_endpoint() == where);
  });
}

TEST_CASE("listeners that ask for it share a port") {
  coir::run(only_one_worker(), [] {
    auto first = tcp_listener::listen(endpoint::loopback(0), {.reuse_port = true});
    const endpoint where = first.local_endpoint();
    auto second = tcp_listener::listen(where, {.reuse_port = true});
    CHECK(error_of_listening(where) == std::errc::address_in_use);
    // The kernel spreads connections by their addresses: with 100 both get some.
    std::size_t served[2] = {0, 0};
    coir::scope acceptors;
    acceptors.spawn([&] {
      for (;; ++served[0]) static_cast<void>(first.accept());
    });
    acceptors.spawn([&] {
      for (;; ++served[1]) static_cast<void>(second.accept());
    });
    char byte[1];
    for (int i = 0; i < 100; ++i) CHECK(tcp_stream::connect(where).read(byte) == 0);
    acceptors.request_stop();
    acceptors.join();
    CHECK(served[0] > 0);
    CHECK(served[1] > 0);
    CHECK(served[0] + served[1] == 100);
  });
}

TEST_CASE("an IPv6 listener takes IPv4 too, unless told otherwise") {
  coir::run(only_one_worker(), [] {
    auto both = tcp_listener::listen(endpoint::any_v6(0));
    const auto port = both.local_endpoint().port();
    auto over_v4 = tcp_stream::connect(endpoint::loopback(port));
    CHECK(both.accept().remote_endpoint().address() == "::ffff:127.0.0.1");
    auto over_v6 = tcp_stream::connect(endpoint::loopback_v6(port));
    CHECK(both.accept().remote_endpoint().address() == "::1");
    auto only = tcp_listener::listen(endpoint::any_v6(0), {.v6_only = true});
    CHECK(error_of([&](auto& error) {
            static_cast<void>(
                tcp_stream::connect(endpoint::loopback(only.local_endpoint().port()), error));
          }) == std::errc::connection_refused);
  });
}

TEST_CASE("addresses that cannot be listened on are errors") {
  // Reserved for documentation (RFC 5737), so nobody has it.
  CHECK(error_of_listening(endpoint("192.0.2.1", 0)) == std::errc::address_not_available);
  CHECK_THROWS_AS(tcp_listener::listen(endpoint("192.0.2.1", 0)), std::system_error);
}

TEST_CASE("a listener can be made before there is a runtime") {
  auto listener = tcp_listener::listen(endpoint::loopback(0));
  const auto where = listener.local_endpoint();
  coir::run(only_one_worker(), [&] {
    auto client = tcp_stream::connect(where);
    CHECK(listener.accept().remote_endpoint() == client.local_endpoint());
  });
}

TEST_CASE("several fibers accept on one listener: each connection is served once") {
  const unsigned workers = GENERATE(1u, 2u);
  coir::run({.workers = workers}, [&] {
    constexpr int acceptor_count = 8;
    constexpr int connection_count = 400;
    auto listener = tcp_listener::listen(endpoint::loopback(0));
    std::vector<coir::fiber<int>> acceptors;
    for (int number = 0; number < acceptor_count; ++number) {
      acceptors.push_back(coir::spawn([&listener] {
        int served = 0;
        for (std::error_code error;; ++served) {
          auto stream = listener.accept(error);
          if (error) return served;
          stream.write("served");
        }
      }));
    }
    std::vector<coir::fiber<std::string>> clients;
    for (int number = 0; number < connection_count; ++number) {
      clients.push_back(coir::spawn([where = listener.local_endpoint()] {
        auto stream = tcp_stream::connect(where);
        return read_to_end(stream);
      }));
    }
    int right = 0;
    for (auto& client : clients) right += client.join() == "served" ? 1 : 0;
    CHECK(right == connection_count);
    listener.close();
    int served = 0;
    for (auto& acceptor : acceptors) served += acceptor.join();
    CHECK(served == connection_count);
  });
}

TEST_CASE("connections that were reset before they are accepted do not end accept") {
  coir::run(only_one_worker(), [] {
    auto listener = tcp_listener::listen(endpoint::loopback(0));
    for (int i = 0; i < 10; ++i) {
      auto gone = tcp_stream::connect(listener.local_endpoint());
      reset_on_close(gone);
    }
    auto client = tcp_stream::connect(listener.local_endpoint());
    client.write("here");
    // Linux hands out the dead ones too; reading from them fails.
    std::string received;
    while (received.empty()) {
      auto stream = listener.accept();
      char bytes[4];
      std::error_code error;
      received.assign(bytes, stream.read(bytes, error));
    }
    CHECK(received == "here");
  });
}
