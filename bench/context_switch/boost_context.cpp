// SPDX-License-Identifier: MIT
// context_switch with Boost.Context. Fair: jump_fcontext is the lowest of its interfaces and the fastest; it saves the
// floating-point control words with each switch, which coir does not promise.
#include "bench/context_switch/switch_pair.hpp"

#include <boost/context/detail/fcontext.hpp>

namespace {

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

} // namespace

int main(int argc, char** argv) {
  bench::program self("context_switch", "boost_context");
  self.parse(argc, argv);
  bench::context_switch::switch_pair<boost_switch> pair;
  self.measure("per_switch", bench::context_switch::sizes,
               [&](std::uint64_t round_trips) { return pair.measure(round_trips); });
}
