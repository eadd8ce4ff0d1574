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

/// A suspended fiber's copy.
struct saved_thread_words {
  void* caught = nullptr;
  unsigned uncaught = 0;
  int error = 0;

  void save(const thread_words& from) noexcept {
    caught = from.exceptions->caught;
    uncaught = from.exceptions->uncaught;
    error = *from.error;
  }
  void restore(const thread_words& to) const noexcept {
    to.exceptions->caught = caught;
    to.exceptions->uncaught = uncaught;
    *to.error = error;
  }
};
static_assert(sizeof(saved_thread_words) == 16);

} // namespace coir
