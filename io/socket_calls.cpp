// SPDX-License-Identifier: MIT
#include "io/socket_calls.hpp"

#include "io/io_error.hpp"
#include "io/operation.hpp"

#include <cerrno>
#include <netinet/tcp.h>

namespace coir {

int open_stream_socket(const endpoint& family_of) noexcept {
  const int errno_before = errno;
  int fd = ::socket(family_of.native()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fd = -errno;
  errno = errno_before;
  // Cannot fail on a TCP socket; accepted sockets inherit it from their listener (tcp(7)).
  if (fd >= 0) static_cast<void>(set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1));
  return fd;
}

int connect_result(int fd) noexcept {
  int pending = 0;
  socklen_t size = sizeof pending;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &size) != 0) return -1;
  if (pending != 0) {
    errno = pending;
    return -1;
  }
  sockaddr_storage peer;
  size = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0) return 0;
  if (errno == ENOTCONN) errno = EAGAIN;
  return -1;
}

std::int64_t set_option(int fd, int level, int name, int value) noexcept {
  const int errno_before = errno;
  const int result = ::setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : -errno;
  errno = errno_before;
  return result;
}

endpoint socket_address(fd_state& socket, int (*call)(int, sockaddr*, socklen_t*),
                        const char* what) {
  sockaddr_storage address{};
  const auto ask = [&](int fd) -> ssize_t {
    socklen_t size = sizeof address;
    return call(fd, reinterpret_cast<sockaddr*>(&address), &size);
  };
  unpack_or_throw(perform_now(socket, ask), what);
  return endpoint::from_native(address);
}

} // namespace coir
