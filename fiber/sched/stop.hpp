// SPDX-License-Identifier: MIT
// Requests to stop, per fiber. Floor 2.
//
// control_block::stop_word:
//   0            no request
//   1            stop requested; final
//   waiter*      the fiber is in (or about to begin) a wait that a request shall interrupt
//   waiter* | 2  a requester is interrupting that wait; becomes 1
//
// A new wait displaces the waiter of an old one that is over. That happens in coroutines: of two awaits in one
// expression gcc 12 calls the first one's await_resume, which ends its wait, behind the second wait (GCC bug 97452).
//
// It is our own word and not std::stop_callback because that one's destructor blocks the kernel thread while the
// callback runs elsewhere. A std::stop_token is bridged to it when somebody asks for one.
#pragma once

#include "fiber/sched/control_block.hpp"

#include <cstdint>
#include <stop_token>

namespace coir {

constexpr std::uintptr_t stop_is_requested = 1;
constexpr std::uintptr_t stop_is_interrupting = 2;

/// Requests `fiber` to stop and interrupts its wait. Returns whether this was the first request. Any thread, no
/// lock held; the caller holds a reference.
bool request_stop(control_block& fiber) noexcept;
[[nodiscard]] inline bool is_stop_requested(const control_block& fiber) noexcept {
  const auto word = fiber.stop_word.load(acquire); // pairs with the exchanges in request_stop
  return (word & (stop_is_requested | stop_is_interrupting)) != 0;
}

/// Begins to name `w` in the stop word. False if a stop has been requested already. By whoever makes the fiber wait.
[[nodiscard]] inline bool try_watch_stop(control_block& fiber, waiter& w) noexcept {
  std::uintptr_t seen = 0;
  // acq_rel: pairs with the exchanges in request_stop, which then may use the waiter. acquire: the request was made.
  while (!fiber.stop_word.compare_exchange(seen, reinterpret_cast<std::uintptr_t>(&w), acq_rel,
                                           acquire)) {
    if ((seen & (stop_is_requested | stop_is_interrupting)) != 0) return false;
    // A waiter of ours whose wait is over: see above.
  }
  return true;
}
/// No requester will touch the waiter any more. False: one is about to, or has, or a later wait took its place.
[[nodiscard]] inline bool try_unwatch_stop(control_block& fiber, waiter& w) noexcept {
  auto seen = reinterpret_cast<std::uintptr_t>(&w);
  // acq_rel: pairs with the exchanges in request_stop and try_watch_stop. acquire: a requester has it, or a later wait
  // took its place.
  return fiber.stop_word.compare_exchange(seen, 0, acq_rel, acquire);
}
/// Afterwards no requester knows the waiter. By the fiber itself.
void unwatch_stop(control_block& fiber, waiter& w) noexcept;
/// Whether a requester would find it.
[[nodiscard]] inline bool is_watched(const control_block& fiber, const waiter& w) noexcept {
  // relaxed: a misuse is diagnosed, nothing is read through it.
  return fiber.stop_word.load(relaxed) == reinterpret_cast<std::uintptr_t>(&w);
}

/// A token of the fiber's requests. Throws std::bad_alloc.
[[nodiscard]] std::stop_token stop_token_of(control_block& fiber);
void destroy_stop_bridge(control_block& fiber) noexcept;

} // namespace coir
