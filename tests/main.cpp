// SPDX-License-Identifier: MIT
// main() of every test program: Catch2's, plus the seed in the first line of output. Floor 7.
#define CATCH_CONFIG_RUNNER // of Catch2 2.x; 3.x has it in its library
#include "tests/catch.hpp"
#include "tests/support/seed.hpp"

#include <cstdio>

int main(int count, char** arguments) {
  Catch::Session session;
  if (const int error = session.applyCommandLine(count, arguments); error != 0) return error;
  if (session.configData().rngSeed == 0) session.configData().rngSeed = coir::test::choose_seed();
  const auto seed = static_cast<unsigned>(session.configData().rngSeed);
  std::printf("seed %u; COIR_TEST_SEED=%u repeats it\n", seed, seed);
  std::fflush(stdout);
  return session.run();
}
