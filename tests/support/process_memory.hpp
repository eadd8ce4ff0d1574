// SPDX-License-Identifier: MIT
// What this process takes of the machine's memory. Floor 7.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstring>

namespace coir::test {

struct process_memory {
  std::size_t resident_bytes = 0;   ///< VmRSS
  std::size_t page_table_bytes = 0; ///< VmPTE
  std::size_t mapped_bytes = 0;     ///< VmSize
};

/// The number of bytes that the line "<name>: <number> kB" of a /proc file tells; 0 if there is none.
inline std::size_t read_kib_line(const char* path, const char* name) {
  std::FILE* const file = std::fopen(path, "re");
  if (file == nullptr) return 0;
  char line[256];
  unsigned long long kib = 0;
  const std::size_t length = std::strlen(name);
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, name, length) == 0 && line[length] == ':') {
      std::sscanf(line + length + 1, "%llu", &kib);
      break;
    }
  }
  std::fclose(file);
  return static_cast<std::size_t>(kib) << 10;
}

inline process_memory read_memory() {
  constexpr const char* status = "/proc/self/status";
  return {read_kib_line(status, "VmRSS"), read_kib_line(status, "VmPTE"),
          read_kib_line(status, "VmSize")};
}

/// What the machine could still give.
inline std::size_t available_bytes() { return read_kib_line("/proc/meminfo", "MemAvailable"); }

} // namespace coir::test
