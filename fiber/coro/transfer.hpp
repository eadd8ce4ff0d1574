// SPDX-License-Identifier: MIT
// Symmetric transfer between coroutines, in bounded depth. Floor 3. For people who write awaitables.
//
// A coroutine that awaits another, or ends, names the next to run as the result of its await_suspend; an optimizing
// compiler jumps there. gcc at -O0, and under sanitizers, calls it instead (GCC bug 100897), and a loop over ready
// tasks would overflow the stack. So every so many transfers the next one is not returned but left to the loop at the
// bottom, which resumes it on a stack that has been unwound. It costs a count per transfer.
#pragma once

#include "fiber/sched/control_block.hpp"

#include <coroutine>
#include <utility>

namespace coir {

inline constexpr unsigned transfers_in_a_row = 32;

/// What await_suspend shall return so that `next` runs now. `runs_as`: the running coroutine; null: the loop at the
/// bottom is another library's, which knows nothing of ours.
[[nodiscard]] inline std::coroutine_handle<> transfer_to(std::coroutine_handle<> next,
                                                         const control_block* runs_as) noexcept {
  if (runs_as == nullptr || --runs_as->transfers->left != 0) return next;
  runs_as->transfers->pending = next.address();
  return std::noop_coroutine();
}

/// The loop at the bottom: resumes the coroutine at its resume_point, and whatever is left pending. Returns when
/// nothing is left to do here: the address of its root, which has ended, or null: it has suspended, and may be running
/// elsewhere already.
inline void* resume_coroutine(control_block& coroutine) noexcept {
  coroutine_transfers here; // on the stack, as the coroutine may leave the thread with it
  void* next = coroutine.resume_point;
  coroutine.transfers = &here;
  do {
    here.left = transfers_in_a_row >> coroutine.direct_joins_below; // the stack is theirs, too
    std::coroutine_handle<>::from_address(next).resume();
    next = std::exchange(here.pending, nullptr);
  } while (next != nullptr);
  return here.ended_root;
}

} // namespace coir
