// SPDX-License-Identifier: MIT
// The command line of echo_load. Floor 7.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>

namespace bench {

struct load_options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  std::uint32_t connections = 1;
  std::uint32_t message_bytes = 64;
  std::uint32_t pipeline = 1;               ///< requests in flight on each connection
  std::chrono::duration<double> warmup{1};  ///< load before the measured window
  std::chrono::duration<double> seconds{5}; ///< length of the measured window, at most
  std::uint64_t requests = 0; ///< the window ends after so many answers; 0: not before its time
  double rate = 0; ///< requests per second, evenly spread over time and connections; 0: closed loop
  bool is_churn = false; ///< each connection is for one message, then comes the next
  bool is_idle = false;  ///< one message on each connection, then silence
  bool as_json = false;
  pid_t server = 0; ///< whose CPU time and memory to report; 0: of nobody
};

/// The options, or the status to exit with at once, as parse_server_options().
[[nodiscard]] std::variant<load_options, int> parse_load_options(int argc, const char* const* argv);

} // namespace bench
