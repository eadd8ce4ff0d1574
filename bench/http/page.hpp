// SPDX-License-Identifier: MIT
// What the HTTP servers of the workload serve: the page of examples/http_server.cpp. Floor 7.
#pragma once

#include <string_view>

namespace bench {

inline constexpr std::string_view page =
    "<!doctype html>\n<title>coir</title>\n<p>Hello from a fiber.</p>\n";
inline constexpr std::string_view page_type = "text/html; charset=utf-8";

} // namespace bench
