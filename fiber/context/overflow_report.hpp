// SPDX-License-Identifier: MIT
// Turns a stack overflow from a bare SIGSEGV into a message that says which fiber and what to raise. Floor 1.
//
// The fault is met in the guard pages, so the handler needs an alternate signal stack on each thread that runs
// fibers. Only faults in the guard of the running fiber are reported; all others take the default action, core
// dump included.
#pragma once

#include "fiber/context/stack.hpp"

#include <cstddef>
#include <cstdint>

namespace coir {

/// What the report says of a fiber. Floor 2 fills it in.
struct running_fiber {
  std::uint64_t id;
  const char* name;   ///< may be null
  const stack* bound; ///< null: no fiber is running
};

/// Asked in a signal handler: must be safe there.
using running_fiber_source = running_fiber (*)() noexcept;

/// Handles SIGSEGV and SIGBUS, each only if its action is the default one. Counted: each call needs one
/// uninstall. Any thread.
void install_overflow_report(running_fiber_source source);
/// The last one restores the default actions, unless somebody has replaced ours meanwhile.
void uninstall_overflow_report() noexcept;

/// While it lives, the constructing thread has an alternate signal stack. It does nothing if the report is not
/// installed or the thread already has one. Made and destroyed by the same thread, on its own stack.
class overflow_report_thread {
public:
  overflow_report_thread() noexcept;
  ~overflow_report_thread();
  overflow_report_thread(const overflow_report_thread&) = delete;
  overflow_report_thread& operator=(const overflow_report_thread&) = delete;

private:
  std::byte* mapping_ = nullptr; ///< null: not ours
  std::size_t bytes_ = 0;
};

} // namespace coir
