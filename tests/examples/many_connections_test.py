# SPDX-License-Identifier: MIT
"""10,000 connections to each echo server: what an idle one costs, and every byte of busy ones compared by echo_load."""

import json
import os
import subprocess
import unittest
from pathlib import Path

from example_server import (
    ECHO_SERVERS, IS_SANITIZED, PATIENCE_SECONDS, Server, for_each_server, raise_descriptor_limit, receive
)

ECHO_LOAD = Path(os.environ["COIR_ECHO_LOAD"])
IS_OPTIMIZED = bool(os.environ.get("COIR_OPTIMIZED"))
FOR_OTHERS = 100  # descriptors
# Beside what the kernel keeps. With both, half of the connections are of either kind.
IDLE_BYTES = {"echo_server": 6 * 1024, "coro_echo_server": 1024, "mixed_echo_server": 3.5 * 1024}


class ManyConnections(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.connections = min(1000 if IS_SANITIZED else 10_000, raise_descriptor_limit() - FOR_OTHERS)

    @unittest.skipUnless(IS_OPTIMIZED and not IS_SANITIZED, "the memory of an optimized build is the subject")
    @for_each_server(ECHO_SERVERS)
    def test_memory_of_idle_connections(self, name):
        with Server(name, "--workers", "2") as server:
            connections = [server.connect() for _ in range(100)]
            self.echo_once(connections)
            before = server.memory_bytes()
            more = [server.connect() for _ in range(self.connections - len(connections))]
            self.echo_once(more)
            each = (server.memory_bytes() - before) / len(more)
            print(f"an idle connection of {name} takes {each:.0f} bytes, page tables included")
            self.assertLessEqual(each, IDLE_BYTES[name])
            self.echo_once(connections + more)
            for connection in connections + more:
                connection.close()

    def echo_once(self, connections):
        for connection in connections:
            connection.sendall(b"hello, idle connection")
        for connection in connections:
            self.assertEqual(receive(connection, 22), b"hello, idle connection")

    @for_each_server(ECHO_SERVERS)
    def test_every_byte(self, name):
        with Server(name, "--workers", "2") as server:
            done = subprocess.run(
                [
                    ECHO_LOAD, "--port", str(server.address[1]), "--connections", str(self.connections),
                    "--message-bytes", "300", "--seconds", "2", "--warmup", "0.5", "--json",
                ],
                capture_output=True, text=True, timeout=2 * PATIENCE_SECONDS, check=False,
            )
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
            result = json.loads(done.stdout)
            self.assertEqual(result["errors"], 0, result)
            self.assertEqual(result["connections_ok"], self.connections)
            self.assertGreater(result["requests"], self.connections)
            self.assertEqual(server.stop()[::3], (0, ""))


if __name__ == "__main__":
    unittest.main()
