// SPDX-License-Identifier: MIT
// What a worker does between fibers. The essay heads scheduler.cpp.
#include "fiber/sched/worker.hpp"

#include "fiber/base/check.hpp"
#include "fiber/context/overflow_report.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/resume.hpp"
#include "fiber/sched/scheduler.hpp"
#include "fiber/sched/suspend.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace coir {

worker::worker(scheduler& owner, unsigned index, bool is_alone, std::unique_ptr<coir::poller> first)
    : owner_(owner),
      index_(index),
      is_shuffled_(owner.options().shuffle_seed != 0),
      is_plain_(is_alone && !is_shuffled_),
      is_alone_(is_alone),
      random_(owner.options().shuffle_seed + index + 1),
      poller_(first.get()),
      queue_(is_alone),
      fresh_(is_alone) {
  pollers_.push_back(std::move(first));
}

worker::~worker() {
  for (unsigned size_class = 0; size_class < stack_class_count; ++size_class) {
    if (promises_[size_class] > 0)
      stack_pool::instance().withdraw(size_class, promises_[size_class]);
  }
}

void worker::loop() noexcept {
  const overflow_report_thread reporting;
  worker* const outer = current_worker(); // run() may be called by a fiber of another runtime
  words_ = thread_words::of_this_thread();
  own_stack_ = sanitizer::bounds_of_this_thread();
  set_current_worker(this);
  usage_.watch_this_thread();
  is_parked_.store(false, relaxed); // relaxed: ordered by the fence
  full_fence();                     // pairs with the one in monitor::sleep_until_activity
  owner_.monitor_.note_activity();
  while (control_block* const next = find_work()) run_from_worker_stack(*this, *next);
  is_parked_.store(true, seq_cst); // seq_cst: pairs with the full_fence in push_pinned
  set_current_worker(outer);
}

control_block* worker::find_work() noexcept {
  for (;;) {
    if (owner_.is_stopping()) return nullptr;
    // relaxed: a wish of the monitor, obeyed sooner or later.
    if (is_retired_.load(relaxed)) {
      park_retired();
      continue;
    }
    if (count_pass()) look_around(true);
    control_block* next = pick();
    if (next == nullptr) {
      // A worker that is alone goes straight to the poll that waits: one system call less.
      look_around(!is_alone_);
      next = pick();
    }
    if (next == nullptr) next = search();
    if (next != nullptr) {
      stop_searching();
      return next;
    }
    park();
  }
}

control_block* worker::take_next_slot() noexcept {
  // relaxed: only its emptiness is read; the exchange has the order.
  if (next_slot_.load(relaxed) == nullptr) return nullptr;
  // acquire: pairs with the release in push_next. A thief may have been faster.
  return next_slot_.exchange(nullptr, acquire);
}

control_block* worker::pick_in_turn() noexcept {
  // Pinned fibers get every fourth turn while others are runnable, and all turns when none is.
  if (!pinned_.is_empty() && (passes_.load(relaxed) & 3) == 0) { // relaxed: only we write it
    return pinned_.pop_front();
  }
  if (next_slot_uses_ < next_slot_limit) {
    if (control_block* const next = take_next_slot()) {
      ++next_slot_uses_;
      return next;
    }
  }
  next_slot_uses_ = 0;
  control_block* next = fresh_uses_ < fresh_limit ? take_fresh() : nullptr;
  fresh_uses_ = next != nullptr ? fresh_uses_ + 1 : 0;
  if (next == nullptr) next = queue_.pop();
  if (next == nullptr) next = take_fresh();
  if (next == nullptr) next = take_next_slot();
  return next != nullptr ? next : pinned_.pop_front();
}

control_block* worker::pick_special(reason why) noexcept {
  if (direct_.joiner != nullptr) {
    // Who waits holds the lock of its queue. So the join becomes an ordinary one on the worker's own stack, see
    // run_from_worker_stack().
    if (why == reason::wait) return nullptr;
    give_up_direct_join();
  }
  if (why == reason::yield && fresh_batch_ != 0) queue_batch();
  control_block* const next = pick_in_turn();
  has_special_ = !pinned_.is_empty() || !fresh_.is_empty_to_owner();
  return next;
}

control_block* worker::take_fresh() noexcept {
  const std::int64_t batch = std::exchange(fresh_batch_, 0);
  return batch > 1 ? fresh_.pop_batch(batch) : fresh_.pop();
}

void worker::queue_batch() noexcept {
  std::int64_t left = std::exchange(fresh_batch_, 0);
  control_block* next = fresh_.pop_batch(left);
  for (; next != nullptr; next = --left > 0 ? fresh_.pop() : nullptr) push_back(*next);
}

