# SPDX-License-Identifier: MIT
"""mixed: a fiber and a coroutine that share a mutex and a connection break no line of each other."""

import unittest

from example_server import run


class Mixed(unittest.TestCase):
    def test_output(self):
        for _ in range(5):
            self.assertEqual(run("mixed"), (0, "2000 of 2000 lines are whole\n", ""))


if __name__ == "__main__":
    unittest.main()
