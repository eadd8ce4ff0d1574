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
std::int64_t received(fd_state& socket, std::int64_t count, std::size_t asked) noexcept {
  if (count == 0 && socket.is_closed()) return -EBADF; // by us: the end is not the peer's
  // Less than asked for: drained, and the next event will tell. The end of the stream stays readable.
  if (count == static_cast<std::int64_t>(asked) || count == 0) socket.leave_edge(direction::read);
  return count;
}

} // namespace

std::int64_t receive_attempt::operator()(int fd) const noexcept {
  return received(socket, receive(fd, into.data(), into.size()), into.size());
}

std::int64_t scratch_receive_attempt::operator()(int fd) const noexcept {
  if (!into.try_take()) return -ENOMEM;
  const std::int64_t count =
      received(socket, receive(fd, into.memory_, into.capacity_bytes), into.capacity_bytes);
  if (count > 0) {
    into.size_ = static_cast<std::size_t>(count);
  } else {
    into.clear();
  }
  return count;
}

std::int64_t send_attempt::operator()(int fd) const noexcept {
  return send(fd, from.data(), from.size());
}

template <>
std::int64_t gathered_attempt<direction::read>::operator()(int fd) const noexcept {
  const auto by_libc = [&] { return ::readv(fd, buffers.parts, buffers.count); };
  return received(socket, direct_call(by_libc, SYS_readv, fd, buffers.parts, buffers.count),
                  buffers.bytes);
}

template <>
std::int64_t gathered_attempt<direction::write>::operator()(int fd) const noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(buffers.parts);
  message.msg_iovlen = static_cast<std::size_t>(buffers.count);
  const auto by_libc = [&] { return ::sendmsg(fd, &message, MSG_NOSIGNAL); };
  return direct_call(by_libc, SYS_sendmsg, fd, &message, MSG_NOSIGNAL);
}

std::int64_t readable_attempt::operator()(int fd) const noexcept {
  // Not by recv(2), which would take a pending error away from the read that follows.
  pollfd looked_at{fd, POLLIN | POLLRDHUP, 0};
  const std::int64_t count = kernel_call([&] { return ::poll(&looked_at, 1, 0); });
  if (count <= 0) return count == 0 ? -EAGAIN : count;
  socket.leave_edge(direction::read); // nothing has been read
  return 0;
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

std::int64_t connect_attempt::operator()(int fd) noexcept {
  if (has_begun) return connect_result(fd);
  has_begun = true;
  const std::int64_t result =
      kernel_call([&] { return ::connect(fd, peer.native(), peer.native_size()); });
  // EINTR: it goes on in the background as if it were in progress, and must not be begun again.
  return result == -EINPROGRESS || result == -EINTR ? -EAGAIN : result;
}

} // namespace coir
