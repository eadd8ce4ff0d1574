// SPDX-License-Identifier: MIT
// System calls on sockets that never block, with results as the reactor has them. Floor 5. Private.
#pragma once

#include "io/endpoint.hpp"

#include <cstdint>
#include <sys/socket.h>

namespace coir {

struct fd_state;

/// A non-blocking TCP socket that sends small writes at once, or -errno.
[[nodiscard]] int open_stream_socket(const endpoint& family_of) noexcept;

/// How a connect(2) in progress has ended: 0 or -errno; -EAGAIN: it has not.
[[nodiscard]] std::int64_t connect_result(int fd) noexcept;

/// 0 or -errno.
[[nodiscard]] std::int64_t set_option(int fd, int level, int name, int value) noexcept;

/// What getsockname(2) or getpeername(2) says. Throws std::system_error.
[[nodiscard]] endpoint socket_address(fd_state& socket, int (*call)(int, sockaddr*, socklen_t*),
                                      const char* what);

} // namespace coir
