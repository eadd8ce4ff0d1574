#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the benchmarks: the switch, the scheduler and memory, then the echo servers in turns. About five minutes.

Each result that is printed has been checked by the program that measured it.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from table import format_table, number

HERE = Path(__file__).resolve().parent
# With both stack sizes a fiber has touched one page, but the more slots there are to a page of page tables the better.
PROGRAMS = (
    ("context_switch",),
    ("yield",),
    ("spawn_join",),
    ("memory", "--fibers", "100000"),
    ("memory", "--fibers", "100000", "--stack-bytes", "65536"),
    ("coro_memory",),
    ("coro_memory", "--asleep"),
)
LIMIT_SECONDS = 120


def measure(build, command):
    """The results of one program, as dictionaries; None if it failed, after a message."""
    program = build / "bench" / command[0]
    if not os.access(program, os.X_OK):
        print(f"{program} is missing: build first, or give --build", file=sys.stderr)
        return None
    print(" ".join(command), "...", flush=True)
    try:
        # Its standard error says the same for people.
        done = subprocess.run(
            [program, *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LIMIT_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        print(f"{command[0]} did not end within {LIMIT_SECONDS} s", file=sys.stderr)
        return None
    except subprocess.CalledProcessError as error:
        print(f"{command[0]} failed with status {error.returncode}: {error.stderr.strip()}", file=sys.stderr)
        return None
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build/release"), help="build directory (%(default)s)")
    arguments, echo_arguments = parser.parse_known_args()

    rows, failures = [], 0
    for command in PROGRAMS:
        results = measure(arguments.build, command)
        failures += results is None
        for result in results or ():
            value = f"{number(result['value'])} {result['unit']}"
            rows.append([result["workload"], result["system"], result["metric"], value, result["detail"]])
    print()
    print(format_table(["workload", "system", "metric", "value", "of"], rows, left=3))
    print("\nEcho servers ...", flush=True)
    echo = [sys.executable, HERE / "echo/run.py", "--build", arguments.build, *echo_arguments]
    failures += subprocess.run(echo, check=False).returncode != 0
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