void worker::take_oldest_fresh(base::time_point now) noexcept {
  if (const std::int64_t taken = fresh_.taken();
      fresh_.is_empty_to_owner() || taken != fresh_taken_) {
    fresh_taken_ = taken;
    oldest_since_ = now;
    return;
  }
  // Newer ones may come for ever, so after some time it joins those that are run in their turn.
  if (now - oldest_since_ < newest_first_for) return;
  if (control_block* const oldest = fresh_.take_oldest()) push_back(*oldest);
}

void worker::push_back_special(control_block& fiber) noexcept {
  if (owner_.try_push_elsewhere(fiber)) return;
  if (is_shuffled_ && (random_.next() & 3) == 0) {
    owner_.injected_.push(fiber);
  } else if (!queue_.try_push(fiber)) [[unlikely]] {
    overflow(fiber);
  }
  if (!is_alone_) owner_.wake_one();
}

void worker::push_fresh_special(control_block& fiber) noexcept {
  if (owner_.try_push_elsewhere(fiber)) return;
  if (is_shuffled_ || !fresh_.try_push(fiber)) {
    push_back(fiber);
    return;
  }
  note_fresh();
  if (!is_alone_) owner_.wake_one();
}

void worker::push_next(control_block& fiber) noexcept {
  if (is_shuffled_ && (random_.next() & 1) == 0) {
    push_back(fiber);
    return;
  }
  // relaxed: thieves only ever empty the slot.
  if (next_slot_.load(relaxed) == nullptr) {
    next_slot_.store(&fiber,
                     release); // pairs with the acquire exchanges in take_next_slot and steal_into
    return;
  }
  // acq_rel: pairs with the acquire exchanges of takers, and with the release of whoever stored the old one.
  control_block* const displaced = next_slot_.exchange(&fiber, acq_rel);
  if (displaced != nullptr) push_back(*displaced);
}

void worker::overflow(control_block& fiber) noexcept {
  control_block* first = nullptr;
  control_block* last = nullptr;
  const std::uint32_t count = queue_.take_half(first, last);
  if (count > 0) owner_.injected_.push_chain(first, last, count);
  owner_.injected_.push(fiber);
}

void worker::push_pinned(control_block& fiber) noexcept {
  if (current_worker() == this) {
    keep_pinned(fiber);
    return;
  }
  {
    const std::lock_guard held(pinned_lock_);
    pinned_inbox_.push_back(fiber);
    // release: pairs with the acquire in take_pinned.
    pinned_inbox_size_.store(pinned_inbox_.size(), release);
  }
  full_fence(); // pairs with the one in park: we see it parked, or it sees the inbox
  if (is_parked_.load(relaxed)) interrupt(); // relaxed: ordered by the fence
}

void worker::take_pinned() noexcept {
  // pairs with the release in push_pinned
  if (pinned_inbox_size_.load(acquire) == 0) return;
  const std::lock_guard held(pinned_lock_);
  while (control_block* const fiber = pinned_inbox_.pop_front()) keep_pinned(*fiber);
  pinned_inbox_size_.store(0, relaxed); // relaxed: written under the lock, zero publishes nothing
}

void worker::take_injected() noexcept {
  if (owner_.injected_.is_empty()) return;
  // Not more than the ring has room for, else they would overflow to where they come from.
  const std::uint32_t room = run_queue::capacity - queue_.size();
  fiber_list taken;
  if (room < 2) {
    // Fibers that yield and never wait may keep the ring full for ever, so one comes next in spite of it.
    owner_.injected_.take_share(1, 1, taken);
    if (control_block* const fiber = taken.pop_front()) push_next(*fiber);
    return;
  }
  owner_.injected_.take_share(owner_.worker_count(), std::min(room / 2, run_queue::capacity / 4),
                              taken);
  while (control_block* const fiber = taken.pop_front()) {
    if (!queue_.try_push(*fiber)) overflow(*fiber);
  }
}

void worker::take_ready(fiber_list& ready) noexcept {
  const bool is_share_worthy = ready.size() > 1;
  while (control_block* const fiber = ready.pop_front()) {
    if (fiber->owner != &owner_) {
      resume(*fiber); // a descriptor of ours that a fiber of another runtime waits on
    } else if (fiber->home != nullptr) {
      fiber->home->push_pinned(*fiber);
    } else if (owner_.options_.force_migration) {
      owner_.resume_here(*this, *fiber);
    } else if (!queue_.try_push(*fiber)) {
      owner_.injected_.push(*fiber); // behind those in the ring: who was ready first runs first
    }
  }
  // One is ours to run; wake somebody for the rest.
  if (is_share_worthy && !is_alone_) owner_.wake_one();
}

void worker::schedule_next_look(base::time_point now) noexcept {
  last_look_ = now;
  // relaxed: only we and the monitor write it, and a lost wish of the monitor is one that has just been fulfilled.
  look_at_.store(passes_.load(relaxed) + passes_between_looks, relaxed);
}

