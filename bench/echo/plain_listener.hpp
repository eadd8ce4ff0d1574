// SPDX-License-Identifier: MIT
// The listening socket of the servers that do not use coir. Floor 7.
#pragma once

#include "examples/options.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string>
#include <system_error>
#include <vector>

namespace bench {

/// The options' address as it is printed: an IPv6 one in brackets.
inline std::string host_of(const examples::server_options& options) {
  const bool is_v6 = options.address.find(':') != std::string::npos;
  return is_v6 ? '[' + options.address + ']' : options.address;
}

inline std::uint16_t port_of(int listener) {
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  getsockname(listener, reinterpret_cast<sockaddr*>(&bound), &length);
  // sin_port and sin6_port lie at the same place.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
}

/// Listens where the options say and returns the descriptor. `socket_flags`: 0 or SOCK_NONBLOCK. `is_shared`: other
/// listeners of this program may have the same port, and the kernel spreads the connections over them. Throws
/// std::system_error with a message that names the address.
inline int bind_plain_listener(const examples::server_options& options, int socket_flags,
                               bool is_shared) {
  const std::string port = std::to_string(options.port);
  const std::string host = host_of(options);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  // Cannot block: both parts are numbers.
  if (getaddrinfo(options.address.c_str(), port.c_str(), &hints, &found) != 0) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            "cannot listen on " + host);
  }
  const int on = 1;
  const int shared = is_shared ? 1 : 0;
  const int backlog = 4096;
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | socket_flags, 0);
  // TCP_NODELAY is inherited by what is accepted, which saves a system call per connection.
  const bool is_listening =
      fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shared, sizeof shared) == 0 &&
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
      bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, backlog) == 0;
  const int error = errno;
  freeaddrinfo(found);
  if (!is_listening) {
    if (fd >= 0) close(fd);
    throw std::system_error(error, std::system_category(), "cannot listen on " + host + ':' + port);
  }
  return fd;
}

/// Prints "listening on ADDRESS:PORT" as one flushed line.
inline void print_listening(const examples::server_options& options, int listener) {
  std::printf("listening on %s:%u\n", host_of(options).c_str(), port_of(listener));
  std::fflush(stdout);
}

/// bind_plain_listener(), not shared, and print_listening().
inline int open_plain_listener(const examples::server_options& options, int socket_flags) {
  const int fd = bind_plain_listener(options, socket_flags, false);
  print_listening(options, fd);
  return fd;
}

/// One listener on the same port for each of `options.workers` threads (0: one).
inline std::vector<int> bind_plain_listeners(examples::server_options options, int socket_flags) {
  const unsigned count = std::max(1U, options.workers);
  std::vector<int> listeners;
  for (unsigned i = 0; i < count; ++i) {
    listeners.push_back(bind_plain_listener(options, socket_flags, count > 1));
    options.port = port_of(listeners.front());
  }
  return listeners;
}

} // namespace bench
