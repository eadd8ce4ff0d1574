// SPDX-License-Identifier: MIT
// xorshift64* (Vigna 2016, doi 10.1145/2845077): where a thief starts to look. Floor 0. Not for secrets.
#pragma once

#include <cstdint>

namespace coir::base {

class random_sequence {
public:
  explicit random_sequence(std::uint64_t seed) noexcept : word_(seed * 2 + 1) {}

  std::uint32_t next() noexcept {
    word_ ^= word_ >> 12;
    word_ ^= word_ << 25;
    word_ ^= word_ >> 27;
    return static_cast<std::uint32_t>((word_ * 0x2545F4914F6CDD1DULL) >> 32);
  }
  /// Uniform enough in [0, bound); bound > 0.
  std::uint32_t below(std::uint32_t bound) noexcept {
    return static_cast<std::uint32_t>((std::uint64_t{next()} * bound) >> 32);
  }

private:
  std::uint64_t word_;
};

} // namespace coir::base
