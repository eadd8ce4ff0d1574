// SPDX-License-Identifier: MIT
// tcp_listener: accepts TCP connections, blocking-style. Floor 5.
#pragma once

#include "io/tcp_stream.hpp"

namespace coir {

struct accept_attempt;

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
  /// The same, suspending the coroutine that awaits it. (In those 50 ms it keeps its stack.)
  [[nodiscard]] async_operation<accept_attempt> async_accept(deadline limit = {}) noexcept;
  [[nodiscard]] async_operation<accept_attempt, reporting<std::error_code>>
  async_accept(std::error_code& error, deadline limit = {}) noexcept;

  /// Throws std::system_error.
  [[nodiscard]] endpoint local_endpoint() const;

private:
  friend struct accept_attempt;

  explicit tcp_listener(int fd) : descriptor(fd) {}
  int pause_if_short(clock::time_point limit) noexcept;

  atomic<bool> is_short_{false}; ///< the last accept found no descriptor or memory
};

/// Takes a connection that has come. Private.
struct accept_attempt {
  static constexpr direction way = direction::read;
  tcp_listener& listener;
  tcp_stream made{};

  [[nodiscard]] fd_state& record() const noexcept { return listener.record(); }
  /// Waits, if the last accept found no descriptor or memory.
  [[nodiscard]] std::optional<std::int64_t> prepare(clock::time_point limit) noexcept;
  std::int64_t operator()(int fd) noexcept;
  /// Remembers a shortage.
  void ended(std::int64_t result) const noexcept;
  [[nodiscard]] tcp_stream value(std::int64_t) noexcept { return std::move(made); }
  [[nodiscard]] static const char* what() noexcept { return "coir: accept"; }
};

inline async_operation<accept_attempt> tcp_listener::async_accept(deadline limit) noexcept {
  return {{*this}, limit};
}
inline async_operation<accept_attempt, reporting<std::error_code>>
tcp_listener::async_accept(std::error_code& error, deadline limit) noexcept {
  return {{*this}, limit, {&error}};
}

} // namespace coir
