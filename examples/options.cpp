// SPDX-License-Identifier: MIT
#include "examples/options.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <cstdio>
#include <sstream>

namespace examples {
namespace {

constexpr const char* address_form = "a numeric IPv4 or IPv6 address";
constexpr unsigned most_workers = 1024;

bool is_numeric_address(const std::string& text) noexcept {
  in6_addr parsed;
  return inet_pton(AF_INET, text.c_str(), &parsed) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
}

void print_help(std::string_view program, std::string_view what_it_does) {
  std::printf(
      "%.*s: %.*s\n\n"
      "  --address A   listen on this numeric IPv4 or IPv6 address (default 127.0.0.1)\n"
      "  --port P      listen on this port, 0 to 65535 (default 0: any free one)\n"
      "  --workers N   kernel threads, 1 to %u (default: one per usable CPU)\n"
      "  --help        print this and exit\n\n"
      "It prints \"listening on ADDRESS:PORT\" when it is ready. SIGINT and SIGTERM end it.\n",
      static_cast<int>(program.size()), program.data(), static_cast<int>(what_it_does.size()),
      what_it_does.data(), most_workers);
}

} // namespace

bool option_reader::next() {
  if (++index_ >= argc_) return false;
  name_ = argv_[index_];
  value_ = {};
  has_value_ = false;
  if (!name_.starts_with("--")) reject();
  if (const auto equals = name_.find('='); equals != std::string_view::npos) {
    value_ = name_.substr(equals + 1);
    name_ = name_.substr(0, equals);
    has_value_ = true;
  }
  return true;
}

std::string_view option_reader::text(std::string_view allowed) {
  if (has_value_) return value_;
  if (index_ + 1 >= argc_) {
    throw option_error(std::string(name_) + " needs a value: it must be " + std::string(allowed));
  }
  return argv_[++index_];
}

template <class Number>
Number option_reader::parse(Number least, Number most) {
  std::ostringstream allowed;
  allowed.precision(15);
  allowed << "a number from " << least << " to " << most;
  const std::string_view value = text(allowed.str());
  Number parsed{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
  const bool is_number = error == std::errc{} && end == value.data() + value.size();
  // Written so that a NaN is refused.
  if (!is_number || !(parsed >= least && parsed <= most)) reject_value(value, allowed.str());
  return parsed;
}

std::uint64_t option_reader::number(std::uint64_t least, std::uint64_t most) {
  return parse(least, most);
}

double option_reader::decimal(double least, double most) { return parse(least, most); }

void option_reader::flag() const {
  if (has_value_) throw option_error(std::string(name_) + " takes no value");
}

void option_reader::reject() const {
  throw option_error("unknown option '" + std::string(name_) + "' (--help lists the options)");
}

void option_reader::reject_value(std::string_view value, std::string_view allowed) const {
  throw option_error(std::string(name_) + " must be " + std::string(allowed) + ", not '" +
                     std::string(value) + "'");
}

std::variant<server_options, int> parse_server_options(int argc, const char* const* argv,
                                                       std::string_view what_it_does) {
  const std::string_view program = program_name(argv);
  server_options parsed;
  option_reader options(argc, argv);
  try {
    while (options.next()) {
      if (options.is("--port")) {
        parsed.port = static_cast<std::uint16_t>(options.number(0, 65535));
      } else if (options.is("--workers")) {
        parsed.workers = static_cast<unsigned>(options.number(1, most_workers));
      } else if (options.is("--address")) {
        parsed.address = options.text(address_form);
        if (!is_numeric_address(parsed.address)) options.reject_value(parsed.address, address_form);
      } else if (options.is("--help")) {
        options.flag();
        print_help(program, what_it_does);
        return 0;
      } else {
        options.reject();
      }
    }
  } catch (const option_error& error) {
    std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(program.size()), program.data(),
                 error.what());
    return 2;
  }
  return parsed;
}

std::string_view program_name(const char* const* argv) noexcept {
  const std::string_view path = argv[0] != nullptr ? argv[0] : "";
  return path.substr(path.rfind('/') + 1); // npos + 1 is 0
}

} // namespace examples
