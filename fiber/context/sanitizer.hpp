// SPDX-License-Identifier: MIT
// What sanitizers are told of stacks and switches. Floor 1. Each function is empty in a build without them.
//
// AddressSanitizer must know which stack runs, or it takes frames for overflows and throws into the wrong shadow
// memory. A stack's last switch passes no place to save its fake stack, so that it is freed; the first entry has
// none to restore. It also hears what lies unused in slabs.
//
// ThreadSanitizer keeps per-thread state (clock, shadow call stack) and must exchange it: each stack has a twin
// there, made when it is first entered and destroyed when the stack's pages are given back to the kernel.
// Switches synchronize (flag 0): one switch is one thread going on with other code, so what the left fiber did
// does happen before what the entered one does next. It is not more than that, since a fiber that moves to
// another worker gets there through a queue. Limit: the runtime dies above about 8,100 threads and twins
// together, so a TSan build runs a few thousand fibers. The shadow call stack stays balanced only if the function
// that tells of a switch has no entry and exit of its own: hence always_inline here, and COIR_STACK_ROOT for the
// functions whose frames a last switch abandons.
//
// Valgrind (COIR_VALGRIND defined): told where stacks lie, once per slot, so that it does not take a switch for a
// huge frame.
#pragma once

#include "fiber/base/atomic.hpp"
#include "fiber/context/stack.hpp"

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define COIR_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COIR_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef COIR_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif
#ifdef COIR_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

/// For a function that never returns because its stack ends by a last switch. Without it ThreadSanitizer's shadow
/// call stack would grow with each reuse of the stack, and AddressSanitizer would put locals that the far side
/// still reads into the fake stack that the last switch frees.
#if !defined(COIR_ADDRESS_SANITIZER) && !defined(COIR_THREAD_SANITIZER)
#define COIR_STACK_ROOT
#elif defined(__clang__) // its no_sanitize alone keeps the calls at entry and exit
#define COIR_STACK_ROOT                                                                            \
  __attribute__((no_sanitize("address", "thread"), disable_sanitizer_instrumentation))
#else
#define COIR_STACK_ROOT __attribute__((no_sanitize("address", "thread")))
#endif
#define COIR_SEAM [[maybe_unused, gnu::always_inline]] inline

namespace coir::sanitizer {

/// A stack as the sanitizers know it; an own one of a thread, too.
struct stack_bounds {
#ifdef COIR_ADDRESS_SANITIZER
  const void* lowest = nullptr;
  std::size_t size_bytes = 0;
#endif
#ifdef COIR_THREAD_SANITIZER
  void* twin = nullptr;
#endif
};

/// Lies on the stack that is left, from before_switch to after_switch.
struct switch_record {
#ifdef COIR_ADDRESS_SANITIZER
  void* fake_stack = nullptr;
#endif
};

#if defined(COIR_ADDRESS_SANITIZER) || defined(COIR_THREAD_SANITIZER)
/// The bounds to switch to `next`. Makes its twin if it has none: call it only if the switch follows.
[[nodiscard]] stack_bounds bounds_of(stack& next) noexcept;
/// The stack that the calling thread runs on now: its own, or a fiber's if a fiber asks.
[[nodiscard]] stack_bounds bounds_of_this_thread() noexcept;
/// A stack goes back to a cache: forgets what the frames left on it said about its bytes.
void recycle(stack& free) noexcept;
/// The pages of a free stack go back to the kernel, and its record with them.
void forget(stack& free) noexcept;
#else
[[nodiscard]] inline stack_bounds bounds_of(stack&) noexcept { return {}; }
[[nodiscard]] inline stack_bounds bounds_of_this_thread() noexcept { return {}; }
inline void recycle(stack&) noexcept {}
inline void forget(stack&) noexcept {}
#endif

#ifdef COIR_VALGRIND
void register_stack(const stack& made) noexcept;
#else
inline void register_stack(const stack&) noexcept {}
#endif

#ifdef COIR_ADDRESS_SANITIZER
/// Keeps what bounds_of_this_thread() answers.
void note_running(const stack_bounds& to) noexcept;
#endif

/// Nobody may touch these bytes until they are allowed again. For memory that is kept for its next user.
COIR_SEAM void forbid([[maybe_unused]] const void* begin,
                      [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef COIR_ADDRESS_SANITIZER
  __asan_poison_memory_region(begin, bytes);
#endif
}
COIR_SEAM void allow([[maybe_unused]] const void* begin,
                     [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef COIR_ADDRESS_SANITIZER
  __asan_unpoison_memory_region(begin, bytes);
#endif
}

/// Last thing before a jump to `to` by somebody who will continue.
COIR_SEAM void before_switch([[maybe_unused]] switch_record& left,
                             [[maybe_unused]] const stack_bounds& to) noexcept {
#ifdef COIR_ADDRESS_SANITIZER
  note_running(to);
  __sanitizer_start_switch_fiber(&left.fake_stack, to.lowest, to.size_bytes);
#endif
#ifdef COIR_THREAD_SANITIZER
  __tsan_switch_to_fiber(to.twin, 0);
#endif
}

/// First thing after that jump has returned.
COIR_SEAM void after_switch([[maybe_unused]] const switch_record& left) noexcept {
#ifdef COIR_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(left.fake_stack, nullptr, nullptr);
#endif
}

/// Last thing before the jump that ends the running stack. In a COIR_STACK_ROOT only.
COIR_SEAM COIR_STACK_ROOT void
before_last_switch([[maybe_unused]] const stack_bounds& to) noexcept {
#ifdef COIR_ADDRESS_SANITIZER
  note_running(to);
  __sanitizer_start_switch_fiber(nullptr, to.lowest, to.size_bytes);
#endif
#ifdef COIR_THREAD_SANITIZER
  __tsan_switch_to_fiber(to.twin, 0);
#endif
}

/// First thing in the entry function of a stack. In a COIR_STACK_ROOT only.
COIR_SEAM COIR_STACK_ROOT void after_first_switch() noexcept {
#ifdef COIR_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

} // namespace coir::sanitizer
