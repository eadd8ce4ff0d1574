// SPDX-License-Identifier: MIT
// The work of memory: many fibers are suspended at a gate, all at the same time, and what the process has grown by is
// divided by their number: resident memory and page tables. Then the gate opens, and each returns its number. Once per
// process, since memory that was given back may be found again. Floor 7.
#pragma once

#include "bench/process_usage.hpp"
#include "bench/program.hpp"

#include <unistd.h>

namespace bench::memory {

constexpr std::uint64_t work = 100'000; ///< fibers
constexpr std::uint64_t quick_work = 30'000;
constexpr work_sizes sizes{work, quick_work, 0};

constexpr std::uint64_t thread_work = 10'000; ///< for kernel threads
constexpr std::uint64_t quick_thread_work = 3'000;
constexpr work_sizes thread_sizes{thread_work, quick_thread_work, 0};

constexpr std::uint64_t answer(std::uint64_t fibers) { return fibers * (fibers - 1) / 2; }

/// What the process grows by while it makes fibers.
class growth {
public:
  explicit growth(std::uint64_t fibers)
      : fibers_(fibers), start_(std::chrono::steady_clock::now()), before_(memory_of(getpid())) {}

  /// When all are suspended.
  void stop() {
    time_ = std::chrono::steady_clock::now() - start_;
    after_ = memory_of(getpid());
  }
  void report(const program& self) const {
    const double resident = each(before_.resident_bytes, after_.resident_bytes);
    const double page_tables = each(before_.page_table_bytes, after_.page_table_bytes);
    self.report({"bytes_per_fiber", "bytes", resident + page_tables, fibers_});
    self.report({"page_tables_per_fiber", "bytes", page_tables, fibers_});
    self.report({"creation", "ns", time_.count() / static_cast<double>(fibers_), fibers_});
  }

private:
  [[nodiscard]] double each(std::uint64_t less, std::uint64_t more) const {
    return (static_cast<double>(more) - static_cast<double>(less)) / static_cast<double>(fibers_);
  }

  std::uint64_t fibers_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::duration<double, std::nano> time_{};
  memory_usage before_;
  memory_usage after_{};
};

} // namespace bench::memory
