// SPDX-License-Identifier: MIT
// control_block: the scheduler's record of a fiber. Floor 2.
//
// It lies in a slab cell whose first 16 bytes (reference count) share the first cache line with what every resume
// touches. The closure and later the result follow it in the same cell (fiber/fiber_state.hpp).
//
// Life: made (count 2: the handle's and the scheduler's) -> queued fresh -> running on a stack -> suspended ->
// queued -> … -> ended: closure destroyed, stack passed on, joiners resumed, the scheduler's reference dropped. The
// cell is freed with the last reference, so a result outlives its fiber without a stack.
//
// Ownership of the plain fields: whoever has taken the fiber out of a queue (one worker at a time); hand-overs
// synchronize through the queue. `stop_word`, `ended` and the count are shared.
#pragma once

#include "fiber/context/context.hpp"
#include "fiber/context/stack.hpp"
#include "fiber/deadline.hpp"
#include "fiber/sched/slab.hpp"
#include "fiber/sched/wait_queue.hpp"

#include <cstdint>
#include <exception>

namespace coir {

class scheduler;
class worker;
class stop_bridge;

/// What a fiber does, by the type of its closure.
struct fiber_operations {
  /// Calls the closure, keeps its result, destroys the closure. False: a coroutine that has suspended; then the
  /// block must not be touched any more, since whoever ends its wait may have resumed it already.
  bool (*run)(control_block&) noexcept;
  void (*destroy)(control_block&) noexcept; ///< destroys the result, or the closure if it never ran
  bool is_coroutine;
};

/// How a running coroutine hands control on, see fiber/coro/transfer.hpp. Lies on the stack that it runs on.
struct coroutine_transfers {
  unsigned left = 0;          ///< until one has to be left to the loop
  void* pending = nullptr;    ///< address of the handle that the loop shall resume next
  void* ended_root = nullptr; ///< address of the outermost coroutine, once it has come to its end
};

struct control_block {
  // First line, together with the slab cell.
  control_block* next = nullptr; ///< link of the one queue that holds it
  context saved = nullptr;       ///< where to continue; null: fresh, has never run
  stack* bound = nullptr; ///< the stack it runs on; null: fresh. Meaningless once it has ended
  worker* home = nullptr; ///< not null: pinned to that worker
  const fiber_operations* operations = nullptr;
  union {
    void* resume_point = nullptr; ///< of a suspended coroutine: the address of the handle to resume
    coroutine_transfers* transfers; ///< of a running one
  };

  // Second line.
  atomic<std::uintptr_t> stop_word{0}; ///< see stop.cpp
  union {
    wait_queue ended{}; ///< joiners; guarded by its lock. Never destroyed: who waits in it has a reference
  };
  scheduler* owner = nullptr;
  clock::time_point limit = clock::time_point::max(); ///< of the innermost deadline_scope
  stop_bridge* bridge =
      nullptr; ///< made when someone asks for a std::stop_token; guarded by ended's lock
  atomic<bool> has_ended{false};
  std::uint8_t size_class = 0;         ///< of the stack it wants
  bool is_detached = false;            ///< nobody will take its error; guarded by ended's lock
  bool is_main = false;                ///< the function given to run()
  bool has_failed = false;             ///< it has no result; written before has_ended
  std::uint8_t direct_joins_below = 0; ///< of a running coroutine: how many are suspended on its stack
  bool is_left_to_handle = false; ///< the scheduler's reference now belongs to the handle; written before has_ended

  // Cold.
  std::exception_ptr error{}; ///< what left its closure; written before has_ended, then the joiner's
  std::uint64_t id = 0;
  char* name = nullptr;          ///< malloc'ed copy, or null
  worker* last_worker = nullptr; ///< where it ran last; only for forced migration

  control_block() noexcept {} // NOLINT: the unions' members have initializers
  control_block(const control_block&) = delete;
  control_block& operator=(const control_block&) = delete;
  ~control_block() {} // NOLINT

  [[nodiscard]] bool is_fresh() const noexcept { return saved == nullptr; }
  /// Where its first steps will read: the saved registers and the frames above them, or a coroutine's frame. Null: it
  /// has neither yet. Of a fiber that does not run.
  [[nodiscard]] const void* touched_first() const noexcept {
    return saved != nullptr ? saved : resume_point;
  }
};

/// Keeps what the fiber has ended by instead of a result.
void keep_error(control_block& fiber, std::exception_ptr error) noexcept;
/// Whether the error only says that the fiber has obeyed a stop request.
[[nodiscard]] bool is_clean_cancellation(const control_block& fiber,
                                         const std::exception_ptr& error) noexcept;
/// Ends the process if the fiber has ended with an error that nobody can take any more. A fiber that was requested
/// to stop and ended by operation_canceled has ended cleanly. Under ended's lock.
void check_detached_error(const control_block& fiber) noexcept;
/// Lets go of a fiber's handle: nobody will join it.
void detach(control_block& fiber) noexcept;
/// Waits for the end. Throws std::system_error: timed_out, operation_canceled, resource_deadlock_would_occur (itself).
void wait_for_end(control_block& fiber, clock::time_point limit);
/// The same, whatever happens.
void wait_for_end_uninterrupted(control_block& fiber) noexcept;

/// One more reference. The caller has one.
void add_reference(control_block& fiber) noexcept;
/// Destroys the fiber's result and frees its cell. By who has dropped the last reference.
void destroy_block(control_block& fiber) noexcept;
/// One less; the last destroys the fiber's result and frees its cell. Any thread.
inline void drop_reference(control_block& fiber) noexcept {
  // acq_rel: pairs with itself: the last one sees what all others did to the fiber.
  if (slab_cell::of(&fiber).refs.fetch_sub(1, acq_rel) == 1) destroy_block(fiber);
}
/// Drops the handle's reference, and the scheduler's if that has been left to it.
inline void drop_handle(control_block& fiber) noexcept {
  const std::uint32_t held = fiber.is_left_to_handle ? 2 : 1;
  // acq_rel: pairs with itself, as in drop_reference.
  if (slab_cell::of(&fiber).refs.fetch_sub(held, acq_rel) == held) destroy_block(fiber);
}

} // namespace coir
