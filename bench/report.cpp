// SPDX-License-Identifier: MIT
#include "bench/report.hpp"

#include "examples/options.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace bench {

double samples::least() const { return *std::min_element(values_.begin(), values_.end()); }

double samples::median() const {
  std::vector<double> sorted = values_;
  std::sort(sorted.begin(), sorted.end());
  const std::size_t upper = sorted.size() / 2;
  const std::size_t lower = (sorted.size() - 1) / 2;
  return (sorted[lower] + sorted[upper]) / 2;
}

void report(const measurement& result) {
  std::printf("{\"workload\":\"%s\",\"system\":\"%s\",\"workers\":%u,\"metric\":\"%s\","
              "\"unit\":\"%s\",\"value\":%.4f,\"detail\":\"%s\",\"checked\":true}\n",
              result.workload.c_str(), result.system.c_str(), result.workers, result.metric.c_str(),
              result.unit.c_str(), result.value, result.detail.c_str());
  std::fflush(stdout);
  std::fprintf(stderr, "%-16s %-12s %-24s %12.2f %-6s %s\n", result.workload.c_str(),
               result.system.c_str(), result.metric.c_str(), result.value, result.unit.c_str(),
               result.detail.c_str());
}

void report(const measurement& result, const samples& rounds) {
  measurement each = result;
  each.value = rounds.median();
  report(each);
  each.metric += "_least";
  each.value = rounds.least();
  report(each);
}

void require(bool is_right, const char* what) {
  if (is_right) return;
  std::fprintf(stderr, "wrong result: %s\n", what);
  std::exit(1);
}

unsigned rounds_from(int argc, const char* const* argv, unsigned by_default) {
  unsigned rounds = by_default;
  examples::option_reader options(argc, argv);
  try {
    while (options.next()) {
      if (options.is("--rounds")) {
        rounds = static_cast<unsigned>(options.number(1, 10000));
      } else if (options.is("--help")) {
        std::printf("--rounds N: how often to measure, 1 to 10000 (default %u)\n", by_default);
        std::exit(0);
      } else {
        options.reject();
      }
    }
  } catch (const examples::option_error& error) {
    const auto program = std::string(examples::program_name(argv));
    std::fprintf(stderr, "%s: %s\n", program.c_str(), error.what());
    std::exit(2);
  }
  return rounds;
}

} // namespace bench
