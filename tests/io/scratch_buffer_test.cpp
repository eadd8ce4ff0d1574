// SPDX-License-Identifier: MIT
// Reading into memory that is there only while there are bytes.
#include "tests/io/coroutines.hpp"
#include "tests/io/loopback.hpp"

#include <io/scratch_buffer.hpp>

#include <string_view>
#include <thread>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::task;

namespace {

std::string_view text_of(const coir::scratch_buffer& buffer) {
  return {static_cast<const char*>(buffer.bytes().data()), buffer.bytes().size()};
}

void echo(coir::tcp_stream& stream) {
  coir::scratch_buffer received;
  while (stream.read(received) > 0) stream.write(received.bytes());
}

task<> echo_in_coroutine(coir::tcp_stream& stream) {
  coir::scratch_buffer received;
  while (co_await stream.async_read(received) > 0) co_await stream.async_write(received.bytes());
}

} // namespace

TEST_CASE("a read replaces what the buffer held, and the end of the stream empties it") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    coir::scratch_buffer received;
    CHECK(received.bytes().size() == 0);
    ends.client.write("first");
    CHECK(ends.server.read(received) == 5);
    CHECK(text_of(received) == "first");
    auto reader = coir::spawn([&] { return ends.server.read(received); });
    coir::this_fiber::yield();
    CHECK(received.bytes().size() == 0); // it waits, and holds no memory
    ends.client.write("2nd");
    CHECK(reader.join() == 3);
    CHECK(text_of(received) == "2nd");
    ends.client.shutdown_send();
    CHECK(ends.server.read(received) == 0);
    CHECK(received.bytes().size() == 0);
  });
}

TEST_CASE("more than a buffer holds comes in several reads, the bytes in their order") {
  const bool is_coroutine = GENERATE(false, true);
  const unsigned workers = GENERATE(1u, 2u);
  coir::run(with_workers(workers), [&] {
    connection ends = connect_over_loopback();
    make_narrow(ends);
    auto server = is_coroutine ? coir::spawn(echo_in_coroutine(ends.server))
                               : coir::spawn([&] { echo(ends.server); });
    const auto sent = pattern(20 * coir::scratch_buffer::capacity_bytes + 7);
    auto writer = coir::spawn([&] { ends.client.write(sent); });
    const std::string answer = read_exactly(ends.client, sent.size());
    writer.join();
    ends.client.shutdown_send();
    server.join();
    CHECK(answer == std::string_view(reinterpret_cast<const char*>(sent.data()), sent.size()));
  });
}

TEST_CASE("errors leave the buffer empty and the connection usable") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    coir::scratch_buffer received;
    ends.client.write("x");
    CHECK(ends.server.read(received) == 1);
    CHECK(error_of([&](auto& error) { ends.server.read(received, error, 1ms); }) ==
          std::errc::timed_out);
    CHECK(received.bytes().size() == 0);
    CHECK_THROWS_AS(ends.server.read(received, 1ms), std::system_error);
    ends.client.write("y");
    CHECK(ends.server.read(received) == 1);
    CHECK(text_of(received) == "y");
    ends.server.close();
    CHECK(error_of([&](auto& error) { ends.server.read(received, error); }) ==
          std::errc::bad_file_descriptor);
    CHECK(received.bytes().size() == 0);
  });
}

TEST_CASE("many connections share a few buffers without seeing each other's bytes") {
  const bool is_coroutine = GENERATE(false, true);
  const unsigned workers = GENERATE(1u, 4u);
  coir::run(with_workers(workers), [&] {
    constexpr std::uint32_t connections = 40;
    constexpr int rounds = 20;
    std::vector<connection> all;
    for (std::uint32_t i = 0; i < connections; ++i) all.push_back(connect_over_loopback());
    std::atomic<int> wrong{0};
    coir::scope ends;
    for (std::uint32_t i = 0; i < connections; ++i) {
      if (is_coroutine) {
        ends.spawn(echo_in_coroutine(all[i].server));
      } else {
        ends.spawn(echo, std::ref(all[i].server));
      }
      ends.spawn([&wrong, &client = all[i].client, i] {
        for (std::uint32_t round = 0; round < rounds; ++round) {
          const auto sent = pattern(1000, i * rounds + round);
          client.write(sent);
          const std::string answer = read_exactly(client, sent.size());
          if (answer != std::string_view(reinterpret_cast<const char*>(sent.data()), sent.size()))
            ++wrong;
        }
        client.shutdown_send();
      });
    }
    ends.join();
    CHECK(wrong == 0);
  });
}

TEST_CASE("a plain thread reads into one, and one may change hands") {
  coir::run(with_workers(2), [] {
    connection ends = connect_over_loopback();
    coir::scratch_buffer received;
    ends.client.write("to a fiber");
    ends.server.read(received);
    ends.client.write("to a thread");
    std::string seen;
    std::thread([&] { // gives back what a worker has taken
      while (seen.size() < 11) {
        ends.server.read(received);
        seen += text_of(received);
      }
    })
        .join();
    CHECK(seen == "to a thread");
    received.clear(); // and the other way round
    received.clear();
    CHECK(received.bytes().size() == 0);
  });
}
