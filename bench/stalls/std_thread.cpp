// SPDX-License-Identifier: MIT
// The workload `stalls` with a std::thread per connection and per stall: the kernel schedules. Floor 7.
// Fair: blocking calls and nothing else; --workers is ignored, since the CPUs that it may use bound it.
#include "bench/echo/plain_listener.hpp"
#include "bench/stalls/stall.hpp"

#include <signal.h>

#include <thread>

namespace {

void echo(int fd) {
  std::byte buffer[16 << 10];
  for (;;) {
    const ssize_t received = recv(fd, buffer, sizeof buffer, 0);
    if (received <= 0) break;
    if (send(fd, buffer, static_cast<std::size_t>(received), MSG_NOSIGNAL) != received) break;
  }
  close(fd);
}

void accept_all(int listener) {
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) std::thread(echo, fd).detach();
  }
}

void stall(const bench::stall_plan& plan, unsigned index) {
  for (auto due = plan.first_due(index);; due += bench::stall_period) {
    std::this_thread::sleep_until(due);
    plan.compute();
  }
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = bench::parse_stall_options(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const auto& options = std::get<bench::stall_options>(parsed);
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  try {
    const int listener = bench::open_plain_listener(options.server, 0);
    const bench::stall_plan plan(options.stalls, options.steps);
    std::thread(accept_all, listener).detach();
    for (unsigned i = 0; i < plan.count(); ++i) std::thread(stall, std::cref(plan), i).detach();
    int signal_number = 0;
    sigwait(&stop_signals, &signal_number);
    std::_Exit(0); // no thread of these ever ends by itself
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stalls_std_thread: %s\n", error.what());
    return 1;
  }
}
