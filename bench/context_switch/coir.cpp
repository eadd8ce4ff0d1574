// SPDX-License-Identifier: MIT
// context_switch with coir_jump_context, the switch by a call. The scheduler inlines a shorter one.
#include "bench/context_switch/coir_switch.hpp"

int main(int argc, char** argv) {
  bench::program self("context_switch", "coir");
  self.parse(argc, argv);
  bench::context_switch::switch_pair<bench::context_switch::coir_switch> pair;
  self.measure("per_switch", bench::context_switch::sizes,
               [&](std::uint64_t round_trips) { return pair.measure(round_trips); });
}
