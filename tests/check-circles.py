#!/usr/bin/env python3
"""Finds circles of files: no two may need each other, be it by way of others.

usage: check-circles.py [--all] [BUILD]

A unit is what has one name but for its end: x/y.c, x/y.h or both. It needs another one if it
includes its header or uses (calls, or points to) what the other defines. The second is read from
the objects in the folder BUILD, which is the present one by default: a header may declare what
other files define, and hides there who needs whom.

tests/known-circles, if there is one, lists ties that are known to close circles, "A -> B" a line;
they are left out, so that it can become shorter one by one, and another circle is found all the
same. Each of them has to be there still and to close a circle.

Prints one circle of each group of units that are tied together, with the names that tie each pair;
with --all every tie inside such a group, the known ones too. Fails if there is one, if an entry of
the list is not needed, or if a source has no object (tests may have none: some are built on
demand).
"""

import argparse
import collections
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
KNOWN = "tests/known-circles"
NAMES_SHOWN = 6


class Tie:
    """Why one unit needs another."""

    def __init__(self):
        self.headers, self.names = set(), set()

    def __str__(self):
        names = sorted(self.names)
        if len(names) > NAMES_SHOWN:
            names[NAMES_SHOWN:] = [f"{len(names) - NAMES_SHOWN} more"]
        reasons = [f"includes {header}" for header in sorted(self.headers)]
        return "; ".join(reasons + ([f"uses {', '.join(names)}"] if names else []))


# --- what there is --------------------------------------------------------------------------------


def unit_of(path):
    return os.path.splitext(path)[0]


def sources(root):
    """The C files of the folders that list their files for the build, as paths from the root."""
    folders = [d for d in sorted(os.listdir(root)) if os.path.exists(f"{root}/{d}/local.mk")]
    for folder in folders:
        for where, inner, files in os.walk(f"{root}/{folder}"):
            inner[:] = sorted(d for d in inner if d != "node_modules")
            for name in sorted(files):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(f"{where}/{name}", root)


def objects(build, units):
    """The newest object of each of UNITS, those with a source: what moved may have left its own.

    Automake may put the program's name before the file's.
    """
    newest = {}
    for folder in sorted({os.path.dirname(unit) for unit in units}):
        path = f"{build}/{folder}"
        for name in sorted(os.listdir(path)) if os.path.isdir(path) else []:
            if not name.endswith(".o"):
                continue
            unit = f"{folder}/{name[:-2]}"
            if unit not in units:
                unit = f"{folder}/{name[:-2].partition('-')[2]}"
            if unit in units:
                newest.setdefault(unit, []).append(f"{path}/{name}")
    return {unit: max(paths, key=os.path.getmtime) for unit, paths in newest.items()}


def read_symbols(objects):
    """Returns {unit: names it defines for others}, {unit: names it uses}."""
    defined, used = collections.defaultdict(set), collections.defaultdict(set)
    unit_by_object = {path: unit for unit, path in objects.items()}
    if objects:
        lines = subprocess.run([os.environ.get("NM") or "nm", "-A", "-P", "-g", *unit_by_object],
                               check=True, stdout=subprocess.PIPE, text=True).stdout
        for line in lines.splitlines():
            path, name, kind = re.match(r"(.+?):\s+(\S+) (\S)", line).groups()
            (used if kind in "Uwv" else defined)[unit_by_object[path]].add(name)
    return defined, used


# --- who needs whom -------------------------------------------------------------------------------


def tie_includes(root, files, ties):
    for path in files:
        with open(f"{root}/{path}", encoding="utf-8") as f:
            for header in INCLUDE.findall(f.read()):
                if header in files and unit_of(header) != unit_of(path):
                    ties[unit_of(path)][unit_of(header)].headers.add(header)


def is_test(unit):
    return unit.startswith("tests/")


def owners_for(user, owners):
    """Only tests use what tests define: it may take the place of what they test, or of libc's."""
    real = [owner for owner in owners if not is_test(owner)]
    return real or (owners if is_test(user) else [])


def tie_uses(defined, used, ties):
    owners = collections.defaultdict(list)
    for unit, names in defined.items():
        for name in names:
            owners[name].append(unit)
    for user, names in used.items():
        for name in names:
            for owner in owners_for(user, owners[name]):
                if owner != user:
                    ties[user][owner].names.add(name)


