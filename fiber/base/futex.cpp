// SPDX-License-Identifier: MIT
#include "fiber/base/futex.hpp"

#include "fiber/base/system_call.hpp"

#include <cerrno>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>

namespace coir::base {

bool futex_wait(atomic<std::uint32_t>& word, std::uint32_t expected, time_point deadline) noexcept {
  timespec limit{};
  const bool has_limit = deadline != time_point::max();
  if (has_limit) {
    const auto since_boot = std::chrono::nanoseconds(deadline.time_since_epoch()).count();
    limit.tv_sec = since_boot / 1'000'000'000;
    limit.tv_nsec = since_boot % 1'000'000'000;
  }
  // FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time; plain FUTEX_WAIT would take a relative one.
  const std::int64_t result =
      system_call(SYS_futex, word.native(), FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                  has_limit ? &limit : nullptr, 0, FUTEX_BITSET_MATCH_ANY);
  return result != -ETIMEDOUT;
}

void futex_wake(atomic<std::uint32_t>* word, int count) noexcept {
  static_cast<void>(system_call(SYS_futex, word->native(), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count));
}

} // namespace coir::base
