// SPDX-License-Identifier: MIT
// epoll_backend: a worker's poller on epoll(7). Floor 4. Implements the contract of fiber/sched/poller.hpp.
//
// One epoll instance per worker; descriptors are registered once, edge-triggered, for both directions, and
// leave by being closed. So a request costs a share of one epoll_pwait2 and nothing else.
//
// Interrupt. `state_` says whether the worker sleeps, so that interrupting a running one costs no system call:
//
//     empty --(poll)--> sleeping --(poll returns)--> empty
//     empty | sleeping --(interrupt)--> notified --(poll returns)--> empty     (from sleeping: rings the eventfd)
//
// The eventfd is registered edge-triggered and never read: each write is an edge. The monitor, which polls for
// a stuck worker, may fetch that edge just when the worker has come back and sleeps; a poll that does not wait
// therefore passes it on while another one waits.
#pragma once

#include "fiber/sched/poller.hpp"

#include <memory>

struct epoll_event;

namespace coir {

class epoll_backend final : public poller {
public:
  /// Throws std::system_error (EMFILE, ENFILE, ENOMEM). `has_nanoseconds`: false forces epoll_wait, as on
  /// kernels before 5.11 or where a filter refuses epoll_pwait2: deadlines are then rounded up to milliseconds.
  explicit epoll_backend(bool has_nanoseconds = true);
  ~epoll_backend() override;

  [[nodiscard]] base::time_point now() noexcept override {
    return std::chrono::steady_clock::now();
  }
  poll_result poll(base::time_point deadline, fiber_list& ready) noexcept override;
  void interrupt() noexcept override;
  int attach(fd_state& fd) noexcept override;
  void detach(fd_state& fd) noexcept override;

private:
  static constexpr int events_per_poll = 256;
  enum : std::uint32_t { empty, sleeping, notified };

  void poll_without_waiting(fiber_list& ready) noexcept;
  void ring() noexcept;
  int wait(epoll_event* events, base::time_point deadline) noexcept;
  /// Returns whether the eventfd was among them.
  bool deliver(const epoll_event* events, int count, fiber_list& ready) noexcept;

  int epoll_fd_ = -1;
  int notifier_fd_ = -1;
  atomic<bool> has_nanoseconds_;
  atomic<std::uint32_t> state_{empty};
  atomic<bool> is_waiting_{false}; ///< the worker is in a poll that waits, or about to be
};

/// For scheduler::attach_pollers.
[[nodiscard]] std::unique_ptr<poller> make_epoll_backend();

} // namespace coir
