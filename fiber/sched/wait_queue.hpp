// SPDX-License-Identifier: MIT
// wait_queue: the one door from sync/, coro/ and io/ into suspend and resume; its hot steps: wait_steps.hpp. Floor 2.
//
// What waits is a `waiter` on the stack of the waiting fiber or plain thread. A waiter ends its wait once, by one of:
//   notified     a notifier took it out of the queue
//   timed_out    its deadline passed: the timer (fiber) or futex (thread) gave up
//   stopped      its fiber was requested to stop
// The last two are interruptions.
//
// State of a waiter, `state_`:
//
//     idle --(wait_locked, queue lock)--> linked --(notifier, queue lock)--> notified
//       |                                   +--(interrupter, no lock)--> interrupting --(queue lock)--> interrupted
//       +--(interrupter)--> interrupted     (the wait then ends before it begins)
//
// Who decides. Nobody, if only notifiers may end the wait: they hold the lock. If a stop request may, too, but no
// deadline, which is how most fibers wait: the exchange of the fiber's stop word, which begins to name the waiter as
// it is linked. Whoever takes the name out of it has the waiter, and the notifier that does so leaves nothing to undo.
// If there is a deadline: the exchange of state_.
//
// Why no wake-up is lost, and nobody resumes a fiber that still runs: the waiter is linked and the fiber suspended
// under the queue's lock, which only the after-switch action releases, when the context is saved. A notifier needs
// the lock to find the waiter, an interrupter needs it to unlink the waiter before it resumes the fiber.
//
// Why the queue outlives an interrupter: a waiter that is `interrupting` is left in the queue by notifiers, and
// ~wait_queue waits until the queue is empty. So a condition variable may be destroyed right after notify_all(), as
// std allows.
//
// Lock order: timer_queue's lock -> wait_queue's lock. Timers are armed and disarmed without holding a wait_queue's
// lock.
//
// Ordering:
//   linked -> notified | interrupting: one compare-and-swap (of state_ or of the stop word) decides; acq_rel on both
//                                      sides
//   outcome_ and what the notifier wrote -> the resumed fiber: through the run queue that carries it
//   the same for a thread: signal_ release (deliver) -> signal_ acquire (wait of a thread)
//
// Differences from Boost.Fiber's waker(epoch): the race is decided by a word in the waiter itself, no epoch is needed.
// Checked by: tests/sched/wait_queue_test.cpp.
#pragma once

#include "fiber/base/atomic.hpp"
#include "fiber/base/check.hpp"
#include "fiber/base/futex.hpp"
#include "fiber/base/spin_lock.hpp"

#include <cstdint>
#include <mutex>

namespace coir {

struct control_block;
class fiber_list;
class timer_queue;
class wait_queue;
struct wait_steps;

enum class wait_outcome : std::uint8_t { notified, timed_out, stopped };

/// Whether a wait is a cancellation point, and obeys the fiber's deadline_scope.
enum class wait_kind : std::uint8_t {
  plain,        ///< neither: for mutex::lock, which cannot report it
  interruptible ///< both
};

class waiter {
public:
  /// Of the calling fiber, or of the calling thread if it is none.
  waiter() noexcept;
  /// Of that fiber, or of nobody yet: then set_target() comes before arm().
  explicit waiter(control_block* target) noexcept
      : target_(target), limit_(base::time_point::max()) {
    if (target != nullptr) timers_ = nullptr;
  }
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;
  ~waiter() {
    if (is_armed()) disarm();
    // relaxed: a misuse is diagnosed.
    COIR_CHECK(state_.load(relaxed) != state::linked, "a waiter is destroyed while it waits");
  }

  /// From now on `limit` and a stop request interrupt the wait. Before the queue's lock is taken. Throws
  /// std::bad_alloc.
  void arm(wait_queue& queue, base::time_point limit, wait_kind kind);

  /// Ends the wait unless somebody else did. True: the caller must resume `target()` once no lock is held; until then
  /// the waiter stays valid.
  [[nodiscard]] bool try_interrupt(wait_outcome outcome) noexcept;
  [[nodiscard]] control_block* target() const noexcept { return target_; }
  [[nodiscard]] wait_outcome outcome() const noexcept { return outcome_; }

  void set_target(control_block& target) noexcept {
    target_ = &target;
    timers_ = nullptr;
  }
  /// It wants to know of an event and leaves it to others, if events are what is notified in the queue (io/). Before
  /// the wait.
  void peek() noexcept { is_peeking_ = true; }
  [[nodiscard]] bool is_peeking() const noexcept { return is_peeking_; }
  /// After a wait, or after arm() if there was none: ready for another.
  void reset() noexcept {
    if (is_armed()) disarm();
    state_.store(state::idle, relaxed); // relaxed: nobody else knows it any more
    outcome_ = wait_outcome::notified;
    is_peeking_ = false;
  }
  /// Neither waits nor has waited. By the waiter's own fiber.
  [[nodiscard]] bool is_idle() const noexcept {
    return state_.load(relaxed) == state::idle; // relaxed: who waits does not ask
  }

private:
  friend class wait_queue;
  friend class timer_queue;
  friend struct wait_steps;

  enum class state : std::uint8_t { idle, linked, notified, interrupting, interrupted };

