// SPDX-License-Identifier: MIT
// The yardstick of the echo benchmark: what threads can do with epoll and nothing in between. Floor 7.
//
// Each thread has its own loop, listener (SO_REUSEPORT) and connections, and shares nothing with the others.
// A request costs a recv, a send and a share of an epoll_wait: descriptors are registered once, edge-triggered for both
// directions, and a read that does not fill the buffer has drained the socket, so no second one has to fail first.
// One buffer serves all connections of a thread, and is larger than the messages that are measured, so that their reads
// come back short; a connection owns memory only while its peer does not read.
//
// Invariant: an edge is used up only by a read that came back short, failed with EAGAIN or met the end. While output is
// pending nothing is read, so what arrives then is looked at after the flush, whether or not there is another edge.
#include "bench/echo/plain_server.hpp"

#include <sys/epoll.h>

#include <memory>
#include <utility>
#include <vector>

namespace {

using bench::checked;

constexpr std::size_t buffer_bytes = 64 << 10;
constexpr int events_per_wait = 512;
/// Full buffers that one connection may echo before the others have a turn.
constexpr int turn_limit_rounds = 16;
/// How long accepting pauses for lack of descriptors or memory, unless a connection ends before.
constexpr int pause_milliseconds = 100;

struct connection {
  std::unique_ptr<std::vector<std::byte>> pending; ///< output that the socket did not take
  bool is_unfinished = false;                      ///< listed in unfinished_
};

class echo_loop {
public:
  /// `signals`: a signalfd that ends the loop and is never read, so that it ends all loops.
  echo_loop(int listener, int signals);
  void run();

private:
  void watch(int fd, std::uint32_t events);
  void accept_all();
  void pause_accepting();
  void go_on_accepting();
  void serve(int fd, std::uint32_t events);
  void echo(int fd, bool until_empty);
  /// Sends, and keeps what the socket does not take. False: something is pending, or the connection has been closed.
  bool send_or_keep(int fd, std::size_t size);
  /// Sends what is pending. False as above.
  bool flush(int fd);
  void close_connection(int fd);

  int listener_;
  int epoll_;
  int signals_;
  bool is_accepting_ = true;
  std::vector<connection> connections_; ///< by descriptor
  std::vector<int> unfinished_;         ///< had their turn and may have more to read
  alignas(64) std::byte buffer_[buffer_bytes];
};

echo_loop::echo_loop(int listener, int signals)
    : listener_(listener),
      epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      signals_(signals) {
  watch(signals_, EPOLLIN);
  watch(listener_, EPOLLIN);
}

void echo_loop::watch(int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  checked(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

void echo_loop::run() {
  epoll_event events[events_per_wait];
  std::vector<int> again;
  for (;;) {
    const int patience = !unfinished_.empty() ? 0 : is_accepting_ ? -1 : pause_milliseconds;
    const int count = epoll_wait(epoll_, events, events_per_wait, patience);
    if (count < 0 && errno != EINTR) checked(count, "epoll_wait");
    if (count <= 0 && !is_accepting_) go_on_accepting();
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener_) {
        accept_all();
      } else if (fd == signals_) {
        return;
      } else {
        serve(fd, events[i].events);
      }
    }
    if (unfinished_.empty()) continue;
    again.swap(unfinished_);
    for (const int fd : again) {
      connection& one = connections_[static_cast<std::size_t>(fd)];
      // Closed since then: nothing to do. Reused since then: not listed.
      if (!std::exchange(one.is_unfinished, false)) continue;
      if (one.pending == nullptr) echo(fd, true);
    }
    again.clear();
  }
}

void echo_loop::accept_all() {
  // Bounded, so that a stream of new connections does not starve the old ones; the listener is level-triggered.
  for (int accepted = 0; accepted < 64; ++accepted) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        pause_accepting();
      }
      return;
    }
    const auto index = static_cast<std::size_t>(fd);
    if (index >= connections_.size()) connections_.resize(index + 1);
    watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  }
}

void echo_loop::pause_accepting() {
  epoll_event event{};
  event.data.fd = listener_;
  checked(epoll_ctl(epoll_, EPOLL_CTL_MOD, listener_, &event), "epoll_ctl");
  is_accepting_ = false;
}

void echo_loop::go_on_accepting() {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener_;
  checked(epoll_ctl(epoll_, EPOLL_CTL_MOD, listener_, &event), "epoll_ctl");
  is_accepting_ = true;
}

void echo_loop::serve(int fd, std::uint32_t events) {
  const bool was_pending = connections_[static_cast<std::size_t>(fd)].pending != nullptr;
  const bool is_writable_only = (events & ~std::uint32_t{EPOLLOUT}) == 0;
  if (was_pending ? !flush(fd) : is_writable_only) return;
  // A peer that has closed is found out by reading on.
  echo(fd, was_pending || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
}

void echo_loop::echo(int fd, bool until_empty) {
  for (int round = 0; round < turn_limit_rounds; ++round) {
    const ssize_t received = recv(fd, buffer_, buffer_bytes, 0);
    if (received <= 0) {
      if (received == 0 || errno != EAGAIN) close_connection(fd);
      return;
    }
    const auto size = static_cast<std::size_t>(received);
    if (!send_or_keep(fd, size)) return;
    if (size < buffer_bytes && !until_empty) return;
  }
  if (!std::exchange(connections_[static_cast<std::size_t>(fd)].is_unfinished, true)) {
    unfinished_.push_back(fd);
  }
}

bool echo_loop::send_or_keep(int fd, std::size_t size) {
  // Neither this nor any other call here can be interrupted: the signals are blocked, and nothing waits but epoll_wait.
  const ssize_t sent = send(fd, buffer_, size, MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(size)) return true;
  if (sent < 0 && errno != EAGAIN) {
    close_connection(fd);
    return false;
  }
  const std::byte* const rest = buffer_ + (sent > 0 ? sent : 0);
  connections_[static_cast<std::size_t>(fd)].pending =
      std::make_unique<std::vector<std::byte>>(rest, static_cast<const std::byte*>(buffer_ + size));
  return false;
}

bool echo_loop::flush(int fd) {
  auto& pending = connections_[static_cast<std::size_t>(fd)].pending;
  const ssize_t sent = send(fd, pending->data(), pending->size(), MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN) close_connection(fd);
    return false;
  }
  pending->erase(pending->begin(), pending->begin() + sent);
  if (!pending->empty()) return false;
  pending.reset();
  return true;
}

void echo_loop::close_connection(int fd) {
  connections_[static_cast<std::size_t>(fd)] = {};
  close(fd);
  if (!is_accepting_) go_on_accepting();
}

} // namespace

int main(int argc, char** argv) {
  return bench::run_plain_server<echo_loop>(
      argc, argv, "echo_raw_epoll",
      "sends back what it receives: the hand-written epoll loop that others are measured against.\n"
      "Without --workers it has one thread",
      SOCK_NONBLOCK);
}
