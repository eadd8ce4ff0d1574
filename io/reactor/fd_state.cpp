// SPDX-License-Identifier: MIT
#include "io/reactor/fd_state.hpp"

#include "fiber/base/check.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/scheduler.hpp"
#include "fiber/sched/wait_steps.hpp"
#include "io/reactor/epoll_backend.hpp"
#include "io/reactor/kernel_call.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace coir {
void fd_state::close_in_kernel() noexcept {
  const auto by_libc = [this] { return ::close(fd); };
  static_cast<void>(direct_call(by_libc, SYS_close, fd));
}

bool fd_state::close() noexcept {
  std::uint32_t seen = users.load(relaxed); // relaxed: the exchange has the order
  std::uint32_t wanted = 0;
  do {
    if ((seen & closed) != 0) return false;
    // If operations are inside we join them, so that the number stays ours for the shutdown below.
    wanted = (seen | closed) + (seen == 0 ? 0 : one_user);
    // acq_rel: pairs with leave (its operation is done) and is_closed. relaxed: only looks again.
  } while (!users.compare_exchange_weak(seen, wanted, acq_rel, relaxed));
  if (seen == 0) {
    close_in_kernel();
    return true;
  }
  // The connection ends now; also wakes plain threads, which wait in poll(2).
  kernel_call([this] { return ::shutdown(fd, SHUT_RDWR); });
  resume_waiters(direction::read);
  resume_waiters(direction::write);
  leave();
  return true;
}

void fd_state::resume_waiters(direction d) noexcept {
  wait_queue& queue = waiters[index_of(d)];
  waiter* taken = nullptr;
  {
    const std::lock_guard held(queue.lock());
    taken = queue.take_all();
  }
  wait_queue::resume_all(taken);
}

void fd_state::leave_edge(direction d) noexcept {
  wait_queue& queue = waiters[index_of(d)];
  waiter* taken = nullptr;
  {
    const std::lock_guard held(queue.lock());
    taken = queue.take_first();
    // release: pairs with the acquire in take_edge.
    if (taken == nullptr || taken->is_peeking()) ready[index_of(d)].fetch_or(edge, release);
  }
  wait_queue::resume(taken);
}

bool fd_state::forget_hang_up(direction d) noexcept {
  auto& word = ready[index_of(d)];
  if ((word.load(relaxed) & hung_up) == 0)
    return false; // relaxed: a hint; wait() looks again under the lock
  // acq_rel: pairs with the release in notify_hang_up, as in take_edge.
  return (word.fetch_and(static_cast<std::uint8_t>(~hung_up), acq_rel) & hung_up) != 0;
}

void fd_state::notify(direction d, bool has_hung_up, fiber_list& out) noexcept {
  auto& word = ready[index_of(d)];
  const std::uint8_t bits = has_hung_up ? edge | hung_up : edge;
  // relaxed: whoever clears the bit tries afterwards, so what this event is about will be found.
  if ((word.load(relaxed) & bits) == bits) return;
  if (has_hung_up) [[unlikely]]
    return notify_hang_up(d, out);
  wait_queue& queue = waiters[index_of(d)];
  waiter* taken = nullptr;
  {
    const std::lock_guard held(queue.lock());
    taken = wait_steps::take_first(queue);
    // release: pairs with the acquire in take_edge.
    if (taken == nullptr || taken->is_peeking()) word.fetch_or(edge, release);
  }
  if (taken != nullptr) wait_steps::detach(*taken, out);
}

void fd_state::notify_hang_up(direction d, fiber_list& out) noexcept {
  wait_queue& queue = waiters[index_of(d)];
  waiter* taken = nullptr;
  {
    const std::lock_guard held(queue.lock());
    taken = queue.take_all();
    const bool is_edge_left = taken == nullptr || taken->is_peeking();
    // release: pairs with the acquire in take_edge.
    ready[index_of(d)].fetch_or(is_edge_left ? edge | hung_up : hung_up, release);
  }
  wait_queue::detach_all(taken, out);
}

int fd_state::result_of(wait_outcome outcome) const noexcept {
  switch (outcome) {
  case wait_outcome::timed_out: return -ETIMEDOUT;
  case wait_outcome::stopped: return -ECANCELED;
  case wait_outcome::notified: break;
  }
  return is_closed() ? -EBADF : 0;
}

inline int fd_state::wait_as_fiber(control_block& self, direction d, base::time_point limit,
                                   event_use use) noexcept {
  waiter waiting(&self);
  if (use == event_use::peek) waiting.peek();
  try {
    wait_steps::arm(waiting, queue(d), limit, wait_kind::interruptible);
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
  std::unique_lock held(queue(d).lock());
  return result_of(need_not_wait(d, use) ? wait_outcome::notified
                                         : queue(d).wait_locked(waiting, std::move(held)));
}

int fd_state::wait(control_block* self, direction d, base::time_point limit,
                   event_use use) noexcept {
  if (self == nullptr) [[unlikely]] {
    const int error = wait_as_thread(d, limit);
    if (error == 0 && use == event_use::peek) leave_edge(d);
    return error;
  }
  if (const int error = attach_if_new(*self); error != 0) [[unlikely]]
    return error;
  return wait_as_fiber(*self, d, limit, use);
}

int fd_state::wait_for_close(base::time_point limit) noexcept {
  const auto d = direction::write; // what waits for it wakes up too early at worst
  static_cast<void>(take_edge(d)); // the one that every record starts with
  control_block* const self = current_fiber();
  return self == nullptr ? wait_as_thread(d, limit)
                         : wait_as_fiber(*self, d, limit, event_use::take);
}

int fd_state::attach_if_new(const control_block& self) noexcept {
  // pairs with the release in try_attach
  return attached.load(acquire) == self.owner->serial() ? 0 : attach_here();
}

int fd_state::attach_here() noexcept {
  int error = try_attach();
  if (error != -ENOSYS) return error;
  // The first descriptor of this runtime: its pollers can only park so far.
  try {
    current_worker()->owner().attach_pollers(make_epoll_backend);
  } catch (const std::system_error& failed) {
    return -failed.code().value();
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
  return try_attach();
}

int fd_state::try_attach() noexcept {
  // The write side's lock serves as well as any; an event of this descriptor may spin on it for one system call.
  const std::lock_guard held(waiters[index_of(direction::write)].lock());
  worker& here = *current_worker();
  const std::uint64_t wanted = here.owner().serial();
  if (attached.load(relaxed) == wanted) return 0; // relaxed: written under the lock
  const int error = here.poller().attach(*this);
  if (error == 0) attached.store(wanted, release); // pairs with the acquire in wait
  return error;
}

int fd_state::wait_as_thread(direction d, base::time_point limit) noexcept {
  limit = std::min(limit, current_limit());
  pollfd waited{fd, static_cast<short>(d == direction::read ? POLLIN | POLLRDHUP : POLLOUT), 0};
  for (;;) {
    if (is_closed()) return -EBADF;
    timespec left{};
    const bool has_limit = limit != base::time_point::max();
    if (has_limit) {
      const auto nanoseconds = std::max<std::int64_t>((limit - clock::now()).count(), 0);
      left.tv_sec = nanoseconds / 1'000'000'000;
      left.tv_nsec = nanoseconds % 1'000'000'000;
    }
    const std::int64_t count =
        kernel_call([&] { return ::ppoll(&waited, 1, has_limit ? &left : nullptr, nullptr); });
    if (count > 0) return is_closed() ? -EBADF : 0;
    if (count == 0) return -ETIMEDOUT;
    if (count != -EINTR) return static_cast<int>(count);
  }
}

} // namespace coir
