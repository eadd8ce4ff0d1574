// SPDX-License-Identifier: MIT
#include "bench/echo/load_generator.hpp"

#include "bench/echo/payload.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

namespace bench {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t buffer_bytes = 64 << 10;
constexpr int events_per_wait = 512;
/// Connections that have not exchanged their first message; less than any server's backlog.
constexpr std::uint32_t most_under_way = 256;
/// The kernel searches for a free port linearly, so the ~28,000 of one address are not used up.
constexpr std::uint32_t connections_per_source_address = 8192;

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t connect_limit = 60 * second;
constexpr std::uint64_t drain_limit = 15 * second;
constexpr std::uint64_t close_limit = 15 * second;

std::uint64_t count_of(std::chrono::duration<double> span) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<nanoseconds>(span).count());
}

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::system_category(), what);
}

/// Makes room for `wanted` descriptors: up to the hard limit, beyond it if the process may.
void raise_descriptor_limit(rlim_t wanted) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  limit.rlim_max = std::max(limit.rlim_max, wanted);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    throw_errno("cannot have " + std::to_string(wanted) +
                " descriptors (raise the hard limit with ulimit -Hn, or use fewer --connections)");
  }
}

} // namespace

load_generator::load_generator(const load_options& options)
    : options_(options),
      ring_mask_(std::bit_ceil(options.pipeline) - 1),
      sent_at_(options.connections * (ring_mask_ + 1)),
      connections_(options.connections),
      incoming_(buffer_bytes),
      outgoing_(buffer_bytes) {
  raise_descriptor_limit(options_.connections + 16);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(options_.address.c_str(), std::to_string(options_.port).c_str(), &hints,
                  &found) != 0) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            "--address " + options_.address);
  }
  std::memcpy(&server_, found->ai_addr, found->ai_addrlen);
  server_length_ = found->ai_addrlen;
  freeaddrinfo(found);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) throw_errno("epoll_create1");
}

load_generator::~load_generator() {
  for (const connection& one : connections_) {
    if (one.fd >= 0) close(one.fd);
  }
  close(epoll_);
}

load_result load_generator::run() {
  read_clock();
  connect_all();
  load_window();
  drain();
  close_all();
  return std::move(result_);
}

void load_generator::connect_all() {
  const std::uint64_t start = now_;
  if (options_.server != 0) result_.server_before = memory_of(options_.server);
  serve_until(start + connect_limit, [this] {
    while (next_ < options_.connections && under_way_ < most_under_way) open_next();
    return under_way_ == 0;
  });
  result_.connecting = nanoseconds(now_ - start);
  for (; next_ < options_.connections; ++next_) {
    fail(connections_[next_], result_.connect_errors, "not connected in time", ETIMEDOUT);
  }
  for (connection& one : connections_) {
    if (one.now == state::connecting || one.now == state::greeting) {
      fail(one, result_.connect_errors, "no answer to the first message", ETIMEDOUT);
    }
  }
}

void load_generator::load_window() {
  if (!options_.is_idle) {
    begin_phase(phase::warmup);
    for (connection& one : connections_) {
      if (one.now != state::ready) continue;
      read_clock();
      fill(one);
    }
    serve_until(now_ + count_of(options_.warmup), [this] { return open_ == 0; });
  }
  begin_phase(options_.is_idle ? phase::idle : phase::window);
  const std::uint64_t start = now_;
  const nanoseconds own_start = cpu_time_of(getpid());
  const nanoseconds server_start =
      options_.server != 0 ? cpu_time_of(options_.server) : nanoseconds();
  serve_until(start + count_of(options_.seconds), [this] {
    const bool has_enough = options_.requests != 0 && result_.requests >= options_.requests;
    return has_enough || open_ == 0;
  });
  result_.window = nanoseconds(now_ - start);
  result_.load_cpu = cpu_time_of(getpid()) - own_start;
  if (options_.server != 0) {
    result_.server_cpu = cpu_time_of(options_.server) - server_start;
    result_.server_after = memory_of(options_.server);
  }
}

