// SPDX-License-Identifier: MIT
#include "bench/echo/load_generator.hpp"

#include <netdb.h>
#include <sys/prctl.h>
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

constexpr int events_per_wait = 512;
/// Connections that have not exchanged their first message; less than any server's backlog.
constexpr std::uint32_t most_under_way = 256;
/// Requests of one connection that may wait for their answers with --rate.
constexpr std::uint64_t most_late = 1024;

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
      ring_mask_((options.rate > 0 ? most_late : std::bit_ceil(options.pipeline)) - 1),
      sent_at_(options.connections * (ring_mask_ + 1)),
      connections_(options.connections),
      incoming_(load_buffer_bytes),
      outgoing_(load_buffer_bytes) {
  raise_descriptor_limit(options_.connections + 16);
  if (options_.rate > 0) {
    interval_ = count_of(std::chrono::duration<double>(1 / options_.rate));
    prctl(PR_SET_TIMERSLACK, 1UL); // or the kernel wakes us up to 50 us late
  }
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
    next_due_ = now_;
    for (connection& one : connections_) {
      if (one.now != state::ready) continue;
      read_clock();
      options_.is_churn ? finish(one) : fill(one);
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
  serve_until(now_ + drain_limit, [this] { return outstanding_ == 0 && under_way_ == 0; });
  if (outstanding_ == 0) return;
  result_.unanswered = outstanding_;
  if (result_.first_error.empty()) {
    result_.first_error = std::to_string(outstanding_) + " requests were not answered";
  }
}

void load_generator::close_all() {
  begin_phase(phase::close);
  for (connection& one : connections_) {
    if (one.now == state::ready) finish(one);
  }
  serve_until(now_ + close_limit, [this] { return open_ == 0; });
  for (connection& one : connections_) {
    if (one.now != state::closing) continue;
    fail(one, result_.unclosed, "the server did not close after the client's end of file", 0);
  }
}

template <class Predicate>
void load_generator::serve_until(std::uint64_t limit, Predicate is_over) {
  epoll_event events[events_per_wait];
  while (now_ < limit && !is_over()) {
    const bool is_paced = options_.rate > 0 && is_loading();
    if (is_paced) send_due();
    const std::uint64_t until = is_paced ? std::min(limit, next_due_) : limit;
    const std::uint64_t patience = until > now_ ? until - now_ : 0;
    timespec span{};
    span.tv_sec = static_cast<time_t>(patience / second);
    span.tv_nsec = static_cast<long>(patience % second);
    const int count = epoll_pwait2(epoll_, events, events_per_wait, &span, nullptr);
    if (count < 0 && errno != EINTR) throw_errno("epoll_pwait2");
    read_clock();
    for (int i = 0; i < count; ++i) {
      connection& one = *static_cast<connection*>(events[i].data.ptr);
      // Failed by an earlier event of this batch.
      if (one.fd >= 0) serve(one, events[i].events);
    }
  }
}

void load_generator::send_due() {
  for (read_clock(); next_due_ <= now_; next_due_ += interval_) {
    connection& one = connections_[turn_++ % options_.connections];
    if (one.now != state::ready) continue;
    if (one.due - one.received > ring_mask_) {
      fail(one, result_.broken, "the server is too slow for this --rate", 0);
      continue;
    }
    sent_at(one, one.due++) = next_due_;
    fill(one);
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
