// SPDX-License-Identifier: MIT
// What a process has used so far. Floor 7.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

namespace bench {

/// User and system time of all threads of the process, of those that have ended too.
///
/// By the process's CPU clock, which counts nanoseconds and is one system call however many threads there are:
/// /proc/PID/stat counts ticks, and /proc/PID/task/*/schedstat forgets threads that end. A thread that runs at the
/// moment is up to a scheduler tick behind. Throws std::system_error if there is no such process.
[[nodiscard]] std::chrono::nanoseconds cpu_time_of(pid_t process);

struct memory_usage {
  std::uint64_t resident_bytes = 0;   ///< VmRSS
  std::uint64_t page_table_bytes = 0; ///< VmPTE
};

/// From /proc/PID/status. What else the kernel holds for the process (sockets, stacks of kernel threads) is not in it.
/// Throws std::system_error if there is no such process.
[[nodiscard]] memory_usage memory_of(pid_t process);

} // namespace bench
