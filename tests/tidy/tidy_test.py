#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Feeds each tidy rule what it must find and what it must leave alone, so that a rule that never fires is noticed."""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import budgets
import conventions
import floors
import format
import ordering
import tidy
from source_file import SourceFile, split_code_and_comments

HEAD = "// SPDX-License-Identifier: MIT\n"
HEADER = HEAD + "#pragma once\n"


def long_function(opening, lines, closing="}"):
    return "\n".join([opening] + ["  f();"] * (lines - 2) + [closing]) + "\n"


# rule -> trees in which it must find something; each tree is a map path -> text. Pieces of words are joined where this
# file would otherwise be a finding itself.
BAD = {
    floors.includes_point_down: (
        {"fiber/base/a.hpp": '#include "fiber/sched/worker.hpp"\n'},
        {"fiber/context/a.cpp": "#include <fiber/fiber.hpp>\n"},
        {"fiber/sched/a.cpp": '#include "fiber/sync/mutex.hpp"\n'},
        {"fiber/a.hpp": '#include "fiber/scope.hpp"\n'},
        {"fiber/a.hpp": '#include "fiber/mutex.hpp"\n'},
        {"fiber/sync/a.hpp": '  #  include "io/tcp_stream.hpp"\n'},
        {"fiber/coro/a.hpp": '#include "io/reactor/reactor.hpp"\n'},
        {"io/reactor/a.cpp": '#include "io/runtime.hpp"\n'},
        {"io/a.cpp": '#include "io/posix/hooks.hpp"\n'},
        {"io/a.cpp": '#include "../bench/a.hpp"\n', "bench/a.hpp": ""},
        {"asm/a.S": '#include "fiber/context/context.hpp"\n'},
    ),
    floors.includes_respect_privacy: (
        {"io/a.cpp": '#include "fiber/coro/x.hpp"\n', "fiber/coro/x.hpp": "// Floor 3. Private.\n#pragma once\n"},
        {"io/a.cpp": '#include "fiber/coro/detail/x.hpp"\n', "fiber/coro/detail/x.hpp": ""},
        {"fiber/coro/a.cpp": '#include "io/reactor/x.hpp"\n', "io/reactor/x.hpp": ""},
        {"examples/a.cpp": "#include <fiber/sched/worker.hpp>\n", "fiber/sched/worker.hpp": ""},
        {"examples/a.cpp": '#include "io/x.hpp"\n', "io/x.hpp": "// Floor 5. Private.\n#pragma once\n"},
    ),
    floors.umbrellas_only_include: ({"fiber/mutex.hpp": HEADER + "class mutex;\n"},),
    floors.sources_stand_on_a_floor: ({"lib/a.cpp": ""},),
    ordering.orders_name_their_reason: (
        {"fiber/a.cpp": "x.store(1, release);\n"},
        {"io/a.cpp": "x.load(acquire);\n"},
        {"fiber/a.cpp": "x.exchange(1,\n           acq_rel);\n"},
        {"fiber/a.cpp": "x.exchange(1, coir::seq_cst);\n"},
        {"fiber/a.cpp": "x.load(is_late ? acquire : relaxed); // relaxed: a hint\n"},
        {"fiber/a.cpp": "x.store(1, relaxed);\n"},
        {"fiber/a.cpp": "x.store(1, relaxed); // pairs with nothing\n"},
        {"fiber/a.cpp": "// pairs with y\n\n\n\nx.store(1, release);\n"},
        {"fiber/a.cpp": 'x.store(1, release); f("// pairs with y");\n'},
        {"fiber/a.cpp": "full_fence();\n"},
        {"fiber/a.cpp": "base::heavy_fence();\n"},
    ),
    ordering.atomics_come_through_the_door: (
        {"fiber/a.cpp": "std::atomic<int> x;\n"},
        {"io/a.cpp": "#include <atomic>\n"},
        {"fiber/a.cpp": "std::atomic_thread_fence(seq_cst);\n"},
        {"fiber/a.cpp": "__atomic_load_n(&x, 0);\n"},
        {"fiber/a.cpp": "x.load(std::memory_order_acquire);\n"},
        {"fiber/a.cpp": "x.load(consume);\n"},
        {"fiber/a.cpp": "volatile int x;\n"},
    ),
    budgets.files_are_short: (
        {"fiber/a.cpp": "\n" * 401},
        {"tests/a.py": "\n" * 401},
        {"asm/a.S": "\n" * 151},
        {"CMakeLists.txt": "\n" * 401},
    ),
    budgets.functions_are_short: (
        {"fiber/a.cpp": long_function("void f() {", 71)},
        {"fiber/a.cpp": long_function("class c {\nint f(int x)\n    const noexcept {", 71, "}\n};")},
        {"fiber/a.cpp": long_function("a::a(int x)\n    : x_(x) {", 72)},
        {"fiber/a.hpp": long_function("template <class T>\nauto f(T x) -> T {", 71)},
        {"fiber/a.cpp": long_function("namespace n {\nvoid f() {\nif (x) {", 71, "}\n}\n}")},
        {"tests/a.cpp": long_function('TEST_CASE("{") {', 71)},
        {"tests/a.py": "def f():\n" + "    g()\n" * 71},
        {"io/a.cpp": long_function('extern "C" int f(int x) {', 71)},
        {"io/a.cpp": long_function("void f(x y = {}, z w = {1, 2}) {\n  if (y) {", 71, "}}")},
        {"io/a.cpp": long_function("a::a(int x) : x_{x}, y_(x) {", 71)},
        {"io/a.cpp": "int y{(1)};\n" + long_function("int f() {\n  g({1}, [] {", 71, "  });\n}")},
    ),
    budgets.lines_fit: (
        {"fiber/a.cpp": "x" * 121 + "\n"},
        {"fiber/a.cpp": "x \n"},
        {"fiber/a.cpp": "\tx\n"},
        {"tests/CMakeLists.txt": "#" * 121 + "\n"},
    ),
    budgets.library_median_is_low: ({"fiber/a.cpp": "\n" * 121, "io/a.cpp": "\n" * 130, "io/b.cpp": "\n"},),
    conventions.files_name_their_licence: (
        {"fiber/a.cpp": "int x;\n"},
        {"fiber/a.cpp": ""},
        {"tests/a.py": "#!/usr/bin/env python3\nimport os\n"},
        {"CMakeLists.txt": "project(x)\n"},
        {".ci/run": "#!/bin/bash\nset -e\n"},
    ),
    conventions.headers_are_included_once: (
        {"fiber/a.hpp": HEAD},
        {"fiber/a.hpp": HEAD + "// #pragma once\n"},
        {"fiber/a.hpp": HEAD + "#ifndef FIBER_A_H\n"},
        {"asm/a.h": HEAD},
    ),
    conventions.library_is_silent: (
        {"fiber/a.cpp": 'std::printf("x");\n'},
        {"io/a.cpp": "fprintf(stderr, x);\n"},
        {"fiber/a.hpp": "std::cout << x;\n"},
        {"io/a.cpp": "std::cerr << x;\n"},
        {"fiber/a.cpp": "std::exit(1);\n"},
        {"fiber/a.cpp": "_exit(1);\n"},
        {"io/a.cpp": 'perror("x");\n'},
    ),
    conventions.thread_state_has_one_home: (
        {"fiber/a.cpp": "thread_local int x;\n"},
        {"io/a.cpp": "static __thread int x;\n"},
    ),
    conventions.threads_are_joined: (
        {"tests/a.cpp": "std::thread(f).detach();\n"},
        {"io/a.cpp": "std::thread worker(f);\nworker.detach();\n"},
        {"fiber/a.cpp": "std::vector<std::thread> threads;\nthreads[0].detach();\n"},
    ),
    conventions.tests_do_not_wait_by_sleeping: (
        {"tests/a.cpp": "std::this_thread::sleep_for(10ms);\n"},
        {"tests/a.cpp": "usleep(10);\n"},
        {"tests/a.cpp": "::sleep(1);\n"},
        {"tests/a.cpp": "nanosleep(&t, nullptr);\n"},
        {"tests/a.py": "time.sleep(1)\n"},
    ),
    conventions.nothing_is_unfinished: (
        {"fiber/a.cpp": "// TO" + "DO: later\n"},
        {"docs/a.md": "FIX" + "ME\n"},
    ),
    conventions.names_say_something: (
        {"fiber/worker_manager.hpp": ""},
        {"tests/test-utils.py": ""},
        {"io/a.hpp": "class stream_impl;\n"},
        {"io/a.hpp": "struct alignas(64) info {\n"},
        {"io/a.hpp": "enum class socket_data : int {};\n"},
        {"io/a.hpp": "using FiberHelper = int;\n"},
    ),
    conventions.paths_are_portable: (
        {"README.md": "cd /ho" + "me/someone/coir\n"},
        {"CMakePresets.json": '"path": "/wo' + 'rk/main"\n'},
        {"fiber/a.cpp": 'open("/ro' + 'ot/x");\n'},
    ),
    conventions.documented_programs_are_built: (
        {"README.md": "```cpp\nint main() {}\n```\n", "examples/a.cpp": "int main() { }\n"},
    ),
    conventions.documented_excerpts_are_true: (
        {"docs/a.md": "```cpp\n// examples/a.cpp\nint f();\n```\n", "examples/a.cpp": "int f() { }\n"},
        {"docs/a.md": "```cpp\n// examples/b.cpp\nint f();\n```\n", "examples/a.cpp": "int f();\n"},
    ),
    conventions.no_file_is_dead: (
        {"fiber/CMakeLists.txt": "add_library(x b.cpp)\n", "fiber/a.cpp": "", "fiber/b.cpp": ""},
        {"fiber/CMakeLists.txt": "add_library(x b.cpp)\n", "fiber/b.cpp": '#include "a.hpp"\n', "fiber/a.hpp": ""},
        {"tests/CMakeLists.txt": "# a.cpp\n", "tests/a.cpp": ""},
        {"tests/a.hpp": ""},
        {"asm/CMakeLists.txt": "", "asm/a.S": ""},
    ),
}

