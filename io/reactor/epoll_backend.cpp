// SPDX-License-Identifier: MIT
#include "io/reactor/epoll_backend.hpp"

#include "io/reactor/fd_state.hpp"
#include "io/reactor/kernel_call.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace coir {
namespace {

// An event carries the record's address and, in the 16 bits that user addresses leave free, its generation.
constexpr int generation_shift = 48;
constexpr std::uint64_t address_mask = (std::uint64_t{1} << generation_shift) - 1;
constexpr std::uint64_t notifier_tag = 0;

std::uint64_t tag_of(const fd_state& fd) noexcept {
  // relaxed: changes only when the descriptor is closed, which the caller's operation prevents.
  return reinterpret_cast<std::uintptr_t>(&fd) |
         (std::uint64_t{fd.generation.load(relaxed)} << generation_shift);
}

fd_state* record_of(std::uint64_t tag) noexcept {
  return reinterpret_cast<fd_state*>(tag & address_mask);
}

// With many connections what an event leads to lies in no cache: its record, then who waits there. Both are asked for
// some events ahead.
constexpr int records_ahead = 8;
constexpr int waiters_ahead = 4;

void prefetch_record(const epoll_event& event) noexcept {
  __builtin_prefetch(record_of(event.data.u64), 1);
}

void prefetch_waiter(const epoll_event& event) noexcept {
  if (event.data.u64 == notifier_tag) return;
  record_of(event.data.u64)->prefetch_waiter(direction::read);
}

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::system_category(), what);
  return result;
}

} // namespace

epoll_backend::epoll_backend(bool has_nanoseconds) : has_nanoseconds_(has_nanoseconds) {
  try {
    epoll_fd_ = checked(::epoll_create1(EPOLL_CLOEXEC), "coir: epoll_create1");
    notifier_fd_ = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "coir: eventfd");
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = notifier_tag;
    checked(::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, notifier_fd_, &event), "coir: epoll_ctl");
  } catch (...) {
    if (notifier_fd_ >= 0) ::close(notifier_fd_);
    if (epoll_fd_ >= 0) ::close(epoll_fd_);
    throw;
  }
}

epoll_backend::~epoll_backend() {
  ::close(notifier_fd_);
  ::close(epoll_fd_);
}

poll_result epoll_backend::poll(base::time_point deadline, fiber_list& ready) noexcept {
  if (deadline == base::time_point::min()) {
    poll_without_waiting(ready);
    return poll_result::done;
  }
  is_waiting_.store(true, relaxed); // relaxed: the exchange releases it to whoever will write the eventfd
  std::uint32_t seen = empty;
  // acq_rel: pairs with the exchange in interrupt: what was written before it is visible after.
  // acquire: the same, where it came first.
  const bool may_sleep = state_.compare_exchange(seen, sleeping, acq_rel, acquire);
  epoll_event events[events_per_poll];
  const int count = wait(events, may_sleep ? deadline : base::time_point::min());
  is_waiting_.store(false, relaxed); // relaxed: an edge too many only ends a poll early
  state_.exchange(empty, acq_rel);   // pairs with the exchange in interrupt
  deliver(events, count, ready);
  return poll_result::done;
}

void epoll_backend::poll_without_waiting(fiber_list& ready) noexcept {
  epoll_event events[events_per_poll];
  const int count = wait(events, base::time_point::min());
  if (!deliver(events, count, ready)) return;
  // We are the monitor, and the edge is meant for the worker. relaxed: ordered by the kernel, the write that we
  // have fetched came after the store for the poll that it was meant for.
  if (is_waiting_.load(relaxed)) ring();
}

