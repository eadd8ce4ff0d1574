// SPDX-License-Identifier: MIT
#include "io/tcp_attempts.hpp"

#include "io/socket_calls.hpp"
#include "io/tcp_stream.hpp"

#include <new>
#include <poll.h>
#include <sys/socket.h>

namespace coir {
namespace {

/// What follows every receiving call.
ssize_t received(fd_state& socket, ssize_t count, std::size_t asked) noexcept {
  if (count == 0 && socket.is_closed()) { // by us: the end is not the peer's
    errno = EBADF;
    return -1;
  }
  // Less than asked for: drained, and the next event will tell. The end of the stream stays readable.
  if (count == static_cast<ssize_t>(asked) || count == 0) socket.leave_edge(direction::read);
  return count;
}

} // namespace

ssize_t receive_attempt::operator()(int fd) const noexcept {
  return received(socket, ::recv(fd, into.data(), into.size(), 0), into.size());
}

ssize_t send_attempt::operator()(int fd) const noexcept {
  return ::send(fd, from.data(), from.size(), MSG_NOSIGNAL);
}

template <>
ssize_t gathered_attempt<direction::read>::operator()(int fd) const noexcept {
  return received(socket, ::readv(fd, buffers.parts, buffers.count), buffers.bytes);
}

template <>
ssize_t gathered_attempt<direction::write>::operator()(int fd) const noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(buffers.parts);
  message.msg_iovlen = static_cast<std::size_t>(buffers.count);
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

ssize_t readable_attempt::operator()(int fd) const noexcept {
  // Not by recv(2), which would take a pending error away from the read that follows.
  pollfd looked_at{fd, POLLIN | POLLRDHUP, 0};
  const int count = ::poll(&looked_at, 1, 0);
  if (count > 0) socket.leave_edge(direction::read); // nothing has been read
  if (count == 0) errno = EAGAIN;
  return count > 0 ? 0 : -1;
}

std::optional<std::int64_t> connect_attempt::prepare(clock::time_point) noexcept {
  const int fd = open_stream_socket(peer);
  if (fd < 0) return fd;
  try {
    made = tcp_stream(fd);
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
  return std::nullopt;
}

ssize_t connect_attempt::operator()(int fd) noexcept {
  if (has_begun) return connect_result(fd);
  has_begun = true;
  const int result = ::connect(fd, peer.native(), peer.native_size());
  // EINTR: it goes on in the background as if it were in progress, and must not be begun again.
  if (result < 0 && (errno == EINPROGRESS || errno == EINTR)) errno = EAGAIN;
  return result;
}

} // namespace coir
