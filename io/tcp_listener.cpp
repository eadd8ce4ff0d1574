// SPDX-License-Identifier: MIT
#include "io/tcp_listener.hpp"

#include "fiber/sched/current.hpp"
#include "fiber/this_fiber.hpp"
#include "io/socket_calls.hpp"

#include <algorithm>
#include <new>
#include <sys/socket.h>
#include <unistd.h>

namespace coir {
namespace {

constexpr std::chrono::milliseconds pause_when_short{50};

bool is_shortage(std::int64_t result) noexcept {
  return result == -EMFILE || result == -ENFILE || result == -ENOBUFS || result == -ENOMEM;
}

/// The connection's own misfortune, see accept(2): the next one may be well.
bool is_of_connection(std::int64_t result) noexcept {
  switch (result) {
  case -ECONNABORTED:
  case -EPROTO:
  case -ENOPROTOOPT:
  case -EHOSTDOWN:
  case -ENONET:
  case -EHOSTUNREACH:
  case -ENETDOWN:
  case -ENETUNREACH: return true;
  default: return false;
  }
}

std::int64_t begin_to_listen(int fd, const endpoint& where,
                             const listen_options& options) noexcept {
  std::int64_t result = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (result == 0 && options.reuse_port) result = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (result == 0 && where.is_v6()) {
    result = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only ? 1 : 0);
  }
  if (result != 0) return result;
  result = kernel_call([&] { return ::bind(fd, where.native(), where.native_size()); });
  return result != 0 ? result : kernel_call([&] { return ::listen(fd, options.backlog); });
}

} // namespace

tcp_listener tcp_listener::listen(const endpoint& where, const listen_options& options) {
  std::error_code error;
  tcp_listener made = listen(where, error, options);
  if (error) throw std::system_error(error, "coir: listen on " + where.to_string());
  return made;
}

tcp_listener tcp_listener::listen(const endpoint& where, std::error_code& error,
                                  const listen_options& options) noexcept {
  const int fd = open_stream_socket(where);
  if (unpack(fd, error); error) return {};
  if (unpack(begin_to_listen(fd, where, options), error); error) {
    ::close(fd);
    return {};
  }
  try {
    return tcp_listener(fd);
  } catch (const std::bad_alloc&) {
    unpack(-ENOMEM, error);
    return {};
  }
}

int tcp_listener::pause_if_short(clock::time_point limit) noexcept {
  // relaxed: a hint to slow down; concurrent accepts may each find out for themselves.
  if (!is_short_.exchange(false, relaxed)) return 0;
  const auto until = std::min(limit, clock::now() + pause_when_short);
  if (this_fiber::stop_requested()) return -ECANCELED;
  if (!record().enter()) return -EBADF;
  const int ended = record().wait_for_close(until);
  record().leave();
  return ended == -ETIMEDOUT && until < limit ? 0 : ended;
}

std::optional<std::int64_t> accept_attempt::prepare(clock::time_point limit) noexcept {
  const int error = listener.pause_if_short(limit);
  return error != 0 ? std::optional<std::int64_t>(error) : std::nullopt;
}

std::int64_t accept_attempt::operator()(int fd) noexcept {
  // Before connections that have been waiting already take the descriptors that it needs: they could be accepted
  // then, but not waited for.
  if (const control_block* const self = current_fiber(); self != nullptr) {
    if (const int error = record().attach_if_new(*self); error != 0) return error;
  }
  std::int64_t accepted = -1;
  constexpr int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  const auto by_libc = [&] { return ::accept4(fd, nullptr, nullptr, flags); };
  do {
    accepted = direct_call(by_libc, SYS_accept4, fd, 0, 0, flags);
  } while (is_of_connection(accepted));
  if (accepted < 0) return accepted;
  // Until an accept finds nothing, there may be more: for us, or for another fiber that waits.
  record().leave_edge(direction::read);
  try {
    made = tcp_stream(static_cast<int>(accepted));
    return 0;
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
}

void accept_attempt::ended(std::int64_t result) const noexcept {
  // relaxed: see pause_if_short
  if (is_shortage(result)) listener.is_short_.store(true, relaxed);
}

tcp_stream tcp_listener::accept(deadline limit) {
  return perform(accept_attempt{*this}, limit.when(), throwing());
}

tcp_stream tcp_listener::accept(std::error_code& error, deadline limit) noexcept {
  return perform(accept_attempt{*this}, limit.when(), reporting{&error});
}

endpoint tcp_listener::local_endpoint() const {
  return socket_address(record(), ::getsockname, "coir: local_endpoint");
}

} // namespace coir
