# SPDX-License-Identifier: MIT
"""Small files, short functions, lines that fit."""

import ast
import re
import statistics

from source_file import Finding

FILE_LINES = 400
ASM_LINES = 150
FUNCTION_LINES = 70
LINE_COLUMNS = 120
MEDIAN_LINES = 120

TEMPLATE_HEAD = re.compile(r"\btemplate\s*<")
TYPE_HEAD = re.compile(r"^\s*(?:typedef\s+)?(?:class|struct|union|enum)\b")
ACCESS_LABEL = re.compile(r"^\s*(?:public|protected|private):")
SCOPE_HEAD = re.compile(r"^\s*(?:inline\s+)?namespace\b|^\s*extern\s*\"[^\"]*\"\s*$")


def _without_template_head(header):
    """The declaration behind `template <…>`, whose parameters would look like types."""
    match = TEMPLATE_HEAD.search(header)
    while match:
        depth, at = 1, match.end()
        while at < len(header) and depth > 0:
            depth += {"<": 1, ">": -1}.get(header[at], 0)
            at += 1
        header = header[: match.start()] + header[at:]
        match = TEMPLATE_HEAD.search(header)
    return header


def _without_directives(lines):
    """The lines with preprocessor directives blanked, those continued by a backslash to their end."""
    is_directive = False
    for line in lines:
        is_continued = is_directive
        is_directive = (is_continued or line.lstrip().startswith("#")) and line.rstrip().endswith("\\")
        yield "" if is_continued or line.lstrip().startswith("#") else line


def _opens_function(header):
    header = _without_template_head(header).strip()
    return "(" in header and not TYPE_HEAD.match(header) and not SCOPE_HEAD.match(header) and not header.endswith("=")


def cpp_functions(file):
    """(first line, last line) of each function body outside of other functions, its head included."""
    code = "\n".join(_without_directives(file.code))
    kinds = []  # of the open brackets: "function", "scope", or "inner" (default arguments, initializers, blocks)
    boundary, line, first = 0, 1, 0
    for at, character in enumerate(code):
        line += character == "\n"
        if "function" in kinds and character not in "{}":
            continue
        if character == "(" or character == "{" and (code[at - 1].isalnum() or code[at - 1] == "_"):
            kinds.append("inner")
        elif character == "{" and not {"inner", "function"} & set(kinds) and _opens_function(code[boundary:at]):
            first = line - ACCESS_LABEL.sub("", code[boundary:at]).lstrip().count("\n")
            kinds.append("function")
        elif character == "{":
            kinds.append("inner" if "inner" in kinds or "function" in kinds else "scope")
        elif character in ")}" and kinds and kinds.pop() == "function":
            yield first, line
        if "inner" not in kinds and character in "{};":
            boundary = at + 1


def python_functions(file):
    for node in ast.walk(ast.parse(file.text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno


def files_are_short(tree):
    for file in tree:
        if not file.is_cpp and not file.is_hash_commented:
            continue
        most = ASM_LINES if file.is_asm else FILE_LINES
        if len(file.raw) > most:
            message = f"{len(file.raw)} lines, at most {most}: which second concept is in there?"
            yield file.finding(most + 1, "file length", message)


def functions_are_short(tree):
    for file in tree:
        if file.path.endswith(".py"):
            functions = python_functions(file)
        elif file.is_cpp and not file.is_asm:
            functions = cpp_functions(file)
        else:
            continue
        for first, last in functions:
            if last - first + 1 > FUNCTION_LINES:
                message = f"{last - first + 1} lines, at most {FUNCTION_LINES}: name its parts"
                yield file.finding(first, "function length", message)


def lines_fit(tree):
    for file in tree:
        if not file.is_cpp and not file.is_hash_commented:
            continue
        for number, line in enumerate(file.raw, 1):
            if len(line) > LINE_COLUMNS:
                yield file.finding(number, "line length", f"{len(line)} columns, at most {LINE_COLUMNS}: break it")
            if line != line.rstrip():
                yield file.finding(number, "line end", "white space at the end: remove it")
            if "\t" in line and file.name != "Makefile":
                yield file.finding(number, "tab", "a tab: indent with spaces")


def library_median_is_low(tree):
    lengths = [len(file.raw) for file in tree if file.is_library and file.is_cpp]
    median = statistics.median(lengths) if lengths else 0
    if median > MEDIAN_LINES:
        message = f"the median file of the library has {median:g} lines, at most {MEDIAN_LINES}: split the long ones"
        yield Finding("fiber", 1, "median length", message)


RULES = (files_are_short, functions_are_short, lines_fit, library_median_is_low)
