// SPDX-License-Identifier: MIT
// COIR_CHECK: a broken invariant or a misuse ends the process with a message that says which. Floor 0.
// It is on in every build: each use guards memory safety and costs a predicted branch. COIR_ASSERT is for
// invariants of hot paths and is on in debug builds only.
#pragma once

#include <cstdint>

namespace coir::base {

/// Prints "coir: <message> (<expression>) at <file>:<line>, fiber <id>" to standard error and aborts. Does not
/// allocate.
[[noreturn]] void check_failed(const char* expression, const char* message, const char* file,
                               int line) noexcept;

/// Floor 2 tells here how the id of the running fiber is found (0: none), so that a failed check can name it.
void set_fiber_id_source(std::uint64_t (*source)() noexcept) noexcept;

} // namespace coir::base

#define COIR_CHECK(expression, message)                                                            \
  (static_cast<bool>(expression)                                                                   \
       ? static_cast<void>(0)                                                                      \
       : ::coir::base::check_failed(#expression, message, __FILE__, __LINE__))

#ifdef NDEBUG
#define COIR_ASSERT(expression, message) static_cast<void>(0)
#else
#define COIR_ASSERT(expression, message) COIR_CHECK(expression, message)
#endif
