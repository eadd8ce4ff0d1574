// SPDX-License-Identifier: MIT
// A worker blocked by a call that nobody made fiber-aware: the monitor serves its descriptors meanwhile, and others run
// the fibers that they make runnable.
#include "tests/io/loopback.hpp"

#include <thread>

using namespace coir::test;
using coir::tcp_listener;
using coir::tcp_stream;

namespace {

constexpr int rounds = 5;

/// Talks to a server, and ends only when it has been answered.
int talk_as_thread(const coir::endpoint& where) {
  auto stream = tcp_stream::connect(where);
  int answered = 0;
  for (; answered < rounds; ++answered) {
    stream.write("ping");
    if (read_exactly(stream, 4) != "pong") break;
  }
  return answered;
}

void serve(tcp_listener& listener) {
  auto stream = listener.accept();
  while (read_exactly(stream, 4) == "ping") stream.write("pong");
}

} // namespace

TEST_CASE("connections are served while their only worker is blocked") {
  const unsigned workers = GENERATE(1u, 2u);
  coir::run({.workers = workers}, [&] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    auto server = coir::spawn([&] { serve(listener); });
    coir::this_fiber::yield(); // it waits, on this worker's poller
    int answered = 0;
    std::thread client([&] { answered = talk_as_thread(listener.local_endpoint()); });
    client.join(); // blocks the worker until the server has done its part
    server.join();
    CHECK(answered == rounds);
  });
}

TEST_CASE("all workers may be blocked") {
  coir::run({.workers = 2}, [] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    coir::scope servers;
    for (int i = 0; i < 2; ++i) servers.spawn([&] { serve(listener); });
    const auto where = listener.local_endpoint();
    const auto block = [where] {
      int answered = 0;
      std::thread client([&] { answered = talk_as_thread(where); });
      client.join();
      return answered;
    };
    auto first = coir::spawn(block);
    auto second = coir::spawn(block);
    CHECK(first.join() + second.join() == 2 * rounds);
    servers.join();
  });
}
