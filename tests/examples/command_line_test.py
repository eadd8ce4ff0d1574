# SPDX-License-Identifier: MIT
"""The servers' options: what is right works, what is wrong is told in one line, with a status that is not 0."""

import unittest

from example_server import SERVERS, Server, for_each_server, run


class CommandLine(unittest.TestCase):
    def assert_refused(self, name, options, *words):
        with self.subTest(options=options):
            status, output, errors = run(name, *options)
            self.assertNotEqual(status, 0)
            self.assertGreater(status, 0, "killed by a signal")
            self.assertEqual(output, "")
            self.assertEqual(errors.count("\n"), 1, errors)
            for word in (name, *words):
                self.assertIn(word, errors)

    @for_each_server(SERVERS)
    def test_help(self, name):
        status, output, errors = run(name, "--help")
        self.assertEqual((status, errors), (0, ""))
        for option in (name, "--port", "--address", "--workers", "--help"):
            self.assertIn(option, output)

    @for_each_server(SERVERS)
    def test_one_line_when_ready(self, name):
        with Server(name, "--port", "0") as server:
            self.assertNotEqual(server.address[1], 0)
            server.connect().close()
            status, _, output, errors = server.stop()
            self.assertEqual((status, output, errors), (0, "", ""))

    @for_each_server(SERVERS)
    def test_addresses(self, name):
        for address in ("127.0.0.2", "::1", "0.0.0.0"):
            with Server(name, "--address", address, "--workers=1") as server:
                self.assertEqual(server.address[0], address)
                server.connect().close()

    @for_each_server(SERVERS)
    def test_wrong_options(self, name):
        self.assert_refused(name, ["--port", "70000"], "--port", "70000", "65535")
        self.assert_refused(name, ["--port", "-1"], "--port", "-1")
        self.assert_refused(name, ["--port", "80x"], "--port", "80x")
        self.assert_refused(name, ["--port="], "--port")
        self.assert_refused(name, ["--port"], "--port", "value")
        self.assert_refused(name, ["--workers", "0"], "--workers", "0")
        self.assert_refused(name, ["--workers", "100000"], "--workers", "1024")
        self.assert_refused(name, ["--address", "localhost"], "--address", "localhost")
        self.assert_refused(name, ["--address", "127.0.0.256"], "--address", "127.0.0.256")
        self.assert_refused(name, ["--loud"], "--loud", "--help")
        self.assert_refused(name, ["-p", "80"], "-p")
        self.assert_refused(name, ["8080"], "8080")
        self.assert_refused(name, ["--help=yes"], "--help")

    @for_each_server(SERVERS)
    def test_port_in_use(self, name):
        with Server(name) as server:
            port = str(server.address[1])
            self.assert_refused(name, ["--port", port], port, "Address already in use")
            server.connect().close()  # the first one goes on

    @for_each_server(SERVERS)
    def test_address_of_nobody(self, name):
        self.assert_refused(name, ["--address", "192.0.2.1"], "192.0.2.1")


if __name__ == "__main__":
    unittest.main()
