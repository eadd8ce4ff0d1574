// SPDX-License-Identifier: MIT
// The two store-load barriers, by the pattern that needs them: of two who announce themselves and then look, at least
// one sees the other.
#include "fiber/base/asymmetric_fence.hpp"
#include "fiber/base/atomic.hpp"
#include "fiber/base/pause.hpp"
#include "tests/catch.hpp"
#include "tests/support/sanitized.hpp"

#include <thread>

using coir::atomic;
using coir::relaxed;

namespace {

struct announcement {
  alignas(64) atomic<int> here{0};
  alignas(64) atomic<int> there{0};
  alignas(64) atomic<int> round{0};
  alignas(64) atomic<int> done{0};
  int seen_there = 0;
};

/// Counts the rounds in which neither saw the other.
template <class Here, class There>
int count_blind_rounds(int rounds, Here fence_here, There fence_there) {
  announcement shared;
  std::thread other([&] {
    for (int round = 1; round <= rounds; ++round) {
      coir::base::spin_wait wait;
      while (shared.round.load(coir::acquire) != round) wait.once();
      shared.there.store(round, relaxed);
      fence_there();
      shared.seen_there = shared.here.load(relaxed);
      shared.done.store(round, coir::release);
    }
  });
  int blind = 0;
  for (int round = 1; round <= rounds; ++round) {
    shared.round.store(round, coir::release);
    shared.here.store(round, relaxed);
    fence_here();
    const int seen_here = shared.there.load(relaxed);
    coir::base::spin_wait wait;
    while (shared.done.load(coir::acquire) != round) wait.once();
    blind += seen_here != round && shared.seen_there != round ? 1 : 0;
  }
  other.join();
  return blind;
}

} // namespace

TEST_CASE("Of two with a full fence each, one sees the other") {
  const int rounds = coir::test::is_sanitized ? 2'000 : 20'000;
  CHECK(count_blind_rounds(rounds, coir::full_fence, coir::full_fence) == 0);
}

TEST_CASE("Of one with a heavy and one with a light fence, one sees the other") {
  if (!coir::base::has_heavy_fence()) return; // then nobody uses them
  CHECK(count_blind_rounds(5'000, coir::base::heavy_fence, coir::light_fence) == 0);
}
