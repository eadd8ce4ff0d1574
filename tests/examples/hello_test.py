# SPDX-License-Identifier: MIT
"""hello prints what the README shows."""

import unittest

from example_server import run


class Hello(unittest.TestCase):
    def test_output(self):
        self.assertEqual(run("hello"), (0, "hello from fiber 1: 42\n", ""))


if __name__ == "__main__":
    unittest.main()
