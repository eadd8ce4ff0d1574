// SPDX-License-Identifier: MIT
#include "fiber/sched/direct_join.hpp"

#include "fiber/sched/control_block.hpp"
#include "fiber/sched/resume.hpp"
#include "fiber/sched/stop.hpp"
#include "fiber/sched/wait_steps.hpp"
#include "fiber/sched/worker.hpp"

#include <mutex>

namespace coir {
namespace {

/// Makes the joiner of one that has suspended a waiter. `awaited` may have ended elsewhere meanwhile.
void join_ordinarily(control_block& awaited, waiter& joiner) noexcept {
  // Does not throw: it has no limit.
  joiner.arm(awaited.ended, clock::time_point::max(), wait_kind::interruptible);
  std::unique_lock held(awaited.ended.lock());
  if (!awaited.has_ended.load(acquire)) { // pairs with the release in worker::finish
    if (wait_steps::begin_wait(awaited.ended, joiner, std::move(held))) return;
    // It has been requested to stop since it suspended.
  } else {
    held.unlock();
    joiner.reset();
  }
  resume(*joiner.target());
}

} // namespace

bool worker::try_join_directly(control_block& awaited, waiter& joiner) noexcept {
  // It is the one that pick_in_turn() would find now.
  if (fresh_batch_ > 1 || !pinned_.is_empty()) return false;
  if (next_slot_.load(relaxed) != nullptr) return false;             // relaxed: a hint
  if (fresh_uses_ >= fresh_limit && queue_.size() > 0) return false; // others want to run, too
  const control_block& self = *joiner.target();
  if (self.limit != clock::time_point::max() || is_stop_requested(self)) return false;
  if (!awaited.operations->is_coroutine) return false;
  if (count_pass() || !fresh_.try_pop(awaited)) return false;
  // The running one may have been begun by one, and suspends now.
  if (direct_.joiner != nullptr) give_up_direct_join();
  ++fresh_uses_;
  fresh_batch_ = 0;
  direct_ = {&joiner, &awaited};
  has_special_ = true;
  return true;
}

void worker::give_up_direct_join() noexcept {
  if (direct_.joiner == nullptr) return;
  const direct_join join = std::exchange(direct_, {});
  join_ordinarily(*join.awaited, *join.joiner);
}

} // namespace coir
