// SPDX-License-Identifier: MIT
// park_poller: a worker's poller as long as nobody uses descriptors: it only sleeps. Floor 2.
#pragma once

#include "fiber/sched/poller.hpp"

namespace coir {

class park_poller final : public poller {
public:
  [[nodiscard]] base::time_point now() noexcept override {
    return std::chrono::steady_clock::now();
  }
  poll_result poll(base::time_point deadline, fiber_list& ready) noexcept override;
  void interrupt() noexcept override;
  int attach(fd_state& fd) noexcept override;
  void detach(fd_state& fd) noexcept override;

private:
  // empty -> notified by interrupt(), back by poll(). Sticky: an interrupt before the sleep ends the sleep at once.
  enum : std::uint32_t { empty, sleeping, notified };
  atomic<std::uint32_t> state_{empty};
};

} // namespace coir
