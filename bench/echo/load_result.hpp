// SPDX-License-Identifier: MIT
// What echo_load found out, and how it is printed. Floor 7.
#pragma once

#include "bench/echo/latency_histogram.hpp"
#include "bench/echo/load_options.hpp"
#include "bench/process_usage.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace bench {

struct load_result {
  // Of the measured window:
  std::uint64_t requests = 0; ///< right answers
  std::chrono::nanoseconds window{};
  std::chrono::nanoseconds load_cpu{};
  std::chrono::nanoseconds server_cpu{};
  latency_histogram latencies; ///< from the send of a request to the receipt of its last byte

  // Of the whole run:
  std::chrono::nanoseconds connecting{}; ///< until all connections had exchanged a message
  std::uint32_t connections_ok = 0; ///< opened, only right answers, closed by the server at the end
  std::uint32_t connect_errors = 0; ///< connections not made
  std::uint32_t broken = 0;         ///< connections that the server broke
  std::uint32_t wrong = 0;          ///< connections on which something else came back
  std::uint64_t unanswered = 0;     ///< requests on connections that were intact
  std::uint32_t unclosed = 0; ///< connections that the server kept after the client's end of file
  std::string first_error;    ///< empty: none

  memory_usage server_before; ///< before the first connection
  memory_usage server_after;  ///< at the end of the window, with all connections open

  [[nodiscard]] std::uint64_t errors() const noexcept {
    return connect_errors + broken + wrong + unanswered + unclosed;
  }
};

/// One line to standard output: JSON, or words.
void print(const load_result& result, const load_options& options);

} // namespace bench
