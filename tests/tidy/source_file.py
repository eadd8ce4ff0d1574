# SPDX-License-Identifier: MIT
"""One source file as the tidy rules see it: each line split into its code and its comment.

In the code of a line every string and character literal is blanked (its quotes stay), so that a rule that looks for a
word never finds it in a message; `raw` keeps the line as it is in the file.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

CPP_SUFFIXES = (".cpp", ".hpp", ".c", ".h", ".S")
HASH_SUFFIXES = (".py", ".cmake", ".sh", ".in")
HASH_NAMES = ("CMakeLists.txt", "Makefile", ".ci/run")
RAW_STRING = re.compile(r'(?:u8|[uUL])?R"([^()\\ \t\n]{0,16})\(')


@dataclass(frozen=True)
class Finding:
    """One broken rule: `message` says what to do about it."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


def _blank(text):
    return "".join(character if character == "\n" else " " for character in text)


def _literal_end(text, start):
    """The index behind the string or character literal that opens at `start`."""
    quote = text[start]
    at = start + 1
    while at < len(text) and text[at] != quote and text[at] != "\n":
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def split_code_and_comments(text):
    """Two texts of the same shape as `text`: one with the code alone, one with the comments alone."""
    code, comments = [], []
    at = 0
    while at < len(text):
        raw_string = RAW_STRING.match(text, at)
        if text.startswith("//", at):
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            while text[end - 1] == "\\" and end < len(text):  # a line splice continues the comment
                following = text.find("\n", end + 1)
                end = len(text) if following < 0 else following
            code.append(_blank(text[at:end]))
            comments.append(text[at:end])
        elif text.startswith("/*", at):
            end = text.find("*/", at + 2)
            end = len(text) if end < 0 else end + 2
            code.append(_blank(text[at:end]))
            comments.append(text[at:end])
        elif raw_string and not (at > 0 and (text[at - 1].isalnum() or text[at - 1] == "_")):
            end = text.find(")" + raw_string.group(1) + '"', at)
            end = len(text) if end < 0 else end + len(raw_string.group(1)) + 2
            code.append('R"' + _blank(text[at + 2 : end - 1]) + '"')
            comments.append(_blank(text[at:end]))
        elif text[at] == '"' or (text[at] == "'" and not (at > 0 and text[at - 1].isalnum())):
            end = _literal_end(text, at)
            code.append(text[at] + _blank(text[at + 1 : end - 1]) + text[end - 1 : end])
            comments.append(_blank(text[at:end]))
        else:
            end = at + 1
            code.append(text[at])
            comments.append(text[at] if text[at] == "\n" else " ")
        at = end
    return "".join(code), "".join(comments)


class SourceFile:
    """A file of the tree. `path` is relative to the top, with forward slashes."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.raw = text.splitlines()

    @property
    def name(self):
        return PurePosixPath(self.path).name

    @property
    def is_cpp(self):
        """C, C++ or preprocessed assembly."""
        return self.path.endswith(CPP_SUFFIXES)

    @property
    def is_asm(self):
        return self.path.endswith(".S")

    @property
    def is_header(self):
        return self.path.endswith((".hpp", ".h"))

    @property
    def is_hash_commented(self):
        """A script or a build file, whose comments begin with '#'."""
        return self.path.endswith(HASH_SUFFIXES) or self.path in HASH_NAMES or self.name in HASH_NAMES

    @property
    def is_library(self):
        return self.path.startswith(("fiber/", "io/", "asm/"))

    @cached_property
    def _parts(self):
        return split_code_and_comments(self.text) if self.is_cpp else (self.text, "")

    @cached_property
    def code(self):
        """The lines without comments, literals blanked."""
        return self._parts[0].splitlines()

    @cached_property
    def comments(self):
        """The lines with everything but comments blanked."""
        return self._parts[1].splitlines()

    def comment_near(self, number, reach=3):
        """The comments of line `number` (counted from 1) and of up to `reach` lines on either side, as one text."""
        first = max(0, number - 1 - reach)
        return " ".join(line.strip() for line in self.comments[first : number + reach])

    def finding(self, number, rule, message):
        return Finding(self.path, number, rule, message)
