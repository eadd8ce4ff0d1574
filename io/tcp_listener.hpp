// SPDX-License-Identifier: MIT
// tcp_listener: accepts TCP connections, blocking-style. Floor 5.
#pragma once

#include "io/tcp_stream.hpp"

namespace coir {

struct listen_options {
  /// Connections that the kernel may keep ready to be accepted; it caps this at net.core.somaxconn.
  int backlog = 4096;
  /// Let other sockets with this option listen on the same port too (SO_REUSEPORT); the kernel spreads
  /// connections over them.
  bool reuse_port = false;
  /// An IPv6 socket takes no IPv4 connections.
  bool v6_only = false;
};

/// Move-only; the destructor closes it.
///
/// **safety**: several fibers may accept at once; close() may come from anybody and ends their waits.
///
///     auto listener = coir::tcp_listener::listen(coir::endpoint::loopback(0));
///     for (;;) connections.spawn(serve, listener.accept());
class tcp_listener : public descriptor {
public:
  /// Does not listen: accept ends with std::errc::bad_file_descriptor.
  tcp_listener() noexcept = default;
  tcp_listener(tcp_listener&& other) noexcept : descriptor(std::move(other)) {}
  tcp_listener& operator=(tcp_listener&& other) noexcept {
    descriptor::operator=(std::move(other));
    return *this;
  }

  /// Port 0: any free one, see local_endpoint(). A port in TIME_WAIT may be used (SO_REUSEADDR), one that
  /// somebody listens on may not. Errors: address_in_use, permission_denied, address_not_available, … (bind(2),
  /// listen(2)). Never blocks.
  [[nodiscard]] static tcp_listener listen(const endpoint& where,
                                           const listen_options& options = {});
  [[nodiscard]] static tcp_listener listen(const endpoint& where, std::error_code& error,
                                           const listen_options& options = {}) noexcept;

  /// The next connection. Cancellation point, bounded by `limit` and deadline_scope.
  ///
  /// Without descriptors or memory (too_many_files_open, …_in_system, no_buffer_space, not_enough_memory) it
  /// fails at once, and the next call waits for 50 ms before it tries again: a loop that goes on accepting does
  /// not spin, and serves when they return. Connections that were reset before they were accepted are skipped.
  /// Other errors: accept(2).
  [[nodiscard]] tcp_stream accept(deadline limit = {});
  [[nodiscard]] tcp_stream accept(std::error_code& error, deadline limit = {}) noexcept;

  /// Throws std::system_error.
  [[nodiscard]] endpoint local_endpoint() const;

private:
  explicit tcp_listener(int fd) : descriptor(fd) {}
  std::int64_t pause_if_short(clock::time_point limit) noexcept;

  atomic<bool> is_short_{false}; ///< the last accept found no descriptor or memory
};

} // namespace coir
