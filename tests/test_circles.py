#!/usr/bin/env python3
"""check-circles.py finds circles that are made for it, and complains when it has seen nothing."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECKER = pathlib.Path(__file__).resolve().parent / "check-circles.py"
CC = (os.environ.get("CC") or "cc").split()

# b.c uses what a.h declares, and c.c defines.
HIDDEN = {
    "x/a.h": "int a_value(void);\nint c_value(void);\n",
    "x/a.c": '#include "x/a.h"\nint a_value(void) { return 1; }\n',
    "x/b.h": "int b_value(void);\n",
    "x/b.c": '#include "x/b.h"\n#include "x/a.h"\nint b_value(void) { return c_value(); }\n',
    "y/c.c": '#include "x/a.h"\nint c_value(void) { return a_value(); }\n',
}


class Circles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name, "sources")
        self.build = pathlib.Path(folder.name, "build")
        self.build.mkdir()
        self.write({"x/local.mk": "", "y/local.mk": "", "z/not_built.c": "#include"})

    def write(self, files):
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def compile(self, prefix=""):
        for source in [*self.root.glob("[xy]/*.c"), *self.root.glob("tests/*.c")]:
            target = self.build / source.parent.name / f"{prefix}{source.stem}.o"
            target.parent.mkdir(exist_ok=True)
            subprocess.run([*CC, "-I", self.root, "-c", source, "-o", target], check=True)

    def check(self, *options):
        done = subprocess.run([sys.executable, CHECKER, "--root", self.root, *options, self.build],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def assertFails(self, *texts):
        status, output = self.check()
        for text in texts:
            self.assertIn(text, output)
        self.assertEqual(status, 1, output)

    def assertPasses(self):
        status, output = self.check()
        self.assertEqual(status, 0, output)

    def test_no_circle(self):
        self.write(HIDDEN)
        self.compile()
        self.assertPasses()

    def test_circle_of_includes(self):
        self.write({"x/a.h": '#include "x/b.h"\n', "x/b.h": "struct b;\n", "x/c.h": "struct c;\n"})
        self.write({"x/b.c": '#include "x/c.h"\nint b;\n', "x/c.c": '#include "x/a.h"\nint c;\n'})
        self.compile()
        self.assertFails("x/a -> x/b -> x/c -> x/a", "x/a -> x/b: includes x/b.h",
                         "x/c -> x/a: includes x/a.h")

    def test_circle_of_calls_that_a_header_hides(self):
        self.write(HIDDEN)
        self.write({"y/c.c": '#include "x/b.h"\nint c_value(void) { return b_value(); }\n'})
        self.compile("libx_a-")
        self.assertFails("x/b -> y/c -> x/b", "x/b -> y/c: uses c_value",
                         "y/c -> x/b: includes x/b.h; uses b_value")

    def test_circle_through_a_variable_without_any_header(self):
        self.write({"x/a.c": "extern const int b; int a(void); int a(void) { return b; }"})
        self.write({"y/b.c": "int a(void); extern int (*const c)(void); extern const int b;"
                             "const int b = 1; int (*const c)(void) = a;"})
        self.compile()
        self.assertFails("x/a -> y/b: uses b", "y/b -> x/a: uses a")

    def test_what_only_tests_define_is_nobody_elses(self):
        self.write({"x/a.c": "int sync(int); int a(void); int a(void) { return sync(1); }"})
        self.write({"y/b.c": "int a(void); int b(void); int b(void) { return a(); }"})
        self.write({"tests/local.mk": ""})
        self.write({"tests/t.c": "int b(void); int sync(int); int sync(int n) { return n + b(); }"})
        self.compile()
        self.assertPasses()

    def test_known_tie(self):
        self.test_circle_of_calls_that_a_header_hides()
        self.write({"tests/known-circles": "# Why.\nx/b -> y/c\n"})
        self.assertPasses()
        self.write({"tests/known-circles": "x/b -> y/c\nx/b -> x/a\n"})
        self.assertFails("x/b -> x/a: it closes no circle")
        self.write({"tests/known-circles": "x/b -> y/c\ny/c -> y/d\n"})
        self.assertFails("y/c -> y/d: there is no such tie")
        self.write({"tests/known-circles": "x/b y/c\n"})
        self.assertFails("a line is A -> B")

    def test_known_tie_hides_no_other_circle(self):
        self.test_known_tie()
        self.write({"tests/known-circles": "x/b -> y/c\n", "y/d.h": '#include "x/b.h"\n'})
        self.write({"x/b.h": '#include "y/d.h"\nint b_value(void);\n'})
        self.assertFails("x/b -> y/d -> x/b")

    def test_nothing_seen(self):
        self.assertFails("0 objects")
        self.write(HIDDEN)
        self.assertFails("x/a.c: no object of it", "0 objects")
        self.compile()
        (self.build / "y/c.o").unlink()
        self.assertFails("y/c.c: no object of it")

    def test_all_ties_of_a_group(self):
        self.test_known_tie()
        self.write({"tests/known-circles": "x/b -> y/c\n"})
        status, output = self.check("--all")
        self.assertEqual(status, 0, output)
        self.assertIn("2 units: x/b y/c\n    x/b -> y/c: uses c_value\n", output)


if __name__ == "__main__":
    unittest.main()
