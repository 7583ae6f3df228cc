#!/usr/bin/env python3
"""Checks that the manual page and the sample file have exactly the options of the table.

The table comes from tests/unit/dump_settings in the build folder. For each option, in the order of
the table: doc/longwire.ini.5 has to name its default, what is allowed and whether SIGHUP takes it
over, and etc/longwire.ini has to show it at its default. The sample is also loaded, as it is and
with all its options uncommented: that has to come out the same. Prints one line for each
difference; fails when there is one.
"""

import os
import re
import subprocess
import sys
import tempfile
from typing import NamedTuple

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
DUMP = os.environ.get("DUMP_SETTINGS", "tests/unit/dump_settings")
MANUAL, SAMPLE = "doc/longwire.ini.5", "etc/longwire.ini"

MANUAL_DEFAULT = re.compile(r"^Default (.*?)(?:; (.*?))?(; reloadable)?\.$")
# In the sample, `;key = value` is an option and `; text` a comment.
SAMPLE_OPTION = re.compile(r"^;([a-z0-9_]+) =(?: (.*))?$")
SAMPLE_SECTION = re.compile(r'^;?\[(\w+)(?: "[^"]*")?\]$')


class Option(NamedTuple):
    name: str  # section.key
    default: str  # "" = empty or inherited
    allowed: str
    reload: bool


def run(*args):
    return subprocess.run([DUMP, *args], check=True, stdout=subprocess.PIPE, text=True).stdout


def read_lines(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read().splitlines()


def table():
    for line in run().splitlines():
        section, key, default, allowed, reload, _ = line.split("\t")
        yield Option(f"{section}.{key}", default, allowed, reload == "reload")


def manual():
    """Each option is `.It Cm key = ...` under `.Sh [section]`, and ends in a `Default` line. Words
    that are no value themselves stand for the empty one."""
    section = key = None
    for line in read_lines(MANUAL):
        if heading := re.match(r"\.Sh \[(\w+)", line):
            section, key = heading[1], None
        elif line.startswith(".Sh"):
            section = None
        elif section and (item := re.match(r"\.It Cm (\w+) = ", line)):
            key = item[1]
        elif section and key and (found := MANUAL_DEFAULT.match(line)):
            default = "" if found[1] in ("empty", "inherited") else found[1]
            allowed = found[2] or ""
            reload = bool(found[3]) or allowed == "reloadable"
            yield Option(f"{section}.{key}", default,
                         "" if allowed == "reloadable" else allowed, reload)
            key = None


def sample():
    """Whether an option is reloadable is said once for a group of them, and not checked."""
    section = None
    for line in read_lines(SAMPLE):
        if heading := SAMPLE_SECTION.match(line):
            section = heading[1]
        elif found := SAMPLE_OPTION.match(line):
            yield f"{section}.{found[1]}", found[2] or ""


def differences(path, expected, found):
    """Both are lists of (name, what is said of it)."""
    names = [name for name, _ in found]
    for name, said in expected:
        if names.count(name) != 1:
            yield f"{path}: {name}: is there {names.count(name)} times, must be once"
        elif dict(found)[name] != said:
            yield f"{path}: {name}: says {dict(found)[name]}, must be {said}"
    known = [name for name, _ in expected]
    for name in names:
        if name not in known:
            yield f"{path}: {name}: is no option"
    if names != known and sorted(names) == sorted(known):
        yield f"{path}: the options are not in the order of the table"


def without_comments(text):
    """The printed configuration without the comments that say where values come from."""
    return [line.split(" ;")[0] for line in text.splitlines() if not line.startswith(";")]


def loaded_differences():
    text = "\n".join(read_lines(SAMPLE)) + "\n"
    uncommented = re.sub(r"^;(?=[a-z_]+ =)", "", text, flags=re.MULTILINE)
    # The sample's topic section is an example, which has no default to compare with.
    uncommented = re.sub(r'^;\[topic(.*\n)*', "", uncommented, flags=re.MULTILINE)
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as f:
        f.write(uncommented)
        f.flush()
        try:
            active = without_comments(run(f.name))
            commented = without_comments(run(os.path.join(ROOT, SAMPLE)))
        except subprocess.CalledProcessError:
            yield f"{SAMPLE}: cannot be loaded: see above"
            return
    if commented != active:
        yield f"{SAMPLE}: its values are not the defaults"
    if "[topic" in "".join(commented):
        yield f"{SAMPLE}: has a topic section that is not commented out"


def main():
    options = list(table())
    if not options:
        sys.exit("check-options: the table is empty")
    problems = list(differences(MANUAL, [(o.name, o[1:]) for o in options],
                                [(o.name, o[1:]) for o in manual()]))
    # What topics inherit is shown with an example.
    inherited = [o.name for o in options if o.name.startswith("topic.") and not o.default]
    shown = [(name, "" if name in inherited else value) for name, value in sample()]
    problems += differences(SAMPLE, [(o.name, o.default) for o in options], shown)
    problems += loaded_differences()
    for problem in problems:
        print(problem)
    print(f"{len(options)} options checked, {len(problems)} differences")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
