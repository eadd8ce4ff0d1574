// SPDX-License-Identifier: MIT
// Options that most tests want: a number of workers, in a shuffled order. Floor 7.
#pragma once

#include "fiber/options.hpp"
#include "tests/support/seed.hpp"

namespace coir::test {

/// As a user's, with so many workers.
inline runtime_options with_workers(unsigned workers) {
  runtime_options options;
  options.workers = workers;
  return options;
}

/// One worker, and never a compensating one beside it: fibers run one at a time, in an order that can be foretold.
inline runtime_options only_one_worker() {
  runtime_options options = with_workers(1);
  options.monitor = false;
  return options;
}

/// As with_workers(), but fibers run in an order that the seed decides.
inline runtime_options shuffled(unsigned workers) {
  runtime_options options = with_workers(workers);
  options.shuffle_seed = seed();
  return options;
}

/// The same, and each resumed fiber continues on another worker.
inline runtime_options migrating(unsigned workers) {
  runtime_options options = shuffled(workers);
  options.force_migration = true;
  return options;
}

} // namespace coir::test
