#!/usr/bin/env python3
"""Puts slips that a developer could make into the code, one at a time, and sees whether tests notice.

usage: mutate.py [-j JOBS] [--list] [TEXT...]

The slips stand in the tables beside this program (*.toml): a file, what stands there once, what is
put in its place, and the tests that have to notice. Each is applied to a copy of the tree, built,
and those tests are run; one of them has to fail, or not to end. With TEXT, only slips whose file or
tests contain one of these words. Before that, all these tests have to pass without any slip.

A slip that no test can notice, since the program behaves the same with it, says so in `equal`; it
is tried all the same, and is wrong when a test does notice it. Fails when a slip survives without
such a reason, or fewer than 95 of 100 are noticed.
"""

import argparse
import concurrent.futures
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from typing import NamedTuple

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build-mutate"
# Longest time for a build, and for one test, s: who hangs has noticed.
BUILD_SECONDS, TEST_SECONDS = 600, 150
GOAL_PERCENT = 95


class Slip(NamedTuple):
    table: str
    file: str
    before: str
    after: str
    tests: tuple
    equal: str  # "" = a test has to notice

    def place(self, text):
        return text[: text.index(self.before)].count("\n") + 1


class Outcome(NamedTuple):
    slip: Slip
    line: int
    noticed: str  # by which test; "" = by none
    broken: str  # why it could not be tried
    seconds: float


# --- the tables -----------------------------------------------------------------------------------


def read_slips():
    slips = []
    for table in sorted(HERE.glob("*.toml")):
        with table.open("rb") as f:
            for entry in tomllib.load(f)["slip"]:
                slips.append(Slip(table.stem, entry["file"], entry["from"], entry["to"],
                                  tuple(entry["tests"]), entry.get("equal", "")))
    return slips


def mistakes(slips):
    """What is wrong with the tables themselves, a line each."""
    for slip in slips:
        path = ROOT / slip.file
        if not path.is_file():
            yield f"{slip.table}: there is no {slip.file}"
            continue
        times = path.read_text(encoding="utf-8").count(slip.before)
        if times != 1:
            yield f"{slip.table}: {slip.file} has {times} times, not once: {slip.before!r}"
        if slip.before == slip.after:
            yield f"{slip.table}: {slip.file}: nothing changes: {slip.before!r}"
        if not slip.tests:
            yield f"{slip.table}: {slip.file}: no tests for {slip.before!r}"
        for test in slip.tests:
            source = ROOT / (test if "." in test else f"{test}.c")
            if not source.is_file():
                yield f"{slip.table}: there is no {test}"


# --- a copy of the tree ---------------------------------------------------------------------------


class Tree:
    """A copy with a build of its own, used by one slip at a time."""

    def __init__(self, number):
        self.path = WORK / str(number)
        self.build = self.path / "build"

    def prepare(self):
        """Takes over what has changed since the last time; make builds the rest."""
        self.path.mkdir(parents=True, exist_ok=True)
        names = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT,
                               check=True, stdout=subprocess.PIPE).stdout
        listed = [n for n in names.split(b"\0") if n and (ROOT / os.fsdecode(n)).exists()]
        if not listed:
            sys.exit("mutate: git names no files")
        subprocess.run(["rsync", "-rlpc", "--files-from=-", "--from0", f"{ROOT}/", self.path],
                       input=b"\0".join(listed), check=True)
        modules = self.path / "tests/e2e/node_modules"
        if not modules.is_dir():
            modules.unlink(missing_ok=True)
            modules.symlink_to(ROOT / "tests/e2e/node_modules")
        self.build.mkdir(exist_ok=True)
        if not (self.path / "build-aux/install-sh").exists():
            self.run(["autoreconf", "-i"], self.path)
        if not (self.build / "Makefile").exists():
            self.run(["../configure", "-q", "CFLAGS=-O1"], self.build)
        self.run(["make", "-s", "all"], self.build)
        self.run(["make", "-s", "check", "TESTS="], self.build)

    @staticmethod
    def run(words, folder):
        done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"mutate: {' '.join(words)}\n{done.stdout[-4000:]}")

    def make(self, tests):
        """What TESTS need. Returns what make says when it fails."""
        targets = [t for t in tests if is_unit(t)]
        if len(targets) < len(tests):
            targets.append("all")
        words = ["make", "-s", *targets]
        status, said = run_limited(words, self.build, BUILD_SECONDS, {})
        return "" if status == 0 else said[-1500:] or "make failed"

    def passes(self, test):
        """Whether TEST passes here, and what it says."""
        environment = {"LONGWIRE_BUILD": str(self.build), "CK_DEFAULT_TIMEOUT": "120",
                       "DUMP_SETTINGS": "tests/unit/dump_settings"}
        if is_unit(test):
            words, folder = [str(self.build / test)], self.build
        elif test.endswith(".py"):
            words, folder = [sys.executable, str(self.path / test)], self.build
        else:
            runner = self.path / "tests/e2e/run.mjs"
            words, folder = ["node", str(runner), str(self.path / test)], self.path
        status, said = run_limited(words, folder, TEST_SECONDS, environment)
        return status == 0, said


