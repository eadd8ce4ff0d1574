// SPDX-License-Identifier: MIT
// Which sanitizers watch this build: they cost time and memory, and ThreadSanitizer knows about 8,000 fibers. Floor 7.
#pragma once

#include "fiber/context/sanitizer.hpp"

namespace coir::test {

#ifdef COIR_THREAD_SANITIZER
inline constexpr bool has_thread_sanitizer = true;
#else
inline constexpr bool has_thread_sanitizer = false;
#endif
#ifdef COIR_ADDRESS_SANITIZER
inline constexpr bool has_address_sanitizer = true;
#else
inline constexpr bool has_address_sanitizer = false;
#endif
inline constexpr bool is_sanitized = has_thread_sanitizer || has_address_sanitizer;

} // namespace coir::test
