# SPDX-License-Identifier: MIT
"""Folders are floors: a file includes its own floor or below."""

import posixpath
import re

from source_file import Finding

# The longest prefix that fits decides.
FLOORS = (
    ("asm/", 0),
    ("fiber/base/", 0),
    ("fiber/context/", 1),
    ("fiber/sched/", 2),
    ("fiber/", 2),
    ("fiber/sync/", 3),
    ("fiber/coro/", 3),
    ("io/reactor/", 4),
    ("io/", 5),
    ("io/posix/", 6),
    ("examples/", 7),
    ("bench/", 7),
    ("tests/", 7),
)
# Files of floor 3 that lie on floor 2, where a person looks for the twin of a std header. They include, and do nothing
# else.
UMBRELLAS = tuple(
    f"fiber/{name}.hpp"
    for name in (
        "barrier", "condition_variable", "future", "latch", "mutex", "semaphore", "shared_mutex", "thread",
    )
)
# Structured concurrency is built on a wait, so it is of floor 3; it lies beside spawn.
FLOOR_THREE = UMBRELLAS + ("fiber/scope.hpp", "fiber/scope.cpp")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
PRIVATE_FOLDERS = ("asm/", "fiber/base/", "fiber/context/", "fiber/sched/", "io/reactor/")


def floor_of(path):
    """The floor of a path of the tree; None if it stands on none."""
    if path in FLOOR_THREE:
        return 3
    found = None
    for prefix, floor in FLOORS:
        if path.startswith(prefix) and (found is None or len(prefix) > len(found[0])):
            found = (prefix, floor)
    return found[1] if found else None


def includes_of(file, paths):
    """(line, path) of each include of `file` that names a file of this tree."""
    folder = posixpath.dirname(file.path)
    for number, line in enumerate(file.raw, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        beside = posixpath.normpath(posixpath.join(folder, match.group(2)))
        if match.group(2) in paths:
            yield number, match.group(2)
        elif match.group(1) == '"' and beside in paths:
            yield number, beside
        elif floor_of(match.group(2)) not in (None, 7):
            yield number, match.group(2)


def is_private(file):
    """A header that says so in its head comment: "Private." """
    head = file.text.split("#pragma once")[0]
    return file.is_header and re.search(r"\bPrivate\.", head) is not None


def includes_point_down(tree):
    for file in tree:
        own = floor_of(file.path)
        if own is None or not file.is_cpp:
            continue
        for number, target in includes_of(file, tree.paths):
            floor = floor_of(target)
            if floor is not None and floor > own:
                message = f"{target} is of floor {floor}, this file of floor {own}: include only this floor or below"
                yield file.finding(number, "floors", message)


def includes_respect_privacy(tree):
    """io/ and fiber/coro/ meet through public headers alone, and an example shows what a user can write."""
    private = {file.path for file in tree if is_private(file)}
    for file in tree:
        if not file.is_cpp or not file.path.startswith(("io/", "fiber/coro/", "examples/")):
            continue
        for number, target in includes_of(file, tree.paths):
            in_other = (
                file.path.startswith("io/") and target.startswith("fiber/coro/")
                or file.path.startswith("fiber/coro/") and target.startswith("io/")
            )
            if in_other and (target in private or target.count("/") > 2 or target.startswith("io/reactor/")):
                yield file.finding(number, "privacy", f"{target} is private to its folder: use its public headers")
            if file.path.startswith("examples/") and (target in private or target.startswith(PRIVATE_FOLDERS)):
                yield file.finding(number, "privacy", f"{target} is private: an example includes public headers only")


def umbrellas_only_include(tree):
    for file in tree:
        if file.path not in UMBRELLAS:
            continue
        for number, line in enumerate(file.code, 1):
            if line.strip() and not line.lstrip().startswith("#"):
                message = "an umbrella header only includes: move the code to the header that it includes"
                yield file.finding(number, "umbrella", message)
                break


def sources_stand_on_a_floor(tree):
    for file in tree:
        if file.is_cpp and floor_of(file.path) is None:
            message = "this folder is no floor: move the file, or add the folder to floors.py"
            yield Finding(file.path, 1, "floors", message)


RULES = (includes_point_down, includes_respect_privacy, umbrellas_only_include, sources_stand_on_a_floor)