bool worker::is_look_due() noexcept {
  // relaxed: see schedule_next_look. Zero: the monitor asks for it.
  const bool is_asked = look_at_.load(relaxed) == 0;
  // pairs with the release in push_pinned
  const bool has_post = !pinned_.is_empty() || pinned_inbox_size_.load(acquire) != 0;
  if (is_asked || has_post || !owner_.injected_.is_empty()) return true;
  if (now() - last_look_ >= poll_interval) return true;
  // relaxed: see schedule_next_look.
  look_at_.store(passes_.load(relaxed) + passes_between_looks, relaxed);
  return false;
}

bool worker::is_poll_worthwhile(base::time_point now) noexcept {
  // With that many at hand what is ready may as well wait in the kernel, where it keeps its turn and costs nothing.
  if (queue_.size() > run_queue::capacity / 4 && now - last_poll_ < longest_without_poll)
    return false;
  last_poll_ = now;
  return true;
}

void worker::look_around(bool with_poll) noexcept {
  const auto time = now();
  schedule_next_look(time);
  if (is_alone_) { // we are back, should they have been opened
    queue_.close_to_thieves();
    fresh_.close_to_thieves();
  }
  take_injected();
  fiber_list ready;
  timers_.expire(time, ready);
  if (with_poll && is_poll_worthwhile(time)) poller().poll(base::time_point::min(), ready);
  take_ready(ready);
  take_pinned();
  take_oldest_fresh(time);
  if (index_ == 0) owner_.check_drained();
}

control_block* worker::search() noexcept {
  // Whoever was woken to search has been counted already, and must be counted out again before it parks: while
  // somebody counts as searching, submitters wake nobody.
  if (!is_searching_) {
    // pairs with the release in add_worker
    if (owner_.started_workers_.load(acquire) < 2) return nullptr;
    if (!owner_.idle_.start_searching(owner_.worker_count())) return nullptr;
    is_searching_ = true;
  }
  // Two rounds: the second finds what became stealable while the first looked elsewhere.
  for (int round = 0; round < 2; ++round) {
    const std::uint32_t count = owner_.started_workers_.load(acquire); // pairs with add_worker
    const std::uint32_t start = random_.below(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      worker& victim = *owner_.workers_[(start + i) % count];
      // relaxed: the monitor's verdict; stale is harmless.
      if (&victim != this && victim.steal_into(*this, victim.is_stuck_.load(relaxed)) > 0) {
        // relaxed: a statistic that only we write.
        steals_.store(steals_.load(relaxed) + 1, relaxed);
        // Null: another thief took it from us at once.
        if (control_block* const next = pick()) return next;
      }
    }
    take_injected();
    if (control_block* const next = pick()) return next;
  }
  is_searching_ = false;
  owner_.idle_.stop_searching();
  return nullptr;
}

void worker::stop_searching() noexcept {
  if (!is_searching_) return;
  is_searching_ = false;
  // The last searcher passes the duty on: there may be more where this came from.
  if (owner_.idle_.stop_searching()) owner_.wake_one();
}

std::uint32_t worker::steal_into(worker& thief, bool is_stuck) noexcept {
  const std::uint32_t count = queue_.steal_into(thief.queue_);
  if (count > 0) return count;
  control_block* single = fresh_.steal();
  if (single == nullptr && is_stuck) single = take_next_slot();
  if (single == nullptr) return 0;
  if (!thief.queue_.try_push(*single)) thief.overflow(*single);
  return 1;
}

bool worker::has_runnable() const noexcept {
  // relaxed: hints; callers fence.
  return queue_.size() > 0 || !fresh_.is_empty() ||
         (is_stuck_.load(relaxed) && next_slot_.load(relaxed) != nullptr);
}

void worker::promise_more_stacks(unsigned size_class) {
  constexpr std::uint32_t batch = most_promises / 2;
  try {
    stack_pool::instance().promise(size_class, batch);
    promises_[size_class] = batch;
  } catch (const std::system_error&) {
    stack_pool::instance().promise(size_class, 1); // address space is short: no hoarding
    promises_[size_class] = 1;
  }
}

void worker::withdraw_promises(unsigned size_class) noexcept {
  stack_pool::instance().withdraw(size_class, most_promises / 2);
  promises_[size_class] -= most_promises / 2;
}

void worker::take_more_ids() noexcept {
  constexpr std::uint64_t block = 1024;
  next_id_ = owner_.fresh_ids(block);
  last_id_ = next_id_ + block;
}

void worker::replace_poller(std::unique_ptr<coir::poller> next) {
  pollers_.push_back(std::move(next));
  coir::poller* const old =
      poller_.load(relaxed); // relaxed: the caller's lock guards against other writers
  poller_.store(pollers_.back().get(), release); // pairs with the acquire in poller()
  old->interrupt(); // a sleeper there must move; the interrupt is sticky for one about to sleep
}

} // namespace coir
