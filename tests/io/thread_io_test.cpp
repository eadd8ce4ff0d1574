// SPDX-License-Identifier: MIT
// Sockets on plain threads, without a runtime and beside one: the same calls, which then block the thread.
#include "tests/io/loopback.hpp"

#include <atomic>
#include <thread>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::tcp_listener;
using coir::tcp_stream;

TEST_CASE("a thread echoes to a thread") {
  auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
  std::thread server([&] {
    auto stream = listener.accept();
    stream.write(read_to_end(stream));
  });
  auto client = tcp_stream::connect(listener.local_endpoint());
  const auto sent = pattern(1 << 20);
  client.write(sent);
  client.shutdown_send();
  const std::string received = read_to_end(client);
  server.join();
  CHECK(received == std::string(reinterpret_cast<const char*>(sent.data()), sent.size()));
}

TEST_CASE("limits hold on a thread") {
  connection ends = connect_over_loopback();
  auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
  char byte[1];
  const auto begin = coir::clock::now();
  CHECK(error_of([&](auto& error) { ends.client.read(byte, error, 5ms); }) == std::errc::timed_out);
  CHECK(coir::clock::now() >= begin + 5ms);
  CHECK(error_of([&](auto& error) { ends.client.wait_readable(error, 5ms); }) ==
        std::errc::timed_out);
  CHECK(error_of([&](auto& error) { static_cast<void>(listener.accept(error, 5ms)); }) ==
        std::errc::timed_out);
  {
    const coir::deadline_scope limit(5ms);
    CHECK_THROWS_AS(ends.client.read(byte), std::system_error);
  }
  CHECK(coir::clock::now() >= begin + 20ms);
  make_narrow(ends);
  CHECK(error_of([&](auto& error) { ends.client.write(more_than_fits(), error, 5ms); }) ==
        std::errc::timed_out);
  ends.server.write("x");
  ends.client.wait_readable(5s);
  CHECK(ends.client.read(byte, 5s) == 1);
}

TEST_CASE("close ends the operations of threads") {
  connection ends = connect_over_loopback();
  auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
  std::atomic<int> begun{0};
  std::error_code errors[3];
  std::thread reader([&] {
    char byte[1];
    ++begun;
    ends.client.read(byte, errors[0]);
  });
  std::thread waiter([&] {
    ++begun;
    ends.client.wait_readable(errors[1]);
  });
  std::thread acceptor([&] {
    ++begun;
    static_cast<void>(listener.accept(errors[2]));
  });
  while (begun < 3) std::this_thread::yield();
  // They may be waiting by now, or close() comes first: both must end them.
  ends.client.close();
  listener.close();
  reader.join();
  waiter.join();
  acceptor.join();
  for (const auto& error : errors) CHECK(error == std::errc::bad_file_descriptor);
}

TEST_CASE("a thread talks to a fiber") {
  auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
  std::thread client([where = listener.local_endpoint()] {
    auto stream = tcp_stream::connect(where);
    for (int i = 0; i < 1000; ++i) {
      stream.write("ping");
      if (read_exactly(stream, 4) != "pong") return;
    }
  });
  int served = 0;
  coir::run(only_one_worker(), [&] {
    auto stream = listener.accept();
    for (; read_exactly(stream, 4) == "ping"; ++served) stream.write("pong");
  });
  client.join();
  CHECK(served == 1000);
}

TEST_CASE("a thread and a fiber read one stream: no byte is lost, none comes twice") {
  connection ends = connect_over_loopback();
  constexpr std::size_t size = 200'000;
  std::atomic<std::size_t> received{0};
  std::atomic<std::size_t> sum{0};
  const auto read_all = [&] {
    std::byte bytes[100];
    while (const std::size_t count = ends.server.read(bytes)) {
      received += count;
      for (std::size_t i = 0; i < count; ++i) sum += std::to_integer<std::size_t>(bytes[i]);
    }
  };
  std::thread reader(read_all);
  const auto sent = pattern(size);
  std::size_t expected = 0;
  for (const std::byte each : sent) expected += std::to_integer<std::size_t>(each);
  coir::run({.workers = 2}, [&] {
    auto first = coir::spawn(read_all);
    auto second = coir::spawn(read_all);
    for (std::size_t at = 0; at < size; at += 1000) ends.client.write({sent.data() + at, 1000});
    ends.client.shutdown_send();
    first.join();
    second.join();
  });
  reader.join();
  CHECK(received == size);
  CHECK(sum == expected);
}
