// SPDX-License-Identifier: MIT
// Echo on a blocking socket. Floor 7.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>

namespace bench {

/// Sends all of it. False: the peer is gone.
inline bool send_all(int fd, const std::byte* data, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

inline void echo(int fd) noexcept {
  std::byte buffer[16 << 10];
  for (;;) {
    const ssize_t received = recv(fd, buffer, sizeof buffer, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0 || !send_all(fd, buffer, static_cast<std::size_t>(received))) return;
  }
}

} // namespace bench
