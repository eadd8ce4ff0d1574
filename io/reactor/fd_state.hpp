// SPDX-License-Identifier: MIT
// fd_state: what the reactor knows of an open descriptor. Floor 4.
//
// One cache line per descriptor, since with 10,000 connections the lines touched per request decide the throughput.
//
// Readiness. A descriptor is attached to one poller, edge-triggered, for its life, when an operation first
// finds nothing to do (to one poller of each runtime, where several use it; an event that comes twice costs a
// try). Each direction has a word of two bits:
//   edge     an event has come since the last try, or the last try left something: a try may succeed
//   hung_up  the peer has closed, an error is pending, or urgent data lies between the bytes: no further edge
//            may come, so every try is worth it until one finds nothing
// An operation clears `edge` *before* it tries: an event that comes between sets it again and is not lost. A
// read that got less than it asked for has drained the socket, so `edge` stays clear and the next read waits
// without a try that would fail.
//
//   operation: edge set?  clear it, try;  nothing there?  lock queue; edge or hung_up?  else link and suspend
//   event:     lock queue;  somebody waits?  resume them, the edge is theirs;  else, or if they peek, set edge
//
// Life. Records are never freed, only reused (fd_state_pool), so an event that was fetched before its
// descriptor was closed may look at one. It carries the record's generation, and is dropped if that has moved
// on.
//
// `users`: bit 0 closed; above it the number of operations inside, which never grows again once closed is set.
// The last to leave a closed descriptor closes it in the kernel, once, so a number is never reused while an
// operation may still pass it to the kernel. Ordering of users:
//   0, release (adopt_descriptor) -> acquire (enter): the number
//   count, release (leave)        -> acq_rel (close, or the last leave): all operations are done before ::close
//
// Lock order: none; the two queues' locks are never held together. Checked by: tests/io/fd_state_test.cpp.
#pragma once

#include "fiber/base/cache_line.hpp"
#include "fiber/sched/poller.hpp"
#include "fiber/sched/wait_queue.hpp"

#include <cstddef>
#include <cstdint>

namespace coir {

/// Reading (and accepting) or writing (and connecting).
enum class direction : std::uint8_t { read, write };

/// Into what there is one of per direction.
[[nodiscard]] constexpr std::size_t index_of(direction d) noexcept {
  return static_cast<std::size_t>(d);
}

/// What who waits for an event does with it.
enum class event_use : std::uint8_t {
  take, ///< tries, so the edge is its own
  peek  ///< only wants to know: the edge stays for whoever tries next
};

struct alignas(base::cache_line_size) fd_state {
  enum : std::uint8_t { edge = 1, hung_up = 2 };

  fd_state() noexcept = default;
  fd_state(const fd_state&) = delete;
  fd_state& operator=(const fd_state&) = delete;

  int fd = -1;
  atomic<std::uint32_t> users{1};
  atomic<std::uint64_t> attached{
      0};                  ///< serial of the runtime that attached it last; 0: no event will come
  wait_queue waiters[2]{}; ///< by direction; the lock guards the decision to wait
  atomic<std::uint8_t> ready[2]{}; ///< by direction
  atomic<std::uint16_t> generation{0};
  fd_state* next_free = nullptr; ///< link of the pool

  /// Begins an operation. False: the descriptor is closed. Any thread.
  [[nodiscard]] bool enter() noexcept {
    std::uint32_t seen = users.load(relaxed); // relaxed: the exchange has the order
    do {
      if ((seen & closed) != 0) return false;
      // acquire: pairs with the release in adopt_descriptor. relaxed: only looks again.
    } while (!users.compare_exchange_weak(seen, seen + one_user, acquire, relaxed));
    return true;
  }
  /// Ends it.
  void leave() noexcept {
    // acq_rel: pairs with itself and with close: whoever closes in the kernel does so after all operations.
    if (users.fetch_sub(one_user, acq_rel) == (one_user | closed)) close_in_kernel();
  }
  /// Refuses new operations and ends the waits of present ones; ::close follows when they have left. False: was
  /// closed already.
  bool close() noexcept;
  [[nodiscard]] bool is_closed() const noexcept {
    return (users.load(acquire) & closed) != 0; // pairs with the release in close
  }

