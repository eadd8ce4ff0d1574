// SPDX-License-Identifier: MIT
// What two players that block on semaphores do, whosever they are. Floor 7.
#pragma once

#include "bench/ping_pong/params.hpp"

namespace bench::ping_pong {

template <class Semaphore>
struct table {
  Semaphore first{1};
  Semaphore second{0};
  bench::ping_pong::turns turns;

  [[nodiscard]] Semaphore& own(bool begins) noexcept { return begins ? first : second; }
  [[nodiscard]] Semaphore& other(bool begins) noexcept { return begins ? second : first; }
  /// Ends the program unless both have made all their turns.
  void check(std::uint64_t round_trips) const {
    require(turns.taken() == answer(round_trips), "turns are lost");
  }
};

template <class Semaphore>
void play(table<Semaphore>& shared, bool begins, std::uint64_t round_trips) {
  auto& own = shared.own(begins);
  auto& other = shared.other(begins);
  for (std::uint64_t i = 0; i < round_trips; ++i) {
    own.acquire();
    shared.turns.take(2 * i + (begins ? 0 : 1));
    other.release();
  }
}

} // namespace bench::ping_pong
