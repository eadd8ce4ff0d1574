// SPDX-License-Identifier: MIT
#include "io/io_error.hpp"

#include <string>

namespace coir {
namespace {

class io_error_category final : public std::error_category {
public:
  [[nodiscard]] const char* name() const noexcept override { return "coir.io"; }
  [[nodiscard]] std::string message(int code) const override {
    return static_cast<io_errc>(code) == io_errc::end_of_stream ? "end of stream" : "unknown error";
  }
};

} // namespace

const std::error_category& io_category() noexcept {
  static const io_error_category only;
  return only;
}

std::size_t unpack_or_throw(std::int64_t result, const char* what) {
  std::error_code error;
  const std::size_t count = unpack(result, error);
  if (error) throw std::system_error(error, what);
  return count;
}

} // namespace coir
