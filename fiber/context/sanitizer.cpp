// SPDX-License-Identifier: MIT
#include "fiber/context/sanitizer.hpp"

#ifdef COIR_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif
#ifdef COIR_VALGRIND
#include <valgrind/valgrind.h>
#endif

#include <pthread.h>

namespace coir::sanitizer {

#ifdef COIR_ADDRESS_SANITIZER
namespace {

// Each access is a call, so that no address of it is kept across a switch.
thread_local stack_bounds running{};

stack_bounds own_bounds() noexcept {
  stack_bounds own{};
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return own;
  void* lowest = nullptr;
  ::pthread_attr_getstack(&attributes, &lowest, &own.size_bytes);
  own.lowest = lowest;
  ::pthread_attr_destroy(&attributes);
  return own;
}

} // namespace

[[gnu::noinline]] void note_running(const stack_bounds& to) noexcept { running = to; }
#endif

#if defined(COIR_ADDRESS_SANITIZER) || defined(COIR_THREAD_SANITIZER)
stack_bounds bounds_of(stack& next) noexcept {
  stack_bounds bounds{};
#ifdef COIR_ADDRESS_SANITIZER
  bounds.lowest = next.limit;
  bounds.size_bytes = next.usable_bytes();
#endif
#ifdef COIR_THREAD_SANITIZER
  if (next.tsan_fiber == nullptr) {
    next.tsan_fiber = __tsan_create_fiber(0);
    __tsan_set_fiber_name(next.tsan_fiber, "fiber stack");
  }
  bounds.twin = next.tsan_fiber;
#endif
  return bounds;
}

[[gnu::noinline]] stack_bounds bounds_of_this_thread() noexcept {
  stack_bounds bounds{};
#ifdef COIR_ADDRESS_SANITIZER
  if (running.lowest == nullptr) running = own_bounds();
  bounds = running;
#endif
#ifdef COIR_THREAD_SANITIZER
  bounds.twin = __tsan_get_current_fiber();
#endif
  return bounds;
}

void recycle([[maybe_unused]] stack& free) noexcept {
#ifdef COIR_ADDRESS_SANITIZER
  __asan_unpoison_memory_region(free.limit, free.usable_bytes());
#endif
}

void forget([[maybe_unused]] stack& free) noexcept {
#ifdef COIR_THREAD_SANITIZER
  if (free.tsan_fiber != nullptr) __tsan_destroy_fiber(free.tsan_fiber);
  free.tsan_fiber = nullptr;
#endif
}
#endif

#ifdef COIR_VALGRIND
void register_stack(const stack& made) noexcept {
  // The id is dropped: slots stay stacks for the life of the process.
  static_cast<void>(VALGRIND_STACK_REGISTER(made.limit, made.base));
}
#endif

} // namespace coir::sanitizer
