// SPDX-License-Identifier: MIT
#include "tests/support/virtual_poller.hpp"

#include "fiber/this_fiber.hpp"

#include <algorithm>
#include <memory>

namespace coir::test {

base::time_point virtual_clock::now() const noexcept {
  // acquire: pairs with the release in wait: who sees the new time sees what was done before it came.
  return base::time_point(base::time_point::duration(now_.load(acquire)));
}

virtual_clock::hold::hold(virtual_clock& held) : held_(held) {
  const std::lock_guard lock(held_.mutex_);
  ++held_.holds_;
}

virtual_clock::hold::~hold() {
  const std::lock_guard lock(held_.mutex_);
  --held_.holds_;
  held_.changed_.notify_all(); // somebody sleeping has to look whether that was all
}

bool virtual_clock::is_all_asleep() const {
  return holds_ == 0 && std::all_of(pollers_.begin(), pollers_.end(),
                                    [](const virtual_poller* each) { return each->is_asleep(); });
}

poll_result virtual_clock::wait(virtual_poller& self, base::time_point deadline) {
  std::unique_lock lock(mutex_);
  self.deadline_ = deadline;
  self.is_parked_ = true;
  auto result = poll_result::done;
  while (self.is_asleep()) {
    if (!is_all_asleep()) {
      changed_.wait(lock);
      continue;
    }
    auto earliest = base::time_point::max();
    for (const virtual_poller* each : pollers_) earliest = std::min(earliest, each->deadline_);
    if (earliest == base::time_point::max()) {
      result = poll_result::deadlocked;
      break;
    }
    now_.store(earliest.time_since_epoch().count(), release); // pairs with the acquire in now
    changed_.notify_all();
  }
  self.is_parked_ = false;
  self.is_interrupted_ = false;
  return result;
}

virtual_poller::virtual_poller(virtual_clock& clock) : clock_(clock) {
  const std::lock_guard lock(clock_.mutex_);
  clock_.pollers_.push_back(this);
}

virtual_poller::~virtual_poller() {
  const std::lock_guard lock(clock_.mutex_);
  std::erase(clock_.pollers_, this);
}

bool virtual_poller::is_asleep() const noexcept {
  return is_parked_ && !is_interrupted_ && deadline_ > clock_.now();
}

poll_result virtual_poller::poll(base::time_point deadline, fiber_list&) noexcept {
  if (deadline == base::time_point::min()) return poll_result::done;
  return clock_.wait(*this, deadline);
}

void virtual_poller::interrupt() noexcept {
  const std::lock_guard lock(clock_.mutex_);
  is_interrupted_ = true;
  clock_.changed_.notify_all();
}

int virtual_poller::attach(fd_state&) noexcept { return 0; }

void virtual_poller::detach(fd_state&) noexcept {}

void until_others_wait() { this_fiber::sleep_for(std::chrono::nanoseconds(1)); }

runtime_options on_virtual_clock(virtual_clock& clock, unsigned workers) {
  runtime_options options;
  options.workers = workers;
  options.monitor = false;
  options.make_poller = [&clock](unsigned) { return std::make_unique<virtual_poller>(clock); };
  return options;
}

} // namespace coir::test
