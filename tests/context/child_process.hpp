// SPDX-License-Identifier: MIT
// Runs a function in a forked child, for what ends a process or must not disturb this one.
#pragma once

#include <csignal>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coir::test {

/// How a child ended and what it wrote to standard error.
struct child_end {
  int status = 0;
  std::string errors;

  [[nodiscard]] bool has_exited_well() const noexcept {
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  [[nodiscard]] bool was_killed_by(int signal) const noexcept {
    return WIFSIGNALED(status) && WTERMSIG(status) == signal;
  }
  [[nodiscard]] bool says(const char* text) const { return errors.find(text) != std::string::npos; }
};

/// The child has default signal actions, no alternate signal stack and leaves no core file. `function` returns
/// whether all was well.
template <class Function>
child_end run_in_child(Function function) {
  int ends[2];
  if (::pipe(ends) != 0) return {-1, "pipe failed"};
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int one : {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGTRAP}) std::signal(one, SIG_DFL);
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    ::sigaltstack(&none, nullptr);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::dup2(ends[1], STDERR_FILENO);
    ::_exit(function() ? 0 : 1);
  }
  ::close(ends[1]);
  child_end end;
  char text[4096];
  for (;;) {
    const auto got = ::read(ends[0], text, sizeof text);
    if (got <= 0) break;
    end.errors.append(text, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  ::waitpid(child, &end.status, 0);
  return end;
}

} // namespace coir::test
