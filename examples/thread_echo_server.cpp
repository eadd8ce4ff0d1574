// SPDX-License-Identifier: MIT
// The twin of echo_server.cpp with one kernel thread per connection: std::thread, blocking sockets, no coir. Floor 7.
//
// The main thread waits for the signal, a second one accepts, and each connection has its own. std::thread offers no
// way to choose a stack size, so each reserves the 8 MiB of address space that `ulimit -s` says; resident is what it
// has touched.
#include "bench/echo/plain_listener.hpp"
#include "examples/options.hpp"

#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

namespace {

/// Sends all of it. False: the peer is gone.
bool send_all(int fd, const std::byte* data, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

void echo(int fd) noexcept {
  std::byte buffer[16 << 10];
  for (;;) {
    const ssize_t received = recv(fd, buffer, sizeof buffer, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0 || !send_all(fd, buffer, static_cast<std::size_t>(received))) return;
  }
}

class thread_echo_server {
public:
  explicit thread_echo_server(int listener) noexcept : listener_(listener) {}

  /// Until stop().
  void accept_all();
  /// Ends accept_all() and every connection. From another thread.
  void stop();
  /// After accept_all() has returned: waits for every thread.
  void join_all();

private:
  /// Starts the thread of a connection, as soon as there is room for one.
  void serve(int fd);
  void end(int fd);
  /// Waits for a connection to end, but not for ever: another process may have made the room.
  void wait_for_room(std::unique_lock<std::mutex>& held, const char* what, int error);
  [[nodiscard]] bool is_stopping() {
    const std::lock_guard held(mutex_);
    return is_stopping_;
  }

  const int listener_;
  std::mutex mutex_;
  // All below: guarded by the mutex.
  std::condition_variable ended_;                ///< a connection has ended, or the server stops
  std::unordered_map<int, std::thread> threads_; ///< of the open connections, by descriptor
  std::thread last_; ///< the thread that ended last; each thread that ends joins its predecessor
  bool is_stopping_ = false;
  bool has_complained_ = false; ///< once is enough for the log
};

void thread_echo_server::accept_all() {
  while (!is_stopping()) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) {
      serve(fd);
      continue;
    }
    const int error = errno;
    // Other errors belong to a connection that is gone already, or to the listener that stop() shut down.
    if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
      std::unique_lock held(mutex_);
      wait_for_room(held, "cannot accept", error);
    }
  }
}

void thread_echo_server::serve(int fd) {
  // The new thread's end() waits for the lock, so it finds itself in the map.
  std::unique_lock held(mutex_);
  while (!is_stopping_) {
    try {
      threads_[fd] = std::thread([this, fd] {
        echo(fd);
        end(fd);
      });
      return;
    } catch (const std::system_error& error) {
      threads_.erase(fd);
      wait_for_room(held, "cannot start a thread", error.code().value());
    }
  }
  close(fd);
}

void thread_echo_server::end(int fd) {
  std::thread predecessor;
  {
    const std::lock_guard held(mutex_);
    const auto self = threads_.find(fd);
    predecessor = std::exchange(last_, std::move(self->second));
    threads_.erase(self);
    close(fd); // under the lock: stop() must not meet a descriptor that has been reused
    ended_.notify_all();
  }
  if (predecessor.joinable()) predecessor.join();
}

void thread_echo_server::wait_for_room(std::unique_lock<std::mutex>& held, const char* what,
                                       int error) {
  using namespace std::chrono_literals;
  if (is_stopping_) return;
  if (!std::exchange(has_complained_, true)) {
    std::fprintf(stderr, "thread_echo_server: %s: %s; waiting for connections to end\n", what,
                 std::strerror(error));
  }
  ended_.wait_for(held, 100ms);
}

void thread_echo_server::stop() {
  const std::lock_guard held(mutex_);
  is_stopping_ = true;
  ended_.notify_all();
  shutdown(listener_, SHUT_RDWR);
  for (const auto& connection : threads_) shutdown(connection.first, SHUT_RDWR);
}

void thread_echo_server::join_all() {
  std::unique_lock held(mutex_);
  ended_.wait(held, [this] { return threads_.empty(); });
  if (last_.joinable()) last_.join();
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = examples::parse_server_options(
      argc, argv,
      "sends back what it receives, with one thread per connection.\n"
      "--workers is accepted and ignored, so that it takes the command line of echo_server");
  if (const int* status = std::get_if<int>(&parsed)) return *status;

  // Before any thread starts, so that all inherit it and only sigwait() takes the signal.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  try {
    const int listener = bench::open_plain_listener(std::get<examples::server_options>(parsed), 0);
    thread_echo_server server(listener);
    std::thread acceptor([&server] { server.accept_all(); });
    int signal_number = 0;
    sigwait(&stop_signals, &signal_number);
    server.stop();
    acceptor.join();
    server.join_all();
    close(listener);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "thread_echo_server: %s\n", error.what());
    return 1;
  }
  return 0;
}
