# SPDX-License-Identifier: MIT
"""What every file begins with, which calls and names are banned, and that no file is dead."""

import ast
import posixpath
import re

from floors import includes_of

SPDX = "SPDX-License-Identifier: MIT"

# Where the process is about to end anyhow and a message is all that is left.
MAY_PRINT = ("fiber/base/check.cpp", "fiber/context/overflow_report.cpp")
OUTPUT = re.compile(
    r"\b(?:std::)?(?:v?f?printf|v?dprintf|f?puts|putchar|perror|_?exit|quick_exit)\s*\(|\bstd::(?:cout|cerr|clog)\b"
)

# current.cpp is the one accessor of thread state.
# sanitizer.cpp tells AddressSanitizer which stack the thread runs on, in builds with it only.
MAY_BE_THREAD_LOCAL = ("fiber/sched/current.cpp", "fiber/context/sanitizer.cpp")

SLEEP = re.compile(
    r"\bstd::this_thread::sleep_\w+|\b(?:u|nano|clock_nano)sleep\s*\(|(?<![\w.:])(?:::)?sleep\s*\("
)
SLEEP_NOTE = re.compile(r"\bsleep:")
# The pieces are joined here so that this file does not find itself.
UNFINISHED = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}>)~/-])/(?:home|root|work|Users|mnt|opt)/\w")

BANNED_WORDS = frozenset(
    word + plural
    for word in ("manager", "helper", "util", "impl", "data", "info")
    for plural in ("", "s")
)
TYPE_NAME = re.compile(
    r"\b(?:class|struct|union|enum(?:\s+(?:class|struct))?|concept|using)\s+(?:alignas\s*\([^)]*\)\s*)?([A-Za-z_]\w*)"
)
STD_THREAD = re.compile(r"\bstd::j?thread[>\s]*&?\s+(\w+)")


def _words(name):
    return re.split(r"[_\-.]", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower())


def files_name_their_licence(tree):
    for file in tree:
        if not file.is_cpp and not file.is_hash_commented:
            continue
        first = 1 if file.raw and file.raw[0].startswith("#!") else 0
        if len(file.raw) <= first or SPDX not in file.raw[first]:
            yield file.finding(first + 1, "licence", f"begin the file with a comment '{SPDX}'")


def headers_are_included_once(tree):
    """By #pragma once; a .h, which assembly may include too, by a guard as well."""
    for file in tree:
        guard = r"#pragma once" if file.path.endswith(".hpp") else r"#pragma once|#ifndef \w+_H"
        if file.is_header and not any(re.fullmatch(guard, line.strip()) for line in file.code):
            yield file.finding(1, "pragma once", "add #pragma once behind the head comment")


def library_is_silent(tree):
    for file in tree:
        if not file.is_library or not file.is_cpp or file.path in MAY_PRINT:
            continue
        for number, line in enumerate(file.code, 1):
            if OUTPUT.search(line):
                message = "a library neither prints nor ends the process: report an error, or use COIR_CHECK"
                yield file.finding(number, "output", message)


def thread_state_has_one_home(tree):
    for file in tree:
        if not file.is_library or not file.is_cpp or file.path in MAY_BE_THREAD_LOCAL:
            continue
        for number, line in enumerate(file.code, 1):
            if re.search(r"\b(?:thread_local|__thread)\b", line):
                message = f"thread state is kept in {MAY_BE_THREAD_LOCAL[0]}: a migrating fiber would keep its address"
                yield file.finding(number, "thread_local", message)


def threads_are_joined(tree):
    for file in tree:
        if not file.is_cpp:
            continue
        threads = "|".join(sorted(set(STD_THREAD.findall("\n".join(file.code))))) or r"(?!)"
        detach = re.compile(rf"\b(?:{threads})(?:\[[^\]]*\]|\.back\(\)|\.front\(\))?\s*\.\s*detach\s*\(")
        for number, line in enumerate(file.code, 1):
            if detach.search(line) or re.search(r"\bstd::thread\s*[({][^;]*[)}]\s*\.\s*detach\s*\(", line):
                yield file.finding(number, "detach", "nothing is left running: keep the std::thread and join it")


