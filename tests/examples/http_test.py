# SPDX-License-Identifier: MIT
"""http_server, byte by byte: what a client may send, and what it must not."""

import http.client
import shutil
import socket
import subprocess
import unittest

from example_server import GET, PATIENCE_SECONDS, SERVERS, Server, receive_all

PAGE = b"<p>Hello from a fiber.</p>"


def last_request(text):
    """`text` as a request after which the server closes."""
    return text.replace("\n", "\r\n").encode() + b"Host: example\r\nConnection: close\r\n\r\n"


@unittest.skipUnless("http_server" in SERVERS, "built without Boost.Beast")
class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("http_server", "--workers", "2")
        cls.addClassCleanup(cls.server.__exit__)

    def connect(self):
        return http.client.HTTPConnection(*self.server.address, timeout=PATIENCE_SECONDS)

    def answer_to(self, raw):
        """All that comes back until the server closes."""
        with self.server.connect() as connection:
            connection.sendall(raw)
            return receive_all(connection)

    def assert_refused(self, raw, status):
        answer = self.answer_to(raw)
        self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer[:100])
        self.assertIn(b"Connection: close\r\n", answer)
        self.assertEqual(answer.count(b"HTTP/1.1"), 1)

    def test_keep_alive(self):
        connection = self.connect()
        connection.connect()
        socket_before = connection.sock
        for _ in range(100):
            connection.request("GET", "/")
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.getheader("Content-Type"), "text/html; charset=utf-8")
            self.assertIn(PAGE, answer.read())
        self.assertIs(connection.sock, socket_before)
        connection.close()

    def test_pipelining(self):
        answer = self.answer_to(GET * 50 + last_request("GET / HTTP/1.1\n"))
        self.assertEqual(answer.count(b"HTTP/1.1 200 OK\r\n"), 51)
        self.assertEqual(answer.count(PAGE), 51)

    def test_a_request_in_pieces(self):
        with self.server.connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in last_request("GET / HTTP/1.1\n"):
                connection.sendall(bytes([byte]))
            self.assertIn(PAGE, receive_all(connection))

    def test_head_has_the_length_and_no_body(self):
        head = self.answer_to(last_request("HEAD / HTTP/1.1\n"))
        get = self.answer_to(last_request("GET / HTTP/1.1\n"))
        header, _, body = get.partition(b"\r\n\r\n")
        self.assertEqual(head, header + b"\r\n\r\n")
        self.assertIn(b"Content-Length: %d\r\n" % len(body), head)

    def test_other_targets_and_methods(self):
        connection = self.connect()
        for method, target, status in (
            ("GET", "/nothing", 404),
            ("HEAD", "/nothing", 404),
            ("POST", "/", 405),
            ("DELETE", "/", 405),
            ("GET", "/", 200),
        ):
            with self.subTest(method=method, target=target):
                connection.request(method, target, body=b"body" if method == "POST" else None)
                answer = connection.getresponse()
                answer.read()
                self.assertEqual(answer.status, status)
                self.assertEqual(answer.getheader("Allow"), "GET, HEAD" if status == 405 else None)
        connection.close()

    def test_connection_close_and_http_1_0(self):
        self.assertIn(b"Connection: close\r\n", self.answer_to(last_request("GET / HTTP/1.1\n")))
        self.assertIn(b"HTTP/1.0 200 OK\r\n", self.answer_to(b"GET / HTTP/1.0\r\n\r\n"))

    def test_bad_requests(self):
        for raw in (
            b"nonsense\r\n\r\n",
            b"GET /\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"\0\1\2\3\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ):
            with self.subTest(raw=raw):
                self.assert_refused(raw, 400)

    def test_too_large(self):
        # The client goes on sending: it must still be able to read why it is refused.
        self.assert_refused(b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n", 431)
        self.assert_refused(b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000, 413)
        self.assert_refused(b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n", 413)

    def test_a_request_that_is_cut_off(self):
        with self.server.connect() as connection:
            connection.sendall(GET[:20])
            connection.shutdown(socket.SHUT_WR)
            self.assertTrue(receive_all(connection).startswith(b"HTTP/1.1 400 "))

    def test_a_client_that_only_comes_and_goes(self):
        with self.server.connect() as connection:
            connection.shutdown(socket.SHUT_WR)
            self.assertEqual(receive_all(connection), b"")

    @unittest.skipUnless(shutil.which("curl"), "no curl")
    def test_curl(self):
        url = "http://{}:{}/".format(*self.server.address)
        command = ["curl", "--silent", "--show-error", "--fail", "--max-time", "10", "--noproxy", "*", "--parallel"]
        done = subprocess.run([*command, *[url] * 20], capture_output=True, timeout=PATIENCE_SECONDS, check=True)
        self.assertEqual(done.stdout.count(PAGE), 20)

    @unittest.skipUnless(shutil.which("wrk"), "no wrk")
    def test_wrk(self):
        url = "http://{}:{}/".format(*self.server.address)
        command = ["wrk", "--threads", "1", "--connections", "200", "--duration", "1s", url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
        self.assertNotIn("Socket errors", done.stdout)
        self.assertNotIn("Non-2xx", done.stdout)


if __name__ == "__main__":
    unittest.main()
