// SPDX-License-Identifier: MIT
#include "io/signal_set.hpp"

#include "io/io_error.hpp"
#include "io/operation.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

namespace coir {

signal_set::signal_set(std::initializer_list<int> signals) : signal_set(block(signals)) {}

signal_set::~signal_set() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

signal_set::blocked_signals signal_set::block(std::initializer_list<int> signals) {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  for (const int number : signals) {
    if (::sigaddset(&wanted, number) != 0) {
      throw std::system_error(errno, std::system_category(), "coir: signal_set");
    }
  }
  blocked_signals made{};
  made.fd = ::signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
  if (made.fd < 0) throw std::system_error(errno, std::system_category(), "coir: signal_set");
  ::pthread_sigmask(SIG_BLOCK, &wanted, &made.before);
  return made;
}

std::int64_t signal_set::take(deadline limit) noexcept {
  signalfd_siginfo taken{};
  fd_state& source = record();
  const auto result = perform(source, direction::read, limit.when(), [&](int fd) -> ssize_t {
    const ssize_t count = ::read(fd, &taken, sizeof taken);
    if (count >= 0) source.leave_edge(direction::read); // there may be more
    return count;
  });
  return result < 0 ? result : static_cast<std::int64_t>(taken.ssi_signo);
}

int signal_set::wait(deadline limit) {
  return static_cast<int>(unpack_or_throw(take(limit), "coir: signal_set::wait"));
}

int signal_set::wait(std::error_code& error, deadline limit) noexcept {
  return static_cast<int>(unpack(take(limit), error));
}

} // namespace coir
