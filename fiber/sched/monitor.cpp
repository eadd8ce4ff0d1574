// SPDX-License-Identifier: MIT
#include "fiber/sched/monitor.hpp"

#include "fiber/sched/resume.hpp"
#include "fiber/sched/scheduler.hpp"

#include <algorithm>
#include <csignal>
#include <system_error>

namespace coir {
namespace {

constexpr unsigned calm_limit_rounds = 3;
/// That a worker must be seen not to pass: one late look says nothing, since then we did not run either. (The kernel
/// handles packets at the expense of whoever sends one, up to 8 ms, and a virtual CPU may be taken away.)
constexpr unsigned least_looks = 2;

/// The monitor's thread takes no signals: the program's handlers expect its own threads.
class signals_blocked {
public:
  signals_blocked() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;
  ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
  sigset_t before_;
};

} // namespace

void monitor::start() {
  seen_.assign(owner_.workers_.size(), {.since = std::chrono::steady_clock::now()});
  calm_rounds_ = 0;
  is_threadless_ = false;
  state_.store(awake, relaxed);  // relaxed: the thread does not exist yet
  const signals_blocked blocked; // inherited by the thread
  thread_ = std::thread([this] { watch(); });
}

void monitor::stop() noexcept {
  state_.store(stopping, release); // pairs with the acquire in watch
  base::futex_wake(&state_, 1);
  thread_.join();
}

void monitor::watch() noexcept {
  const auto stuck_after = std::max<std::chrono::nanoseconds>(owner_.options().stuck_after,
                                                              std::chrono::milliseconds(1));
  const auto usual = std::clamp<std::chrono::nanoseconds>(
      stuck_after / least_looks, std::chrono::milliseconds(1), std::chrono::milliseconds(10));
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    unsigned stuck = 0;
    const unsigned running = observe(now, stuck);
    compensate(stuck, running, now);
    if (stuck > 0) owner_.check_drained(); // it may be worker 0, who watches the grace
    calm_rounds_ = running == 0 ? calm_rounds_ + 1 : 0;
    if (calm_rounds_ >= calm_limit_rounds) {
      sleep_until_activity();
    } else {
      // While a worker is stuck we are its poller: look often.
      const auto period =
          stuck > 0 ? std::chrono::nanoseconds(std::chrono::milliseconds(1)) : usual;
      const auto until = now + std::chrono::duration_cast<base::time_point::duration>(period);
      // pairs with the release in stop
      while (state_.load(acquire) == awake && base::futex_wait(state_, awake, until)) {
      }
    }
    if (state_.load(acquire) == stopping) return; // pairs with the release in stop
  }
}

unsigned monitor::observe(base::time_point now, unsigned& stuck) noexcept {
  unsigned running = 0;
  owner_.for_each_worker([&](worker& w) {
    observation& seen = seen_[w.index()];
    // relaxed: a sleeper that we take for running, or the reverse, is seen right the next time.
    if (w.is_parked_.load(relaxed)) {
      w.is_stuck_.store(false, relaxed); // relaxed: a verdict, see worker::search
      seen.begin(now);
      return;
    }
    ++running;
    if (observe_one(w, seen, now)) ++stuck;
  });
  return running;
}

bool monitor::observe_one(worker& w, observation& seen, base::time_point now) noexcept {
  const std::uint64_t passes = w.passes_.load(relaxed); // relaxed: only its change matters
  if (passes != seen.passes) {
    seen.passes = passes;
    seen.begin(now);
    w.is_stuck_.store(false, relaxed); // relaxed: a verdict, see worker::search
    w.look_at_.store(0, relaxed); // relaxed: it has been busy for our whole period, let it look around
    return false;
  }
  if (seen.used == observation::unread) seen.used = w.usage_.cpu_time();
  if (++seen.looks < least_looks || now - seen.since < owner_.options().stuck_after) return false;
  serve(w);
  if (waits_for_cpu(w, seen)) return false;
  w.is_stuck_.store(true, relaxed); // relaxed: a verdict, see worker::search
  report(w, seen, now);
  return true;
}

bool monitor::waits_for_cpu(const worker& w, const observation& seen) const noexcept {
  return w.usage_.is_runnable() &&
         w.usage_.cpu_time() - seen.used < owner_.options().stuck_after / 4;
}

void monitor::serve(worker& stuck) noexcept {
  fiber_list ready;
  stuck.poller().poll(base::time_point::min(), ready);
  stuck.timers().expire(stuck.now(), ready);
  while (control_block* const fiber = ready.pop_front()) resume(*fiber);
}

void monitor::report(worker& stuck, observation& seen, base::time_point now) noexcept {
  if (!owner_.options().on_stall || now - seen.last_report < std::chrono::seconds(1)) return;
  seen.last_report = now;
  owner_.options().on_stall({stuck.index(), now - seen.since});
}

