// SPDX-License-Identifier: MIT
// What every program of the suite has in common: its options, its rounds and the JSON line per result. Floor 7.
//
// Nothing of coir is used, so that a rival's program is the rival and nothing else.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace examples {
class option_reader;
}

namespace bench {

/// How much there is to do. Each workload's params.hpp says it.
struct work_sizes {
  std::uint64_t full;
  std::uint64_t quick;   ///< with --quick
  std::uint64_t warm_up; ///< once before the rounds, not measured
};

struct measurement {
  std::string metric;
  std::string unit;
  double value = 0;
  std::uint64_t count = 0; ///< how much work, in the unit of the workload's params.hpp
};

/// Nanoseconds of one of `count` repetitions that `function()` makes.
template <class Function>
double time_each(std::uint64_t count, Function&& function) {
  const auto start = std::chrono::steady_clock::now();
  function();
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
  return spent.count() / static_cast<double>(count);
}

/// Ends the program with status 1 and a message if what was measured did not do its work.
void require(bool is_right, const char* what);

/// A program `workload`_`system`: `--workers N --rounds N --quick --count N`.
class program {
public:
  /// `detail`: what a reader of the table must know of this system's work, for instance that there is less of it.
  program(const char* workload, const char* system, std::string detail = "");
  virtual ~program() = default;

  /// Ends the program with status 2 after a wrong command line and with 0 after --help.
  void parse(int argc, const char* const* argv);

  [[nodiscard]] unsigned workers() const noexcept { return workers_; }
  [[nodiscard]] unsigned rounds() const noexcept { return rounds_; }
  /// What is to be done in a round: by --count, else as --quick says.
  [[nodiscard]] std::uint64_t count(const work_sizes& work) const noexcept {
    if (count_ != 0) return count_;
    return is_quick_ ? work.quick : work.full;
  }

  /// One line of JSON to standard output, and one for people to standard error. Only for what has been checked.
  void report(const measurement& result) const;

  /// The rounds: `nanoseconds_each(count)` does the work, checks it, and returns what one of it took.
  template <class Function>
  void measure(const char* metric, const work_sizes& work, Function&& nanoseconds_each) const {
    static_cast<void>(nanoseconds_each(work.warm_up));
    const std::uint64_t wanted = count(work);
    for (unsigned round = 0; round < rounds_; ++round)
      report({metric, "ns", nanoseconds_each(wanted), wanted});
  }

protected:
  /// An option that only this program has: reads its value and returns true if it knows it.
  virtual bool parse_own(examples::option_reader& options);
  /// Lines of --help for these.
  [[nodiscard]] virtual const char* own_help() const { return ""; }
  void set_detail(std::string detail) { detail_ = std::move(detail); }

private:
  std::string workload_;
  std::string system_;
  std::string detail_;
  unsigned workers_ = 1;
  unsigned rounds_ = 1;
  std::uint64_t count_ = 0; ///< 0: not said
  bool is_quick_ = false;
};

} // namespace bench
