#!/usr/bin/env python3
"""Checks the direction of includes against tests/include-rules.

Reads only the source tree, so that it also works in an out-of-tree build and in `make distcheck`.
Prints one line for each violation; fails when there is one, or when nothing was checked.
"""

import fnmatch
import os
import re
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def read_lines(path):
    """The lines of a rules file without comments, continuations joined."""
    with open(path, encoding="utf-8") as f:
        text = re.sub(r"^#.*\n", "", f.read(), flags=re.MULTILINE)
    return filter(str.strip, re.sub(r"\n[ \t]+", " ", text).split("\n"))


def expand(names, groups):
    return [member for name in names for member in groups.get(name, [name])]


def read_rules(path):
    """Returns ([(files, headers)], [(foreign headers, files)])."""
    groups, project, foreign = {}, [], []
    for line in read_lines(path):
        match = re.fullmatch(r"(.+?)\s*(=|:)\s+(\S.*)", line)
        if not match:
            sys.exit(f"include-rules: cannot read this line: {line}")
        left, kind, right = match[1].split(), match[2], match[3].split()
        if kind == "=":
            groups[left[0]] = right
            continue
        left, right = expand(left, groups), expand(right, groups)
        if left[0].startswith("<"):
            foreign.append(([header.strip("<>") for header in left], right))
        else:
            project.append((left, right))
    return project, foreign


def sources():
    """The C files of the folders that list their files for the build."""
    for folder in sorted(os.listdir(ROOT)):
        if not os.path.exists(os.path.join(ROOT, folder, "local.mk")):
            continue
        for where, folders, files in os.walk(os.path.join(ROOT, folder)):
            folders[:] = sorted(d for d in folders if d != "node_modules")
            for name in sorted(files):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(where, name), ROOT)


def check_foreign(name, header, foreign):
    """Yields what is wrong with a header that is not the project's."""
    owners = [files for headers, files in foreign if matches(header, headers)]
    if any(not matches(name, files) for files in owners):
        yield f"may not include <{header}>"
    if os.path.exists(os.path.join(ROOT, os.path.dirname(name), header)):
        yield f'"{header}" is not written from the root'


def check_file(name, project, foreign):
    """Yields what is wrong with one file."""
    allowed = next((headers for files, headers in project if matches(name, files)), None)
    if allowed is None:
        yield "no line of tests/include-rules matches this file"
        return
    with open(os.path.join(ROOT, name), encoding="utf-8") as f:
        headers = INCLUDE.findall(f.read())
    for header in headers:
        if header != "config.h" and not os.path.exists(os.path.join(ROOT, header)):
            yield from check_foreign(name, header, foreign)
        elif not matches(header, allowed):
            yield f'may not include "{header}"'


def main():
    project, foreign = read_rules(os.path.join(ROOT, "tests", "include-rules"))
    checked = wrong = 0
    for name in sources():
        checked += 1
        for problem in check_file(name, project, foreign):
            wrong += 1
            print(f"{name}: {problem}")
    print(f"{checked} files checked, {wrong} wrong includes")
    return 0 if checked and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
