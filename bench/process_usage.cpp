// SPDX-License-Identifier: MIT
#include "bench/process_usage.hpp"

#include <time.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

namespace bench {

std::chrono::nanoseconds cpu_time_of(pid_t process) {
  clockid_t cpu_clock;
  timespec used{};
  int error = clock_getcpuclockid(process, &cpu_clock);
  if (error == 0 && clock_gettime(cpu_clock, &used) != 0) error = errno;
  if (error != 0) {
    throw std::system_error(error, std::system_category(),
                            "CPU time of process " + std::to_string(process));
  }
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

memory_usage memory_of(pid_t process) {
  const std::string path = "/proc/" + std::to_string(process) + "/status";
  std::ifstream status(path);
  memory_usage usage;
  int found = 0;
  std::string line;
  while (std::getline(status, line)) {
    const bool is_resident = line.starts_with("VmRSS:");
    if (!is_resident && !line.starts_with("VmPTE:")) continue;
    const std::uint64_t bytes = std::stoull(line.substr(6)) * 1024; // "kB" in there means KiB
    (is_resident ? usage.resident_bytes : usage.page_table_bytes) = bytes;
    ++found;
  }
  if (found != 2) {
    throw std::system_error(std::make_error_code(std::errc::no_such_process), path);
  }
  return usage;
}

} // namespace bench
