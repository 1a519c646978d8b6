#!/usr/bin/python3
"""Writes the pages as C (web/site.h): embed_site.py OUTPUT.c DEPFILE FOLDER [URL=FILE...].

FOLDER/NAME.html becomes /NAME (index.html /), every other file of a page's kind /web/PATH; files of
other kinds (C, meson, npm's) are left out. URL=FILE adds one from elsewhere. The depfile names all
files and folders, so that a new file is seen by the next build.
"""

import gzip
import hashlib
import pathlib
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
GZIP_LEAST = 256  # bytes; below, the gzip form gains nothing


def url_of(path, folder):
    relative = path.relative_to(folder)
    if path.suffix == ".html" and len(relative.parts) == 1:
        return "/" if path.stem == "index" else f"/{path.stem}"
    return f"/web/{relative.as_posix()}"


def literal(data):
    """The bytes as C string literals; three octal digits never run into what follows."""
    named = {10: "\\n", 34: '\\"', 63: "\\?", 92: "\\\\"}
    text = [named.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in data]
    lines = ["".join(text[i : i + 100]) for i in range(0, len(text), 100)]
    return "\n".join(f'\t"{line}"' for line in lines) or '\t""'


def main():
    output, depfile, folder, *others = sys.argv[1:]
    folder = pathlib.Path(folder)
    found = [p for p in folder.rglob("*") if "node_modules" not in p.parts]
    files = {url_of(p, folder): p for p in found if p.is_file() and p.suffix in TYPES}
    files.update((url, pathlib.Path(name)) for url, _, name in (other.partition("=") for other in others))
    rows = []
    with open(output, "w", encoding="ascii") as out:
        print('/* Made by tools/embed_site.py; not to be edited. */\n#include "web/site.h"\n', file=out)
        for number, (url, path) in enumerate(sorted(files.items(), key=lambda item: item[0].encode())):
            raw = path.read_bytes()
            packed = gzip.compress(raw, 9, mtime=0) if len(raw) >= GZIP_LEAST else b""
            packed = packed if len(packed) < len(raw) else b""
            digest = hashlib.sha256(raw).hexdigest()[:20]
            print(f"static const char raw_{number}[] =\n{literal(raw)};", file=out)
            print(f"static const char gzip_{number}[] =\n{literal(packed)};", file=out)
            rows.append(
                f'\t{{"{url}", "{TYPES[pathlib.PurePath(url).suffix or path.suffix]}", "\\"{digest}\\"", (const unsigned char *)raw_{number}, '
                f"(const unsigned char *)gzip_{number}, {len(raw)}, {len(packed)}}},"
            )
        print("\nconst struct site_file site_files[] = {", *rows, "};", sep="\n", file=out)
        print(f"const size_t site_n_files = {len(rows)};", file=out)
    folders = [folder] + [p for p in found if p.is_dir()]
    with open(depfile, "w", encoding="utf-8") as out:
        print(f"{output}:", *(str(p).replace(" ", "\\ ") for p in [*files.values(), *folders]), file=out)


main()
