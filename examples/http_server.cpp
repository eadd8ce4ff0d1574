// SPDX-License-Identifier: MIT
// HTTP/1.1 with Boost.Beast's parser and messages on coir's streams: one fiber per connection, keep-alive.
#include "examples/tcp_server.hpp"

#include <fiber/deadline.hpp>
#include <io/asio.hpp>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <string>

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using request = http::request<http::string_body>;
using response = http::response<http::string_body>;

constexpr std::chrono::seconds request_limit{30}; ///< for a request to arrive and its response to leave
constexpr std::chrono::seconds goodbye_limit{2};  ///< for the client to read the last response
constexpr std::uint64_t body_limit_bytes = 64 * 1024;
constexpr char page[] = "<!doctype html>\n<title>coir</title>\n<p>Hello from a fiber.</p>\n";

response make_response(const request& asked) {
  response made{http::status::ok, asked.version()};
  made.set(http::field::server, "coir");
  made.set(http::field::content_type, "text/html; charset=utf-8");
  made.keep_alive(asked.keep_alive());
  if (asked.method() != http::verb::get && asked.method() != http::verb::head) {
    made.result(http::status::method_not_allowed);
    made.set(http::field::allow, "GET, HEAD");
  } else if (asked.target() != "/") {
    made.result(http::status::not_found);
    made.body() = "<p>Not found.</p>\n";
  } else {
    made.body() = page;
  }
  made.prepare_payload();
  return made;
}

void send(coir::tcp_stream& connection, response& answer, bool without_body) {
  http::response_serializer<http::string_body> serializer{answer};
  if (without_body) {
    serializer.split(true);
    http::write_header(connection, serializer);
  } else {
    http::write(connection, serializer);
  }
}

http::status status_for(const beast::error_code& error) {
  if (error == http::error::body_limit) return http::status::payload_too_large;
  if (error == http::error::header_limit) return http::status::request_header_fields_too_large;
  return http::status::bad_request;
}

/// False: the connection shall end.
bool serve_request(coir::tcp_stream& connection, beast::flat_buffer& received) {
  http::request_parser<http::string_body> parser;
  parser.body_limit(body_limit_bytes);
  beast::error_code error;
  http::read(connection, received, parser, error);
  if (error == http::error::end_of_stream) return false;
  if (error.category() == make_error_code(http::error::bad_method).category()) {
    response refusal{status_for(error), 11};
    refusal.keep_alive(false);
    refusal.body() = error.message() + "\n";
    refusal.prepare_payload();
    send(connection, refusal, false);
    return false;
  }
  if (error) throw beast::system_error(error);
  response answer = make_response(parser.get());
  send(connection, answer, parser.get().method() == http::verb::head);
  return answer.keep_alive();
}

/// To close while bytes are unread would reset the connection, maybe before the client has read why it is refused.
void say_goodbye(coir::tcp_stream& connection) {
  const coir::deadline_scope limit{goodbye_limit};
  connection.shutdown_send();
  char ignored[1024];
  while (connection.read(ignored) > 0) {
  }
}

void serve(coir::tcp_stream& connection) {
  beast::flat_buffer received;
  bool goes_on = true;
  while (goes_on) {
    const coir::deadline_scope limit{request_limit};
    if (received.size() == 0) {
      received = beast::flat_buffer(); // an idle connection holds no buffer
      connection.wait_readable();
    }
    goes_on = serve_request(connection, received);
  }
  say_goodbye(connection);
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = examples::parse_server_options(
      argc, argv,
      "Serves a page over HTTP/1.1. One fiber per connection, Boost.Beast for the messages.");
  if (const int* const status = std::get_if<int>(&parsed)) return *status;
  return examples::run_tcp_server("http_server", std::get<examples::server_options>(parsed),
                                  {.fiber = serve});
}
