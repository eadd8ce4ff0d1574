// SPDX-License-Identifier: MIT
// The bare switch against the one of Boost.Context, in turns, so that both see the same machine.
#include "bench/raw_switch.hpp"

#ifdef COIR_BENCH_BOOST_CONTEXT
#include <boost/context/detail/fcontext.hpp>
#endif

namespace {

constexpr std::uintptr_t round_trips = 1'000'000;

#ifdef COIR_BENCH_BOOST_CONTEXT
struct boost_switch {
  using transfer = boost::context::detail::transfer_t;
  using context = boost::context::detail::fcontext_t;
  static context make(void* base, std::size_t size_bytes, void (*entry)(transfer)) {
    return boost::context::detail::make_fcontext(base, size_bytes, entry);
  }
  static transfer jump(context to, void* argument) {
    return boost::context::detail::jump_fcontext(to, argument);
  }
  static context from(transfer arrived) { return arrived.fctx; }
  static void* argument(transfer arrived) { return arrived.data; }
};
#endif

bench::measurement described(const char* system) {
  return {.workload = "context_switch", .system = system, .metric = "per_switch", .unit = "ns"};
}

} // namespace

int main(int argc, char** argv) {
  const unsigned rounds = bench::rounds_from(argc, argv, 15);
  bench::switch_pair<bench::coir_switch> ours;
  bench::samples our_rounds;
#ifdef COIR_BENCH_BOOST_CONTEXT
  bench::switch_pair<boost_switch> theirs;
  bench::samples their_rounds;
#endif
  for (unsigned round = 0; round < rounds; ++round) {
    our_rounds.add(ours.measure(round_trips));
#ifdef COIR_BENCH_BOOST_CONTEXT
    their_rounds.add(theirs.measure(round_trips));
#endif
  }
  bench::report(described("coir"), our_rounds);
#ifdef COIR_BENCH_BOOST_CONTEXT
  bench::report(described("boost_context"), their_rounds);
#endif
}
