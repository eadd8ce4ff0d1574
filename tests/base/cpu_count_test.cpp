// SPDX-License-Identifier: MIT
// usable_cpu_count: bounded by the affinity mask, and what a runtime takes for its number of workers.
#include "fiber/base/cpu_count.hpp"

#include "fiber/runtime.hpp"
#include "tests/catch.hpp"
#include "tests/support/forked_child.hpp"

#include <sched.h>

using coir::base::usable_cpu_count;

namespace {

cpu_set_t affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof set, &set);
  return set;
}

} // namespace

TEST_CASE("There is at least one CPU, and no more than the affinity mask has") {
  const cpu_set_t set = affinity();
  CHECK(usable_cpu_count() >= 1);
  if (CPU_COUNT(&set) > 0) CHECK(usable_cpu_count() <= static_cast<unsigned>(CPU_COUNT(&set)));
}

TEST_CASE("A process bound to one CPU uses one") {
  const auto end = coir::test::run_in_child([] {
    const cpu_set_t all = affinity();
    int first = 0;
    while (first < CPU_SETSIZE && !CPU_ISSET(first, &all)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    if (::sched_setaffinity(0, sizeof one, &one) != 0) return false;
    return usable_cpu_count() == 1 && coir::runtime().workers() == 1;
  });
  INFO(end.error_output);
  CHECK(end.has_succeeded());
}

TEST_CASE("A runtime has as many workers unless told otherwise") {
  CHECK(coir::runtime().workers() == usable_cpu_count());
  coir::runtime_options options;
  options.workers = 3;
  CHECK(coir::runtime(options).workers() == 3);
}
