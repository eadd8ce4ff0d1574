#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the instructions of the hottest operations with their budgets (budgets.json).

callgrind counts what a program executes in user space, so the numbers are the same on a busy machine and on an idle
one. Too many fail; far fewer are told, so that the budget follows. Ends with 77 if there are no budgets for this build.

    instruction_budget_test.py --program PATH --build NAME [--valgrind PATH] [--write]
"""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
from pathlib import Path

BUDGETS = Path(__file__).resolve().parent / "budgets.json"
ABOVE = 1.02  # may be the luck of a code layout or of an allocation
BELOW = 0.95
LIMIT_SECONDS = 100
RUNS = 3
# Operation of the program -> how many times, twice, and how many of what is budgeted are in one of them.
OPERATIONS = {
    "switch": ("switch_pair", (10_000, 20_000), 2),
    "yield": ("ten_yields", (1_000, 3_000), 10),
    "spawn_join": ("spawn_join", (2_000, 6_000), 1),
    "spawn_await_task": ("spawn_await", (2_000, 6_000), 1),
    "mutex_lock_unlock": ("mutex", (10_000, 20_000), 1),
    "echo_both_sides": ("fifty_echoes", (20, 60), 50),
}


def instructions(arguments, operation, count):
    """All that the program executes."""
    command = [arguments.valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null", str(arguments.program),
               operation, str(count)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          timeout=LIMIT_SECONDS)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not collected:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return int(collected.group(1))


def fewest_instructions(arguments, operation, count):
    """A worker looks for IO and timers after a time, however many operations it has done by then: the fewest of
    some runs are those with the fewest such looks."""
    return min(instructions(arguments, operation, count) for _ in range(RUNS))


def instructions_of_each(arguments, name):
    """Of one of what is budgeted: the difference of two counts is free of start and end."""
    operation, (few, many), parts = OPERATIONS[name]
    difference = fewest_instructions(arguments, operation, many) - fewest_instructions(arguments, operation, few)
    return difference / (many - few) / parts


def count_all(arguments):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:  # each waits for a valgrind
        return dict(zip(OPERATIONS, pool.map(lambda name: instructions_of_each(arguments, name), OPERATIONS)))


def judge(name, counted, budget):
    """(what to say, whether it is within the budget)."""
    change = f"{name}: {counted:.1f} instructions, budget {budget:.1f} ({counted / budget - 1:+.1%})"
    if counted > budget * ABOVE:
        return f"{change}: TOO MANY. Find out why (callgrind_annotate), or raise the budget and say for what.", False
    if counted < budget * BELOW:
        return f"{change}: well done. Lower the budget, so that it stays so (--write).", True
    return change, True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--build", required=True, help="compiler and allocator, as budgets.json names them")
    parser.add_argument("--valgrind", default="valgrind")
    parser.add_argument("--write", action="store_true", help="make what was counted the budget")
    arguments = parser.parse_args()
    budgets = json.loads(BUDGETS.read_text(encoding="utf-8")) if BUDGETS.exists() else {}
    if not arguments.write and arguments.build not in budgets:
        print(f"no budgets for '{arguments.build}', only for {', '.join(budgets)}")
        return 77
    counted = count_all(arguments)
    if arguments.write:
        budgets[arguments.build] = {name: round(value, 1) for name, value in counted.items()}
        BUDGETS.write_text(json.dumps(budgets, indent=2) + "\n", encoding="utf-8")
        return 0
    verdicts = [judge(name, counted[name], budgets[arguments.build][name]) for name in OPERATIONS]
    for text, _ in verdicts:
        print(text)
    return 0 if all(is_within for _, is_within in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
