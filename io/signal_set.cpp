// SPDX-License-Identifier: MIT
#include "io/signal_set.hpp"

#include <ctime>
#include <sys/signalfd.h>
#include <unistd.h>

namespace coir {

signal_set::signal_set(std::initializer_list<int> signals) : signal_set(as_set(signals)) {}

signal_set::signal_set(const sigset_t& wanted) : descriptor(open(wanted)), added_(wanted) {
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &wanted, &before);
  for (int number = 1; number < NSIG; ++number) {
    if (::sigismember(&before, number) == 1) ::sigdelset(&added_, number);
  }
}

signal_set::~signal_set() {
  // What came and was not waited for would now have its usual effect: mostly, to end the process.
  const timespec at_once{0, 0};
  while (::sigtimedwait(&added_, nullptr, &at_once) > 0) {
  }
  ::pthread_sigmask(SIG_UNBLOCK, &added_, nullptr);
}

sigset_t signal_set::as_set(std::initializer_list<int> signals) {
  sigset_t made;
  ::sigemptyset(&made);
  for (const int number : signals) {
    if (::sigaddset(&made, number) != 0) {
      throw std::system_error(errno, std::system_category(), "coir: signal_set");
    }
  }
  return made;
}

int signal_set::open(const sigset_t& wanted) {
  const int fd = ::signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::system_category(), "coir: signal_set");
  return fd;
}

std::int64_t signal_attempt::operator()(int fd) const noexcept {
  signalfd_siginfo taken{};
  const std::int64_t result = kernel_call([&] { return ::read(fd, &taken, sizeof taken); });
  if (result < 0) return result;
  source.leave_edge(direction::read); // there may be more
  return std::int64_t{taken.ssi_signo};
}

int signal_set::wait(deadline limit) {
  return perform(signal_attempt{record()}, limit.when(), throwing());
}

int signal_set::wait(std::error_code& error, deadline limit) noexcept {
  return perform(signal_attempt{record()}, limit.when(), reporting{&error});
}

} // namespace coir
