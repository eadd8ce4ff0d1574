// SPDX-License-Identifier: MIT
// COIR_CHECK: a broken invariant ends the process with a message that says which, and in which fiber.
#include "fiber/base/check.hpp"

#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/forked_child.hpp"

#include <string>

using coir::test::run_in_child;

namespace {
bool is_true(bool value) { return value; }
} // namespace

TEST_CASE("What holds costs nothing else") {
  int evaluated = 0;
  COIR_CHECK(++evaluated == 1, "evaluated once");
  CHECK(evaluated == 1);
}

TEST_CASE("A failed check names itself and the place") {
  const auto end = run_in_child([] {
    COIR_CHECK(is_true(false), "the message");
    return true;
  });
  INFO(end.error_output);
  CHECK(end.has_aborted_saying("coir: the message (is_true(false)) at "));
  CHECK(end.has_aborted_saying("check_test.cpp:"));
  CHECK(end.has_aborted_saying(", fiber 0\n"));
}

TEST_CASE("A failed check names the fiber") {
  const auto end = run_in_child([] {
    coir::run([] {
      auto fiber = coir::spawn([] { COIR_CHECK(is_true(false), "in a fiber"); });
      fiber.join();
    });
    return true;
  });
  INFO(end.error_output);
  CHECK(end.has_aborted_saying("in a fiber"));
  CHECK(end.error_output.find(", fiber 0\n") == std::string::npos);
}

TEST_CASE("A message of any length is cut, not overrun") {
  const auto end = run_in_child([] {
    const std::string message(5000, 'x');
    coir::base::check_failed("expression", message.c_str(), "file", 1);
    return true;
  });
  CHECK(end.has_aborted_saying(std::string(400, 'x')));
  CHECK(end.error_output.size() <= 512);
}

TEST_CASE("An assertion is a check in debug builds, and nothing in others") {
  int evaluated = 0;
  COIR_ASSERT(++evaluated == 1, "evaluated at most once");
#ifdef NDEBUG
  CHECK(evaluated == 0);
#else
  CHECK(evaluated == 1);
#endif
}
