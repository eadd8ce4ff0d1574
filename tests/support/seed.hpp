// SPDX-License-Identifier: MIT
// The seed of a test program: all its randomness comes from it. main.cpp chooses it and prints it. Floor 7.
//
//     COIR_TEST_SEED=12345 ./run_queue_test     repeats a run (so does --rng-seed 12345)
#pragma once

#include "tests/catch.hpp"

#include <cstdint>
#include <cstdlib>
#include <random>

namespace coir::test {

/// The environment's COIR_TEST_SEED, else a random one; never 0, which would switch the shuffling of schedules off.
/// For main().
inline std::uint32_t choose_seed() {
  const char* const given = std::getenv("COIR_TEST_SEED");
  const auto made = given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 0))
                                     : std::uint32_t{std::random_device()()};
  return made != 0 ? made : 1;
}

/// The seed of this run.
inline std::uint64_t seed() {
#if defined(CATCH_VERSION_MAJOR) && CATCH_VERSION_MAJOR >= 3
  return Catch::getSeed();
#else
  return Catch::rngSeed();
#endif
}

} // namespace coir::test
