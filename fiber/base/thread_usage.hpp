// SPDX-License-Identifier: MIT
// What the kernel says of a thread: how long it has had a CPU, and whether it wants one. Floor 0.
//
// By both together a thread that computes, one that blocks, and one that waits for a CPU on a crowded machine can be
// told apart from outside. Each question is a few system calls.
#pragma once

#include "fiber/base/atomic.hpp"

#include <chrono>
#include <ctime>
#include <sys/types.h>

namespace coir::base {

class thread_usage {
public:
  /// From now on it is the calling thread that is asked about.
  void watch_this_thread() noexcept;

  /// The CPU time of the thread so far; zero if it has ended. Any thread.
  [[nodiscard]] std::chrono::nanoseconds cpu_time() const noexcept;
  /// Whether the thread is on a CPU or waits for one. False if it sleeps or blocks, and where /proc does not tell. Any
  /// thread.
  [[nodiscard]] bool is_runnable() const noexcept;

private:
  atomic<pid_t> id_{0}; ///< written by the thread that is watched, as the next
  atomic<clockid_t> clock_{CLOCK_THREAD_CPUTIME_ID};
};

} // namespace coir::base
