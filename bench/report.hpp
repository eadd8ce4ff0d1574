// SPDX-License-Identifier: MIT
// How the benchmarks of the scheduler repeat and report what they measure. Floor 7.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace bench {

/// The values of one quantity in several rounds. At least one must have been added before they are read.
class samples {
public:
  void add(double value) { values_.push_back(value); }
  [[nodiscard]] double least() const;
  [[nodiscard]] double median() const;

private:
  std::vector<double> values_;
};

struct measurement {
  std::string workload;
  std::string system;
  unsigned workers = 1; ///< kernel threads at work
  std::string metric;
  std::string unit;
  double value = 0;
  std::string detail{}; ///< how much of what, in words
};

/// One line of JSON to standard output, and one for people to standard error. Only for results that have been checked.
void report(const measurement& result);

/// The median and the least of the samples, as two measurements: `metric` and `metric`_least.
void report(const measurement& result, const samples& rounds);

/// Nanoseconds of one of `count` repetitions that `function()` makes.
template <class Function>
double time_each(double count, Function&& function) {
  const auto start = std::chrono::steady_clock::now();
  function();
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
  return spent.count() / count;
}

/// Ends the program with status 1 and a message if what was measured did not do its work.
void require(bool is_right, const char* what);

/// The number behind --rounds, the only option. Ends the program with status 2 after a wrong command line and with 0
/// after --help.
unsigned rounds_from(int argc, const char* const* argv, unsigned by_default);

} // namespace bench
