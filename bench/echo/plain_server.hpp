// SPDX-License-Identifier: MIT
// The frame around the servers that do not use coir: options, signals, a listener and a loop per thread. Floor 7.
#pragma once

#include "bench/echo/plain_listener.hpp"
#include "examples/options.hpp"

#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <memory>
#include <system_error>
#include <thread>
#include <variant>
#include <vector>

namespace bench {

/// What a system call returned, or std::system_error with errno.
inline int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::system_category(), what);
  return result;
}

/// Blocks the signals that end the server, for all threads to come, and gives a descriptor that tells of them.
inline int open_stop_signals() {
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  checked(sigprocmask(SIG_BLOCK, &stop_signals, nullptr), "sigprocmask");
  return checked(signalfd(-1, &stop_signals, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
}

/// The main function of such a server; returns its exit status. `Loop` is made from a listener and the descriptor of
/// the signals, by the thread that then calls its run(), which returns when a signal has come. `socket_flags`: of the
/// listeners, as for bind_plain_listener().
template <class Loop>
int run_plain_server(int argc, char** argv, const char* name, const char* about, int socket_flags) {
  const auto parsed = examples::parse_server_options(argc, argv, about);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  try {
    const auto& options = std::get<examples::server_options>(parsed);
    const int signals = open_stop_signals();
    const std::vector<int> listeners = bind_plain_listeners(options, socket_flags);
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < listeners.size(); ++i) {
      // On the heap: loops hold large buffers.
      threads.emplace_back([=] { std::make_unique<Loop>(listeners[i], signals)->run(); });
    }
    const auto first = std::make_unique<Loop>(listeners.front(), signals);
    print_listening(options, listeners.front()); // with all it needs, so that memory counts what connections take
    first->run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 1;
  }
  return 0;
}

} // namespace bench
