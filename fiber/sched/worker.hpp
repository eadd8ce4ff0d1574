// SPDX-License-Identifier: MIT
// worker: a kernel thread that runs fibers, with its share of the scheduler's state. Floor 2.
//
// Roles: functions in the first part are for the worker's own thread, called on its own stack or by the fiber that
// runs on it; the second part is for anybody. Fields are grouped by who writes them.
#pragma once

#include "fiber/base/cache_line.hpp"
#include "fiber/base/random.hpp"
#include "fiber/base/thread_usage.hpp"
#include "fiber/context/sanitizer.hpp"
#include "fiber/context/stack_pool.hpp"
#include "fiber/sched/direct_join.hpp"
#include "fiber/sched/exception_state.hpp"
#include "fiber/sched/fiber_list.hpp"
#include "fiber/sched/fresh_deque.hpp"
#include "fiber/sched/poller.hpp"
#include "fiber/sched/run_queue.hpp"
#include "fiber/sched/scratch_cache.hpp"
#include "fiber/sched/slab.hpp"
#include "fiber/sched/suspend.hpp"
#include "fiber/sched/timer_queue.hpp"

#include <memory>
#include <utility>
#include <vector>

namespace coir {

class scheduler;

class worker {
public:
  worker(scheduler& owner, unsigned index, bool is_alone, std::unique_ptr<poller> first);
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;
  ~worker();

  // --- the worker's own thread ---

  /// Runs fibers until the scheduler stops. The calling thread is this worker meanwhile.
  void loop() noexcept;

  [[nodiscard]] control_block* current() const noexcept { return current_; }
  void set_current(control_block* fiber) noexcept { current_ = fiber; }
  /// True: the running fiber has had its share of operations without suspending.
  [[nodiscard]] bool spend_operation() noexcept {
    const std::uint64_t pass = passes_.load(relaxed); // relaxed: only we write it
    if (pass != operations_pass_) {
      operations_pass_ = pass;
      operations_left_ = operations_in_a_row;
    }
    return --operations_left_ == 0;
  }
  [[nodiscard]] const thread_words& words() const noexcept { return words_; }
  [[nodiscard]] departure& left() noexcept { return left_; }
  [[nodiscard]] context& own_context() noexcept { return own_context_; }
  [[nodiscard]] sanitizer::stack_bounds& own_stack() noexcept { return own_stack_; }
  [[nodiscard]] stack_cache& stacks() noexcept { return stacks_; }
  [[nodiscard]] slab_cache& slabs() noexcept { return slabs_; }
  [[nodiscard]] scratch_cache& scratch() noexcept { return scratch_; }

