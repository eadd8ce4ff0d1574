// SPDX-License-Identifier: MIT
// tcp_stream: a TCP connection, blocking-style. Floor 5.
#pragma once

#include "fiber/deadline.hpp"
#include "io/buffer.hpp"
#include "io/descriptor.hpp"
#include "io/endpoint.hpp"
#include "io/io_error.hpp"

#include <cstddef>
#include <system_error>

namespace coir {

/// A TCP connection (RFC 9293), IPv4 or IPv6. Move-only; the destructor closes it.
///
/// Every function that can block suspends the calling fiber (a plain thread blocks), is a cancellation point,
/// is bounded by deadline_scope and by its own `limit`, and leaves the connection usable when it gives up. Each
/// throws std::system_error, or has an overload with an error code that does not. SIGPIPE is never raised.
/// Small writes are sent at once (TCP_NODELAY).
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
class tcp_stream : public descriptor {
public:
  /// Not connected: operations end with std::errc::bad_file_descriptor.
  tcp_stream() noexcept = default;

  /// Connects. Errors: connection_refused, timed_out, network_unreachable, too_many_files_open, … (connect(2),
  /// socket(2)).
  [[nodiscard]] static tcp_stream connect(const endpoint& peer, deadline limit = {});
  [[nodiscard]] static tcp_stream connect(const endpoint& peer, std::error_code& error,
                                          deadline limit = {}) noexcept;

  /// Reads what is there, at least one byte, at most the buffer. 0: the peer has shut down its sending side, or
  /// the buffer is empty. Errors: connection_reset, timed_out, … (recv(2)). One system call if bytes are known
  /// to be there.
  std::size_t read(mutable_buffer buffer, deadline limit = {});
  std::size_t read(mutable_buffer buffer, std::error_code& error, deadline limit = {}) noexcept;

  /// Writes all of the buffer and returns its size. If it fails, some of it may have been sent: the overload
  /// with an error code returns how much. Errors: broken_pipe, connection_reset, timed_out, … (send(2)).
  std::size_t write(const_buffer buffer, deadline limit = {});
  std::size_t write(const_buffer buffer, std::error_code& error, deadline limit = {}) noexcept;

  /// Waits until a read would not: bytes are there, the peer has shut down, or an error is pending. For servers
  /// with many idle connections, which then need no buffer while they wait. May return early. No system call if
  /// it has to wait.
  void wait_readable(deadline limit = {});
  void wait_readable(std::error_code& error, deadline limit = {}) noexcept;

  /// As read(), for a buffer sequence (a buffer, or a bidirectional range of buffers), and with the end of
  /// stream as an error: io_errc::end_of_stream or, for Boost's error code, boost::asio::error::eof.
  template <class MutableBuffers>
  std::size_t read_some(const MutableBuffers& buffers) {
    std::error_code error;
    const std::size_t count = read_some(buffers, error);
    if (error) throw std::system_error(error, "coir: read_some");
    return count;
  }
  template <class MutableBuffers, class ErrorCode>
  std::size_t read_some(const MutableBuffers& buffers, ErrorCode& error) {
    const gathered_buffers gathered(buffers);
    const std::size_t count = unpack(receive(gathered, {}), error);
    if (count == 0 && !error && gathered.bytes > 0) {
      error = error_code_traits<ErrorCode>::end_of_stream();
    }
    return count;
  }

  /// Writes some of a buffer sequence, at least one byte.
  template <class ConstBuffers>
  std::size_t write_some(const ConstBuffers& buffers) {
    std::error_code error;
    const std::size_t count = write_some(buffers, error);
    if (error) throw std::system_error(error, "coir: write_some");
    return count;
  }
  template <class ConstBuffers, class ErrorCode>
  std::size_t write_some(const ConstBuffers& buffers, ErrorCode& error) {
    return unpack(send(gathered_buffers(buffers), {}), error);
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
  friend class tcp_listener;
  explicit tcp_stream(int fd) : descriptor(fd) {}

  std::int64_t receive(const gathered_buffers& into, deadline limit) noexcept;
  std::int64_t send(const gathered_buffers& from, deadline limit) noexcept;
  std::int64_t send_all(const_buffer from, deadline limit, std::size_t& sent) noexcept;
  std::int64_t wait_for_bytes(deadline limit) noexcept;
  std::int64_t shut(int how) noexcept;
};

} // namespace coir
