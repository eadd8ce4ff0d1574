#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the benchmarks: coir, std::thread and the rivals that were built, in turns (A B C A B C).

Each result has been checked by the program that measured it; what was wrong, crashed or did not end is shown as such
and has no figure. Prints medians (least-most), the ratio to coir, and where coir is not first.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import cases as programs
import machine
from server_process import BenchError
from summary import Summary, kind_of, title_of
from table import format_table, number, spread

try:
    import network
except ImportError:  # the scheduler's workloads alone
    network = None


SLOW_SECONDS = 10


def say(text, end="\n"):
    print(text, file=sys.stderr, end=end, flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build/release"), help="build directory (%(default)s)")
    parser.add_argument("--workloads", help="which, as a,b,c (all)")
    parser.add_argument("--systems", help="which, as coir,std_thread,go (all); ratios need coir")
    parser.add_argument("--repeat", type=int, help="rounds (3; with --quick 1)")
    parser.add_argument("--workers", type=int, default=min(2, len(os.sched_getaffinity(0))),
                        help="workers of the workloads that are measured with several (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="less work: three minutes, for a first look")
    parser.add_argument("--json", type=Path, help="write every result to this file, for report.py")
    parser.add_argument("--list", action="store_true", help="print workloads and systems, and end")
    arguments = parser.parse_args()
    if arguments.repeat is None:
        arguments.repeat = 1 if arguments.quick else 3
    if arguments.repeat < 1 or arguments.workers < 1:
        parser.error("--repeat and --workers must be at least 1")
    return arguments


def chosen(text, available, option):
    """The names in `text`, all if it is None."""
    if text is None:
        return set(available)
    names = set(text.split(","))
    unknown = names - set(available)
    if unknown:
        raise BenchError(f"{option}: {', '.join(sorted(unknown))}: none of {', '.join(available)}")
    return names


def find_cases(arguments):
    """What is to be measured, with the chosen systems only."""
    build = arguments.build.resolve()
    found = programs.cases(build, arguments.workers, arguments.quick)
    if network is not None:
        found += network.cases(build, arguments.workers, arguments.quick)
    workloads = chosen(arguments.workloads, list(dict.fromkeys(case.workload for case in found)), "--workloads")
    known = programs.in_order({system for case in found for system in case.systems})
    systems = chosen(arguments.systems, known, "--systems")
    found = [case for case in found if case.workload in workloads]
    for case in found:
        case.systems = {name: case.systems[name] for name in programs.in_order(case.systems) if name in systems}
    found = [case for case in found if case.systems]
    if not any(reason is None for case in found for reason in case.systems.values()):
        raise BenchError(f"nothing that was chosen can be measured: is {build} a build of the target `bench`?")
    return found


def description_of(case):
    """The case as it stands in the document."""
    return {"workload": case.workload, "variant": case.variant, "workers": case.workers,
            "systems": case.systems, "metrics": list(getattr(case, "metrics", (case.primary,))),
            "is_lower_better": case.is_lower_better}


class Runs:
    """All runs, case by case, and in each case round by round and system by system."""

    def __init__(self, found, repeat, document):
        self._cases = found
        self._repeat = repeat
        self._document = document
        self._begun = 0
        self._total = repeat * sum(reason is None for case in found for reason in case.systems.values())
        self._start = time.monotonic()

    def run_all(self):
        for case in self._cases:
            done = set()
            for round_number in range(1, self._repeat + 1):
                for system, reason in case.systems.items():
                    if reason is None:
                        self._begun += 1
                        if system in done:
                            continue
                        start = time.monotonic()
                        is_right = self._run(case, round_number, system)
                        # What failed would do so again; who takes too long is measured once, for the others' sake.
                        if not is_right or time.monotonic() - start > max(SLOW_SECONDS, 3 * case.seconds):
                            done.add(system)

    def _run(self, case, round_number, system):
        key = {"workload": case.workload, "variant": case.variant, "workers": case.workers, "system": system}
        minutes, seconds = divmod(int(time.monotonic() - self._start), 60)
        say(f"[{self._begun:3}/{self._total} {minutes:2}:{seconds:02}] {title_of(key)}, round {round_number}, "
            f"{system} ... ", end="")
        try:
            results = case.run(system)
        except BenchError as error:
            say(f"FAILED: {error}")
            self._document["failures"].append({**key, "round": round_number, "error": str(error)})
            return False
        for result in results:
            self._document["results"].append({**result, **key, "round": round_number})
        primary = [one for one in results if one["metric"] == case.primary]
        say(f"{number(primary[-1]['value'])} {primary[-1]['unit']}" if primary else f"no {case.primary}")
        return True


def table_of(summary):
    rows = []
    for case in summary.cases:
        for metric in case["metrics"]:
            for row in summary.rows(case, metric):
                head = [title_of(case), metric, row.system]
                if not row.values:
                    rows.append([*head, "-", "", "-", row.problem])
                    continue
                ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
                rows.append([*head, spread(row.values), row.unit, ratio, row.note])
    # What is the same as in the line above is not said again.
    for above, row in reversed(list(zip(rows, rows[1:]))):
        if row[0] == above[0]:
            row[0] = ""
            row[1] = "" if row[1] == above[1] else row[1]
    return format_table(["workload", "metric", "system", "median (least-most)", "unit", "/ coir", "note"], rows,
                        left=3, right_until=6)


def print_losses(summary):
    losses = list(summary.losses())
    if not losses:
        print("coir is first in all that was measured.")
        return
    print("coir is not first in:")
    for case, metric, ours, better in losses:
        names = ", ".join(f"{row.system}{kind_of(row.system)} {number(row.median)}" for row in better)
        print(f"  {title_of(case)}: {metric} {number(ours.median)} {ours.unit}; {names}")


def main():
    arguments = parse_arguments()
    try:
        found = find_cases(arguments)
    except BenchError as error:
        say(f"run.py: {error}")
        return 2
    if arguments.list:
        for case in found:
            described = description_of(case)
            systems = [name + (f" ({reason})" if reason else "") for name, reason in case.systems.items()]
            print(f"{title_of(described)}: {', '.join(systems)}")
        return 0
    document = {"machine": machine.describe(arguments.build), "repeat": arguments.repeat, "quick": arguments.quick,
                "cases": [description_of(case) for case in found], "results": [], "failures": []}
    if document["machine"]["load_average"] > 1:
        say(f"The machine does other work too (load average {document['machine']['load_average']:.1f}): figures are of "
            "little worth.")
    try:
        Runs(found, arguments.repeat, document).run_all()
    finally:  # what was measured before an interrupt is kept
        if arguments.json:
            arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    summary = Summary(document)
    print(machine.in_words(document["machine"]) + f"; {arguments.repeat} round(s)" +
          (", quick: figures of little worth" if arguments.quick else "") + ".\n")
    print(table_of(summary))
    print()
    print_losses(summary)
    for failure in document["failures"]:
        print(f"FAILED: {title_of(failure)}, {failure['system']}: {failure['error']}")
    return 1 if document["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