int epoll_backend::wait(epoll_event* events, base::time_point deadline) noexcept {
  std::int64_t nanoseconds = 0;
  if (deadline != base::time_point::min() && deadline != base::time_point::max()) {
    nanoseconds = std::max<std::int64_t>((deadline - now()).count(), 0);
  }
  std::int64_t count = -ENOSYS;
  // relaxed: a fact about the kernel, found out by whoever comes first.
  if (nanoseconds > 0 && has_nanoseconds_.load(relaxed)) {
    const timespec limit{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
    count = base::system_call(SYS_epoll_pwait2, epoll_fd_, events, events_per_poll, &limit, 0, 0);
    if (count == -ENOSYS || count == -EPERM) has_nanoseconds_.store(false, relaxed); // relaxed: as above
  }
  if (count < 0 && count != -EINTR) {
    const std::int64_t milliseconds = (nanoseconds + 999'999) / 1'000'000; // never too early
    const bool is_endless = deadline == base::time_point::max();
    const int limit =
        is_endless ? -1 : static_cast<int>(std::min<std::int64_t>(milliseconds, INT_MAX));
    const auto by_libc = [&] { return ::epoll_wait(epoll_fd_, events, events_per_poll, limit); };
#ifdef SYS_epoll_wait // younger architectures have none
    count = direct_call(by_libc, SYS_epoll_wait, epoll_fd_, events, events_per_poll, limit);
#else
    count = kernel_call(by_libc);
#endif
  }
  return static_cast<int>(std::max<std::int64_t>(count, 0)); // EINTR: as if interrupted
}

bool epoll_backend::deliver(const epoll_event* events, int count, fiber_list& ready) noexcept {
  bool found_notifier = false;
  for (int i = 0; i < std::min(count, records_ahead); ++i) prefetch_record(events[i]);
  for (int i = 0; i < count; ++i) {
    if (i + records_ahead < count) prefetch_record(events[i + records_ahead]);
    if (i + waiters_ahead < count) prefetch_waiter(events[i + waiters_ahead]);
    const std::uint64_t tag = events[i].data.u64;
    if (tag == notifier_tag) {
      found_notifier = true;
      continue;
    }
    fd_state& fd = *record_of(tag);
    if (tag_of(fd) != tag) continue; // closed since, and maybe another descriptor's record by now
    const std::uint32_t what = events[i].events;
    const bool has_failed = (what & (EPOLLHUP | EPOLLERR)) != 0;
    // Urgent data counts too: a read stops in front of it, as if it had drained the socket.
    const bool has_hung_up = has_failed || (what & (EPOLLRDHUP | EPOLLPRI)) != 0;
    if ((what & EPOLLIN) != 0 || has_hung_up) fd.notify(direction::read, has_hung_up, ready);
    if ((what & EPOLLOUT) != 0 || has_failed) fd.notify(direction::write, has_failed, ready);
  }
  return found_notifier;
}

void epoll_backend::interrupt() noexcept {
  // acq_rel: pairs with the exchanges in poll.
  if (state_.exchange(notified, acq_rel) == sleeping) ring();
}

void epoll_backend::ring() noexcept {
  const auto by_libc = [this] { return ::eventfd_write(notifier_fd_, 1); };
  const std::uint64_t one = 1;
  static_cast<void>(direct_call(by_libc, SYS_write, notifier_fd_, &one, sizeof one));
}

int epoll_backend::attach(fd_state& fd) noexcept {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
  event.data.u64 = tag_of(fd);
  const auto control = [&](int what) {
    const auto by_libc = [&] { return ::epoll_ctl(epoll_fd_, what, fd.fd, &event); };
    return direct_call(by_libc, SYS_epoll_ctl, epoll_fd_, what, fd.fd, &event);
  };
  std::int64_t error = control(EPOLL_CTL_ADD);
  // Another runtime has attached it meanwhile, and now it is our turn again.
  if (error == -EEXIST) error = control(EPOLL_CTL_MOD);
  return static_cast<int>(error);
}

void epoll_backend::detach(fd_state& fd) noexcept {
  epoll_event ignored{};
  kernel_call([&] { return ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd.fd, &ignored); });
}

std::unique_ptr<poller> make_epoll_backend() { return std::make_unique<epoll_backend>(); }

} // namespace coir
