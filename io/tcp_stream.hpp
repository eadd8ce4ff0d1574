// SPDX-License-Identifier: MIT
// tcp_stream: a TCP connection, blocking-style, and for coroutines. Floor 5.
#pragma once

#include "fiber/deadline.hpp"
#include "io/async_operation.hpp"
#include "io/async_write.hpp"
#include "io/buffer.hpp"
#include "io/descriptor.hpp"
#include "io/endpoint.hpp"
#include "io/io_error.hpp"
#include "io/scratch_buffer.hpp"
#include "io/tcp_attempts.hpp"

#include <cstddef>
#include <system_error>

namespace coir {

struct connect_attempt;

/// A TCP connection (RFC 9293), IPv4 or IPv6. Move-only; the destructor closes it.
///
/// Every function that can block suspends the calling fiber (a plain thread blocks), is a cancellation point,
/// is bounded by deadline_scope and by its own `limit`, and leaves the connection usable when it gives up. Each
/// throws std::system_error, or has an overload with an error code that does not. SIGPIPE is never raised.
/// Small writes are sent at once (TCP_NODELAY).
///
/// Each that can block has a twin named async_… that is awaited (co_await) in a coroutine instead, at once: it
/// suspends the coroutine, which costs no stack, and is the same in everything else. Outside of spawned coroutines
/// the twin blocks.
///
/// **safety**: one fiber may read while another writes; close() and shutdown may come from anybody. Concurrent
/// reads are each served, in no order. **migration**: the fiber may continue on another thread after each of
/// them.
///
/// read_some and write_some model Asio's SyncReadStream and SyncWriteStream; with io/asio.hpp Boost.Asio's and
/// Boost.Beast's algorithms work on a tcp_stream unchanged.
///
///     auto stream = coir::tcp_stream::connect(coir::endpoint::loopback(8080), 2s);
///     stream.write("ping");
///     char reply[4];
///     const std::size_t count = stream.read(reply);
///
///     auto stream = co_await coir::tcp_stream::async_connect(coir::endpoint::loopback(8080), 2s);
///     co_await stream.async_write("ping");
class tcp_stream : public descriptor {
public:
  /// Not connected: operations end with std::errc::bad_file_descriptor.
  tcp_stream() noexcept = default;

  /// Connects. Errors: connection_refused, timed_out, network_unreachable, too_many_files_open, … (connect(2),
  /// socket(2)).
  [[nodiscard]] static tcp_stream connect(const endpoint& peer, deadline limit = {});
  [[nodiscard]] static tcp_stream connect(const endpoint& peer, std::error_code& error,
                                          deadline limit = {}) noexcept;
  [[nodiscard]] static async_operation<connect_attempt> async_connect(const endpoint& peer,
                                                                      deadline limit = {});
  [[nodiscard]] static async_operation<connect_attempt, reporting<std::error_code>>
  async_connect(const endpoint& peer, std::error_code& error, deadline limit = {}) noexcept;

  /// Reads what is there, at least one byte, at most the buffer. 0: the peer has shut down its sending side, or
  /// the buffer is empty. Errors: connection_reset, timed_out, … (recv(2)). One system call if bytes are known
  /// to be there.
  std::size_t read(mutable_buffer buffer, deadline limit = {});
  std::size_t read(mutable_buffer buffer, std::error_code& error, deadline limit = {}) noexcept;
  [[nodiscard]] async_operation<receive_attempt> async_read(mutable_buffer buffer,
                                                            deadline limit = {}) noexcept {
    return {{record(), buffer}, limit};
  }
  [[nodiscard]] async_operation<receive_attempt, reporting<std::error_code>>
  async_read(mutable_buffer buffer, std::error_code& error, deadline limit = {}) noexcept {
    return {{record(), buffer}, limit, {&error}};
  }

  /// The same into memory that is only there while there are bytes, see scratch_buffer. What `buffer` held before is
  /// gone, whatever happens. Errors: also not_enough_memory, which loses nothing.
  std::size_t read(scratch_buffer& buffer, deadline limit = {});
  std::size_t read(scratch_buffer& buffer, std::error_code& error, deadline limit = {}) noexcept;
  [[nodiscard]] async_operation<scratch_receive_attempt> async_read(scratch_buffer& buffer,
                                                                    deadline limit = {}) noexcept {
    return {{record(), buffer}, limit};
  }
  [[nodiscard]] async_operation<scratch_receive_attempt, reporting<std::error_code>>
  async_read(scratch_buffer& buffer, std::error_code& error, deadline limit = {}) noexcept {
    return {{record(), buffer}, limit, {&error}};
  }

  /// Writes all of the buffer and returns its size. If it fails, some of it may have been sent: the overload
  /// with an error code returns how much. Errors: broken_pipe, connection_reset, timed_out, … (send(2)).
  std::size_t write(const_buffer buffer, deadline limit = {});
  std::size_t write(const_buffer buffer, std::error_code& error, deadline limit = {}) noexcept;
  /// Needs memory only if the kernel does not take all of it at once.
  [[nodiscard]] async_write_operation<throwing> async_write(const_buffer buffer,
                                                            deadline limit = {}) noexcept {
    return {record(), buffer, limit};
  }
  [[nodiscard]] async_write_operation<reporting<std::error_code>>
  async_write(const_buffer buffer, std::error_code& error, deadline limit = {}) noexcept {
    return {record(), buffer, limit, {&error}};
  }