# Trees in which no rule may find anything.
GOOD = (
    {
        "fiber/CMakeLists.txt": "# SPDX-License-Identifier: MIT\n"
        "add_library(fiber sched/a.cpp sched/long_scope.cpp ../asm/a.S mutex.hpp)\n",
        "fiber/sched/a.cpp": HEAD + '#include "fiber/base/atomic.hpp"\n#include <cstdio>\n'
        "// One note for both: release pairs with the acquire below.\n"
        "x.store(1, release);\nx.load(acquire);\n"
        "y.load(relaxed); // relaxed: only we write it\n"
        "full_fence(); // pairs with the one in f\n"
        "semaphore.release(); semaphore.acquire(); lock.release(1);\n"
        "const int n = 1'000'000; const char c = '\"'; // thread_local volatile std::cout\n"
        'asm volatile("" ::: "memory"); std::snprintf(b, n, "std::cout volatile");\n'
        'const char* const text = R"x(std::atomic " thread_local)x";\n'
        "fiber.detach(); struct table { int metadata; };\n" + long_function("void f() {", 70),
        "asm/a.S": HEAD + '#include "asm/a.h"\nret\n',
        "asm/a.h": HEAD + "#ifndef COIR_A_H\n#endif\n",
        "fiber/sched/long_scope.cpp": HEAD + "#define X \\\n  f(x)\nnamespace n {\n" + "int x;\n" * 80 + "}\n"
        'extern "C" {\n' + "int y;\n" * 80 + "}\nclass a final : b<int (*)()> {\n" + "int z;\n" * 80 + "};\n",
        "fiber/mutex.hpp": HEADER + '#include "fiber/sync/mutex.hpp"\n',
    },
    {
        "tests/CMakeLists.txt": "# SPDX-License-Identifier: MIT\ncoir_test(c)\n",
        "tests/sched/CMakeLists.txt": "# SPDX-License-Identifier: MIT\ncoir_test(sched/b)\n",
        "tests/sched/b.cpp": HEAD + '#include "fiber/sched/worker.hpp"\n#include "check.hpp"\n'
        "std::atomic<int> x{0}; x.load();\nstd::thread t(f); t.join(); coir::spawn(f).detach();\n"
        "// sleep: a worker that is stuck in the kernel is the subject\nstd::this_thread::sleep_for(50ms);\n",
        "tests/sched/check.hpp": HEADER,
        "tests/c.cpp": HEAD + "coir::this_fiber::sleep_for(10ms);\n",
    },
    {
        "README.md": "```cpp\n// examples/a.cpp\nint f();\n```\n",
        "examples/CMakeLists.txt": "# SPDX-License-Identifier: MIT\nadd_executable(a a.cpp)\n",
        "examples/a.cpp": HEAD + "int f();\nint g();\n",
    },
    {"README.md": "See /proc/self, /usr/include, build/home/x and https://example.org/home/x.\n"},
)


