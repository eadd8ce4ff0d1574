// SPDX-License-Identifier: MIT
// A process without free descriptors. Floor 7.
#pragma once

#include "tests/catch.hpp"

#include <sys/resource.h>
#include <unistd.h>

namespace coir::test {

/// While it lives, no descriptor can be opened that is not replaced by another: the limit is the lowest free number.
class descriptor_shortage {
public:
  descriptor_shortage() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const int lowest_free = ::dup(STDERR_FILENO);
    REQUIRE(lowest_free >= 0);
    ::close(lowest_free);
    rlimit none_left = before_;
    none_left.rlim_cur = static_cast<rlim_t>(lowest_free);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none_left) == 0);
  }
  descriptor_shortage(const descriptor_shortage&) = delete;
  descriptor_shortage& operator=(const descriptor_shortage&) = delete;
  ~descriptor_shortage() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
  rlimit before_{};
};

} // namespace coir::test
