// SPDX-License-Identifier: MIT
// thief_gate: lets an owner use its queue without locked instructions as long as nobody else may want what is in it (a
// runtime of one worker). Floor 2.
//
//     closed --(open: any thread)--> opening --(same call)--> open
//     open --(close: owner)--> closing --(no thief inside)--> closed, or back to open
//
// While it is closed the owner takes something by a plain store, and asks is_closed() behind it. If the answer is yes,
// whoever opens the gate later sees that store, and so do the thieves. If it is no, the owner takes it as one who
// shares.
//
// Roles: is_closed, await_open, close: the owner. try_enter, leave, open, has_opened: anybody.
//
// Ordering:
//   the owner's store; light_fence; state_ (is_closed) || state_ opening; heavy_fence; that store (open): either the
//                                       opener sees the store or the owner sees the opener
//   what the opener prepares; state_ release (open)    -> state_ acquire (await_open, try_enter)
//   state_ closing; thieves_ read (close) || thieves_ + 1; state_ read (try_enter), all seq_cst: either the owner sees
//                                       the thief or the thief sees that it is too late
//   thieves_ release (leave)                           -> thieves_ seq_cst (close): it has read what it wanted
//
// Source: biased locking's revocation (Vasudevan et al., PPPJ 2010) with membarrier(2).
// Checked by: tests/sched/run_queue_stress_test.cpp, tests/sched/fresh_deque_stress_test.cpp.
#pragma once

#include "fiber/base/asymmetric_fence.hpp"
#include "fiber/base/atomic.hpp"
#include "fiber/base/cache_line.hpp"
#include "fiber/base/pause.hpp"

#include <cstdint>

namespace coir {

class thief_gate {
public:
  /// `may_close`: it begins closed, if the kernel lets it.
  explicit thief_gate(bool may_close) noexcept
      : may_close_(may_close && base::has_heavy_fence()),
        state_(may_close_ ? state::closed : state::open) {}

  /// Behind the owner's store; see above. Before it: a hint.
  [[nodiscard]] bool is_closed() const noexcept {
    light_fence();                                // pairs with heavy_fence() in open
    return state_.load(relaxed) == state::closed; // relaxed: the fence pair orders it
  }
  /// After is_closed() has been false: until the opener is done, which takes a few instructions and no lock.
  void await_open() const noexcept {
    base::spin_wait wait;
    while (state_.load(acquire) != state::open) wait.once(); // pairs with the release in open
  }
  /// Whether what thieves go by is valid. Stale at once for all but the owner.
  [[nodiscard]] bool has_opened() const noexcept {
    const state seen = state_.load(acquire); // pairs with the release in open
    return seen == state::open || seen == state::closing;
  }

  /// False: there is nothing to steal. True: until leave() it stays open.
  [[nodiscard]] bool try_enter() noexcept {
    if (!may_close_) return true;
    thieves_.fetch_add(1, seq_cst); // seq_cst: pairs with the exchange in close
    if (state_.load(seq_cst) == state::open) return true; // seq_cst: the same, and the release in open
    leave();
    return false;
  }
  void leave() noexcept {
    if (may_close_) thieves_.fetch_sub(1, release); // pairs with the load in close
  }

  /// Calls `prepare()`, which shall write what thieves go by, if it is closed. Returns when they may come. Not on the
  /// path of anything frequent.
  template <class Prepare>
  void open(Prepare&& prepare) noexcept {
    state expected = state::closed;
    // seq_cst: pairs with light_fence() in is_closed, through the heavy fence below.
    // acquire: pairs with the release below, where another opener was first.
    for (base::spin_wait wait; !state_.compare_exchange(expected, state::opening, seq_cst, acquire);
         wait.once()) {
      if (expected == state::open) return;
      expected = state::closed;
    }
    base::heavy_fence(); // pairs with light_fence() in is_closed
    prepare();
    state_.store(state::open, release); // pairs with the acquire loads of state_
  }
  /// If it began closed and no thief is inside: calls `prepare()`, which shall read what thieves have left, and closes
  /// it. Cheap if there is nothing to do.
  template <class Prepare>
  void close(Prepare&& prepare) noexcept {
    if (!may_close_ || state_.load(relaxed) != state::open) return; // relaxed: only the owner ends `open`
    state_.exchange(state::closing, seq_cst); // seq_cst: pairs with the fetch_add in try_enter
    if (thieves_.load(seq_cst) != 0) {        // seq_cst: the same, and pairs with leave
      state_.store(state::open, release);     // pairs with the acquire loads of state_
      return;
    }
    prepare();
    state_.store(state::closed, release); // pairs with the exchange in open
  }

private:
  enum class state : std::uint32_t { closed, opening, open, closing };

  const bool may_close_;
  atomic<state> state_;
  alignas(base::cache_line_size) atomic<std::uint32_t> thieves_{0}; ///< between try_enter and leave
};

} // namespace coir
