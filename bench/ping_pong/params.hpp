// SPDX-License-Identifier: MIT
// The work of ping_pong: two fibers and two semaphores. Each releases the one that the other waits for and waits for
// its own, so that they run in turns, and a number goes up by one with each turn. Floor 7.
//
// With one worker both are on it. With two they are where the scheduler has them; with --across each has a worker of
// its own, so that each turn wakes another kernel thread.
#pragma once

#include "bench/program.hpp"
#include "examples/options.hpp"

namespace bench::ping_pong {

constexpr std::uint64_t work = 500'000; ///< round trips, of two turns each
constexpr std::uint64_t quick_work = 100'000;
constexpr std::uint64_t warm_up_work = 10'000;
constexpr std::uint64_t across_work = 30'000; ///< with --across, and for kernel threads
constexpr std::uint64_t quick_across_work = 10'000;

/// The turns that both have made.
constexpr std::uint64_t answer(std::uint64_t round_trips) { return 2 * round_trips; }

class ping_pong_program : public program {
public:
  using program::program;
  /// Each of the two on a worker of its own.
  [[nodiscard]] bool is_across() const noexcept { return is_across_; }
  [[nodiscard]] work_sizes sizes() const noexcept {
    if (is_across_) return thread_sizes();
    return {work, quick_work, warm_up_work};
  }
  [[nodiscard]] static work_sizes thread_sizes() noexcept {
    return {across_work, quick_across_work, quick_across_work / 10};
  }
  [[nodiscard]] const char* metric() const noexcept { return "per_round_trip"; }

protected:
  bool parse_own(examples::option_reader& options) override {
    if (!options.is("--across")) return false;
    options.flag();
    is_across_ = true;
    set_detail("each on a worker of its own");
    return true;
  }
  [[nodiscard]] const char* own_help() const override {
    return "  --across      each on a worker of its own; with --workers 2\n";
  }

private:
  bool is_across_ = false;
};

/// The number that goes to and fro. Only the one whose turn it is touches it.
class turns {
public:
  void take(std::uint64_t expected) {
    require(taken_ == expected, "the two were not in turns");
    ++taken_;
  }
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }

private:
  std::uint64_t taken_ = 0;
};

} // namespace bench::ping_pong