def tree_of(files):
    tree = tidy.Tree(SourceFile(path, text) for path, text in files.items())
    return tree


class rules_test(unittest.TestCase):
    def test_every_rule_has_a_sample(self):
        self.assertEqual(set(BAD), set(tidy.RULES))

    def test_every_bad_sample_is_found(self):
        for rule, samples in BAD.items():
            for files in samples:
                with self.subTest(rule=rule.__name__, files=files):
                    self.assertTrue(list(rule(tree_of(files))))

    def test_every_good_sample_passes_every_rule(self):
        for files in GOOD:
            for rule in tidy.RULES:
                with self.subTest(rule=rule.__name__):
                    self.assertEqual(list(map(str, rule(tree_of(files)))), [])

    def test_finding_names_file_and_line(self):
        (found,) = ordering.atomics_come_through_the_door(tree_of({"fiber/a.cpp": "int x;\nvolatile int y;\n"}))
        self.assertRegex(str(found), r"^fiber/a\.cpp:2: atomics: ")


class split_test(unittest.TestCase):
    def test_parts_have_the_shape_of_the_whole(self):
        text = 'a("//x"); // b\n/* c\n d */ e(\'"\');\nR"(\n// f)" + 1\'000;\n'
        code, comments = split_code_and_comments(text)
        self.assertEqual([len(line) for line in code.splitlines()], [len(line) for line in text.splitlines()])
        self.assertEqual(code.splitlines()[0].rstrip(), 'a("   ");')
        self.assertEqual(comments.split(), ["//", "b", "/*", "c", "d", "*/"])
        self.assertIn("1'000;", code)


