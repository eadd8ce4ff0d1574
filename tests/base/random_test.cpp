// SPDX-License-Identifier: MIT
// random_sequence: repeatable, within bounds, and not all the same.
#include "fiber/base/random.hpp"

#include "tests/catch.hpp"
#include "tests/support/seed.hpp"

#include <algorithm>
#include <vector>

using coir::base::random_sequence;

TEST_CASE("A seed repeats its sequence, and another has another one") {
  random_sequence first(coir::test::seed());
  random_sequence same(coir::test::seed());
  random_sequence other(coir::test::seed() + 1);
  int equal_to_other = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto number = first.next();
    REQUIRE(same.next() == number);
    equal_to_other += other.next() == number ? 1 : 0;
  }
  CHECK(equal_to_other < 10);
}

TEST_CASE("Zero is a seed like any other") {
  random_sequence random(0);
  CHECK((random.next() != 0 || random.next() != 0 || random.next() != 0));
}

TEST_CASE("Numbers below a bound are spread evenly") {
  constexpr unsigned bound = 10;
  constexpr int draws = 100'000;
  random_sequence random(coir::test::seed());
  std::vector<int> counts(bound);
  for (int i = 0; i < draws; ++i) ++counts.at(random.below(bound));
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  // Six standard deviations of a binomial distribution: about one in a billion.
  CHECK(*least > draws / 10 - 570);
  CHECK(*most < draws / 10 + 570);
  CHECK(random.below(1) == 0);
}
