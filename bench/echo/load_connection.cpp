// SPDX-License-Identifier: MIT
// The life of one connection of the load generator.
#include "bench/echo/load_generator.hpp"
#include "bench/echo/payload.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace bench {
namespace {

/// The kernel searches for a free port linearly, so the ~28,000 of one address are not used up.
constexpr std::uint32_t connections_per_source_address = 8192;
constexpr std::uint32_t churn_source_addresses = 16384;

} // namespace

void load_generator::open_next() { open(connections_[next_++]); }

void load_generator::open(connection& one) {
  if (options_.is_churn) sent_at(one, one.received) = now_;
  if (!start_connecting(one)) {
    fail(one, result_.connect_errors, "cannot connect", errno);
    return;
  }
  ++under_way_;
  one.now = state::connecting;
}

bool load_generator::start_connecting(connection& one) {
  one.fd = socket(server_.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (one.fd < 0) return false;
  ++open_;
  const int on = 1;
  if (setsockopt(one.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) return false;
  if (!bind_source(one)) return false;
  if (connect(one.fd, reinterpret_cast<const sockaddr*>(&server_), server_length_) != 0 &&
      errno != EINPROGRESS) {
    return false;
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &one;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, one.fd, &event) == 0;
}

bool load_generator::bind_source(const connection& one) {
  // With --churn every connection leaves a port behind for a minute.
  const std::uint32_t number = options_.is_churn ? opened_++ % churn_source_addresses
                                                 : index_of(one) / connections_per_source_address;
  constexpr std::uint32_t loopback_net = 127;
  const auto& server = reinterpret_cast<const sockaddr_in&>(server_);
  if (server_.ss_family != AF_INET || ntohl(server.sin_addr.s_addr) >> 24 != loopback_net)
    return true;
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number);
  const int on = 1;
  // Leaves the choice of the port to connect(), where a port may serve again for another server.
  setsockopt(one.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  return bind(one.fd, reinterpret_cast<const sockaddr*>(&source), sizeof source) == 0;
}

void load_generator::serve(connection& one, std::uint32_t events) {
  if (one.now == state::connecting) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
      int error = 0;
      socklen_t length = sizeof error;
      getsockopt(one.fd, SOL_SOCKET, SO_ERROR, &error, &length);
      fail(one, result_.connect_errors, "cannot connect", error);
      return;
    }
    if ((events & EPOLLOUT) == 0) return;
    one.now = state::greeting;
  }
  const std::uint32_t ended = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if ((events & (EPOLLIN | ended)) != 0) receive(one, (events & ended) != 0);
  if (one.now == state::greeting || one.now == state::ready) fill(one);
}

void load_generator::receive(connection& one, bool until_empty) {
  for (;;) {
    const ssize_t received = recv(one.fd, incoming_.data(), load_buffer_bytes, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) return;
    if (received < 0) {
      fail(one, result_.broken, "the connection broke", errno);
      return;
    }
    if (received == 0) {
      if (one.now == state::closing) {
        end_well(one);
      } else {
        fail(one, result_.broken, "the server closed the connection", 0);
      }
      return;
    }
    read_clock();
    const auto size = static_cast<std::size_t>(received);
    check(one, incoming_.data(), size);
    if (one.now == state::failed || (size < load_buffer_bytes && !until_empty)) return;
  }
}

void load_generator::check(connection& one, const std::byte* bytes, std::size_t size) {
  while (size > 0) {
    // An answer may begin to come back before its request has been sent whole, but not further than that.
    const std::size_t known = one.received < one.sent ? options_.message_bytes : one.sent_bytes;
    const std::size_t count =
        std::min<std::size_t>(size, options_.message_bytes - one.received_bytes);
    const bool was_asked_for = one.received_bytes + count <= known;
    const payload expected(index_of(one), one.received);
    if (!was_asked_for || !expected.matches(bytes, one.received_bytes, count)) {
      fail(one, result_.wrong,
           was_asked_for ? "other bytes came back than were sent"
                         : "more bytes came back than were sent",
           0);
      return;
    }
    bytes += count;
    size -= count;
    one.received_bytes += static_cast<std::uint32_t>(count);
    if (one.received_bytes == options_.message_bytes) complete_message(one);
  }
}