def _sleeps(file):
    """The lines that put the kernel thread to sleep."""
    if file.path.endswith(".py"):
        for node in ast.walk(ast.parse(file.text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "sleep"):
                yield node.lineno
    elif file.is_cpp:
        for number, line in enumerate(file.code, 1):
            if SLEEP.search(line):
                yield number


def tests_do_not_wait_by_sleeping(tree):
    for file in tree:
        if not file.path.startswith("tests/"):
            continue
        for number in _sleeps(file):
            near = " ".join(file.raw[max(0, number - 4) : number + 3])
            if not SLEEP_NOTE.search(near):
                message = "wait for the event itself; if blocking is the subject, say so in a comment: 'sleep: why'"
                yield file.finding(number, "sleep", message)


def nothing_is_unfinished(tree):
    for file in tree:
        for number, line in enumerate(file.raw, 1):
            match = UNFINISHED.search(line)
            if match:
                yield file.finding(number, "unfinished", f"{match.group()}: do it, or leave it out")


def names_say_something(tree):
    for file in tree:
        for word in _words(file.name):
            if word in BANNED_WORDS:
                yield file.finding(1, "name", f"'{word}' in a file name says nothing: name the concept")
        if not file.is_cpp:
            continue
        for number, line in enumerate(file.code, 1):
            for name in TYPE_NAME.findall(line):
                found = BANNED_WORDS.intersection(_words(name))
                if found:
                    message = f"'{min(found)}' in the type name {name} says nothing: name the concept"
                    yield file.finding(number, "name", message)


def paths_are_portable(tree):
    for file in tree:
        for number, line in enumerate(file.raw, 1):
            match = MACHINE_PATH.search(line)
            if match:
                message = f"'{match.group()}…' exists on one machine only: compute the path"
                yield file.finding(number, "machine path", message)


def _named_in_build(tree):
    """Paths that a CMakeLists.txt names, relative to its own folder or to one above."""
    paths = set()
    for file in tree:
        if file.name != "CMakeLists.txt" and not file.path.endswith(".cmake"):
            continue
        words = {word for line in file.raw for word in re.findall(r"[\w./+-]+", line.split("#")[0])}
        folder = posixpath.dirname(file.path)
        while True:
            paths.update(posixpath.normpath(posixpath.join(folder, word)) for word in words)
            if not folder:
                break
            folder = posixpath.dirname(folder)
    return paths


def no_file_is_dead(tree):
    """A source is listed in a CMakeLists.txt, with or without its suffix; a header that is not installed may be alive
    by being included instead."""
    named = _named_in_build(tree)
    included = {target for file in tree if file.is_cpp for _, target in includes_of(file, tree.paths)}
    for file in tree:
        if not file.is_cpp:
            continue
        is_named = file.path in named or posixpath.splitext(file.path)[0] in named
        is_installed = file.is_library and file.path.endswith(".hpp")
        if not is_named and (is_installed or file.path not in included):
            yield file.finding(1, "dead file", "no CMakeLists.txt lists it: add it, or delete it")


def documented_programs_are_built(tree):
    """A C++ block with a main() in a page is, to the letter, the end of a program in examples/."""
    programs = [file.text for file in tree if file.path.startswith("examples/") and file.path.endswith(".cpp")]
    for file in tree:
        if not file.path.endswith(".md"):
            continue
        for block in re.finditer(r"^```cpp\n(.*?)^```", file.text, re.M | re.S):
            if "int main" in block[1] and not any(text.endswith(block[1]) for text in programs):
                line = file.text.count("\n", 0, block.start()) + 1
                yield file.finding(line, "documented program", "no file of examples/ ends with it: keep both alike")


def documented_excerpts_are_true(tree):
    """A C++ block that begins with a comment naming a file of examples/ is, to the letter, a part of that file."""
    programs = {file.path: file.text for file in tree if file.path.startswith("examples/")}
    for file in tree:
        if not file.path.endswith(".md"):
            continue
        for block in re.finditer(r"^```cpp\n// (examples/\S+)\n(.*?)^```", file.text, re.M | re.S):
            if block[2] not in programs.get(block[1], ""):
                line = file.text.count("\n", 0, block.start()) + 1
                yield file.finding(line, "documented excerpt", f"{block[1]} does not contain it: keep both alike")


RULES = (
    files_name_their_licence,
    headers_are_included_once,
    library_is_silent,
    thread_state_has_one_home,
    threads_are_joined,
    tests_do_not_wait_by_sleeping,
    nothing_is_unfinished,
    names_say_something,
    paths_are_portable,
    no_file_is_dead,
    documented_programs_are_built,
    documented_excerpts_are_true,
)
