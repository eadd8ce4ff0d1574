#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The driver of the benchmarks with programs that are made up: what is wrong must never become a figure."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True  # a test leaves the tree as it was
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import cases
import run
import summary


def line_of(system, value=100.0, **changes):
    return json.dumps({"workload": "skynet", "system": system, "workers": 1, "metric": "per_leaf", "unit": "ns",
                       "value": value, "count": 1000, "detail": "", "checked": True, **changes})


def printing(*lines):
    return "\n".join(f"echo '{line}'" for line in lines)


class DriverTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.build = Path(folder.name)
        (self.build / "bench/skynet").mkdir(parents=True)
        limit = cases.LIMIT_SECONDS
        cases.LIMIT_SECONDS = 1
        self.addCleanup(setattr, cases, "LIMIT_SECONDS", limit)

    def summary_of(self, scripts, repeat=1):
        """After skynet on one worker, with a script per system."""
        for system, script in scripts.items():
            path = self.build / "bench/skynet" / f"skynet_{system}"
            path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            path.chmod(0o755)
        found = [case for case in cases.cases(self.build, 1, quick=True) if case.workload == "skynet"]
        document = {"repeat": repeat, "quick": True, "cases": [run.description_of(case) for case in found],
                    "results": [], "failures": []}
        run.Runs(found, repeat, document).run_all()
        return summary.Summary(document)

    def row(self, found, system):
        return found.row(found.cases[0], system, "per_leaf")

    def assert_has_no_figure(self, found, system, problem):
        row = self.row(found, system)
        self.assertEqual(row.values, [])
        self.assertIsNone(row.ratio)
        self.assertIn(problem, row.problem)
        self.assertNotIn(system, [better.system for _, _, _, rows in found.losses() for better in rows])

    def test_right_results_are_compared(self):
        found = self.summary_of({"coir": printing(line_of("coir", 100)), "asio": printing(line_of("asio", 250)),
                                 "go": printing(line_of("go", 50))})
        self.assertEqual(self.row(found, "asio").median, 250)
        self.assertEqual(self.row(found, "asio").ratio, 2.5)
        (_, metric, ours, better), = found.losses()
        self.assertEqual((metric, ours.median, [row.system for row in better]), ("per_leaf", 100, ["go"]))

    def test_a_wrong_result(self):
        found = self.summary_of({"coir": printing(line_of("coir")),
                                 "go": f"{printing(line_of('go', 1))}\necho 'wrong result: sum' >&2\nexit 1"})
        self.assert_has_no_figure(found, "go", "wrong result: sum")

    def test_a_crash(self):
        found = self.summary_of({"coir": printing(line_of("coir")),
                                 "go": f"{printing(line_of('go', 1))}\nkill -SEGV $$"})
        self.assert_has_no_figure(found, "go", "SIGSEGV")

    def test_a_program_that_does_not_end(self):
        found = self.summary_of({"coir": printing(line_of("coir")),
                                 "go": f"{printing(line_of('go', 1))}\nexec sleep 60"})
        self.assert_has_no_figure(found, "go", "did not end")

    def test_a_result_that_was_not_checked(self):
        found = self.summary_of({"coir": printing(line_of("coir")), "go": printing(line_of("go", 1, checked=False))})
        self.assert_has_no_figure(found, "go", "did not check")

    def test_less_work_than_coir(self):
        found = self.summary_of({"coir": printing(line_of("coir")), "go": printing(line_of("go", 1, count=10))})
        self.assert_has_no_figure(found, "go", "did 10 instead of 1000")

    def test_threads_may_do_less_and_it_is_said(self):
        found = self.summary_of({"coir": printing(line_of("coir")),
                                 "std_thread": printing(line_of("std_thread", 900, count=10))})
        row = self.row(found, "std_thread")
        self.assertEqual((row.median, row.note), (900, "10 instead of 1,000"))

    def test_nonsense(self):
        found = self.summary_of({"coir": printing(line_of("coir")), "go": "echo nonsense",
                                 "asio": printing(line_of("tokio", 1)), "tokio": printing(line_of("tokio", -1))})
        self.assert_has_no_figure(found, "go", "nonsense")
        self.assert_has_no_figure(found, "asio", "says that it is")
        self.assert_has_no_figure(found, "tokio", "per_leaf is -1")

    def test_one_failure_spoils_all_rounds(self):
        # Right the first time only.
        once = f"[ -e {self.build}/again ] && exit 3\ntouch {self.build}/again\n{printing(line_of('go', 1))}"
        found = self.summary_of({"coir": printing(line_of("coir")), "go": once}, repeat=3)
        self.assert_has_no_figure(found, "go", "status 3")

    def test_what_is_not_built_is_skipped(self):
        found = self.summary_of({"coir": printing(line_of("coir"))})
        self.assert_has_no_figure(found, "go", "skipped: not built here")


if __name__ == "__main__":
    unittest.main()
