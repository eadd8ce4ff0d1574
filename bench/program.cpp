// SPDX-License-Identifier: MIT
#include "bench/program.hpp"

#include "examples/options.hpp"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace bench {

program::program(const char* workload, const char* system, std::string detail)
    : workload_(workload), system_(system), detail_(std::move(detail)) {}

void program::parse(int argc, const char* const* argv) {
  examples::option_reader options(argc, argv);
  try {
    while (options.next()) {
      if (options.is("--workers")) {
        workers_ = static_cast<unsigned>(options.number(1, 64));
      } else if (options.is("--rounds")) {
        rounds_ = static_cast<unsigned>(options.number(1, 10'000));
      } else if (options.is("--count")) {
        count_ = options.number(1, 1'000'000'000);
      } else if (options.is("--quick")) {
        options.flag();
        is_quick_ = true;
      } else if (options.is("--help")) {
        std::printf("%s with %s. Prints a line of JSON for each result.\n\n"
                    "  --workers N   kernel threads, 1 to 64 (default 1)\n"
                    "  --rounds N    how often to measure, 1 to 10000 (default 1)\n"
                    "  --quick       less work per round\n"
                    "  --count N     this much work per round (default: see params.hpp)\n%s",
                    workload_.c_str(), system_.c_str(), own_help());
        std::exit(0);
      } else if (!parse_own(options)) {
        options.reject();
      }
    }
  } catch (const examples::option_error& error) {
    std::fprintf(stderr, "%s_%s: %s\n", workload_.c_str(), system_.c_str(), error.what());
    std::exit(2);
  }
}

bool program::parse_own(examples::option_reader&) { return false; }

void program::report(const measurement& result) const {
  std::printf("{\"workload\":\"%s\",\"system\":\"%s\",\"workers\":%u,\"metric\":\"%s\","
              "\"unit\":\"%s\",\"value\":%.4f,\"count\":%llu,\"detail\":\"%s\",\"checked\":true}\n",
              workload_.c_str(), system_.c_str(), workers_, result.metric.c_str(),
              result.unit.c_str(), result.value, static_cast<unsigned long long>(result.count),
              detail_.c_str());
  std::fflush(stdout);
  std::fprintf(stderr, "%-16s %-12s %u workers  %-24s %12.2f %-5s  of %llu %s\n", workload_.c_str(),
               system_.c_str(), workers_, result.metric.c_str(), result.value, result.unit.c_str(),
               static_cast<unsigned long long>(result.count), detail_.c_str());
}

void require(bool is_right, const char* what) {
  if (is_right) return;
  std::fprintf(stderr, "wrong result: %s\n", what);
  // The other threads and fibers still run, so nothing is torn down.
  std::fflush(stdout);
  std::_Exit(1);
}

} // namespace bench