  /// Counts a pass of the scheduling loop. True: it is time to look at timers, IO and the inject queue, on the
  /// worker stack.
  [[nodiscard]] bool count_pass() noexcept {
    const std::uint64_t pass = passes_.load(relaxed) + 1; // relaxed: only we write it
    passes_.store(pass, relaxed); // relaxed: the monitor wants to see it move, nothing else
    // relaxed: the monitor's wish to look sooner may be seen a pass later.
    return pass >= look_at_.load(relaxed) && is_look_due();
  }
  /// How many there have been.
  [[nodiscard]] std::uint64_t passes() const noexcept {
    return passes_.load(relaxed); // relaxed: only we write it
  }
  /// Why a fiber is picked: the running one yields, so what it has spawned comes after all others; or it does not.
  enum class reason : std::uint8_t { wait, yield };
  /// The next runnable fiber at hand, or null. Never suspends, never calls the kernel.
  [[nodiscard]] control_block* pick(reason why = reason::wait) noexcept {
    // relaxed: only its emptiness is read; pick_special looks closer.
    if (has_special_ || next_slot_.load(relaxed) != nullptr) [[unlikely]]
      return pick_special(why);
    next_slot_uses_ = 0;
    // Who yields is followed by others that have yielded, as a rule.
    return queue_.pop(why == reason::yield ? run_queue::lines_of_yield : run_queue::lines_of_wait);
  }
  /// Appends to the run queue; wakes another worker if one is idle.
  void push_back(control_block& fiber) noexcept {
    if (!is_plain_ || !queue_.try_push(fiber)) [[unlikely]]
      push_back_special(fiber);
  }
  /// For a fiber that begins: it comes before those that the worker has spawned earlier.
  void push_fresh(control_block& fiber) noexcept {
    if (!is_plain_ || !fresh_.try_push(fiber)) [[unlikely]] {
      push_fresh_special(fiber);
    } else {
      note_fresh();
    }
  }
  /// A fiber that the running one has just made runnable: it comes next, but at most `next_slot_limit` times in a row.
  void push_next(control_block& fiber) noexcept;
  /// Whether the running fiber or coroutine, which is about to join `awaited`, shall suspend and have it begun, see
  /// direct_join.hpp. Then `awaited` is in no queue any more. `joiner`: a waiter of the running one.
  [[nodiscard]] bool try_join_directly(control_block& awaited, waiter& joiner) noexcept;
  [[nodiscard]] const direct_join& direct() const noexcept { return direct_; }
  /// The joiner becomes a waiter, if there is one: the awaited coroutine has left its stack, and nobody runs.
  void give_up_direct_join() noexcept;
  /// The running fiber or coroutine has ended or suspended. Its joiner, if it was begun by a join and has ended without
  /// ever having suspended; else null.
  [[nodiscard]] control_block* end_direct_join(bool has_ended) noexcept {
    if (direct_.joiner == nullptr) [[likely]]
      return nullptr;
    if (has_ended) return std::exchange(direct_.joiner, nullptr)->target();
    give_up_direct_join();
    return nullptr;
  }
  /// The right to take one stack of the class later; throws as stack_pool::promise.
  void take_stack_promise(unsigned size_class) {
    if (promises_[size_class] == 0) [[unlikely]]
      promise_more_stacks(size_class);
    --promises_[size_class];
  }
  void give_stack_promise(unsigned size_class) noexcept {
    if (++promises_[size_class] == most_promises) [[unlikely]]
      withdraw_promises(size_class);
  }
  /// An id for a new fiber, unique in its runtime.
  std::uint64_t take_id() noexcept {
    if (next_id_ == last_id_) [[unlikely]]
      take_more_ids();
    return next_id_++;
  }
  void count_spawn() noexcept {
    // release: pairs with the acquire in has_living_fibers. relaxed: only we write it.
    spawned_.store(spawned_.load(relaxed) + 1, release);
  }
  /// The bookkeeping of the running fiber's end: joiners, references, counts. Destroys a result that nobody wants,
  /// and that may suspend: the fiber counts as living until then, and may continue on another worker. Returns that
  /// one.
  static worker& finish(control_block& fiber) noexcept;

  // --- anybody ---

  [[nodiscard]] scheduler& owner() const noexcept { return owner_; }
  [[nodiscard]] unsigned index() const noexcept { return index_; }
  [[nodiscard]] timer_queue& timers() noexcept { return timers_; }
  [[nodiscard]] coir::poller& poller() const noexcept {
    return *poller_.load(acquire); // pairs with the release in replace_poller
  }
  [[nodiscard]] base::time_point now() const noexcept { return poller().now(); }
  /// From now on the worker waits by `next`. What the old one knew is lost: it must be one without descriptors.
  void replace_poller(std::unique_ptr<coir::poller> next);

  /// For fibers that are pinned to this worker.
  void push_pinned(control_block& fiber) noexcept;
  /// Ends the worker's sleep, present or next.
  void interrupt() noexcept {
    coir::poller* const woken = &poller();
    woken->interrupt();
    // It may have been replaced meanwhile, and the worker gone to sleep in the new one.
    if (coir::poller& now_used = poller(); &now_used != woken) now_used.interrupt();
  }
  /// Steals for `thief`. `is_stuck`: also what the victim keeps for itself to run next.
  std::uint32_t steal_into(worker& thief, bool is_stuck) noexcept;
  /// Empties the next slot; null if it is empty.
  control_block* take_next_slot() noexcept;
  [[nodiscard]] bool has_runnable() const noexcept;

private:
  friend class monitor;
  friend class scheduler;

  static constexpr std::uint32_t passes_between_looks = 61;
  static constexpr std::chrono::microseconds poll_interval{50};
  static constexpr std::chrono::milliseconds longest_without_poll{5};
  static constexpr std::uint32_t next_slot_limit = 3;
  static constexpr std::uint32_t fresh_limit = 128;
  static constexpr std::uint32_t most_promises = 128;
  static constexpr std::chrono::milliseconds newest_first_for{5};
  static constexpr std::uint32_t operations_in_a_row = 64; ///< about 100 µs of system calls

