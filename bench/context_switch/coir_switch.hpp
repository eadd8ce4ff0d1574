// SPDX-License-Identifier: MIT
// The switch that the library is built with (COIR_CONTEXT), for switch_pair. Floor 7.
#pragma once

#include "bench/context_switch/switch_pair.hpp"
#include "fiber/context/context.hpp"

namespace bench::context_switch {

struct coir_switch {
  using transfer = coir::transfer;
  static coir::context make(void* base, std::size_t size_bytes, void (*entry)(transfer)) {
    return coir::coir_make_context(base, size_bytes, entry);
  }
  static transfer jump(coir::context to, void* argument) {
    return coir::coir_jump_context(to, argument);
  }
  static coir::context from(transfer arrived) { return arrived.from; }
  static void* argument(transfer arrived) { return arrived.argument; }
};

} // namespace bench::context_switch
