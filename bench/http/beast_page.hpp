// SPDX-License-Identifier: MIT
// One request and one response with Boost.Beast, as in examples/http_server.cpp, for the rivals that use it. Floor 7.
#pragma once

#include "bench/http/page.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <string>

namespace bench {

namespace http = boost::beast::http;
using request = http::request<http::string_body>;
using response = http::response<http::string_body>;

inline response answer_to(const request& asked) {
  response made{http::status::ok, asked.version()};
  made.set(http::field::server, "coir");
  made.set(http::field::content_type, page_type);
  made.keep_alive(asked.keep_alive());
  if (asked.target() == "/") {
    made.body() = page;
  } else {
    made.result(http::status::not_found);
  }
  made.prepare_payload();
  return made;
}

} // namespace bench
