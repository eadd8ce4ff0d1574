// SPDX-License-Identifier: MIT
// Connections within the process, for tests of sockets. Floor 7.
//
// Catch2's assertions are for one thread at a time: in tests with several workers only the main fiber asserts.
#pragma once

#include "tests/catch.hpp"
#include "tests/support/worker_counts.hpp"

#include <fiber/thread.hpp>
#include <io/tcp_listener.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace coir::test {

struct connection {
  tcp_stream client;
  tcp_stream server;
};

/// Two ends of a connection over loopback.
inline connection connect_over(const endpoint& where) {
  auto listener = tcp_listener::listen(where);
  auto client = tcp_stream::connect(listener.local_endpoint());
  return {std::move(client), listener.accept()};
}
inline connection connect_over_loopback() { return connect_over(endpoint::loopback(0)); }

/// Whatever a call reports through its error code.
template <class Call>
std::error_code error_of(Call&& call) {
  std::error_code error;
  call(error);
  return error;
}

/// All bytes until the end of the stream.
inline std::string read_to_end(tcp_stream& stream) {
  std::string all;
  char part[4096];
  while (const std::size_t count = stream.read(part)) all.append(part, count);
  return all;
}

/// Exactly so many bytes, or fewer if the stream ends.
inline std::string read_exactly(tcp_stream& stream, std::size_t count) {
  std::string all(count, '\0');
  std::size_t filled = 0;
  while (filled < count) {
    const std::size_t got = stream.read({all.data() + filled, count - filled});
    if (got == 0) break;
    filled += got;
  }
  all.resize(filled);
  return all;
}

/// Bytes that differ from position to position; `first` tells streams apart.
inline std::vector<std::byte> pattern(std::size_t size, std::uint32_t first = 0) {
  std::vector<std::byte> made(size);
  std::uint32_t word = first * 2'654'435'761u + 1;
  for (std::byte& each : made) {
    word = word * 1'664'525u + 1'013'904'223u;
    each = static_cast<std::byte>(word >> 24);
  }
  return made;
}

/// Sets a socket option of ints.
inline void set_socket_option(const tcp_stream& stream, int name, int value) {
  REQUIRE(::setsockopt(stream.native_handle(), SOL_SOCKET, name, &value, sizeof value) == 0);
}

/// Small buffers from client to server, so that a writer has to wait many times. Not smaller: loopback has
/// large segments, and TCP waits 200 ms before it sends a part of one.
inline void make_narrow(const connection& ends) {
  set_socket_option(ends.client, SO_SNDBUF, 16 << 10);
  set_socket_option(ends.server, SO_RCVBUF, 64 << 10);
}

/// More than the kernel takes from a client that has been made narrow, as long as the server does not read. (To
/// fill its buffers first would not do: it moves bytes on when it likes, and then there is room again.)
inline const std::vector<std::byte>& more_than_fits() {
  static const std::vector<std::byte> made(16 << 20);
  return made;
}

/// From now on closing the stream resets the connection.
inline void reset_on_close(const tcp_stream& stream) {
  const linger at_once{1, 0};
  REQUIRE(::setsockopt(stream.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) ==
          0);
}

} // namespace coir::test
