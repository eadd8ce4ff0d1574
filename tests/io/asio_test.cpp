// SPDX-License-Identifier: MIT
// Boost.Asio's and Boost.Beast's synchronous algorithms on a tcp_stream, unchanged.
#include "tests/coro/expect.hpp"
#include "tests/io/loopback.hpp"

#include <fiber/coro/spawn.hpp>
#include <io/asio.hpp>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http.hpp>

using namespace coir::test;
using coir::tcp_stream;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

static_assert(beast::is_sync_read_stream<tcp_stream>::value);
static_assert(beast::is_sync_write_stream<tcp_stream>::value);
static_assert(beast::is_sync_stream<tcp_stream>::value);

TEST_CASE("asio::write and asio::read move all of several buffers") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    const auto head = pattern(1000, 1);
    const auto body = pattern(3 << 20, 2);
    auto writer = coir::spawn([&] {
      const std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(body)};
      return asio::write(ends.client, parts);
    });
    auto got_head = pattern(1000, 3);
    auto got_body = pattern(3 << 20, 4);
    const std::array<asio::mutable_buffer, 2> room{asio::buffer(got_head), asio::buffer(got_body)};
    CHECK(asio::read(ends.server, room) == head.size() + body.size());
    CHECK(writer.join() == head.size() + body.size());
    CHECK((got_head == head));
    CHECK((got_body == body));
  });
}

TEST_CASE("read_some fills the buffers of a sequence in turn") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    ends.client.write("abcdef");
    char first[2];
    char second[8];
    const std::array<asio::mutable_buffer, 3> room{asio::buffer(first), asio::mutable_buffer(),
                                                   asio::buffer(second)};
    CHECK(ends.server.read_some(room) == 6);
    CHECK(std::string(first, 2) + std::string(second, 4) == "abcdef");
    const std::array<coir::const_buffer, 2> parts{coir::const_buffer("gh"),
                                                  coir::const_buffer("i")};
    CHECK(ends.server.write_some(parts) == 3);
    CHECK(read_exactly(ends.client, 3) == "ghi");
  });
}

TEST_CASE("asio::read_until stops at a delimiter") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    ends.client.write("first\nsecond\n");
    asio::streambuf received;
    CHECK(asio::read_until(ends.server, received, '\n') == 6);
  });
}

TEST_CASE("the end of the stream is asio's eof") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    ends.client.write("abc");
    ends.client.close();
    char bytes[8];
    boost::system::error_code error;
    CHECK(asio::read(ends.server, asio::buffer(bytes), error) == 3);
    CHECK(error == asio::error::eof);
    CHECK(ends.server.read_some(asio::buffer(bytes), error) == 0);
    CHECK(error == asio::error::eof);
    CHECK_THROWS_AS(asio::read(ends.server, asio::buffer(bytes)), boost::system::system_error);
    std::error_code ours;
    ends.server.read_some(coir::mutable_buffer(bytes), ours);
    CHECK(ours == coir::io_errc::end_of_stream);
    CHECK(ours.message() == "end of stream");
    CHECK_THROWS_AS(ends.server.read_some(coir::mutable_buffer(bytes)), std::system_error);
    // An empty buffer asks for nothing, and gets it.
    CHECK(ends.server.read_some(asio::mutable_buffer(), error) == 0);
    CHECK_FALSE(error);
  });
}

TEST_CASE("errors are boost's, and success clears them") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    reset_on_close(ends.client);
    ends.client.close();
    char bytes[8];
    boost::system::error_code error;
    ends.server.read_some(asio::buffer(bytes), error);
    CHECK(error == asio::error::connection_reset);
    CHECK(error == boost::system::errc::connection_reset);
    asio::write(ends.server, asio::buffer("x", 1), error);
    CHECK(error == asio::error::broken_pipe);
    connection other = connect_over_loopback();
    CHECK(asio::write(other.client, asio::buffer("x", 1), error) == 1);
    CHECK_FALSE(error);
  });
}

TEST_CASE("limits and stop requests end composed operations") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    char bytes[8];
    boost::system::error_code error;
    {
      const coir::deadline_scope limit(std::chrono::milliseconds(5));
      ends.client.write("abc");
      CHECK(asio::read(ends.server, asio::buffer(bytes), error) == 3);
      CHECK(error == asio::error::timed_out);
    }
    auto stopped = coir::spawn([&] {
      boost::system::error_code why;
      asio::read(ends.server, asio::buffer(bytes), why);
      return why;
    });
    coir::this_fiber::yield();
    stopped.request_stop();
    CHECK(stopped.join() == boost::system::errc::operation_canceled);
  });
}

TEST_CASE("HTTP messages go both ways, pipelined") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    auto server = coir::spawn([&] {
      beast::flat_buffer received;
      int served = 0;
      for (;; ++served) {
        http::request<http::string_body> asked;
        beast::error_code error;
        http::read(ends.server, received, asked, error);
        if (error) return std::pair(served, error);
        http::response<http::string_body> answer{http::status::ok, 11};
        answer.body() = "you asked for " + std::string(asked.target());
        answer.prepare_payload();
        http::write(ends.server, answer);
      }
    });
    for (const auto* const target : {"/1", "/2", "/3"}) {
      http::request<http::empty_body> asked{http::verb::get, target, 11};
      http::write(ends.client, asked);
    }
    beast::flat_buffer received;
    for (const auto* const target : {"/1", "/2", "/3"}) {
      http::response<http::string_body> answer;
      http::read(ends.client, received, answer);
      CHECK(answer.body() == std::string("you asked for ") + target);
    }
    ends.client.close();
    const auto [served, error] = server.join();
    CHECK(served == 3);
    CHECK(error == http::error::end_of_stream);
  });
}

TEST_CASE("a message that is cut off is a partial one") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    ends.client.write("GET / HTTP/1.1\r\nHost:");
    ends.client.close();
    beast::flat_buffer received;
    http::request<http::string_body> asked;
    beast::error_code error;
    http::read(ends.server, received, asked, error);
    CHECK(error == http::error::partial_message);
  });
}

TEST_CASE("the awaited twins take Asio's buffers and Boost's error codes") {
  coir::run({.workers = 1}, [] {
    connection ends = connect_over_loopback();
    coir::await([](connection& used) -> coir::task<> {
      char bytes[4];
      boost::system::error_code error;
      const std::array<asio::const_buffer, 2> parts{asio::buffer("a", 1), asio::buffer("b", 1)};
      COIR_EXPECT(co_await used.client.async_write_some(parts, error) == 2);
      COIR_EXPECT(co_await used.client.async_write_some(asio::buffer("c", 1), error) == 1);
      CHECK_FALSE(error);
      used.client.shutdown_send();
      COIR_EXPECT(co_await used.server.async_read_some(asio::buffer(bytes), error) == 3);
      CHECK(std::string(bytes, 3) == "abc");
      COIR_EXPECT(co_await used.server.async_read_some(asio::buffer(bytes), error) == 0);
      CHECK(error == asio::error::eof);
    }(ends));
  });
}
