// SPDX-License-Identifier: MIT
// main() of every test program: Catch2's, plus the seed in the first line of output. Floor 7.
#ifndef COIR_CATCH_IS_COMPILED
#define CATCH_CONFIG_RUNNER // of Catch2 2.x; 3.x has it in its library
#endif
#include "tests/catch.hpp"
#include "tests/support/seed.hpp"

#include <cstdio>
#include <cstdlib>

namespace {

void print_seed(unsigned seed) {
  std::printf("seed %u; COIR_TEST_SEED=%u repeats it\n", seed, seed);
  std::fflush(stdout);
}

} // namespace

#ifdef COIR_CATCH_IS_COMPILED

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

extern "C" int catch_main(int count, char** arguments); // Catch2's own main(), see CMakeLists.txt

int main(int count, char** arguments) {
  std::vector<char*> all(arguments, arguments + count);
  std::string option = "--rng-seed";
  std::string chosen = std::to_string(coir::test::choose_seed());
  auto place = std::find(all.begin(), all.end(), std::string_view(option));
  if (place == all.end()) place = all.insert(all.begin() + 1, {option.data(), chosen.data()});
  if (place + 1 != all.end())
    print_seed(static_cast<unsigned>(std::strtoul(*(place + 1), nullptr, 0)));
  all.push_back(nullptr);
  return catch_main(static_cast<int>(all.size()) - 1, all.data());
}

#else

int main(int count, char** arguments) {
  Catch::Session session;
  if (const int error = session.applyCommandLine(count, arguments); error != 0) return error;
  if (session.configData().rngSeed == 0) session.configData().rngSeed = coir::test::choose_seed();
  print_seed(static_cast<unsigned>(session.configData().rngSeed));
  return session.run();
}

#endif
