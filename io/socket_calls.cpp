// SPDX-License-Identifier: MIT
#include "io/socket_calls.hpp"

#include "io/io_error.hpp"
#include "io/operation.hpp"

#include <cerrno>
#include <netinet/tcp.h>

namespace coir {

int open_stream_socket(const endpoint& family_of) noexcept {
  const auto open = [&] {
    return ::socket(family_of.native()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  };
  const int fd = static_cast<int>(kernel_call(open));
  // Cannot fail on a TCP socket; accepted sockets inherit it from their listener (tcp(7)).
  if (fd >= 0) static_cast<void>(set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1));
  return fd;
}

std::int64_t connect_result(int fd) noexcept {
  int pending = 0;
  socklen_t size = sizeof pending;
  const std::int64_t asked =
      kernel_call([&] { return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &size); });
  if (asked != 0 || pending != 0) return asked != 0 ? asked : -pending;
  sockaddr_storage peer;
  size = sizeof peer;
  const std::int64_t result =
      kernel_call([&] { return ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size); });
  return result == -ENOTCONN ? -EAGAIN : result;
}

std::int64_t set_option(int fd, int level, int name, int value) noexcept {
  return kernel_call([&] { return ::setsockopt(fd, level, name, &value, sizeof value); });
}

endpoint socket_address(fd_state& socket, int (*call)(int, sockaddr*, socklen_t*),
                        const char* what) {
  sockaddr_storage address{};
  const auto ask = [&](int fd) {
    socklen_t size = sizeof address;
    return call(fd, reinterpret_cast<sockaddr*>(&address), &size);
  };
  unpack_or_throw(perform_now(socket, ask), what);
  return endpoint::from_native(address);
}

} // namespace coir
