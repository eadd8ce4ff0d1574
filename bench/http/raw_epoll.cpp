// SPDX-License-Identifier: MIT
// The floor of the workload `http`: an epoll loop that finds the ends of requests and sends a response that is ready
// made. Floor 7.
//
// What a server can save by not parsing: only the first line of a request and where its head ends are looked at. As in
// bench/echo/raw_epoll.cpp, descriptors are registered once, edge-triggered, and a short read has drained the socket.
// Not a server for the world: a peer that does not take its responses, or sends a body, is dropped.
#include "bench/echo/plain_server.hpp"
#include "bench/http/page.hpp"

#include <sys/epoll.h>

#include <cstring>
#include <memory>
#include <string_view>

namespace {

using bench::checked;

constexpr std::size_t buffer_bytes = 64 << 10;
constexpr int events_per_wait = 512;
constexpr std::string_view first_line = "GET / HTTP/1.1\r\n";
constexpr std::string_view end_of_head = "\r\n\r\n";

std::string make_response() {
  return "HTTP/1.1 200 OK\r\nServer: coir\r\nContent-Type: " + std::string(bench::page_type) +
         "\r\nContent-Length: " + std::to_string(bench::page.size()) + "\r\n\r\n" +
         std::string(bench::page);
}

class http_loop {
public:
  http_loop(int listener, int signals)
      : listener_(listener),
        signals_(signals),
        epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        response_(make_response()),
        buffer_(std::make_unique_for_overwrite<char[]>(buffer_bytes)) {
    watch(signals_, EPOLLIN);
    watch(listener_, EPOLLIN);
  }

  void run() {
    epoll_event events[events_per_wait];
    for (;;) {
      const int count = epoll_wait(epoll_, events, events_per_wait, -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[i].data.fd;
        if (fd == signals_) return;
        if (fd == listener_) {
          accept_all();
        } else {
          serve(fd, (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
        }
      }
    }
  }

private:
  void watch(int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    checked(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  }

  void accept_all() {
    for (int accepted = 0; accepted < 64; ++accepted) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const auto index = static_cast<std::size_t>(fd);
      if (index >= begun_.size()) begun_.resize(index + 1);
      begun_[index].clear();
      watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
    }
  }

  void serve(int fd, bool until_empty) {
    for (;;) {
      const ssize_t received = recv(fd, buffer_.get(), buffer_bytes, 0);
      if (received < 0 && errno == EAGAIN) return;
      const auto size = static_cast<std::size_t>(received);
      if (received <= 0 || !answer(fd, {buffer_.get(), size})) {
        close(fd);
        return;
      }
      if (size < buffer_bytes && !until_empty) return;
    }
  }

  /// Answers every request that is whole, all in one send. False: the connection is to be closed.
  bool answer(int fd, std::string_view bytes) {
    std::string& begun = begun_[static_cast<std::size_t>(fd)];
    if (!begun.empty()) {
      begun += bytes;
      bytes = begun;
    }
    std::size_t count = 0;
    for (;; ++count) {
      const std::size_t end = bytes.find(end_of_head);
      if (end == std::string_view::npos) break;
      if (!bytes.starts_with(first_line)) return false;
      bytes.remove_prefix(end + end_of_head.size());
    }
    begun = std::string(bytes); // nothing, unless the rest of a request is still to come
    if (count == 0) return true;
    while (responses_.size() < count * response_.size()) responses_ += response_;
    const std::size_t size = count * response_.size();
    return send(fd, responses_.data(), size, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
  }

  int listener_;
  int signals_;
  int epoll_;
  const std::string response_;
  std::string responses_; ///< as many in a row as were ever needed
  std::unique_ptr<char[]> buffer_;
  std::vector<std::string> begun_; ///< by descriptor: a request that has not come whole
};

} // namespace

int main(int argc, char** argv) {
  return bench::run_plain_server<http_loop>(
      argc, argv, "http_raw_epoll", "Serves a page over HTTP/1.1: the hand-written epoll loop.",
      SOCK_NONBLOCK);
}
