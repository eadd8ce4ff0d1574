// SPDX-License-Identifier: MIT
#include "fiber/sched/current.hpp"

#include "fiber/deadline.hpp"
#include "fiber/sched/control_block.hpp"
#include "fiber/sched/poller.hpp"
#include "fiber/sched/worker.hpp"

#include <algorithm>

// clang has no noclone, and does not clone.
#ifdef __clang__
#define COIR_NEVER_INLINED [[gnu::noinline]]
#else
#define COIR_NEVER_INLINED [[gnu::noinline, gnu::noclone]]
#endif

namespace coir {
namespace {
// initial-exec: one load, also in a shared object; so such an object takes 40 bytes of the static TLS reserve if it
// is dlopened.
[[gnu::tls_model("initial-exec")]] constinit thread_local worker* this_worker = nullptr;
[[gnu::tls_model("initial-exec")]] constinit thread_local clock::time_point this_thread_limit =
    clock::time_point::max();
} // namespace

// The empty asm keeps clang from seeing through a noinline function that it finds pure, and gcc from merging two calls.
COIR_NEVER_INLINED worker* current_worker() noexcept {
  asm volatile("" ::: "memory");
  return this_worker;
}

COIR_NEVER_INLINED void set_current_worker(worker* self) noexcept {
  asm volatile("" ::: "memory");
  this_worker = self;
}

control_block* current_fiber() noexcept {
  const worker* const self = current_worker();
  return self != nullptr ? self->current() : nullptr;
}

COIR_NEVER_INLINED clock::time_point& current_limit() noexcept {
  asm volatile("" ::: "memory");
  control_block* const fiber = current_fiber();
  return fiber != nullptr ? fiber->limit : this_thread_limit;
}

clock::time_point clock::now() noexcept {
  worker* const self = current_worker();
  return self != nullptr ? self->now() : std::chrono::steady_clock::now();
}

deadline_scope::deadline_scope(deadline limit) noexcept : outer_(current_limit()) {
  current_limit() = std::min(outer_, limit.when());
}

deadline_scope::~deadline_scope() { current_limit() = outer_; }

} // namespace coir
