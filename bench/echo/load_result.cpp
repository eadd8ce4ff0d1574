// SPDX-License-Identifier: MIT
#include "bench/echo/load_result.hpp"

#include <cinttypes>
#include <cstdio>

namespace bench {
namespace {

double microseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e3; }

double seconds(std::chrono::nanoseconds span) {
  return std::chrono::duration<double>(span).count();
}

double ratio(double of, double to) { return to > 0 ? of / to : 0; }

/// What each connection added, or 0 if it cannot be told.
double growth_per_connection(std::uint64_t before, std::uint64_t after,
                             const load_options& options) {
  return (static_cast<double>(after) - static_cast<double>(before)) / options.connections;
}

/// CPU microseconds per request. Idle connections make none.
double per_request(std::chrono::nanoseconds cpu, const load_result& result) {
  return ratio(seconds(cpu) * 1e6, static_cast<double>(result.requests));
}

void print_json(const load_result& result, const load_options& options) {
  std::printf("{\"workload\":\"%s\",\"connections\":%" PRIu32 ",\"message_bytes\":%" PRIu32
              ",\"pipeline\":%" PRIu32,
              options.is_idle    ? "echo_idle"
              : options.is_churn ? "churn"
                                 : "echo",
              options.connections, options.message_bytes, options.pipeline);
  std::printf(",\"requests\":%" PRIu64 ",\"seconds\":%.6f,\"requests_per_second\":%.1f",
              result.requests, seconds(result.window),
              ratio(static_cast<double>(result.requests), seconds(result.window)));
  const latency_histogram& latencies = result.latencies;
  std::printf(",\"p50_us\":%.3f,\"p90_us\":%.3f,\"p99_us\":%.3f,\"p999_us\":%.3f,\"max_us\":%.3f",
              microseconds(latencies.quantile(0.5)), microseconds(latencies.quantile(0.9)),
              microseconds(latencies.quantile(0.99)), microseconds(latencies.quantile(0.999)),
              microseconds(latencies.largest()));
  std::printf(",\"errors\":%" PRIu64 ",\"connections_ok\":%" PRIu32 ",\"connect_errors\":%" PRIu32
              ",\"broken_connections\":%" PRIu32 ",\"wrong_answers\":%" PRIu32
              ",\"unanswered_requests\":%" PRIu64 ",\"unclosed_connections\":%" PRIu32,
              result.errors(), result.connections_ok, result.connect_errors, result.broken,
              result.wrong, result.unanswered, result.unclosed);
  std::printf(
      ",\"connect_seconds\":%.6f,\"load_cpu_seconds\":%.6f,\"load_cpu_us_per_request\":%.4f",
      seconds(result.connecting), seconds(result.load_cpu), per_request(result.load_cpu, result));
  if (options.server != 0) {
    const memory_usage& before = result.server_before;
    const memory_usage& after = result.server_after;
    std::printf(",\"server_cpu_seconds\":%.6f,\"server_cpu_us_per_request\":%.4f"
                ",\"server_resident_bytes\":%" PRIu64 ",\"server_page_table_bytes\":%" PRIu64
                ",\"resident_bytes_per_connection\":%.1f"
                ",\"page_table_bytes_per_connection\":%.1f",
                seconds(result.server_cpu), per_request(result.server_cpu, result),
                after.resident_bytes, after.page_table_bytes,
                growth_per_connection(before.resident_bytes, after.resident_bytes, options),
                growth_per_connection(before.page_table_bytes, after.page_table_bytes, options));
  }
  std::printf("}\n");
}

void print_words(const load_result& result, const load_options& options) {
  const latency_histogram& latencies = result.latencies;
  std::printf("%" PRIu32 " connections: %" PRIu64 " requests in %.2f s, %.0f/s, p50 %.1f us, "
              "p99 %.1f us, max %.1f us, %" PRIu64 " errors\n",
              options.connections, result.requests, seconds(result.window),
              ratio(static_cast<double>(result.requests), seconds(result.window)),
              microseconds(latencies.quantile(0.5)), microseconds(latencies.quantile(0.99)),
              microseconds(latencies.largest()), result.errors());
  if (options.server == 0) return;
  std::printf("server: %.3f s CPU, %.3f us per request, resident %.1f MiB, page tables %.1f MiB\n",
              seconds(result.server_cpu), per_request(result.server_cpu, result),
              static_cast<double>(result.server_after.resident_bytes) / (1 << 20),
              static_cast<double>(result.server_after.page_table_bytes) / (1 << 20));
}

} // namespace

void print(const load_result& result, const load_options& options) {
  options.as_json ? print_json(result, options) : print_words(result, options);
  std::fflush(stdout);
}

} // namespace bench
