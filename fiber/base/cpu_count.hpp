// SPDX-License-Identifier: MIT
// How many CPUs this process may use. Floor 0.
#pragma once

namespace coir::base {
/// The smaller of the affinity mask (sched_getaffinity(2)) and the cgroup CPU quota rounded up (cgroup v2 `cpu.max` of
/// this process's group and its ancestors, or v1 `cpu.cfs_quota_us`); at least 1.
[[nodiscard]] unsigned usable_cpu_count() noexcept;
} // namespace coir::base