class format_test(unittest.TestCase):
    def test_hidden_parts_come_back(self):
        text = "template <class T>\n  requires A<T> &&\n           B<T>\nint f(); // c\n#if X // d\n} // namespace n\n"
        stand_in, hidden = format.hide(text)
        self.assertEqual(len(hidden), 3)
        self.assertNotIn("requires A", stand_in)
        self.assertEqual(format.reveal(stand_in, hidden).split(), text.split())

    def test_lost_stand_in_is_noticed(self):
        stand_in, hidden = format.hide("int f(); // c\n")
        with self.assertRaises(ValueError):
            format.reveal(stand_in.replace("~", ""), hidden)

    @unittest.skipIf(format.find_clang_format() is None, "clang-format 14 is not installed")
    def test_badly_formatted_code_is_found(self):
        top = Path(__file__).resolve().parents[2]
        command = format.find_clang_format()
        bad = tree_of({"fiber/a.cpp": "int  f( ){return 1;}\n"})
        self.assertEqual([found.line for found in tidy.is_formatted(bad, top, command)], [1])
        wide = "int f() { return 1; } // " + "x" * 90 + "\n"
        self.assertEqual(list(tidy.is_formatted(tree_of({"fiber/a.cpp": wide}), top, command)), [])


if __name__ == "__main__":
    unittest.main()
