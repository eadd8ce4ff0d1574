// SPDX-License-Identifier: MIT
// The workload `stalls`: an echo server beside whose connections K stalls run, each of which computes for about 1 ms
// ten times a second. What it costs the latency of the echoes (p99.9) tells how soon others take over what the worker
// that computes has left behind. Floor 7.
//
// A stall is a chain of steps each of which needs the one before, so that all languages and compilers take the same
// time for it; how many make a millisecond here says stalls_stall_steps. Every result is compared with the first.
// Stalls are spread over the period, and are due at fixed times, so that being late does not make them fewer.
// Go and Tokio: the option --stalls of the echo servers.
#pragma once

#include "examples/options.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <variant>
#include <vector>

namespace bench {

inline constexpr std::chrono::milliseconds stall_period{100};

inline std::uint64_t compute_stall(std::uint64_t steps) noexcept {
  std::uint64_t value = steps;
  for (; steps > 0; --steps) value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  return value;
}

class stall_plan {
public:
  using clock = std::chrono::steady_clock;

  stall_plan(unsigned count, std::uint64_t steps)
      : count_(count), steps_(steps), expected_(compute_stall(steps)), start_(clock::now()) {}

  [[nodiscard]] unsigned count() const noexcept { return count_; }
  /// When stall number `index` is due for the first time.
  [[nodiscard]] clock::time_point first_due(unsigned index) const {
    return start_ + std::chrono::duration_cast<clock::duration>(stall_period) * index / count_;
  }
  /// Ends the program if the result is wrong.
  void compute() const {
    if (compute_stall(steps_) == expected_) return;
    std::fprintf(stderr, "a stall computed something else\n");
    std::_Exit(1);
  }

private:
  unsigned count_;
  volatile std::uint64_t steps_; ///< or the compiler might compute once for all
  std::uint64_t expected_;
  clock::time_point start_;
};

struct stall_options {
  examples::server_options server;
  unsigned stalls = 0;
  std::uint64_t steps = 0;
};

/// The options of the echo servers, and `--stalls K --stall-steps S`; or the status to exit with at once.
inline std::variant<stall_options, int> parse_stall_options(int argc, const char* const* argv) {
  stall_options parsed;
  std::vector<const char*> ours{argv[0]};
  std::vector<const char*> others{argv[0]};
  for (int i = 1; i < argc; ++i) {
    const bool is_ours = std::string_view(argv[i]).starts_with("--stall");
    auto& words = is_ours ? ours : others;
    words.push_back(argv[i]);
    if (is_ours && i + 1 < argc) words.push_back(argv[++i]);
  }
  examples::option_reader options(static_cast<int>(ours.size()), ours.data());
  try {
    while (options.next()) {
      if (options.is("--stalls")) {
        parsed.stalls = static_cast<unsigned>(options.number(1, 100'000));
      } else if (options.is("--stall-steps")) {
        parsed.steps = options.number(1, UINT64_MAX);
      } else {
        options.reject();
      }
    }
  } catch (const examples::option_error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  const auto server =
      examples::parse_server_options(static_cast<int>(others.size()), others.data(),
                                     "sends back what it receives, while stalls compute.\n"
                                     "--stalls K and --stall-steps S: K of them, of so many steps");
  if (const int* status = std::get_if<int>(&server)) return *status;
  parsed.server = std::get<examples::server_options>(server);
  return parsed;
}

} // namespace bench
