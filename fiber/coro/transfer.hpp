// SPDX-License-Identifier: MIT
// Symmetric transfer between coroutines, in bounded depth. Floor 3. For people who write awaitables.
//
// A coroutine that awaits another, or ends, names the next to run as the result of its await_suspend; an optimizing
// compiler jumps there. At -O0 gcc calls it instead (GCC bug 100897: no tail call for symmetric transfer), and a
// loop over ready tasks would overflow the stack. So every so many transfers the next one is not returned but left
// to the loop at the bottom, which resumes it on a stack that has been unwound. It costs a count per transfer.
#pragma once

#include "fiber/sched/current.hpp"

#include <coroutine>
#include <utility>

namespace coir {

/// What await_suspend shall return so that `next` runs now, on this thread.
[[nodiscard]] inline std::coroutine_handle<> transfer_to(std::coroutine_handle<> next) noexcept {
  constexpr unsigned depth_limit = 32;
  coroutine_transfers& here = current_transfers();
  if (++here.depth < depth_limit) return next;
  here.pending = next.address();
  return std::noop_coroutine();
}

/// The loop at the bottom: resumes `first` and whatever it leaves pending. Returns when nothing on this thread is
/// left to do:
/// then the coroutine has suspended, and may be running elsewhere already, or its root has ended.
inline void resume_coroutine(std::coroutine_handle<> first) noexcept {
  void* next = first.address();
  while (next != nullptr) {
    current_transfers().depth = 0;
    std::coroutine_handle<>::from_address(next).resume();
    // Looked up anew: what ran may have suspended this stack and gone on with it on another thread.
    next = std::exchange(current_transfers().pending, nullptr);
  }
}

} // namespace coir
