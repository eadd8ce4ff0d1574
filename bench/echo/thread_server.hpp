// SPDX-License-Identifier: MIT
// A server with one kernel thread per connection: std::thread, blocking sockets, no coir. Floor 7.
//
// The main thread waits for the signal, a second one accepts, and each connection has its own. std::thread offers no
// way to choose a stack size, so each reserves the 8 MiB of address space that `ulimit -s` says; resident is what it
// has touched.
#pragma once

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

namespace bench {

/// Serves a connection until it is over, and leaves the descriptor open.
using connection_handler = void (*)(int fd) noexcept;

class thread_server {
public:
  thread_server(const char* name, int listener, connection_handler handler) noexcept
      : name_(name), listener_(listener), handler_(handler) {}

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

  const char* const name_;
  const int listener_;
  const connection_handler handler_;
  std::mutex mutex_;
  // All below: guarded by the mutex.
  std::condition_variable ended_;                ///< a connection has ended, or the server stops
  std::unordered_map<int, std::thread> threads_; ///< of the open connections, by descriptor
  std::thread last_; ///< the thread that ended last; each thread that ends joins its predecessor
  bool is_stopping_ = false;
  bool has_complained_ = false; ///< once is enough for the log
};

inline void thread_server::accept_all() {
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

inline void thread_server::serve(int fd) {
  // The new thread's end() waits for the lock, so it finds itself in the map.
  std::unique_lock held(mutex_);
  while (!is_stopping_) {
    try {
      threads_[fd] = std::thread([this, fd] {
        handler_(fd);
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

inline void thread_server::end(int fd) {
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

inline void thread_server::wait_for_room(std::unique_lock<std::mutex>& held, const char* what,
                                         int error) {
  using namespace std::chrono_literals;
  if (is_stopping_) return;
  if (!std::exchange(has_complained_, true)) {
    std::fprintf(stderr, "%s: %s: %s; waiting for connections to end\n", name_, what,
                 std::strerror(error));
  }
  ended_.wait_for(held, 100ms);
}

inline void thread_server::stop() {
  const std::lock_guard held(mutex_);
  is_stopping_ = true;
  ended_.notify_all();
  shutdown(listener_, SHUT_RDWR);
  for (const auto& connection : threads_) shutdown(connection.first, SHUT_RDWR);
}

inline void thread_server::join_all() {
  std::unique_lock held(mutex_);
  ended_.wait(held, [this] { return threads_.empty(); });
  if (last_.joinable()) last_.join();
}

/// Blocks the signals that end a server, for the calling thread and those that it starts from now on.
inline sigset_t block_stop_signals() {
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  return stop_signals;
}

/// The exit status of the program `name`, after SIGINT or SIGTERM.
inline int run_thread_server(const char* name, const examples::server_options& options,
                             connection_handler handler) {
  const sigset_t stop_signals = block_stop_signals();
  try {
    const int listener = open_plain_listener(options, 0);
    thread_server server(name, listener, handler);
    std::thread acceptor([&server] { server.accept_all(); });
    int signal_number = 0;
    sigwait(&stop_signals, &signal_number);
    server.stop();
    acceptor.join();
    server.join_all();
    close(listener);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 1;
  }
  return 0;
}

} // namespace bench
