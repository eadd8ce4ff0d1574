// SPDX-License-Identifier: MIT
// The listening socket of the servers that do not use coir. Floor 7.
#pragma once

#include "examples/options.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

namespace bench {

/// Listens where the options say, prints "listening on ADDRESS:PORT" as one flushed line, and returns the descriptor.
/// `socket_flags`: 0 or SOCK_NONBLOCK. Throws std::system_error with a message that names the address.
inline int open_plain_listener(const examples::server_options& options, int socket_flags) {
  const std::string port = std::to_string(options.port);
  const bool is_v6 = options.address.find(':') != std::string::npos;
  const std::string host = is_v6 ? '[' + options.address + ']' : options.address;

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
  const int backlog = 4096;
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | socket_flags, 0);
  // TCP_NODELAY is inherited by what is accepted, which saves a system call per connection.
  const bool is_listening =
      fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
      bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, backlog) == 0;
  const int error = errno;
  freeaddrinfo(found);
  if (!is_listening) {
    if (fd >= 0) close(fd);
    throw std::system_error(error, std::system_category(), "cannot listen on " + host + ':' + port);
  }
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length);
  // sin_port and sin6_port lie at the same place.
  std::printf("listening on %s:%u\n", host.c_str(),
              ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port));
  std::fflush(stdout);
  return fd;
}

} // namespace bench
