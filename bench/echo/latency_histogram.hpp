// SPDX-License-Identifier: MIT
// Counts of latencies in buckets that grow with the value, so that any latency is known to 1 %. Floor 7.
//
// A value below 128 ns has a bucket of its own. Above, each doubling is cut into 64 buckets of equal width: a bucket is
// at most 1/64 of its values wide and its middle at most 1/128 off. 2^40 ns, 18 minutes, and more share the last one.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace bench {

class latency_histogram {
public:
  void record(std::uint64_t nanoseconds) noexcept {
    ++counts_[bucket_of(std::min(nanoseconds, largest_counted))];
    ++total_;
    largest_ = std::max(largest_, nanoseconds);
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return total_; }
  [[nodiscard]] std::uint64_t largest() const noexcept { return largest_; }

  /// The latency that the given share of all values, 0 to 1, does not exceed, in nanoseconds; 0 if there are none.
  [[nodiscard]] std::uint64_t quantile(double share) const noexcept {
    if (total_ == 0) return 0;
    // Rounded up: the quantile is a value that occurred.
    const auto exact = share * static_cast<double>(total_);
    auto wanted = static_cast<std::uint64_t>(exact);
    if (static_cast<double>(wanted) < exact) ++wanted;
    wanted = std::max<std::uint64_t>(wanted, 1);
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      seen += counts_[bucket];
      if (seen >= wanted) return std::min(middle_of(bucket), largest_);
    }
    return largest_;
  }

private:
  static constexpr unsigned exact_bits = 7; ///< values of so many bits have a bucket each
  static constexpr unsigned most_bits = 40;
  static constexpr std::uint64_t half = std::uint64_t{1} << (exact_bits - 1);
  static constexpr std::uint64_t largest_counted = (std::uint64_t{1} << most_bits) - 1;

  /// Shifted right until exact_bits remain, a value of more bits lies in [half, 2 * half).
  static std::size_t bucket_of(std::uint64_t value) noexcept {
    const auto bits = static_cast<unsigned>(std::bit_width(value));
    const unsigned shift = bits > exact_bits ? bits - exact_bits : 0;
    return shift * half + (value >> shift);
  }
  static std::uint64_t middle_of(std::size_t bucket) noexcept {
    if (bucket < 2 * half) return bucket;
    const unsigned shift = static_cast<unsigned>(bucket / half) - 1;
    const std::uint64_t lowest = (bucket - shift * half) << shift;
    return lowest + (std::uint64_t{1} << shift) / 2;
  }

  std::array<std::uint64_t, (most_bits - exact_bits + 2) * half> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t largest_ = 0;
};

} // namespace bench
