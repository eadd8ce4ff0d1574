// SPDX-License-Identifier: MIT
#include "fiber/base/cpu_count.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>
#include <sched.h>
#include <string>

namespace coir::base {
namespace {

constexpr unsigned no_limit = std::numeric_limits<unsigned>::max();

unsigned affinity_count() noexcept {
  // A machine may have more CPUs than cpu_set_t holds, then the call fails with EINVAL and asks for a larger set.
  for (std::size_t cpus = 1024; cpus <= (1U << 16); cpus *= 2) {
    cpu_set_t* const set = CPU_ALLOC(cpus);
    if (set == nullptr) return 1;
    const std::size_t size = CPU_ALLOC_SIZE(cpus);
    const int result = ::sched_getaffinity(0, size, set);
    const int count = result == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) return static_cast<unsigned>(count);
  }
  return 1;
}

unsigned quota_to_count(long long quota, long long period) noexcept {
  if (quota <= 0 || period <= 0) return no_limit;
  return static_cast<unsigned>(std::max<long long>(1, (quota + period - 1) / period));
}

bool read_line(const std::string& path, char* line, int size) noexcept {
  std::FILE* const file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return false;
  const bool ok = std::fgets(line, size, file) != nullptr;
  std::fclose(file);
  return ok;
}

unsigned quota_v2(const std::string& group) {
  char line[128];
  long long quota = 0;
  long long period = 0;
  if (read_line("/sys/fs/cgroup" + group + "/cpu.max", line, sizeof line)) {
    std::sscanf(line, "%lld %lld", &quota, &period); // "max" reads as no number: no limit
  }
  return quota_to_count(quota, period);
}

unsigned quota_v1(const std::string& group) {
  char line[128];
  long long quota = 0;
  long long period = 0;
  const std::string folder = "/sys/fs/cgroup/cpu" + group;
  if (read_line(folder + "/cpu.cfs_quota_us", line, sizeof line)) std::sscanf(line, "%lld", &quota);
  if (read_line(folder + "/cpu.cfs_period_us", line, sizeof line))
    std::sscanf(line, "%lld", &period);
  return quota_to_count(quota, period);
}

/// A limit of any ancestor binds too. In a container the group's path is often that of the host, and does not
/// exist: then the root of what is mounted is the container's own group.
unsigned smallest_quota(std::string group, unsigned (*quota_of)(const std::string&)) {
  unsigned smallest = no_limit;
  for (;;) {
    smallest = std::min(smallest, quota_of(group));
    const auto slash = group.find_last_of('/');
    if (slash == std::string::npos) return smallest;
    group.resize(slash);
  }
}

/// Whether "cpu" is in a list like "cpu,cpuacct"; "cpuset" is another one.
bool controls_cpu(const char* controllers) {
  std::string list(1, ',');
  list.append(controllers).push_back(',');
  return list.find(",cpu,") != std::string::npos;
}

unsigned quota_count() {
  std::FILE* const groups = std::fopen("/proc/self/cgroup", "re");
  if (groups == nullptr) return no_limit;
  unsigned smallest = no_limit;
  char line[4096];
  while (std::fgets(line, sizeof line, groups) != nullptr) {
    // hierarchy-id:controllers:path, with an empty controller list for v2 (cgroups(7)).
    line[std::strcspn(line, "\n")] = '\0';
    char* const controllers = std::strchr(line, ':');
    char* const path = controllers != nullptr ? std::strchr(controllers + 1, ':') : nullptr;
    if (path == nullptr) continue;
    *path = '\0';
    const std::string group = std::strcmp(path + 1, "/") == 0 ? "" : path + 1;
    if (controllers[1] == '\0') {
      smallest = std::min(smallest, smallest_quota(group, quota_v2));
    } else if (controls_cpu(controllers + 1)) {
      smallest = std::min(smallest, smallest_quota(group, quota_v1));
    }
  }
  std::fclose(groups);
  return smallest;
}

} // namespace

unsigned usable_cpu_count() noexcept {
  try {
    return std::max(1U, std::min(affinity_count(), quota_count()));
  } catch (...) {
    return 1; // no memory for a path: one worker is always right
  }
}

} // namespace coir::base