  /// Waits until a read would not: bytes are there, the peer has shut down, or an error is pending. For servers
  /// with many idle connections, which then need no buffer while they wait. May return early. No system call if
  /// it has to wait.
  void wait_readable(deadline limit = {});
  void wait_readable(std::error_code& error, deadline limit = {}) noexcept;
  [[nodiscard]] async_operation<readable_attempt>
  async_wait_readable(deadline limit = {}) noexcept {
    return {readable_attempt(record()), limit};
  }
  [[nodiscard]] async_operation<readable_attempt, reporting<std::error_code>>
  async_wait_readable(std::error_code& error, deadline limit = {}) noexcept {
    return {readable_attempt(record()), limit, {&error}};
  }

  /// As read(), for a buffer sequence (a buffer, or a bidirectional range of buffers), and with the end of
  /// stream as an error: io_errc::end_of_stream or, for Boost's error code, boost::asio::error::eof.
  template <buffer_sequence MutableBuffers>
  std::size_t read_some(const MutableBuffers& buffers) {
    return perform(some_receive_attempt<MutableBuffers>(record(), buffers), never, throwing());
  }
  template <buffer_sequence MutableBuffers, class ErrorCode>
  std::size_t read_some(const MutableBuffers& buffers, ErrorCode& error) {
    return perform(some_receive_attempt<MutableBuffers>(record(), buffers), never,
                   reporting{&error});
  }
  /// Beside sequences, whatever converts to a buffer.
  template <buffer_sequence MutableBuffers>
  [[nodiscard]] async_operation<some_receive_attempt<MutableBuffers>>
  async_read_some(const MutableBuffers& buffers) noexcept {
    return {{record(), buffers}, {}};
  }
  template <buffer_sequence MutableBuffers, class ErrorCode>
  [[nodiscard]] async_operation<some_receive_attempt<MutableBuffers>, reporting<ErrorCode>>
  async_read_some(const MutableBuffers& buffers, ErrorCode& error) noexcept {
    return {{record(), buffers}, {}, {&error}};
  }
  [[nodiscard]] auto async_read_some(mutable_buffer buffer) noexcept {
    return async_read_some<mutable_buffer>(buffer);
  }
  template <class ErrorCode>
  [[nodiscard]] auto async_read_some(mutable_buffer buffer, ErrorCode& error) noexcept {
    return async_read_some<mutable_buffer>(buffer, error);
  }

  /// Writes some of a buffer sequence, at least one byte.
  template <buffer_sequence ConstBuffers>
  std::size_t write_some(const ConstBuffers& buffers) {
    return perform(some_send_attempt<ConstBuffers>(record(), buffers), never, throwing());
  }
  template <buffer_sequence ConstBuffers, class ErrorCode>
  std::size_t write_some(const ConstBuffers& buffers, ErrorCode& error) {
    return perform(some_send_attempt<ConstBuffers>(record(), buffers), never, reporting{&error});
  }
  /// Beside sequences, whatever converts to a buffer.
  template <buffer_sequence ConstBuffers>
  [[nodiscard]] async_operation<some_send_attempt<ConstBuffers>>
  async_write_some(const ConstBuffers& buffers) noexcept {
    return {{record(), buffers}, {}};
  }
  template <buffer_sequence ConstBuffers, class ErrorCode>
  [[nodiscard]] async_operation<some_send_attempt<ConstBuffers>, reporting<ErrorCode>>
  async_write_some(const ConstBuffers& buffers, ErrorCode& error) noexcept {
    return {{record(), buffers}, {}, {&error}};
  }
  [[nodiscard]] auto async_write_some(const_buffer buffer) noexcept {
    return async_write_some<const_buffer>(buffer);
  }
  template <class ErrorCode>
  [[nodiscard]] auto async_write_some(const_buffer buffer, ErrorCode& error) noexcept {
    return async_write_some<const_buffer>(buffer, error);
  }

  /// Half-close: the peer reads an end of stream after what has been written; reading goes on. Never blocks.
  void shutdown_send();
  void shutdown_send(std::error_code& error) noexcept;
  /// Ends both directions; present and later reads return 0, writes fail with broken_pipe. Never blocks.
  void shutdown();
  void shutdown(std::error_code& error) noexcept;

  /// Throw std::system_error (not_connected, bad_file_descriptor).
  [[nodiscard]] endpoint local_endpoint() const;
  [[nodiscard]] endpoint remote_endpoint() const;

  /// Off: small writes are gathered while others are unacknowledged (Nagle, RFC 896). Throws std::system_error.
  void set_no_delay(bool on);

private:
  friend struct accept_attempt;
  friend struct connect_attempt;
  static constexpr auto never = clock::time_point::max();

  explicit tcp_stream(int fd) : descriptor(fd) {}

  std::int64_t shut(int how) noexcept;
};

/// Makes a stream and connects it. Private.
struct connect_attempt {
  static constexpr direction way = direction::write;
  endpoint peer;
  tcp_stream made{};
  bool has_begun = false;

  [[nodiscard]] fd_state& record() const noexcept { return made.record(); }
  /// Opens the socket.
  [[nodiscard]] std::optional<std::int64_t> prepare(clock::time_point) noexcept;
  std::int64_t operator()(int fd) noexcept;
  [[nodiscard]] tcp_stream value(std::int64_t result) noexcept {
    return result < 0 ? tcp_stream() : std::move(made);
  }
  [[nodiscard]] std::string what() const { return "coir: connect to " + peer.to_string(); }
};

inline async_operation<connect_attempt> tcp_stream::async_connect(const endpoint& peer,
                                                                  deadline limit) {
  return {{peer}, limit};
}
inline async_operation<connect_attempt, reporting<std::error_code>>
tcp_stream::async_connect(const endpoint& peer, std::error_code& error, deadline limit) noexcept {
  return {{peer}, limit, {&error}};
}

} // namespace coir
