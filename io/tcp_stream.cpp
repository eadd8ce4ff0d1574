// SPDX-License-Identifier: MIT
#include "io/tcp_stream.hpp"

#include "io/operation.hpp"
#include "io/socket_calls.hpp"

#include <netinet/tcp.h>
#include <new>
#include <poll.h>
#include <sys/socket.h>

namespace coir {

tcp_stream tcp_stream::connect(const endpoint& peer, deadline limit) {
  std::error_code error;
  tcp_stream made = connect(peer, error, limit);
  if (error) throw std::system_error(error, "coir: connect to " + peer.to_string());
  return made;
}

tcp_stream tcp_stream::connect(const endpoint& peer, std::error_code& error,
                               deadline limit) noexcept {
  tcp_stream made;
  const int fd = open_stream_socket(peer);
  if (unpack(fd, error); error) return {};
  try {
    made = tcp_stream(fd);
  } catch (const std::bad_alloc&) {
    unpack(-ENOMEM, error);
    return {};
  }
  bool has_begun = false;
  const auto attempt = [&](int socket) -> ssize_t {
    if (has_begun) return connect_result(socket);
    has_begun = true;
    const int result = ::connect(socket, peer.native(), peer.native_size());
    // EINTR: it goes on in the background as if it were in progress, and must not be begun again.
    if (result < 0 && (errno == EINPROGRESS || errno == EINTR)) errno = EAGAIN;
    return result;
  };
  unpack(perform(made.record(), direction::write, limit.when(), attempt), error);
  return error ? tcp_stream() : std::move(made);
}

std::int64_t tcp_stream::receive(const gathered_buffers& into, deadline limit) noexcept {
  if (into.bytes == 0) return 0;
  fd_state& socket = record();
  return perform(socket, direction::read, limit.when(), [&](int fd) -> ssize_t {
    const ssize_t count = into.count == 1 ? ::recv(fd, into.parts[0].iov_base, into.bytes, 0)
                                          : ::readv(fd, into.parts, into.count);
    if (count == 0 && socket.is_closed()) { // by us: the end is not the peer's
      errno = EBADF;
      return -1;
    }
    // Less than asked for: drained, and the next event will tell. The end of the stream stays readable.
    if (count == static_cast<ssize_t>(into.bytes) || count == 0) socket.leave_edge(direction::read);
    return count;
  });
}

std::int64_t tcp_stream::send(const gathered_buffers& from, deadline limit) noexcept {
  if (from.bytes == 0) return 0;
  return perform(record(), direction::write, limit.when(), [&](int fd) -> ssize_t {
    ssize_t count = 0;
    if (from.count == 1) {
      count = ::send(fd, from.parts[0].iov_base, from.bytes, MSG_NOSIGNAL);
    } else {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(from.parts);
      message.msg_iovlen = static_cast<std::size_t>(from.count);
      count = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    }
    return count;
  });
}

std::int64_t tcp_stream::send_all(const_buffer from, deadline limit, std::size_t& sent) noexcept {
  const auto* const bytes = static_cast<const std::byte*>(from.data());
  for (sent = 0; sent < from.size();) {
    const std::int64_t count =
        send(gathered_buffers(const_buffer(bytes + sent, from.size() - sent)), limit);
    if (count < 0) return count;
    sent += static_cast<std::size_t>(count);
  }
  return static_cast<std::int64_t>(sent);
}

std::size_t tcp_stream::read(mutable_buffer buffer, deadline limit) {
  return unpack_or_throw(receive(gathered_buffers(buffer), limit), "coir: read");
}

std::size_t tcp_stream::read(mutable_buffer buffer, std::error_code& error,
                             deadline limit) noexcept {
  return unpack(receive(gathered_buffers(buffer), limit), error);
}

std::size_t tcp_stream::write(const_buffer buffer, deadline limit) {
  std::size_t sent = 0;
  return unpack_or_throw(send_all(buffer, limit, sent), "coir: write");
}

std::size_t tcp_stream::write(const_buffer buffer, std::error_code& error,
                              deadline limit) noexcept {
  std::size_t sent = 0;
  unpack(send_all(buffer, limit, sent), error);
  return sent;
}

std::int64_t tcp_stream::wait_for_bytes(deadline limit) noexcept {
  fd_state& socket = record();
  if (!socket.has_edge(direction::read)) {
    const int error = await_event(socket, direction::read, limit.when());
    if (error != -ETIMEDOUT) return error;
  }
  // An event is known only by guess (a new connection), or there was none in time: look. Not by recv(2), which
  // would take a pending error away from the read that follows.
  return perform(socket, direction::read, limit.when(), [&](int fd) -> ssize_t {
    pollfd looked_at{fd, POLLIN | POLLRDHUP, 0};
    const int count = ::poll(&looked_at, 1, 0);
    if (count > 0) socket.leave_edge(direction::read); // nothing has been read
    if (count == 0) errno = EAGAIN;
    return count > 0 ? 0 : -1;
  });
}

void tcp_stream::wait_readable(deadline limit) {
  unpack_or_throw(wait_for_bytes(limit), "coir: wait_readable");
}

void tcp_stream::wait_readable(std::error_code& error, deadline limit) noexcept {
  unpack(wait_for_bytes(limit), error);
}

std::int64_t tcp_stream::shut(int how) noexcept {
  return perform_now(record(), [how](int fd) -> ssize_t { return ::shutdown(fd, how); });
}

void tcp_stream::shutdown_send() { unpack_or_throw(shut(SHUT_WR), "coir: shutdown"); }
void tcp_stream::shutdown_send(std::error_code& error) noexcept { unpack(shut(SHUT_WR), error); }
void tcp_stream::shutdown() { unpack_or_throw(shut(SHUT_RDWR), "coir: shutdown"); }
void tcp_stream::shutdown(std::error_code& error) noexcept { unpack(shut(SHUT_RDWR), error); }

endpoint tcp_stream::local_endpoint() const {
  return socket_address(record(), ::getsockname, "coir: local_endpoint");
}

endpoint tcp_stream::remote_endpoint() const {
  return socket_address(record(), ::getpeername, "coir: remote_endpoint");
}

void tcp_stream::set_no_delay(bool on) {
  const auto set = [on](int fd) -> ssize_t {
    const int value = on ? 1 : 0;
    return ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
  };
  unpack_or_throw(perform_now(record(), set), "coir: set_no_delay");
}

} // namespace coir