def read_known(root):
    try:
        with open(f"{root}/{KNOWN}", encoding="utf-8") as f:
            lines = [line.partition("#")[0].split() for line in f]
    except FileNotFoundError:
        return []
    known = [(line[0], line[-1]) for line in lines if line]
    if any(line and (len(line) != 3 or line[1] != "->") for line in lines):
        sys.exit(f"{KNOWN}: a line is A -> B, or a comment that begins with #")
    return known


# --- circles --------------------------------------------------------------------------------------


def reached(ties, start):
    """{unit: the one it was reached from first}; from START, which is in it only by a circle."""
    came_from, waiting = {}, collections.deque([start])
    while waiting:
        unit = waiting.popleft()
        for other in sorted(ties.get(unit, ())):
            if other not in came_from:
                came_from[other] = unit
                waiting.append(other)
    return came_from


def find_groups(ties):
    """The sets of units that reach one another."""
    reach = {unit: set(reached(ties, unit)) for unit in ties}
    done = set()
    for unit in sorted(reach):
        if unit in reach[unit] and unit not in done:
            group = {other for other in reach[unit] if unit in reach.get(other, ())}
            done |= group
            yield group


def circle_through(ties, unit):
    """A shortest one: [unit, …, unit]."""
    came_from, chain = reached(ties, unit), [unit]
    while len(chain) == 1 or chain[-1] != unit:
        chain.append(came_from[chain[-1]])
    return chain[::-1]


def without(ties, pairs):
    return {unit: {other: tie for other, tie in others.items() if (unit, other) not in pairs}
            for unit, others in ties.items()}


def print_tie(ties, unit, other, indent="    "):
    print(f"{indent}{unit} -> {other}: {ties[unit][other]}")


def print_circles(ties):
    """Returns how many groups there are."""
    count = 0
    for group in find_groups(ties):
        count += 1
        chain = min((circle_through(ties, unit) for unit in sorted(group)), key=len)
        print(f"a circle of {len(chain) - 1}, in a group of {len(group)}: {' -> '.join(chain)}")
        for unit, other in zip(chain, chain[1:]):
            print_tie(ties, unit, other)
    return count


def print_groups(ties):
    for group in find_groups(ties):
        print(f"{len(group)} units: {' '.join(sorted(group))}")
        for unit in sorted(group):
            for other in sorted(group & set(ties[unit])):
                print_tie(ties, unit, other)


def print_needless(ties, known):
    """Entries that are not there, or close no circle. Returns how many."""
    rest, count = without(ties, set(known)), 0
    for unit, other in known:
        if other not in ties.get(unit, ()):
            problem = "there is no such tie"
        elif unit not in reached(rest, other):
            problem = "it closes no circle"
        else:
            continue
        count += 1
        print(f"{KNOWN}: {unit} -> {other}: {problem}; take the line out")
    return count


# --- all together ---------------------------------------------------------------------------------


def print_unseen(files, found):
    """Sources that have to be built and are not. Returns how many."""
    unseen = [f for f in files if f.endswith(".c") and unit_of(f) not in found and not is_test(f)]
    for path in unseen:
        print(f"{path}: no object of it in the build folder")
    return len(unseen)


def main():
    parser = argparse.ArgumentParser(description="Finds circles of files.")
    parser.add_argument("--root", default=os.path.dirname(HERE), help="the sources")
    parser.add_argument("--all", action="store_true", help="every tie of those that are in circles")
    parser.add_argument("build", nargs="?", default=".", help="where the objects are")
    args = parser.parse_args()

    files = list(sources(args.root))
    found = objects(args.build, {unit_of(path) for path in files if path.endswith(".c")})
    unseen = print_unseen(files, found)
    ties = collections.defaultdict(lambda: collections.defaultdict(Tie))
    tie_includes(args.root, set(files), ties)
    tie_uses(*read_symbols(found), ties)
    if args.all:
        print_groups(ties)
    known = read_known(args.root)
    circles = print_circles(without(ties, set(known)))
    needless = print_needless(ties, known)
    print(f"{len(found)} objects of {len(files)} files: {circles} circles, {len(known)} known ties")
    return 1 if circles or needless or unseen or not found else 0


if __name__ == "__main__":
    sys.exit(main())
