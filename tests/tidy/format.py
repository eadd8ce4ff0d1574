# SPDX-License-Identifier: MIT
"""Formats C++ as .clang-format says, with the two things that clang-format 14 cannot do hidden from it.

A trailing comment may pass the column limit of code (a longer line is found by the line budget), but clang-format would
break the code in front of it. And it does not know `requires` clauses, whose lines therefore stay as they are.

    python3 tests/tidy/format.py          rewrites the files of the tree
    python3 tests/tidy/format.py FILE...  rewrites these
"""

import difflib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from source_file import SourceFile, split_code_and_comments

STAND_IN = "//~"
CLANG_FORMAT_NAMES = ("clang-format-14", "clang-format")
COLUMN_LIMIT = 100  # of .clang-format
REQUIRES = re.compile(r"^\s*requires\b")


def find_clang_format():
    """The command of version 14, whose output is the rule; None if there is none."""
    for name in CLANG_FORMAT_NAMES:
        command = shutil.which(name)
        if command is None:
            continue
        version = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
        if re.search(r"version 14\.", version):
            return command
    return None


def hide(text):
    """The text with stand-ins, and what they stand for, in order."""
    code, comments = split_code_and_comments(text)
    hidden, lines = [], []
    is_in_requires = False
    for raw, code_line, comment in zip(text.splitlines(), code.splitlines(), comments.splitlines()):
        bare = code_line.strip()
        if REQUIRES.match(code_line) or is_in_requires:
            is_in_requires = bare.endswith(("&&", "||"))
            hidden.append(raw)
            lines.append(STAND_IN + "requires")
        elif bare.strip("}") and not bare.startswith("#") and comment.lstrip().startswith("//"):
            start = len(code_line.rstrip())
            note = raw[start:].lstrip()
            hidden.append(note)
            # As wide as the comment where it fits, since clang-format does not align what would then be too wide.
            width = min(len(note), COLUMN_LIMIT - start - 1)
            lines.append(raw[:start] + " " + STAND_IN.ljust(width, "~"))
        else:
            lines.append(raw)
    return "\n".join(lines) + "\n", hidden


def reveal(text, hidden):
    """Puts back what hide() took out. Throws ValueError if one of its stand-ins was lost."""
    lines = []
    rest = iter(hidden)
    count = 0
    for line in text.splitlines():
        before, mark, after = line.partition(STAND_IN)
        if mark:
            original = next(rest, "")
            count += 1
            line = original if after == "requires" else before + original
        lines.append(line)
    if count != len(hidden):
        raise ValueError(f"{len(hidden)} stand-ins went in, {count} came out")
    return "\n".join(lines) + "\n"


def formatted(command, text, path, style):
    """`text` as it should be. `style`: the .clang-format file."""
    for _ in range(4):  # moved code leaves another width to its comment, which may move it again
        stand_in, hidden = hide(text)
        result = subprocess.run(
            [command, f"--style=file:{style}", f"--assume-filename={path}"],
            input=stand_in, capture_output=True, text=True, check=True,
        )
        before, text = text, reveal(result.stdout, hidden)
        if text == before:
            break
    return text


def first_difference(text, expected):
    """The number of the first line that is not as expected, and how it should read; None if there is none."""
    matcher = difflib.SequenceMatcher(None, text.splitlines(), expected.splitlines(), autojunk=False)
    for tag, start, _, first, last in matcher.get_opcodes():
        if tag != "equal":
            return start + 1, " / ".join(expected.splitlines()[first:last]).strip() or "(no line)"
    return None


def main(arguments):
    import tidy

    top = Path(__file__).resolve().parents[2]
    command = find_clang_format()
    if command is None:
        print("format.py: clang-format 14 is not installed (Debian: apt-get install clang-format-14)", file=sys.stderr)
        return 1
    wanted = [Path(name).resolve().relative_to(top).as_posix() for name in arguments]
    for file in tidy.read_tree(top):
        if not file.is_cpp or file.is_asm or (wanted and file.path not in wanted):
            continue
        expected = formatted(command, file.text, file.path, top / ".clang-format")
        if expected != file.text:
            (top / file.path).write_text(expected)
            print(f"formatted {file.path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