void load_generator::drain() {
  begin_phase(phase::drain);
  serve_until(now_ + drain_limit, [this] { return outstanding_ == 0; });
  if (outstanding_ == 0) return;
  result_.unanswered = outstanding_;
  if (result_.first_error.empty()) {
    result_.first_error = std::to_string(outstanding_) + " requests were not answered";
  }
}

void load_generator::close_all() {
  begin_phase(phase::close);
  for (connection& one : connections_) {
    if (one.now != state::ready) continue;
    one.now = state::closing;
    shutdown(one.fd, SHUT_WR);
  }
  serve_until(now_ + close_limit, [this] { return open_ == 0; });
  for (connection& one : connections_) {
    if (one.now != state::closing) continue;
    fail(one, result_.unclosed, "the server did not close after the client's end of file", 0);
  }
}

void load_generator::open_next() {
  connection& one = connections_[next_++];
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
  constexpr std::uint32_t loopback_net = 127;
  const auto& server = reinterpret_cast<const sockaddr_in&>(server_);
  if (server_.ss_family != AF_INET || ntohl(server.sin_addr.s_addr) >> 24 != loopback_net)
    return true;
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + index_of(one) / connections_per_source_address);
  const int on = 1;
  // Leaves the choice of the port to connect(), where a port may serve again for another server.
  setsockopt(one.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  return bind(one.fd, reinterpret_cast<const sockaddr*>(&source), sizeof source) == 0;
}

void load_generator::serve(connection& one, std::uint32_t events) {
  if (one.now == state::connecting) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(one.fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) {
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
    const ssize_t received = recv(one.fd, incoming_.data(), buffer_bytes, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) return;
    if (received < 0) {
      fail(one, result_.broken, "the connection broke", errno);
      return;
    }
    if (received == 0) {
      if (one.now == state::closing) {
        end(one, state::closed);
        ++result_.connections_ok;
      } else {
        fail(one, result_.broken, "the server closed the connection", 0);
      }
      return;
    }
    read_clock();
    const auto size = static_cast<std::size_t>(received);
    check(one, incoming_.data(), size);
    if (one.now == state::failed || (size < buffer_bytes && !until_empty)) return;
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
  const bool is_measured =
      phase_ == phase::window || (options_.is_idle && phase_ == phase::connect);
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
  const bool is_loading = phase_ == phase::warmup || phase_ == phase::window;
  const std::uint64_t end = one.now == state::greeting ? 1
                            : is_loading               ? one.received + options_.pipeline
                                                       : 0;
  std::uint64_t sequence = one.sent;
  std::size_t first = one.sent_bytes;
  std::size_t size = 0;
  while (size < buffer_bytes && (first > 0 || sequence < end)) {
    if (first == 0) sent_at(one, sequence) = now_;
    const std::size_t count = std::min(options_.message_bytes - first, buffer_bytes - size);
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

template <class Predicate>
void load_generator::serve_until(std::uint64_t limit, Predicate is_over) {
  epoll_event events[events_per_wait];
  while (now_ < limit && !is_over()) {
    // Rounded up, or the last millisecond would be spent asking.
    const auto patience = static_cast<int>((limit - now_ + 999'999) / 1'000'000);
    const int count = epoll_wait(epoll_, events, events_per_wait, patience);
    if (count < 0 && errno != EINTR) throw_errno("epoll_wait");
    read_clock();
    for (int i = 0; i < count; ++i) {
      connection& one = *static_cast<connection*>(events[i].data.ptr);
      // Failed by an earlier event of this batch.
      if (one.fd >= 0) serve(one, events[i].events);
    }
  }
}

void load_generator::begin_phase(phase next) noexcept {
  phase_ = next;
  read_clock();
}

void load_generator::read_clock() noexcept {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  now_ = static_cast<std::uint64_t>(nanoseconds(since).count());
}

} // namespace bench
