#!/usr/bin/python3
"""Writes a text file as a C string: embed.py NAME INPUT OUTPUT [HEAD].

HEAD is a file that is put behind the first line, which names a library to Redis."""

import sys

name, source, target, *head = sys.argv[1:]
with open(source, encoding="ascii") as file:
    lines = file.read().split("\n")
for path in head:
    with open(path, encoding="ascii") as file:
        lines[1:1] = file.read().splitlines()
with open(target, "w", encoding="ascii") as out:
    print(f"/* Made of {source.rsplit('/', 1)[-1]}; not to be edited. */", file=out)
    print(f"extern const char {name}[];\nconst char {name}[] =", file=out)
    for number, line in enumerate(lines):
        text = line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("?", "\\?")
        end = "\\n" if number < len(lines) - 1 else ""
        print(f'\t"{text}{end}"', file=out)
    print("\t;", file=out)