  /// The part of arm() for a fiber's wait with a deadline.
  void arm_limit(base::time_point limit, wait_kind kind);
  [[nodiscard]] bool is_being_interrupted() const noexcept;
  void interrupt_linked(wait_outcome outcome) noexcept;
  /// A timer or a requester may know it.
  [[nodiscard]] bool is_armed() const noexcept {
    return watches_stop_ || (target_ != nullptr && timers_ != nullptr);
  }
  /// Afterwards neither does. Of one that is armed, so a fiber's.
  void disarm() noexcept;
  void wait_as_thread() noexcept;
  /// An interrupter was first: until it is done with the waiter.
  void await_interrupter() const noexcept;
  /// Lets the target go on. After this the waiter may be gone.
  void deliver() noexcept;

  waiter* next_; ///< circular list of the queue; guarded by its lock
  waiter* previous_;
  control_block* target_; ///< the fiber; null: a plain thread
  wait_queue* queue_;     ///< set by arm()
  union {
    base::time_point limit_; ///< of a thread's wait
    timer_queue* timers_;    ///< of a fiber's: where a timer is armed, or null
  };
  union {
    atomic<std::uint32_t> signal_{0}; ///< a thread sleeps on it
    std::uint32_t timer_slot_;        ///< of a fiber's, owned by timers_
  };
  atomic<state> state_{state::idle};
  wait_outcome outcome_ = wait_outcome::notified;
  // Written by its own fiber or thread, while nobody else knows it or before it is linked; watches_stop_
  // also by the notifier, under the queue's lock.
  bool is_interruptible_ : 1 = false; ///< somebody beside notifiers may end the wait
  bool is_stop_only_ : 1 = false;     ///< that is a stop request: the fiber's stop word decides
  bool watches_stop_ : 1 = false;
  bool is_peeking_ : 1 = false;
};
static_assert(sizeof(waiter) == 48); // a suspended coroutine pays for it

class wait_queue {
public:
  constexpr wait_queue() noexcept = default;
  wait_queue(const wait_queue&) = delete;
  wait_queue& operator=(const wait_queue&) = delete;
  /// No one may wait any more, but interrupted waiters may be on their way out.
  ~wait_queue();

  /// Guards the condition that waiters wait for. Never held over anything but the suspension in wait().
  [[nodiscard]] base::spin_lock& lock() noexcept { return lock_; }

  /// Suspends the caller until `is_ready()` is true, called under the lock: once before, not after, a suspension.
  /// So the notifier must have made the condition true on the waiter's behalf. Returns why it ended. May continue
  /// on another thread.
  template <class Ready>
  wait_outcome wait(base::time_point limit, wait_kind kind, Ready&& is_ready) {
    {
      const std::lock_guard held(lock_);
      if (is_ready()) return wait_outcome::notified;
    }
    waiter self;
    self.arm(*this, limit, kind);
    std::unique_lock held(lock_);
    if (is_ready()) return wait_outcome::notified;
    return wait_locked(self, std::move(held));
  }

  /// Links `self` and suspends; gives `held` up once the caller is out of the way: it is empty afterwards. For callers
  /// that need more control.
  /// With `unlock`, unlock(also) is called too when the caller is suspended: for condition variables.
  wait_outcome wait_locked(waiter& self, std::unique_lock<base::spin_lock>&& held,
                           void (*unlock)(void*) noexcept = nullptr, void* also = nullptr) noexcept;

  /// The longest waiting that can be notified, taken out; null if there is none. Under the lock. The caller must
  /// pass it to resume() without the lock.
  [[nodiscard]] waiter* take_first() noexcept;
  /// All of them, as a list for resume_all().
  [[nodiscard]] waiter* take_all() noexcept;
  [[nodiscard]] bool is_empty() const noexcept { return first() == nullptr; }
  /// Starts to load what take_first() will touch. Without the lock.
  void prefetch_first() const noexcept { __builtin_prefetch(first(), 1); }

  static void resume(waiter* taken) noexcept;
  static void resume_all(waiter* taken) noexcept;
  /// Instead of resume_all(): the caller puts the fibers behind the waiters on a queue; threads among them are woken.
  static void detach_all(waiter* taken, fiber_list& fibers) noexcept;

  void notify_one() noexcept;
  void notify_all() noexcept;

private:
  friend class waiter;
  friend struct wait_steps;
  void link(waiter& w) noexcept {
    if (first() == nullptr) [[likely]] {
      w.next_ = w.previous_ = &w;
      set_first(&w);
    } else {
      w.next_ = first();
      w.previous_ = first()->previous_;
      first()->previous_->next_ = &w;
      first()->previous_ = &w;
    }
  }
  void unlink(waiter& w) noexcept {
    if (w.next_ == &w) [[likely]] {
      set_first(nullptr);
      return;
    }
    w.next_->previous_ = w.previous_;
    w.previous_->next_ = w.next_;
    if (first() == &w) set_first(w.next_);
  }

  [[nodiscard]] waiter* first() const noexcept {
    return first_.load(relaxed); // relaxed: read under the lock, or a hint
  }
  void set_first(waiter* w) noexcept {
    first_.store(w, relaxed); // relaxed: published by the lock
  }

  base::spin_lock lock_;
  atomic<waiter*> first_{nullptr}; ///< circular and doubly linked; written under lock_
};

} // namespace coir
