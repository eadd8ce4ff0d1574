// SPDX-License-Identifier: MIT
// direct_join: a join that begins what it waits for. Floor 2.
//
// Who spawns a coroutine and joins it at once would become a waiter, be found by the coroutine's end, be made runnable
// and be picked: all on one worker, and nearly always without anybody else having looked. So if the coroutine would
// come next anyway, the joiner suspends without having become a waiter, and the worker runs the coroutine:
//
//   it ends            the joiner goes on, at once
//   it suspends first, as a coroutine or as a fiber: the joiner becomes a waiter now, as if it had been from the start
//
// In between nobody but this worker knows that the joiner waits. So a join with a limit is not for it, and a stop
// request finds the joiner when the coroutine first suspends, or at its end.
//
// A fiber leaves its stack, and the coroutine gets another. A coroutine leaves its own to the one that it joins, which
// runs on top of what it has called: at most `deepest_direct_joins` of them on a stack.
//
// Invariant: `joiner` is set only while the worker runs `awaited`, which has never suspended. Read and written by the
// worker's own thread alone.
// Checked by: tests/coro/direct_join_test.cpp.
#pragma once

#include "fiber/sched/wait_queue.hpp"

namespace coir {

struct control_block;

/// The one of a worker.
struct direct_join {
  waiter* joiner = nullptr; ///< of whoever joins; null: none
  control_block* awaited = nullptr;
};

inline constexpr unsigned deepest_direct_joins = 4;

} // namespace coir
