#!/usr/bin/env python3
"""Checks that what is installed names the configuration that this build's longwired reads.

Run in the build folder. Prints each path that is named and not read; fails when there is one.
"""

import re
import subprocess
import sys

PROGRAM = "./longwired"
INSTALLED = ["longwired.8", "longwire.ini.5", "longwire.ini", "longwired.service"]
CONFIGURATION = re.compile(r"/[\w./-]*/longwire/longwire\.ini\b")


def default_file():
    text = subprocess.run([PROGRAM, "--help"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return re.search(r"otherwise (\S+),", text)[1]


def named(name):
    with open(f"installed/{name}", encoding="utf-8") as f:
        return f.read()


def main():
    expected, wrong, seen = default_file(), 0, 0
    for name in INSTALLED:
        text = named(name)
        for path in CONFIGURATION.findall(text):
            seen += 1
            if path != expected and not path.endswith("/examples/longwire.ini"):
                wrong += 1
                print(f"installed/{name}: names {path}, and {expected} is read")
        if left := re.search(r"@\w+@", text):
            wrong += 1
            print(f"installed/{name}: {left[0]} is not replaced")
    unit = named("longwired.service")
    if ("\nConfigurationDirectory=" in unit) != expected.startswith("/etc/"):
        wrong += 1
        print(f"installed/longwired.service: ConfigurationDirectory= is /etc, and {expected} is read")
    print(f"{seen} paths named, {wrong} wrong")
    return 1 if wrong or seen < 4 else 0


sys.exit(main())