  /// Whether a try makes sense, as far as is known. Inside of an operation.
  [[nodiscard]] bool has_edge(direction d) const noexcept {
    return ready[index_of(d)].load(relaxed) != 0; // relaxed: a hint
  }
  /// The same, and if so the edge is taken. Inside of an operation.
  [[nodiscard]] bool take_edge(direction d) noexcept {
    auto& word = ready[index_of(d)];
    const std::uint8_t seen =
        word.load(relaxed); // relaxed: a hint; wait() looks again under the lock
    if (seen == 0) return false;
    // acq_rel: pairs with the exchanges in notify, notify_hang_up and leave_edge: what they saw arrive is there for our
    // try.
    if ((seen & edge) != 0) word.fetch_and(static_cast<std::uint8_t>(~edge), acq_rel);
    return true;
  }
  /// The last try left something: the next waiter or the next operation should try too. Inside of an operation.
  void leave_edge(direction d) noexcept;
  /// After a wait that only peeked: the edge is there, but who waited behind the peeker has not been told. Inside of an
  /// operation.
  void pass_peeked_edge(direction d) noexcept {
    if (!queue(d).is_empty()) leave_edge(d); // it was linked before the event, so we see it
  }
  /// A try found nothing although the word says that the peer has hung up: what was pending has been consumed,
  /// or it has come after the try. True: so try again, and leave the edge for the next. Inside of an operation.
  [[nodiscard]] bool forget_hang_up(direction d) noexcept;

  /// Suspends until a try makes sense (the edge is then the caller's, or left as `use` says), or returns
  /// -ETIMEDOUT, -ECANCELED (stop request), -EBADF (closed meanwhile), or why it cannot wait. Inside of an
  /// operation. `self`: the calling fiber or coroutine; null: a plain thread, which blocks.
  [[nodiscard]] int wait(control_block* self, direction d, base::time_point limit,
                         event_use use) noexcept;

  // The parts of wait(), for coroutines, which have their own way to suspend.

  /// Makes events come on the runtime of the calling fiber or coroutine `self`; 0 or why that cannot be.
  [[nodiscard]] int attach_if_new(const control_block& self) noexcept;
  [[nodiscard]] wait_queue& queue(direction d) noexcept { return waiters[index_of(d)]; }
  /// Under the lock of queue(d): a try makes sense, and the edge is the caller's unless it peeks, or it is closed.
  [[nodiscard]] bool need_not_wait(direction d, event_use use) noexcept {
    return is_closed() || (use == event_use::peek ? has_edge(d) : take_edge(d));
  }
  /// What wait() returns.
  [[nodiscard]] int result_of(wait_outcome outcome) const noexcept;

  /// The same as wait() for an event that can not come: neither attaches the descriptor nor needs any.
  [[nodiscard]] int wait_for_close(base::time_point limit) noexcept;

  /// Starts to load what notify() will touch. Records are never freed, so it may be called for any, at any time.
  void prefetch_waiter(direction d) const noexcept { waiters[index_of(d)].prefetch_first(); }
  /// An event for one direction: appends the fiber that it makes runnable to `out`. By pollers.
  void notify(direction d, bool has_hung_up, fiber_list& out) noexcept;

private:
  static constexpr std::uint32_t closed = 1; ///< in users
  static constexpr std::uint32_t one_user = 2;

  void close_in_kernel() noexcept;
  [[nodiscard]] int attach_here() noexcept;
  [[nodiscard]] int try_attach() noexcept;
  [[nodiscard]] inline int wait_as_fiber(control_block& self, direction d, base::time_point limit,
                                         event_use use) noexcept;
  [[nodiscard]] int wait_as_thread(direction d, base::time_point limit) noexcept;
  void resume_waiters(direction d) noexcept;
  void notify_hang_up(direction d, fiber_list& out) noexcept;
};
static_assert(sizeof(fd_state) == base::cache_line_size);

/// A record for an open descriptor, which it owns from now on. Throws std::bad_alloc; the descriptor is the
/// caller's then.
[[nodiscard]] fd_state& adopt_descriptor(int fd);
/// Gives the record of a closed descriptor back. No operation may be inside.
void release_record(fd_state& record) noexcept;

} // namespace coir
