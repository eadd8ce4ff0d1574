// SPDX-License-Identifier: MIT
// The command line of the example servers, and the reader that it is made with. Floor 7; uses nothing of coir.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

namespace examples {

/// What option_reader throws: one line for the user that names the option, the value and what is allowed.
class option_error : public std::invalid_argument {
public:
  using std::invalid_argument::invalid_argument;
};

/// Walks over `--name value` and `--name=value`. All of it throws option_error.
///
///     while (options.next()) {
///       if (options.is("--port")) port = options.number(0, 65535);
///       else options.reject();
///     }
class option_reader {
public:
  /// The arguments must outlive the reader.
  option_reader(int argc, const char* const* argv) noexcept : argc_(argc), argv_(argv) {}

  /// Goes to the next option; false: there is none.
  bool next();
  [[nodiscard]] bool is(std::string_view name) const noexcept { return name_ == name; }

  /// The option's value. `allowed` completes "must be …" in the message about a missing one.
  std::string_view text(std::string_view allowed);
  /// The option's value as a decimal number in [least, most].
  std::uint64_t number(std::uint64_t least, std::uint64_t most);
  /// The same with a fraction.
  double decimal(double least, double most);
  /// For options that take no value.
  void flag() const;

  /// Nobody knows this option.
  [[noreturn]] void reject() const;
  /// The option's value is not what is allowed.
  [[noreturn]] void reject_value(std::string_view value, std::string_view allowed) const;

private:
  template <class Number>
  Number parse(Number least, Number most);

  int argc_;
  const char* const* argv_;
  int index_ = 0;
  std::string_view name_;
  std::string_view value_; ///< what followed '='
  bool has_value_ = false; ///< there was a '='
};

/// What the example servers can be told.
struct server_options {
  std::string address = "127.0.0.1"; ///< numeric, IPv4 or IPv6
  std::uint16_t port = 0;            ///< 0: any free one
  unsigned workers = 0;              ///< 0: not said, so as many as there are CPUs
};

/// The options, or the status to exit with at once: 0 after --help, 2 after an error; both have been printed.
/// `what_it_does`: the sentence(s) on top of --help.
[[nodiscard]] std::variant<server_options, int>
parse_server_options(int argc, const char* const* argv, std::string_view what_it_does);

/// The last part of argv[0], for messages.
[[nodiscard]] std::string_view program_name(const char* const* argv) noexcept;

} // namespace examples
