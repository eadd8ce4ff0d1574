// SPDX-License-Identifier: MIT
// When each sleeper is due, and how late it was. Floor 7.
#pragma once

#include "bench/process_usage.hpp"
#include "bench/timers/params.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

namespace bench::timers {

using clock = std::chrono::steady_clock;

/// One round. Sleepers may call woke() at the same time.
class sleepers {
public:
  explicit sleepers(std::uint64_t count) : late_(count, not_woken), start_(clock::now()) {}

  [[nodiscard]] std::uint64_t count() const noexcept { return late_.size(); }
  [[nodiscard]] clock::time_point due(std::uint64_t sleeper) const {
    const std::uint64_t place = sleeper * stride % count();
    return start_ + std::chrono::milliseconds(lead_milliseconds) +
           std::chrono::nanoseconds(window_milliseconds * 1'000'000 * place / count());
  }
  /// By the sleeper, as soon as it runs again.
  void woke(std::uint64_t sleeper) { late_[sleeper] = (clock::now() - due(sleeper)).count(); }

  /// After all have ended.
  void report(const program& self, std::chrono::nanoseconds cpu) {
    std::sort(late_.begin(), late_.end());
    require(late_.front() != not_woken, "somebody did not wake up");
    require(late_.front() >= 0, "somebody woke too early");
    const auto microseconds = [&](std::uint64_t percent) {
      return static_cast<double>(late_[(count() - 1) * percent / 100]) / 1000;
    };
    self.report({"cpu_per_sleeper", "us",
                 static_cast<double>(cpu.count()) / 1000 / static_cast<double>(count()), count()});
    self.report({"lateness_p50", "us", microseconds(50), count()});
    self.report({"lateness_p99", "us", microseconds(99), count()});
  }

private:
  static constexpr std::int64_t not_woken = std::numeric_limits<std::int64_t>::min();

  std::vector<std::int64_t> late_; ///< nanoseconds, by sleeper
  clock::time_point start_;
};

/// The rounds: `sleep_all(sleepers&)` returns when all have ended.
template <class Function>
void measure(const program& self, const work_sizes& amount, Function&& sleep_all) {
  for (unsigned round = 0; round < self.rounds(); ++round) {
    const auto before = cpu_time_of(getpid());
    sleepers all(self.count(amount));
    sleep_all(all);
    all.report(self, cpu_time_of(getpid()) - before);
  }
}

} // namespace bench::timers
