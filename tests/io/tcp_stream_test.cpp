// SPDX-License-Identifier: MIT
// Bytes over a connection: echo, ends of streams, large transfers, waiting without a buffer.
#include "tests/io/loopback.hpp"

#include <array>
#include <netinet/tcp.h>

using namespace coir::test;
using coir::endpoint;
using coir::tcp_stream;

namespace {

void echo(tcp_stream& stream) {
  char buffer[512];
  while (const std::size_t count = stream.read(buffer)) stream.write({buffer, count});
  stream.shutdown_send();
}

} // namespace

TEST_CASE("echo") {
  const unsigned workers = GENERATE(1u, 2u);
  const endpoint where = GENERATE(endpoint::loopback(0), endpoint::loopback_v6(0));
  CAPTURE(workers, where.to_string());
  coir::run({.workers = workers}, [&] {
    connection ends = connect_over(where);
    auto server = coir::spawn([&] { echo(ends.server); });
    for (int i = 0; i < 100; ++i) {
      const std::string sent = "message " + std::to_string(i);
      CHECK(ends.client.write(sent) == sent.size());
      CHECK(read_exactly(ends.client, sent.size()) == sent);
    }
    ends.client.shutdown_send();
    CHECK(read_to_end(ends.client).empty());
    server.join();
  });
}

TEST_CASE("each end knows both addresses") {
  coir::run(only_one_worker(), [] {
    const connection ends = connect_over_loopback();
    CHECK(ends.client.local_endpoint() == ends.server.remote_endpoint());
    CHECK(ends.client.remote_endpoint() == ends.server.local_endpoint());
    CHECK(ends.client.local_endpoint().address() == "127.0.0.1");
  });
}

TEST_CASE("small writes are sent at once, unless told otherwise") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    const auto has_no_delay = [](const tcp_stream& stream) {
      int value = -1;
      socklen_t size = sizeof value;
      REQUIRE(::getsockopt(stream.native_handle(), IPPROTO_TCP, TCP_NODELAY, &value, &size) == 0);
      return value != 0;
    };
    CHECK(has_no_delay(ends.client));
    CHECK(has_no_delay(ends.server));
    ends.client.set_no_delay(false);
    CHECK_FALSE(has_no_delay(ends.client));
    ends.client.set_no_delay(true);
    CHECK(has_no_delay(ends.client));
  });
}

TEST_CASE("after a half-close the other direction goes on") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    ends.client.write("request");
    ends.client.shutdown_send();
    CHECK(read_to_end(ends.server) == "request");
    CHECK(ends.server.write("first") == 5);
    CHECK(read_exactly(ends.client, 5) == "first");
    CHECK(ends.server.write("second") == 6);
    ends.server.shutdown_send();
    CHECK(read_to_end(ends.client) == "second");
  });
}

TEST_CASE("the end of a stream stays: every read returns 0") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    ends.client.close();
    char byte[1];
    for (int i = 0; i < 3; ++i) CHECK(ends.server.read(byte) == 0);
    ends.server.wait_readable();
    CHECK(ends.server.read(byte) == 0);
  });
}

TEST_CASE("bytes and the end may come in one event") {
  // The reader waits, so both arrive before it runs; its short read must not make the next one wait.
  const bool is_told_first = GENERATE(false, true);
  coir::run(only_one_worker(), [&] {
    connection ends = connect_over_loopback();
    auto reader = coir::spawn([&] {
      char buffer[64];
      if (is_told_first) ends.server.wait_readable();
      const std::size_t first = ends.server.read(buffer);
      return std::pair(first, ends.server.read(buffer));
    });
    coir::this_fiber::yield(); // it waits
    ends.client.write("last words");
    ends.client.shutdown_send();
    CHECK(reader.join() == std::pair<std::size_t, std::size_t>(10, 0));
  });
}

TEST_CASE("urgent data does not hide what follows it") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    auto reader = coir::spawn([&] { return read_exactly(ends.server, 12); });
    coir::this_fiber::yield(); // it waits, so all of it comes in one event
    ends.client.write("before ");
    REQUIRE(::send(ends.client.native_handle(), "!", 1, MSG_OOB | MSG_NOSIGNAL) == 1);
    ends.client.write("after");
    reader.wait(std::chrono::seconds(10)); // the connection stays open: no end of the stream helps
    CHECK(reader.join() == "before after");
  });
}

TEST_CASE("shutdown ends both directions") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    auto reader = coir::spawn([&] { return read_to_end(ends.client); });
    coir::this_fiber::yield();
    ends.client.shutdown();
    CHECK(reader.join().empty());
    char byte[1];
    CHECK(ends.client.read(byte) == 0);
    CHECK(ends.client.is_open());
    CHECK(error_of([&](std::error_code& error) { ends.client.write("x", error); }) ==
          std::errc::broken_pipe);
    CHECK(ends.server.read(byte) == 0);
  });
}

TEST_CASE("large transfers, both ways at once, byte for byte") {
  const unsigned workers = GENERATE(1u, 2u);
  coir::run({.workers = workers}, [&] {
    static constexpr std::size_t size = 4 << 20;
    connection ends = connect_over_loopback();
    make_narrow(ends);
    const auto there = pattern(size, 1);
    const auto back = pattern(size, 2);
    const auto receive = [](tcp_stream& from, std::size_t at_a_time) {
      std::vector<std::byte> all(size);
      std::size_t filled = 0;
      while (filled < size) {
        const std::size_t room = std::min(at_a_time, size - filled);
        const std::size_t count = from.read({all.data() + filled, room});
        if (count == 0) break;
        filled += count;
      }
      all.resize(filled);
      return all;
    };
    auto client_reader = coir::spawn([&] { return receive(ends.client, 1 << 20); });
    auto server_reader = coir::spawn([&] { return receive(ends.server, 1777); });
    auto server_writer = coir::spawn([&] { return ends.server.write(back); });
    CHECK(ends.client.write(there) == size);
    CHECK(server_writer.join() == size);
    CHECK((server_reader.join() == there));
    CHECK((client_reader.join() == back));
  });
}

TEST_CASE("wait_readable takes nothing, and returns for bytes and for the end") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    auto waiter = coir::spawn([&] { ends.server.wait_readable(); });
    coir::this_fiber::yield();
    CHECK_FALSE(waiter.has_ended());
    ends.client.write("abc");
    waiter.join();
    ends.server.wait_readable();
    CHECK(read_exactly(ends.server, 3) == "abc");
    auto end = coir::spawn([&] { ends.server.wait_readable(); });
    coir::this_fiber::yield();
    ends.client.close();
    end.join();
    char byte[1];
    CHECK(ends.server.read(byte) == 0);
  });
}

TEST_CASE("empty buffers neither wait nor end the stream") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    CHECK(ends.client.write("") == 0);
    CHECK(ends.server.read(coir::mutable_buffer()) == 0);
    CHECK(ends.server.read_some(std::array<coir::mutable_buffer, 2>()) == 0);
    CHECK(ends.client.write_some(coir::const_buffer()) == 0);
  });
}