void monitor::compensate(unsigned stuck, unsigned running, base::time_point now) noexcept {
  const unsigned nominal = owner_.worker_count();
  const std::uint32_t started = owner_.started_workers_.load(relaxed); // relaxed: only we change it now
  if (stuck < nominal) {
    // One of the proper workers is back, or none was away.
    for (std::uint32_t i = nominal; i < started; ++i) {
      worker& w = *owner_.workers_[i];
      if (w.is_retired_.exchange(true, relaxed)) continue; // relaxed: obeyed sooner or later
      w.interrupt();
    }
  }
  if (stuck == 0) return;
  // Thieves cannot take from a queue that its owner has for itself.
  owner_.for_each_worker([](worker& w) {
    if (!w.is_stuck_.load(relaxed)) return; // relaxed: our own store
    w.queue_.open_to_thieves();
    w.fresh_.open_to_thieves();
  });
  full_fence(); // pairs with the one in worker::park
  if (!owner_.has_queued_work()) return;
  if (worker* const sleeper = owner_.idle_.take_one(true)) {
    sleeper->interrupt();
    return;
  }
  if (stuck == running) {
    start_compensating(started, now);
    return;
  }
  owner_.for_each_worker([this](worker& w) {
    if (w.is_stuck_.load(relaxed)) hand_over(w); // relaxed: our own store
  });
}

void monitor::hand_over(worker& stuck) noexcept {
  std::uint32_t count = 0;
  while (stuck.queue_.steal_into(loot_) > 0) {
  }
  while (control_block* const fiber = loot_.pop()) {
    owner_.injected_.push(*fiber);
    ++count;
  }
  while (control_block* const oldest = stuck.fresh_.steal()) {
    owner_.injected_.push(*oldest);
    ++count;
  }
  if (control_block* const next = stuck.take_next_slot()) {
    owner_.injected_.push(*next);
    ++count;
  }
  if (count > 0) owner_.wake_one();
}

void monitor::start_compensating(std::uint32_t started, base::time_point now) noexcept {
  compensations_.store(compensations_.load(relaxed) + 1, relaxed); // relaxed: a statistic of ours
  for (std::uint32_t i = owner_.worker_count(); i < started - (is_threadless_ ? 1 : 0); ++i) {
    worker& w = *owner_.workers_[i];
    if (!w.is_retired_.exchange(false, relaxed)) continue; // relaxed: obeyed sooner or later
    seen_[i].begin(now);
    w.interrupt();
    return;
  }
  try {
    if (!is_threadless_) {
      if (started == owner_.workers_.size()) return; // as documented: no more than so many
      const std::lock_guard held(owner_.attach_mutex_);
      owner_.add_worker(owner_.make_first_poller(started));
      seen_[started].begin(now);
      is_threadless_ = true;
      ++started;
    }
    owner_.workers_[started - 1]->is_retired_.store(false, relaxed); // relaxed: it does not run yet
    owner_.start_thread(*owner_.workers_[started - 1]);
    is_threadless_ = false;
  } catch (const std::exception&) {
    // No memory or no thread: what is runnable waits, and we try again a millisecond later.
  }
}

void monitor::sleep_until_activity() noexcept {
  std::uint32_t expected = awake;
  // seq_cst: pairs with the full_fence before note_activity. relaxed: we are being stopped.
  if (!state_.compare_exchange(expected, asleep, seq_cst, relaxed)) return;
  full_fence(); // pairs with the one before note_activity: it sees us asleep, or we see it running
  bool all_parked = true;
  owner_.for_each_worker([&](const worker& w) {
    all_parked = all_parked && w.is_parked_.load(relaxed); // relaxed: ordered by the fence
  });
  if (all_parked) {
    // pairs with the exchange in note_activity and the release in stop
    while (state_.load(acquire) == asleep) {
      base::futex_wait(state_, asleep, base::time_point::max());
    }
  }
  expected = asleep;
  // relaxed: only our own state; if it was woken or stopped, that stays.
  state_.compare_exchange(expected, awake, relaxed, relaxed);
  calm_rounds_ = 0;
  const auto now = std::chrono::steady_clock::now();
  for (observation& seen : seen_) seen.begin(now); // it was us who did not look
}

void monitor::note_activity() noexcept {
  if (state_.load(relaxed) != asleep) return; // relaxed: ordered by the caller's fence
  std::uint32_t expected = asleep;
  // acq_rel: pairs with the acquire in sleep_until_activity. relaxed: somebody else woke it.
  if (state_.compare_exchange(expected, awake, acq_rel, relaxed)) base::futex_wake(&state_, 1);
}

} // namespace coir
