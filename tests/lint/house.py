"""Style as a test: what CONTRIBUTING.md promises about files, functions, includes and words."""

import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
LINES_MOST = 450          # of a file; around 250 is the aim
TEST_LINES_MOST = 700     # a test file is a list of cases
FUNCTION_LINES_MOST = 75  # a screen
COLUMNS_MOST = 100

# Which files may include which outside header.
ONLY = {
    r"msgpack\.h|msgpack/": {"proto/wire.c", "docs/clients/push.c", "docs/clients/subscribe.c"},
    r"hiredis/": {"broker/store_link.h", "broker/redis_server.c", "docs/clients/subscribe.c"},
    r"curl/": {"actors/collector/fetch_inside.h", "actors/notifier/deliver_inside.h"},
    r"simdjson\.h": {"actors/prep/json_index.cpp"},
    r"pg_query": {"actors/rules/parse.c"},
    r"microhttpd\.h": {"broker/metrics/metrics.c", "actors/api/server.c", "actors/api/hub.c",
                       "actors/api/pages.c", "actors/api/stock.c"},
    r"yaml\.h": {"broker/runtime/settings_yaml.c", "broker/runtime/settings_yaml.h"},
    r"czmq\.h": {"broker/bus_inside.h", "broker/bus_probe.c", "broker/bus_watch.c", "broker/trust/certificate.c",
                 "broker/trust/lookout.c", "broker/trust/zap.c"},
}

# What a folder may include from this tree: dependencies point one way.
MAY = {
    "proto/": ("proto/",),
    "broker/stage/": ("proto/", "broker/stage/", "broker/runtime/fault_point.h",
                      "broker/runtime/durable.h"),
    "broker/runtime/": ("proto/", "broker/runtime/"),
    "broker/trust/": ("proto/", "broker/runtime/", "broker/trust/"),
    "broker/": ("proto/", "broker/"),
    "actors/rules/": ("proto/", "actors/rules/"),
    "actors/prep/": ("proto/", "broker/", "actors/prep/"),
    "actors/infer/": ("proto/", "broker/", "actors/prep/", "actors/infer/"),
    "actors/transform/": ("proto/", "broker/", "actors/rules/", "actors/transform/"),
    "actors/collector/": ("proto/", "broker/", "actors/rules/", "actors/prep/", "actors/collector/"),
    "actors/notifier/": ("proto/", "broker/", "actors/notifier/"),
    "actors/api/": ("proto/", "broker/", "actors/api/"),
}

BANNED_NAMES = re.compile(r"(^|[_/])(utils?|helpers?|common|manager|misc)([_./]|$)", re.I)
BANNED_CALLS = re.compile(r"\b(gets|strcat|sprintf|strtok|system|alloca|asctime|gmtime|localtime)\s*\(")
UNFINISHED = re.compile(r"\b(T[O]DO|F[I]XME|X[X]X)\b")

problems = []


def problem(path, line, text):
    problems.append(f"{path}:{line}: {text}")


def check_source(path, text):
    lines = text.splitlines()
    test = path.startswith("tests/")
    most = TEST_LINES_MOST if test else LINES_MOST
    if len(lines) > most:
        problem(path, len(lines), f"{len(lines)} lines; at most {most}")
    if not text.startswith("/*"):
        problem(path, 1, "the head of a file says what it is")
    start = None
    table = False  # a table laid out by hand may be as wide as it reads best
    for number, line in enumerate(lines, 1):
        table = "clang-format off" in line or (table and "clang-format on" not in line)
        if len(line) > COLUMNS_MOST and not table:
            problem(path, number, f"{len(line)} columns; at most {COLUMNS_MOST}")
        if not test and BANNED_CALLS.search(line) and not line.lstrip().startswith(("//", "*")):
            problem(path, number, f"banned call: {line.strip()}")
        include = re.match(r'#include [<"]([^>"]+)[>"]', line)
        if include:
            check_include(path, number, include.group(1))
        if line == "{":
            start = number
        if line == "}" and start:
            if number - start > FUNCTION_LINES_MOST and not test:
                problem(path, start, f"function of {number - start} lines; at most {FUNCTION_LINES_MOST}")
            start = None


def check_include(path, number, header):
    for pattern, allowed in ONLY.items():
        if re.match(pattern, header) and path not in allowed and not path.startswith("tests/"):
            problem(path, number, f"<{header}> belongs in {', '.join(sorted(allowed))}")
    for folder in sorted(MAY, key=len, reverse=True):
        if path.startswith(folder):
            inside = header.split("/")[0] in ("proto", "broker", "actors")
            if inside and not header.startswith(MAY[folder]):
                problem(path, number, f"{folder} may not use {header}")
            break


def main():
    files = subprocess.run(["git", "-C", str(TOP), "ls-files"], capture_output=True, text=True,
                           check=True).stdout.split("\n")
    for path in filter(None, files):
        if BANNED_NAMES.search(path):
            problem(path, 1, "a name that says nothing")
        full = TOP / path
        if not full.is_file() or full.suffix in {".gz", ".bin", ".golden"}:
            continue
        try:
            text = full.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if UNFINISHED.search(line):
                problem(path, number, "unfinished mark")
        if full.suffix in {".c", ".h", ".cpp"} and not path.startswith("docs/"):
            check_source(path, text)
    print("\n".join(problems) if problems else "house: in order")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
