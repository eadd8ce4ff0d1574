// SPDX-License-Identifier: MIT
// The report of a stack overflow, and that other faults and other handlers are left alone.
#include "fiber/context/overflow_report.hpp"
#include "fiber/runtime.hpp"
#include "fiber/spawn.hpp"
#include "fiber/this_fiber.hpp"
#include "tests/catch.hpp"
#include "tests/context/child_death.hpp"
#include "tests/context/test_stack.hpp"

#include <algorithm>
#include <csignal>

namespace coir::test {
namespace {

// The sanitizers handle the signals themselves, so the report stays away.
#if !defined(COIR_ADDRESS_SANITIZER) && !defined(COIR_THREAD_SANITIZER)

volatile int last_level = -1;

[[gnu::noinline]] int recurse_for_ever(int level) {
  volatile char frame[256];
  frame[0] = static_cast<char>(level);
  if (level == last_level) return level; // never
  const int below = recurse_for_ever(level + 1);
  return below + frame[0];
}

[[gnu::noinline]] void write_to_null() {
  volatile int* volatile nowhere = nullptr; // the compiler shall not know
  *nowhere = 1;
}

const stack* running_on = nullptr;

running_fiber describe() noexcept {
  return {.id = 17, .name = "tower of babel", .bound = running_on};
}

TEST_CASE("an overflow is reported with the fiber's name and sizes", "[overflow]") {
  const auto end = run_in_child([] {
    drop_alternate_stack();
    install_overflow_report(describe);
    const overflow_report_thread reporting;
    coroutine one([](coroutine& self, void*) {
      running_on = &*self.on();
      recurse_for_ever(0);
    });
    one.resume();
    return true;
  });
  INFO(end.error_output);
  CHECK(was_killed_by(end, SIGABRT));
  CHECK(says(end, "coir: stack overflow in fiber 17 \"tower of babel\": stack of 65536 bytes"));
  CHECK(says(end, "raise spawn_options::stack_size"));
  CHECK(std::count(end.error_output.begin(), end.error_output.end(), '\n') > 10); // the backtrace
}

TEST_CASE("a fiber of a runtime is named, on any worker", "[overflow]") {
  for (const unsigned workers : {1U, 2U}) {
    const auto end = run_in_child([=] {
      drop_alternate_stack();
      runtime_options options;
      options.workers = workers;
      options.force_migration = workers > 1;
      coir::runtime(options).run([] {
        auto deep = coir::spawn({.name = "deep", .stack_size = smallest_stack_bytes}, [] {
          this_fiber::yield();
          return recurse_for_ever(0);
        });
        return deep.join();
      });
      return true;
    });
    INFO(end.error_output);
    CHECK(was_killed_by(end, SIGABRT));
    CHECK(says(end, "\"deep\": stack of 16384 bytes"));
  }
}

TEST_CASE("another fault takes the default action", "[overflow]") {
  const auto end = run_in_child([] {
    return coir::run([] {
      write_to_null();
      return true;
    });
  });
  INFO(end.status << end.error_output);
  CHECK(was_killed_by(end, SIGSEGV));
  CHECK_FALSE(says(end, "stack overflow"));
}

TEST_CASE("a signal that was sent takes the default action", "[overflow]") {
  const auto end = run_in_child([] {
    install_overflow_report(describe);
    std::raise(SIGSEGV);
    return true;
  });
  CHECK(was_killed_by(end, SIGSEGV));
}

void somebodys_handler(int) {}

bool has_action(int signal, void (*handler)(int)) {
  struct sigaction present {};
  ::sigaction(signal, nullptr, &present);
  return (present.sa_flags & SA_SIGINFO) == 0 && present.sa_handler == handler;
}

TEST_CASE("the report is counted and restores what it found", "[overflow]") {
  const auto end = run_in_child([] {
    install_overflow_report(describe);
    install_overflow_report(describe);
    if (has_action(SIGSEGV, SIG_DFL) || has_action(SIGBUS, SIG_DFL)) return false;
    uninstall_overflow_report();
    if (has_action(SIGSEGV, SIG_DFL)) return false;
    uninstall_overflow_report();
    return has_action(SIGSEGV, SIG_DFL) && has_action(SIGBUS, SIG_DFL);
  });
  CHECK(end.has_succeeded());
}

TEST_CASE("handlers of the program are left alone", "[overflow]") {
  const auto before = run_in_child([] {
    std::signal(SIGSEGV, somebodys_handler);
    install_overflow_report(describe);
    const bool is_kept = has_action(SIGSEGV, somebodys_handler);
    uninstall_overflow_report();
    return is_kept && has_action(SIGSEGV, somebodys_handler) && has_action(SIGBUS, SIG_DFL);
  });
  CHECK(before.has_succeeded());
  const auto meanwhile = run_in_child([] {
    install_overflow_report(describe);
    std::signal(SIGSEGV, somebodys_handler);
    uninstall_overflow_report();
    return has_action(SIGSEGV, somebodys_handler);
  });
  CHECK(meanwhile.has_succeeded());
}

#endif

bool has_alternate_stack() {
  stack_t present{};
  ::sigaltstack(nullptr, &present);
  return (present.ss_flags & SS_DISABLE) == 0;
}

TEST_CASE("a thread's alternate stack comes and goes with the report", "[overflow]") {
  const auto end = run_in_child([] {
    drop_alternate_stack();
    {
      const overflow_report_thread without_report;
      if (has_alternate_stack()) return false;
    }
    install_overflow_report([]() noexcept { return running_fiber{0, nullptr, nullptr}; });
    {
      const overflow_report_thread outer;
      const overflow_report_thread inner; // a runtime in a fiber of another
      if (!has_alternate_stack()) return false;
    }
    uninstall_overflow_report();
    return !has_alternate_stack();
  });
  CHECK(end.has_succeeded());
}

} // namespace
} // namespace coir::test
