// SPDX-License-Identifier: MIT
// What the tests of guards ask of a forked child, beside what tests/support/forked_child.hpp answers. Floor 7.
#pragma once

#include "tests/support/forked_child.hpp"

#include <csignal>
#include <string_view>
#include <sys/wait.h>

namespace coir::test {

inline bool was_killed_by(const child_end& end, int signal) noexcept {
  return WIFSIGNALED(end.status) && WTERMSIG(end.status) == signal;
}

inline bool says(const child_end& end, std::string_view text) {
  return end.error_output.find(text) != std::string::npos;
}

/// Catch2 gives the thread of its tests an alternate signal stack; a child that shall find none calls this.
inline void drop_alternate_stack() noexcept {
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
}

} // namespace coir::test
