// SPDX-License-Identifier: MIT
// A rival of the echo benchmark: Boost.Fiber, one fiber per connection. Floor 7.
//
// Boost.Fiber has no sockets. What its manual offers to a program with an event loop is a scheduling algorithm of its
// own, whose suspend_until() is the place to wait for the outside; here it is round_robin with an epoll_wait there.
// Fair, because the rest is as in the hand-written loop: edge-triggered, registered once, a read that comes back short
// has drained the socket. Stacks come from the library's pool, and the buffer is taken only once bytes are there, as
// in coir's servers. With more workers each thread has its own listener (SO_REUSEPORT), epoll and fibers: fibers that
// wait for a descriptor have nothing to gain from another thread, and sharing costs Boost.Fiber its locks.
#include "bench/echo/plain_server.hpp"

#include <boost/fiber/algo/round_robin.hpp>
#include <boost/fiber/context.hpp>
#include <boost/fiber/fiber.hpp>
#include <boost/fiber/operations.hpp>
#include <boost/fiber/pooled_fixedsize_stack.hpp>

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cstddef>
#include <memory>
#include <utility>

namespace {

namespace fibers = boost::fibers;
using bench::checked;

constexpr std::size_t buffer_bytes = 16 << 10;
constexpr std::size_t stack_bytes = 64 << 10;
constexpr int events_per_wait = 512;
constexpr std::chrono::milliseconds pause_when_short{50};

/// A descriptor and the fiber that waits for it; one at a time, of the thread that made it.
class waitable {
public:
  waitable(int epoll, int fd, std::uint32_t events) : fd_(fd) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = this;
    checked(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  }
  waitable(const waitable&) = delete;
  waitable& operator=(const waitable&) = delete;
  ~waitable() { close(fd_); }

  [[nodiscard]] int fd() const noexcept { return fd_; }

  /// Suspends the calling fiber until the next event, if none has come since the last call.
  void wait() {
    while (!std::exchange(has_event_, false)) {
      waiting_ = fibers::context::active();
      waiting_->suspend();
    }
  }

  /// From the thread's scheduler.
  void on_event(std::uint32_t events) {
    has_event_ = true;
    has_ended_ = has_ended_ || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (waiting_ == nullptr) return;
    fibers::context::active()->schedule(std::exchange(waiting_, nullptr));
  }

  /// The peer has closed: a read that comes back short is not the last.
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }

private:
  int fd_;
  fibers::context* waiting_ = nullptr;
  bool has_event_ = false;
  bool has_ended_ = false;
};

/// Round robin that waits in epoll_wait(2) when no fiber is ready.
class epoll_algorithm : public fibers::algo::round_robin {
public:
  explicit epoll_algorithm(int epoll)
      : epoll_(epoll),
        interrupter_(epoll, checked(eventfd(0, EFD_NONBLOCK), "eventfd"), EPOLLIN | EPOLLET) {}

  void suspend_until(const std::chrono::steady_clock::time_point& until) noexcept override {
    int patience = -1;
    if (until != std::chrono::steady_clock::time_point::max()) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      patience = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1000));
    }
    epoll_event events[events_per_wait];
    const int count = epoll_wait(epoll_, events, events_per_wait, patience);
    for (int i = 0; i < count; ++i) {
      static_cast<waitable*>(events[i].data.ptr)->on_event(events[i].events);
    }
  }

  void notify() noexcept override { eventfd_write(interrupter_.fd(), 1); }

private:
  int epoll_;
  waitable interrupter_;
};

/// False: the peer is gone. `has_waited`: set if an event was used up, which may have told of more to read.
bool send_all(waitable& connection, const std::byte* data, std::size_t size, bool& has_waited) {
  while (size > 0) {
    const ssize_t sent = send(connection.fd(), data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) {
      connection.wait();
      has_waited = true;
      continue;
    }
    if (sent < 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

/// Echoes until the socket is drained. False: the connection is over.
bool echo_once(waitable& connection) {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes);
  bool until_empty = connection.has_ended();
  for (;;) {
    const ssize_t received = recv(connection.fd(), buffer.get(), buffer_bytes, 0);
    if (received < 0 && errno == EAGAIN) return true;
    if (received <= 0) return false;
    const auto size = static_cast<std::size_t>(received);
    if (!send_all(connection, buffer.get(), size, until_empty)) return false;
    if (size < buffer_bytes && !until_empty) return true;
  }
}

void echo(int epoll, int fd) {
  waitable connection(epoll, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  do {
    connection.wait();
  } while (echo_once(connection));
}

void accept_all(int epoll, int listener_fd) {
  waitable listener(epoll, listener_fd, EPOLLIN | EPOLLET);
  fibers::pooled_fixedsize_stack stacks(stack_bytes);
  for (;;) {
    const int fd = accept4(listener_fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      fibers::fiber(std::allocator_arg, stacks, echo, epoll, fd).detach();
    } else if (errno == EAGAIN) {
      listener.wait();
    } else {
      boost::this_fiber::sleep_for(pause_when_short); // no descriptors are left
    }
  }
}

class fiber_worker {
public:
  fiber_worker(int listener, int signals) : listener_(listener), signals_(signals) {}
  /// Until a signal comes, which ends the process.
  [[noreturn]] void run() const {
    const int epoll = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    fibers::use_scheduling_algorithm<epoll_algorithm>(epoll);
    fibers::fiber(accept_all, epoll, listener_).detach();
    waitable stop(epoll, signals_, EPOLLIN);
    stop.wait();
    std::_Exit(0); // fibers that wait cannot be made to end
  }

private:
  int listener_;
  int signals_;
};

} // namespace

int main(int argc, char** argv) {
  return bench::run_plain_server<fiber_worker>(
      argc, argv, "echo_boost_fiber",
      "sends back what it receives: Boost.Fiber on epoll.\n"
      "Without --workers it has one thread",
      SOCK_NONBLOCK);
}