def is_unit(test):
    return test.startswith("tests/unit/")


def kill_session(session):
    """Check gives each test a process group of its own, so killing one group would not be all."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getsid(int(name)) == session:
                os.kill(int(name), signal.SIGKILL)
        except OSError:
            pass


def run_limited(words, folder, seconds, environment):
    """Runs WORDS in a session that is killed as a whole; (None, ...) when it does not end."""
    child = subprocess.Popen(words, cwd=folder, env={**os.environ, **environment}, text=True,
                             errors="replace", start_new_session=True, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        said, _ = child.communicate(timeout=seconds)
        return child.returncode, said
    except subprocess.TimeoutExpired:
        kill_session(child.pid)
        said, _ = child.communicate()
        return None, said


# --- trying ---------------------------------------------------------------------------------------


def try_slip(slip, trees):
    tree = trees.get()
    begin = time.monotonic()
    path = tree.path / slip.file
    text = path.read_text(encoding="utf-8")
    line, noticed, broken = slip.place(text), "", ""
    try:
        path.write_text(text.replace(slip.before, slip.after), encoding="utf-8")
        broken = tree.make(slip.tests)
        for test in slip.tests if not broken else ():
            if not tree.passes(test)[0]:
                noticed = test
                break
    finally:
        path.write_text(text, encoding="utf-8")
        trees.put(tree)
    return Outcome(slip, line, noticed, broken, time.monotonic() - begin)


def check_unchanged(slips, trees, pool):
    """All tests have to pass as things are, or every slip would seem to be noticed."""

    def check(test):
        tree = trees.get()
        try:
            return test, *tree.passes(test)
        finally:
            trees.put(tree)

    tests = sorted({test for slip in slips for test in slip.tests})
    failed = [(test, said) for test, good, said in pool.map(check, tests) if not good]
    for test, said in failed:
        print(f"{test} fails without any slip:\n{said[-1500:]}")
    return not failed


def tell(outcome):
    slip = outcome.slip
    where = f"{slip.file}:{outcome.line}"
    if outcome.broken:
        print(f"BROKEN    {where}: {outcome.broken}", flush=True)
    elif outcome.noticed:
        wrong = "  WRONG: said to be equal" if slip.equal else ""
        print(f"noticed   {where} by {outcome.noticed} ({outcome.seconds:.0f} s){wrong}", flush=True)
    elif slip.equal:
        print(f"equal     {where}: {slip.equal}", flush=True)
    else:
        print(f"SURVIVED  {where}\n    - {slip.before}\n    + {slip.after}", flush=True)


def conclude(outcomes):
    noticed = sum(1 for o in outcomes if o.noticed and not o.slip.equal)
    equal = sum(1 for o in outcomes if not o.noticed and not o.broken and o.slip.equal)
    survived = sum(1 for o in outcomes if not o.noticed and not o.broken and not o.slip.equal)
    wrong = len(outcomes) - noticed - equal - survived
    percent = 100 * noticed / max(len(outcomes), 1)
    print(f"{len(outcomes)} slips: {noticed} noticed ({percent:.1f} %), {equal} equal, "
          f"{survived} survived, {wrong} wrong in the table")
    return 1 if survived or wrong or percent < GOAL_PERCENT else 0


def main():
    parser = argparse.ArgumentParser(description="tries slips; see the head of this file")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, metavar="JOBS", dest="jobs")
    parser.add_argument("--list", action="store_true", help="count the slips of each table, and end")
    parser.add_argument("words", nargs="*", metavar="TEXT")
    options = parser.parse_args()
    slips = read_slips()
    wrong = list(mistakes(slips))
    print("\n".join(wrong), end="\n" if wrong else "")
    if options.list:
        for table in sorted({slip.table for slip in slips}):
            print(f"{sum(slip.table == table for slip in slips):4} {table}")
        print(f"{len(slips):4} in all")
    if wrong or options.list:
        return 1 if wrong else 0
    if options.words:
        slips = [s for s in slips if any(w in f"{s.file} {' '.join(s.tests)}" for w in options.words)]
    if not slips:
        sys.exit("mutate: there is no such slip")
    if not shutil.which("rsync"):
        sys.exit("mutate: rsync is missing")
    trees = queue.Queue()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        ready = [Tree(number) for number in range(1, options.jobs + 1)]
        list(pool.map(Tree.prepare, ready))
        for tree in ready:
            trees.put(tree)
        if not check_unchanged(slips, trees, pool):
            return 1
        outcomes = []
        for done in concurrent.futures.as_completed(
                [pool.submit(try_slip, slip, trees) for slip in slips]):
            outcomes.append(done.result())
            tell(outcomes[-1])
    return conclude(outcomes)


if __name__ == "__main__":
    sys.exit(main())
