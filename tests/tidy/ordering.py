# SPDX-License-Identifier: MIT
"""Memory orders carry their reason, and atomics come through one door."""

import re

DOOR = "fiber/base/atomic.hpp"
FOLDERS = ("fiber/", "io/")

# An order given as an argument: not the name of a member function, nor the declaration of the constant.
ORDER_ARGUMENT = re.compile(
    r"(?:std::memory_order(?:_|::)|(?:^|[(,?:])\s*(?:coir::)?)"
    r"(relaxed|acquire|release|acq_rel|seq_cst)\b(?=\s*[,):]|\s*$)"
)
FENCE_CALL = re.compile(r"(?<!void )\b(full_fence|light_fence|heavy_fence)\s*\(\s*\)")
PAIRS_WITH = re.compile(r"\bpairs?\s+with\b", re.IGNORECASE)
RELAXED = re.compile(r"\brelaxed\b", re.IGNORECASE)

BANNED = (
    (re.compile(r"\bstd::atomic|^\s*#\s*include\s*<atomic>"), "use coir::atomic of fiber/base/atomic.hpp"),
    (re.compile(r"\b(?:__atomic|__sync)_\w+\s*\("), "use coir::atomic of fiber/base/atomic.hpp"),
    (re.compile(r"\bstd::memory_order"), "use the orders of fiber/base/atomic.hpp (relaxed, acquire, …)"),
    (re.compile(r"\b(?:memory_order_)?consume\b(?=\s*[,)])"), "no compiler implements consume: use acquire"),
    (re.compile(r"(?<!asm )(?<!__asm__ )\bvolatile\b"), "volatile orders nothing between threads: use coir::atomic"),
)


def _orders(file):
    """(line, order) of each order that is given in the file."""
    for number, line in enumerate(file.code, 1):
        if line.lstrip().startswith("inline constexpr auto "):
            continue  # the definitions of the orders
        for match in ORDER_ARGUMENT.finditer(line):
            yield number, match.group(1)
        if FENCE_CALL.search(line):
            yield number, "fence"


def orders_name_their_reason(tree):
    for file in tree:
        if not file.path.startswith(FOLDERS) or not file.is_cpp:
            continue
        for number, order in sorted(set(_orders(file))):
            note = file.comment_near(number).replace("//", " ")
            if order == "relaxed" and not RELAXED.search(note):
                message = "say in a comment within three lines why relaxed is enough (// relaxed: …)"
                yield file.finding(number, "ordering", message)
            if order != "relaxed" and not PAIRS_WITH.search(note):
                message = f"name the partner of this {order} in a comment within three lines (// pairs with …)"
                yield file.finding(number, "ordering", message)


def atomics_come_through_the_door(tree):
    for file in tree:
        if not file.path.startswith(FOLDERS) or not file.is_cpp or file.path == DOOR:
            continue
        for number, line in enumerate(file.code, 1):
            for pattern, advice in BANNED:
                if pattern.search(line):
                    yield file.finding(number, "atomics", advice)


RULES = (orders_name_their_reason, atomics_come_through_the_door)
