// SPDX-License-Identifier: MIT
#include "fiber/coro/when.hpp"

#include <system_error>

namespace coir {

void throw_canceled() {
  throw std::system_error(std::make_error_code(std::errc::operation_canceled),
                          "coir: one of several was canceled");
}

task<void> first_of_several::race(scope& others, std::size_t index, task<void> one) {
  std::exception_ptr error;
  try {
    co_await std::move(one);
  } catch (...) {
    error = std::current_exception();
  }
  std::size_t seen = nobody;
  // relaxed: only one wins; who reads the winner has seen the end of all.
  if (!winner_.compare_exchange(seen, index, relaxed, relaxed)) co_return;
  // Rethrown, it does the same to the others.
  if (error != nullptr) std::rethrow_exception(error);
  others.request_stop();
}

} // namespace coir
