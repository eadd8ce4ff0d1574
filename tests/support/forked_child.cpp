// SPDX-License-Identifier: MIT
#include "tests/support/forked_child.hpp"

#include "fiber/base/atomic.hpp"

#include <cerrno>
#include <csignal>
#include <exception>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#ifdef COIR_THREAD_SANITIZER
// It takes the twins of warm stacks for threads, and by default ends a child of several threads that starts another.
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }
#endif

namespace coir::test {
namespace {

[[noreturn]] void be_the_child(int output, const std::function<bool()>& body) {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::dup2(output, STDERR_FILENO);
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM, SIGINT}) {
    std::signal(number, SIG_DFL); // Catch2 reports them as failures of the test
  }
  bool is_good = false;
  try {
    is_good = body();
  } catch (const std::exception& error) {
    const std::string_view text = error.what();
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
  }
  ::_exit(is_good ? 0 : 1); // no destructors, no leak check: they are the parent's
}

std::string read_to_end(int from) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const auto count = ::read(from, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

} // namespace

bool child_end::has_succeeded() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

bool child_end::has_aborted_saying(std::string_view text) const {
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
         error_output.find(text) != std::string::npos;
}

child_end run_in_child(const std::function<bool()>& body) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    ::close(ends[0]);
    be_the_child(ends[1], body);
  }
  ::close(ends[1]);
  child_end end{0, read_to_end(ends[0])};
  ::close(ends[0]);
  while (::waitpid(child, &end.status, 0) < 0 && errno == EINTR) {
  }
  return end;
}

} // namespace coir::test
