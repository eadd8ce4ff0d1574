// SPDX-License-Identifier: MIT
// That coroutines leave nothing behind. Floor 7.
#pragma once

#include "fiber/sched/slab.hpp"
#include "tests/catch.hpp"
#include "tests/support/living_fibers.hpp"

#include <cstddef>
#include <cstdint>

namespace coir::test {

/// Checks at its end that as many frames and control blocks live as at its beginning. Around a runtime's life, on a
/// plain thread.
class no_leaks {
public:
  no_leaks() = default;
  no_leaks(const no_leaks&) = delete;
  no_leaks& operator=(const no_leaks&) = delete;
  ~no_leaks() {
    CHECK(slab::statistics().frames == frames_);
    CHECK(count_living_fibers() == fibers_);
  }

private:
  std::int64_t frames_ = slab::statistics().frames;
  std::size_t fibers_ = count_living_fibers();
};

} // namespace coir::test
