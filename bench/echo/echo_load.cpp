// SPDX-License-Identifier: MIT
// echo_load: loads an echo server, checks every byte of its answers, and prints how fast they came. Floor 7.
// It uses nothing of coir, so that it can tell what is wrong with it.
#include "bench/echo/load_generator.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  const auto parsed = bench::parse_load_options(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const auto& options = std::get<bench::load_options>(parsed);
  try {
    bench::load_generator load(options);
    const bench::load_result result = load.run();
    bench::print(result, options);
    if (result.errors() == 0) return 0;
    std::fprintf(stderr, "echo_load: %s\n", result.first_error.c_str());
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "echo_load: %s\n", error.what());
    return 2;
  }
}
