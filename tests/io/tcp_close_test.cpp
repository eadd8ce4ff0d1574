// SPDX-License-Identifier: MIT
// The life of a stream: nothing, open, moved, closed by somebody else while it is in use.
#include "tests/io/loopback.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/virtual_poller.hpp"

#include <fcntl.h>
#include <random>
#include <thread>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::tcp_listener;
using coir::tcp_stream;

namespace {

bool is_descriptor_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

/// What a waiting fiber returns once `end_it` has been called.
template <class Call>
std::error_code error_after(coir::fiber<std::error_code>& fiber, Call&& end_it) {
  coir::this_fiber::yield(); // it waits
  REQUIRE_FALSE(fiber.has_ended());
  end_it();
  return fiber.join();
}

void check_all_refused(tcp_stream& stream) {
  char byte[1] = {};
  const auto closed = std::errc::bad_file_descriptor;
  CHECK(error_of([&](auto& error) { stream.read(byte, error); }) == closed);
  CHECK(error_of([&](auto& error) { stream.write("x", error); }) == closed);
  CHECK(error_of([&](auto& error) { stream.wait_readable(error); }) == closed);
  CHECK(error_of([&](auto& error) { stream.read_some(coir::mutable_buffer(byte), error); }) ==
        closed);
  CHECK(error_of([&](auto& error) { stream.write_some(coir::const_buffer("x"), error); }) ==
        closed);
  CHECK(error_of([&](auto& error) { stream.shutdown_send(error); }) == closed);
  CHECK(error_of([&](auto& error) { stream.shutdown(error); }) == closed);
  CHECK_THROWS_AS(stream.read(byte), std::system_error);
  CHECK_THROWS_AS(stream.write("x"), std::system_error);
  CHECK_THROWS_AS(stream.local_endpoint(), std::system_error);
  CHECK_THROWS_AS(stream.remote_endpoint(), std::system_error);
  CHECK_THROWS_AS(stream.set_no_delay(true), std::system_error);
  CHECK_FALSE(stream.is_open());
  CHECK(stream.native_handle() == -1);
  stream.close(); // no effect
}

} // namespace

TEST_CASE("a default-constructed stream or listener refuses everything") {
  coir::run(only_one_worker(), [] {
    tcp_stream stream;
    check_all_refused(stream);
    tcp_listener listener;
    CHECK(error_of([&](auto& error) { static_cast<void>(listener.accept(error)); }) ==
          std::errc::bad_file_descriptor);
    CHECK_THROWS_AS(listener.local_endpoint(), std::system_error);
  });
}

TEST_CASE("a closed stream refuses everything, and its peer reads the end") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    ends.client.close();
    check_all_refused(ends.client);
    CHECK(read_to_end(ends.server).empty());
  });
}

TEST_CASE("a moved stream goes on elsewhere") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    const int number = ends.client.native_handle();
    tcp_stream moved(std::move(ends.client));
    CHECK(moved.native_handle() == number);
    check_all_refused(ends.client); // NOLINT: what is left is none
    moved.write("x");
    CHECK(read_exactly(ends.server, 1) == "x");

    connection other = connect_over_loopback();
    moved = std::move(other.client); // closes the old connection
    CHECK(read_to_end(ends.server).empty());
    moved.write("y");
    CHECK(read_exactly(other.server, 1) == "y");
    moved = tcp_stream();
    CHECK(read_to_end(other.server).empty());
  });
}

TEST_CASE("the destructor closes the descriptor") {
  coir::run(only_one_worker(), [] {
    int number = -1;
    {
      const connection ends = connect_over_loopback();
      number = ends.client.native_handle();
      CHECK(is_descriptor_open(number));
    }
    CHECK_FALSE(is_descriptor_open(number));
  });
}

TEST_CASE("close ends the waits of other fibers, and the connection at once") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    tcp_stream& stream = ends.client;
    make_narrow(ends);
    char byte[1];
    auto reader =
        coir::spawn([&] { return error_of([&](auto& error) { stream.read(byte, error); }); });
    auto second =
        coir::spawn([&] { return error_of([&](auto& error) { stream.read(byte, error); }); });
    auto waiter =
        coir::spawn([&] { return error_of([&](auto& error) { stream.wait_readable(error); }); });
    auto writer = coir::spawn(
        [&] { return error_of([&](auto& error) { stream.write(more_than_fits(), error); }); });
    coir::this_fiber::yield();
    const int number = stream.native_handle();
    stream.close();
    CHECK(is_descriptor_open(number)); // their operations may still pass it to the kernel
    for (auto* const each : {&reader, &second, &waiter, &writer}) {
      CHECK(each->join() == std::errc::bad_file_descriptor);
    }
    CHECK_FALSE(is_descriptor_open(number));
    read_to_end(ends.server); // all that was sent, then the end
    check_all_refused(stream);
  });
}

TEST_CASE("close ends accept") {
  coir::run(only_one_worker(), [] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    const auto accept = [&] {
      return error_of([&](auto& error) { static_cast<void>(listener.accept(error)); });
    };
    auto first = coir::spawn(accept);
    auto second = coir::spawn(accept);
    CHECK(error_after(first, [&] { listener.close(); }) == std::errc::bad_file_descriptor);
    CHECK(second.join() == std::errc::bad_file_descriptor);
    CHECK(accept() == std::errc::bad_file_descriptor);
  });
}

TEST_CASE("close needs no event to end waits") {
  // On the virtual clock no event ever comes, and a wait that nobody ends is a deadlock.
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 1), [] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    connection ends = connect_over_loopback();
    make_narrow(ends);
    char byte[1];
    auto reader =
        coir::spawn([&] { return error_of([&](auto& error) { ends.client.read(byte, error); }); });
    auto writer = coir::spawn(
        [&] { return error_of([&](auto& error) { ends.client.write(more_than_fits(), error); }); });
    auto acceptor = coir::spawn(
        [&] { return error_of([&](auto& error) { static_cast<void>(listener.accept(error)); }); });
    CHECK(error_after(reader, [&] { ends.client.close(); }) == std::errc::bad_file_descriptor);
    CHECK(writer.join() == std::errc::bad_file_descriptor);
    CHECK(error_after(acceptor, [&] { listener.close(); }) == std::errc::bad_file_descriptor);
  });
}

TEST_CASE("close may come from a plain thread") {
  coir::run({.workers = 2}, [] {
    connection ends = connect_over_loopback();
    char byte[1];
    auto reader =
        coir::spawn([&] { return error_of([&](auto& error) { ends.client.read(byte, error); }); });
    std::thread([&] { ends.client.close(); }).join();
    CHECK(reader.join() == std::errc::bad_file_descriptor);
  });
}

TEST_CASE("a reused number gets nothing of its last owner") {
  coir::run({.workers = 2}, [] {
    std::mt19937_64 random(seed());
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    int reuses = 0;
    int last_number = -1;
    for (int i = 0; i < 500; ++i) {
      auto client = tcp_stream::connect(listener.local_endpoint());
      auto server = listener.accept();
      reuses += server.native_handle() == last_number ? 1 : 0;
      last_number = server.native_handle();
      char got = 0;
      auto reader = coir::spawn([&] { return server.read({&got, 1}); });
      if (random() % 2 == 0) coir::this_fiber::yield();
      const char sent = static_cast<char>('a' + i % 26);
      client.write({&sent, 1});
      CHECK(reader.join() == 1);
      CHECK(got == sent);
      // Leaves something behind, read by nobody, whose event may be fetched after the number has been reused.
      client.write("stale");
      if (random() % 2 == 0) client.close();
    }
    CHECK(reuses > 0);
  });
}
