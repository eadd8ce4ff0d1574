#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the sources against the rules that a compiler cannot check.

    python3 tests/tidy/tidy.py [TOP]

Prints "file:line: rule: what to do" for each finding and ends with 1 if there is any. What a rule looks for stands in
its module; tidy_test.py proves that each of them fires. Build trees are not looked at.
"""

import concurrent.futures
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # a test leaves the tree as it was
sys.path.insert(0, str(Path(__file__).resolve().parent))

import budgets
import conventions
import floors
import format
import ordering
from source_file import SourceFile

RULES = floors.RULES + ordering.RULES + budgets.RULES + conventions.RULES
TEXT_SUFFIXES = (
    ".c", ".cmake", ".cpp", ".h", ".hpp", ".in", ".json", ".lua", ".md", ".py", ".S", ".sh", ".txt", ".yml",
)
TEXT_NAMES = ("Makefile", "LICENSE", "run")


class Tree(list):
    """The files of the tree, by path."""

    @property
    def paths(self):
        if not hasattr(self, "_paths"):
            self._paths = frozenset(file.path for file in self)
        return self._paths


def read_tree(top):
    """All text files below `top` but build trees, repositories and caches."""
    tree = Tree()
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(
            name for name in folders
            if name not in (".git", "build", "__pycache__") and not (Path(folder) / name / "CMakeCache.txt").exists()
        )
        for name in sorted(names):
            path = Path(folder) / name
            if name.endswith(TEXT_SUFFIXES) or name in TEXT_NAMES:
                tree.append(SourceFile(path.relative_to(top).as_posix(), path.read_text()))
    return tree


def is_formatted(tree, top, command):
    files = [file for file in tree if file.is_cpp and not file.is_asm]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:  # each waits for a clang-format
        texts = list(pool.map(lambda f: format.formatted(command, f.text, f.path, top / ".clang-format"), files))
    for file, expected in zip(files, texts):
        if expected != file.text:
            number, line = format.first_difference(file.text, expected)
            yield file.finding(number, "format", f"run `make format`; it makes this: {line}")


def main(arguments):
    top = Path(arguments[0] if arguments else Path(__file__).resolve().parents[2])
    tree = read_tree(top)
    findings = [finding for rule in RULES for finding in rule(tree)]
    command = format.find_clang_format()
    if command is None:
        print("tidy: clang-format 14 is not installed, so the format was not looked at")
    else:
        findings += is_formatted(tree, top, command)
    for finding in sorted(findings, key=lambda found: (found.path, found.line)):
        print(finding)
    print(f"tidy: {len(tree)} files, {len(RULES)} rules, {len(findings)} findings")
    return 1 if findings or not tree else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
