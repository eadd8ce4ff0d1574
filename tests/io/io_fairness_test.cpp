// SPDX-License-Identifier: MIT
// A fiber whose operations never wait still lets others run, and lets time and events in.
#include "tests/io/loopback.hpp"

#include <functional>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::tcp_listener;
using coir::tcp_stream;

namespace {

/// Runs `always_ready` until another fiber has had a turn, and returns how often.
int operations_before_a_turn(const std::function<void()>& always_ready) {
  bool had_turn = false;
  auto other = coir::spawn([&] { had_turn = true; });
  int operations = 0;
  for (; !had_turn && operations < 100'000; ++operations) always_ready();
  other.join();
  return operations;
}

constexpr int patience = 200;

} // namespace

TEST_CASE("an always readable stream starves nobody") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    ends.client.write(pattern(100'000));
    char byte[1];
    CHECK(operations_before_a_turn([&] { ends.server.read(byte); }) <= patience);
    CHECK(operations_before_a_turn([&] { ends.server.wait_readable(); }) <= patience);
    ends.client.close();
    CHECK(read_to_end(ends.server).size() < 100'000);
    CHECK(operations_before_a_turn([&] { ends.server.read(byte); }) <= patience); // the end, again and again
  });
}

TEST_CASE("an always writable stream starves nobody") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    CHECK(operations_before_a_turn([&] { ends.client.write("x"); }) <= patience);
  });
}

TEST_CASE("a full backlog starves nobody") {
  coir::run(only_one_worker(), [] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    std::vector<tcp_stream> clients;
    for (int i = 0; i < patience + 1; ++i) {
      clients.push_back(tcp_stream::connect(listener.local_endpoint()));
    }
    CHECK(operations_before_a_turn([&] { static_cast<void>(listener.accept()); }) <= patience);
  });
}

TEST_CASE("failing operations starve nobody") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    char byte[1];
    std::error_code error;
    CHECK(operations_before_a_turn([&] { ends.client.read(byte, error, 0s); }) <= patience);
    CHECK(operations_before_a_turn([&] { ends.client.wait_readable(error, 0s); }) <= patience);
    ends.client.close();
    CHECK(operations_before_a_turn([&] { ends.client.read(byte, error); }) <= patience);
    CHECK(operations_before_a_turn([&] { ends.client.wait_readable(error); }) <= patience);
    auto stopped = coir::spawn(
        [&] { return operations_before_a_turn([&] { ends.server.write("x", error); }); });
    stopped.request_stop();
    CHECK(stopped.join() <= patience);
  });
}

TEST_CASE("timers and events get in beside an always ready stream") {
  coir::run(only_one_worker(), [] {
    connection busy = connect_over_loopback();
    connection quiet = connect_over_loopback();
    auto sleeper = coir::spawn([] { coir::this_fiber::sleep_for(1ms); });
    auto reader = coir::spawn([&] { return read_exactly(quiet.server, 1); });
    coir::this_fiber::yield();
    quiet.client.write("x");
    char byte[1];
    const auto end = coir::clock::now() + 10s;
    while (!(sleeper.has_ended() && reader.has_ended()) && coir::clock::now() < end) {
      busy.client.write("x");
      busy.server.read(byte);
    }
    CHECK(coir::clock::now() < end);
    CHECK(reader.join() == "x");
  });
}
