// SPDX-License-Identifier: MIT
// What a thread keeps for the code on it and a fiber must take along: errno and the state of exceptions in flight.
// Floor 2.
//
// The C++ runtime keeps the exceptions being handled and the count of uncaught ones per thread (Itanium C++ ABI:
// Exception Handling 2.2.2, __cxa_eh_globals). Without this, suspending inside a `catch` would hand them to another
// fiber.
#pragma once

#include <cerrno>
#include <cxxabi.h>

namespace coir {

/// The two words behind __cxa_get_globals(), laid out as the ABI document says.
struct exception_globals {
  void* caught;
  unsigned uncaught;
};

/// Where a thread keeps them. Looked up once per worker thread: the addresses are constant for a thread's life.
struct thread_words {
  exception_globals* exceptions = nullptr;
  int* error = nullptr;

  static thread_words of_this_thread() noexcept {
    return {reinterpret_cast<exception_globals*>(abi::__cxa_get_globals()), &errno};
  }
};

/// Whether exceptions are being handled or thrown on this thread, so that a switch has to take them along. Where it
/// is false on both sides, as nearly always, nothing is to be exchanged.
[[nodiscard]] inline bool has_exceptions(const thread_words& words) noexcept {
  return words.exceptions->caught != nullptr || words.exceptions->uncaught != 0;
}

/// Takes the exceptions of a fiber off the thread while it is suspended. At each switch the thread is left without any.
class exceptions_aside {
public:
  explicit exceptions_aside(const thread_words& from) noexcept : kept_(*from.exceptions) {
    *from.exceptions = {};
  }
  void put_back(const thread_words& to) const noexcept { *to.exceptions = kept_; }

private:
  exception_globals kept_;
};

} // namespace coir
