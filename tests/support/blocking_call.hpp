// SPDX-License-Identifier: MIT
// A call that blocks the kernel thread, as code does that nobody made fiber-aware. Floor 7.
#pragma once

#include <cerrno>
#include <system_error>
#include <unistd.h>

namespace coir::test {

/// A read(2) from a pipe, and its end. Any thread, any fiber.
class blocking_call {
public:
  blocking_call() {
    if (::pipe(ends_) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  }
  blocking_call(const blocking_call&) = delete;
  blocking_call& operator=(const blocking_call&) = delete;
  ~blocking_call() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  /// Blocks the calling thread until somebody has called, or calls, end_one().
  void block() {
    char byte = 0;
    while (::read(ends_[0], &byte, 1) < 0 && errno == EINTR) {
    }
  }
  /// Lets one block() return.
  void end_one() {
    const char byte = 0;
    if (::write(ends_[1], &byte, 1) != 1) {
      throw std::system_error(errno, std::generic_category(), "write");
    }
  }

private:
  int ends_[2];
};

} // namespace coir::test
