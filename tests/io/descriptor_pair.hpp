// SPDX-License-Identifier: MIT
// Two connected descriptors, for tests of the reactor that need no port. Floor 7.
#pragma once

#include "tests/catch.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace coir::test {

inline bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

/// A UNIX stream socket pair, non-blocking; closes what has not been released.
class descriptor_pair {
public:
  descriptor_pair() {
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends_) == 0);
  }
  descriptor_pair(const descriptor_pair&) = delete;
  descriptor_pair& operator=(const descriptor_pair&) = delete;
  ~descriptor_pair() {
    for (const int end : ends_) {
      if (end >= 0) ::close(end);
    }
  }

  [[nodiscard]] int near() const noexcept { return ends_[0]; }
  [[nodiscard]] int far() const noexcept { return ends_[1]; }
  /// For somebody who closes it.
  [[nodiscard]] int release_near() noexcept { return std::exchange(ends_[0], -1); }
  void close_far() noexcept { ::close(std::exchange(ends_[1], -1)); }
  void send_from_far(char byte) const { REQUIRE(::send(ends_[1], &byte, 1, MSG_NOSIGNAL) == 1); }

private:
  int ends_[2] = {-1, -1};
};

} // namespace coir::test