void load_generator::complete_message(connection& one) {
  // With --rate the latest ones count, or the slow ones among them would not.
  const bool is_measured = (phase_ == phase::window && !options_.is_churn) ||
                           (phase_ == phase::drain && options_.rate > 0) ||
                           (phase_ == phase::connect && options_.is_idle);
  if (is_measured) {
    ++result_.requests;
    result_.latencies.record(now_ - sent_at(one, one.received));
  }
  one.received_bytes = 0;
  ++one.received;
  --outstanding_;
  if (one.now != state::greeting) return;
  one.now = state::ready;
  --under_way_;
  one.due = one.received;
  if (options_.is_churn && is_loading()) finish(one);
}

void load_generator::finish(connection& one) {
  one.now = state::closing;
  shutdown(one.fd, SHUT_WR);
}

void load_generator::end_well(connection& one) {
  end(one, state::closed);
  ++result_.connections_ok;
  if (!options_.is_churn || !is_loading()) return;
  if (phase_ == phase::window) {
    ++result_.requests;
    result_.latencies.record(now_ - sent_at(one, one.received - 1));
  }
  open(one);
}

void load_generator::fill(connection& one) {
  for (;;) {
    const std::size_t size = compose(one);
    if (size == 0) return;
    const ssize_t sent = send(one.fd, outgoing_.data(), size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) {
      fail(one, result_.broken, "the connection broke", errno);
      return;
    }
    count_sent(one, static_cast<std::size_t>(sent));
    // The socket is full: EPOLLOUT goes on.
    if (static_cast<std::size_t>(sent) < size) return;
  }
}

std::size_t load_generator::compose(const connection& one) {
  // The message number before which messages may be begun.
  const std::uint64_t end = one.now == state::greeting           ? one.received + 1
                            : options_.rate > 0                  ? one.due
                            : is_loading() && !options_.is_churn ? one.received + options_.pipeline
                                                                 : 0;
  // Else the time has been set, to when the connection was begun or to when the request was due.
  const bool is_timed_here =
      !options_.is_churn && (options_.rate <= 0 || one.now == state::greeting);
  std::uint64_t sequence = one.sent;
  std::size_t first = one.sent_bytes;
  std::size_t size = 0;
  while (size < load_buffer_bytes && (first > 0 || sequence < end)) {
    if (first == 0 && is_timed_here) sent_at(one, sequence) = now_;
    const std::size_t count = std::min(options_.message_bytes - first, load_buffer_bytes - size);
    payload(index_of(one), sequence).write(outgoing_.data() + size, first, count);
    size += count;
    first += count;
    if (first == options_.message_bytes) {
      first = 0;
      ++sequence;
    }
  }
  return size;
}

void load_generator::count_sent(connection& one, std::size_t size) {
  const std::uint64_t begun_before = one.begun();
  const std::size_t total = one.sent_bytes + size;
  one.sent += total / options_.message_bytes;
  one.sent_bytes = static_cast<std::uint32_t>(total % options_.message_bytes);
  outstanding_ += one.begun() - begun_before;
}

void load_generator::fail(connection& one, std::uint32_t& counter, const char* what, int error) {
  ++counter;
  if (result_.first_error.empty()) {
    result_.first_error = "connection " + std::to_string(index_of(one)) + ": " + what;
    if (error != 0) result_.first_error += std::string(": ") + std::strerror(error);
  }
  if (one.now == state::connecting || one.now == state::greeting) --under_way_;
  end(one, state::failed);
}

void load_generator::end(connection& one, state last) {
  outstanding_ -= one.begun() - one.received;
  one.now = last;
  if (one.fd < 0) return;
  close(one.fd);
  one.fd = -1;
  --open_;
}

} // namespace bench