  void promise_more_stacks(unsigned size_class);
  void withdraw_promises(unsigned size_class) noexcept;
  void take_more_ids() noexcept;
  bool is_look_due() noexcept;
  bool is_poll_worthwhile(base::time_point now) noexcept;
  void look_around(bool with_poll) noexcept;
  void schedule_next_look(base::time_point now) noexcept;
  void take_ready(fiber_list& ready) noexcept;
  void take_injected() noexcept;
  void take_pinned() noexcept;
  void overflow(control_block& fiber) noexcept;
  control_block* find_work() noexcept;
  control_block* pick_special(reason why) noexcept;
  void note_fresh() noexcept {
    ++fresh_batch_;
    has_special_ = true;
  }
  void keep_pinned(control_block& fiber) noexcept {
    pinned_.push_back(fiber);
    has_special_ = true;
  }
  void push_back_special(control_block& fiber) noexcept;
  void push_fresh_special(control_block& fiber) noexcept;
  [[gnu::always_inline]] inline control_block* pick_in_turn() noexcept;
  static void tell_joiners(control_block& fiber) noexcept;
  control_block* take_fresh() noexcept;
  void queue_batch() noexcept;
  void take_oldest_fresh(base::time_point now) noexcept;
  control_block* search() noexcept;
  void stop_searching() noexcept;
  void park() noexcept;
  void park_retired() noexcept;
  [[nodiscard]] base::time_point park_deadline() noexcept;

  // Written when it is made.
  scheduler& owner_;
  const unsigned index_;
  const bool is_shuffled_; ///< tests want another order
  const bool is_plain_;    ///< alone and not shuffled: pushing is nothing but a push
  const bool
      is_alone_; ///< the only worker, compensating ones aside: then pushing never wakes anybody

  // Written by its own thread.
  alignas(base::cache_line_size) control_block* current_ = nullptr;
  thread_words words_;
  departure left_;
  context own_context_ = nullptr;
  std::uint32_t next_slot_uses_ = 0;
  std::uint32_t operations_left_ = operations_in_a_row;
  std::uint64_t operations_pass_ = 0; ///< the pass that operations_left_ is of
  bool is_searching_ = false;         ///< counted in idle_workers
  base::time_point last_look_{};
  base::time_point last_poll_{};
  sanitizer::stack_bounds own_stack_{};
  fiber_list pinned_;        ///< runnable and pinned here
  bool has_special_ = false; ///< false: pinned_ and fresh_ are empty, and there is no direct join
  std::int64_t fresh_batch_ = 0; ///< how many were pushed there since a fiber was picked
  std::uint32_t fresh_uses_ = 0; ///< how many were taken from there in a row
  std::int64_t fresh_taken_ = 0; ///< fresh_.taken() since oldest_since_
  base::time_point oldest_since_{};
  direct_join direct_;
  base::random_sequence random_;
  stack_cache stacks_;
  std::uint32_t promises_[stack_class_count] = {}; ///< stacks promised to us and to no fiber yet
  slab_cache slabs_;
  scratch_cache scratch_;
  std::uint64_t next_id_ = 0; ///< ids come in blocks, see scheduler::fresh_ids
  std::uint64_t last_id_ = 0;

  // Written by its own thread, read by anybody.
  alignas(base::cache_line_size) atomic<std::uint64_t> passes_{0};
  atomic<std::uint64_t> spawned_{0};
  atomic<std::uint64_t> finished_{0};
  atomic<std::uint64_t> steals_{0};
  atomic<std::uint64_t> parks_{0};
  atomic<bool> is_parked_{true};              ///< sleeping or about to, or without a thread
  atomic<control_block*> next_slot_{nullptr}; ///< also emptied by thieves if the worker is stuck
  base::thread_usage usage_;                  ///< of its thread

  // Written by others.
  alignas(base::cache_line_size) atomic<std::uint64_t> look_at_{passes_between_looks};
  atomic<coir::poller*> poller_;
  atomic<bool> is_stuck_{false};   ///< by the monitor
  atomic<bool> is_retired_{false}; ///< by the monitor: a compensating worker that is not needed now
  atomic<std::uint32_t> pinned_inbox_size_{0};
  base::spin_lock pinned_lock_;
  fiber_list pinned_inbox_; ///< guarded by pinned_lock_

  timer_queue timers_;
  run_queue queue_;
  fresh_deque fresh_;
  std::vector<std::unique_ptr<coir::poller>>
      pollers_; ///< keeps replaced ones: somebody may be interrupting them
};

} // namespace coir
