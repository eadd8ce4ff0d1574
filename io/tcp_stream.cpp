// SPDX-License-Identifier: MIT
#include "io/tcp_stream.hpp"

#include "io/socket_calls.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace coir {

tcp_stream tcp_stream::connect(const endpoint& peer, deadline limit) {
  return perform(connect_attempt{peer}, limit.when(), throwing());
}

tcp_stream tcp_stream::connect(const endpoint& peer, std::error_code& error,
                               deadline limit) noexcept {
  return perform(connect_attempt{peer}, limit.when(), reporting{&error});
}

std::size_t tcp_stream::read(mutable_buffer buffer, deadline limit) {
  return perform(receive_attempt(record(), buffer), limit.when(), throwing());
}

std::size_t tcp_stream::read(mutable_buffer buffer, std::error_code& error,
                             deadline limit) noexcept {
  return perform(receive_attempt(record(), buffer), limit.when(), reporting{&error});
}

std::size_t tcp_stream::read(scratch_buffer& buffer, deadline limit) {
  return perform(scratch_receive_attempt(record(), buffer), limit.when(), throwing());
}

std::size_t tcp_stream::read(scratch_buffer& buffer, std::error_code& error,
                             deadline limit) noexcept {
  return perform(scratch_receive_attempt(record(), buffer), limit.when(), reporting{&error});
}

std::size_t tcp_stream::write(const_buffer buffer, deadline limit) {
  std::size_t sent = 0;
  const std::int64_t result = write_all(record(), buffer, limit.when(), sent);
  if (result < 0) [[unlikely]]
    throwing()(write_attempt(record(), buffer), result);
  return sent;
}

std::size_t tcp_stream::write(const_buffer buffer, std::error_code& error,
                              deadline limit) noexcept {
  std::size_t sent = 0;
  unpack(write_all(record(), buffer, limit.when(), sent), error);
  return sent;
}

void tcp_stream::wait_readable(deadline limit) {
  perform(readable_attempt(record()), limit.when(), throwing());
}

void tcp_stream::wait_readable(std::error_code& error, deadline limit) noexcept {
  perform(readable_attempt(record()), limit.when(), reporting{&error});
}

std::int64_t tcp_stream::shut(int how) noexcept {
  return perform_now(record(), [how](int fd) { return ::shutdown(fd, how); });
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
  const auto set = [on](int fd) {
    const int value = on ? 1 : 0;
    return ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
  };
  unpack_or_throw(perform_now(record(), set), "coir: set_no_delay");
}

} // namespace coir
