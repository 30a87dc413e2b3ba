"""What the documentation says is true: its commands run, its configurations are good, its
conditions compile or are refused as it says, its links lead somewhere, its Redis keys and settings
exist.

Commands are taken from ```sh blocks, and from indented blocks that begin with ./run, tidewire,
redis-cli or python3. They run in order, in a folder of their own for each document, in which `run`
is the program, `redis-cli` reaches the embedded Redis, `my.yaml` is the last configuration that the
document showed, `my-test.yaml` its last tests of rules, and a program that begins with its name
(`# hook.py`) is the file of that name. Documents that have `./run up` start their own instance; the
others find one that runs. What cannot run stands in NOT_RUN with the reason.
"""

import contextlib
import fnmatch
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from harness import PROGRAM, TOP, free_ports, wait_for

COMMAND = re.compile(r"(\./run|tidewire|redis-cli|python3)\b")
SECONDS = 60  # that one command may take

NOT_RUN = {
    "./run test": "is what runs this test",
    "./run test -*": "so does it",
    "./run demo*": "cli_test.py runs it from beginning to end",
    "./run feed try*": "asks the network; feeds_test.py runs it on files",
    "./run explain *": "explain_test.py runs it on alerts that there are",
    "./run lint": "is a test of its own",
    "./run chaos*": "chaos_test.py and the tests of the simulator do",
    "./run bench*": "measures for minutes",
    "./run tail": "prints until Ctrl-C; cli_test.py runs it with -n",
    "git config *": "changes the clone it is typed in",
    "./subscribe.py *": "prints until Ctrl-C; clients_test.py and clients_keys_test.py run it",
    "cc *": "clients_test.py builds by this very line",
    "./push *": "clients_test.py runs it",
    "npm ci *": "push_node_test.py does it",
    "node push.mjs *": "push_node_test.py runs it",
    "node subscribe.mjs *": "prints until Ctrl-C; push_node_test.py runs it",
    "./push.py *": "clients_test.py and push_shards_test.py run it",
}

# What the documents' examples take for granted: a table with these keys and columns.
INSTANCE = """
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: binance-1m
    url: file:///DIR/candles.json
    rows: /*
    table: candle
    key: { exchange: "=binance", pair: "=BTCUSDT" }
    time: { at: /0, unit: ms }
    columns: { open: /1, high: /2, low: /3, close: /4, volume: /5 }
derive:
  candle:
    volume_ratio: volume / avg(volume) OVER last_1h
rules:
  volume-spike: { on: candle, when: "volume > 3 * avg(volume) OVER last_1h", nodata: 10m }
  surge: { on: candle, when: "volume > 3 * avg(volume) OVER last_1h", freeze: true }
"""


def documents():
    return [TOP / "README.md", TOP / "CONTRIBUTING.md", TOP / "CHANGELOG.md",
            *sorted((TOP / "docs").rglob("*.md"))]


def blocks(path):
    """(language, first line, text) of every fenced block, and of indented ones as ''."""
    lines = path.read_text().splitlines()
    found, start, language = [], None, None
    for i, line in enumerate([*lines, ""]):
        fence = re.match(r"```(\w*)\s*$", line)
        if start is None and fence:
            start, language = i + 1, fence[1]
            assert language, f"{path}:{i + 1}: a fence that does not name its language"
        elif start is not None and language and fence:
            found.append((language, start + 1, "\n".join(lines[start:i])))
            start = None
        elif start is None and re.match(r"    \S", line) and (i == 0 or not lines[i - 1]):
            start, language = i, ""
        elif start is not None and not language and not line.startswith("    "):
            found.append(("", start + 1, "\n".join(text[4:] for text in lines[start:i])))
            start = None
    assert start is None, f"{path}: a block without an end"
    return found


def commands(text):
    """Whole commands: a line that ends in a backslash goes on in the next."""
    joined = re.sub(r"\\\n\s*", "", text)
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def candles(count, at_ms):
    """Minutes in the shape of Binance's klines; the last but one has a burst."""
    rows = []
    for i in range(count):
        price, volume = 100 + i % 7, 500 if i == count - 2 else 10 + i % 3
        rows.append([at_ms + 60_000 * (i - count), str(price), str(price + 1), str(price - 1),
                     str(price), str(volume)])
    return rows


class Exchange:
    """An exchange on loopback that answers every GET with candles up to now."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                now_ms = int(time.time()) // 60 * 60_000
                body = json.dumps(candles(60, now_ms)).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def local(self, text):
        """A configuration that goes to this exchange, and to free ports."""
        text = re.sub(r"https?://[a-z.]+\.(com|org|net)(?=/)", self.url, text)
        if "listen:" not in text:
            text += '\nlisten: { alerts: "tcp://127.0.0.1:*" }\n'
        return text


class Place:
    """A folder in which the commands of one document run."""

    def __init__(self, exchange):
        self.exchange = exchange
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tw-docs-", dir="/tmp"))
        self.port, = free_ports(1)
        self.background = []
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        self.environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"}
        self.script(self.folder / "run", f'exec "{PROGRAM}" "$@"')
        self.script(self.bin / "tidewire", f'exec "{PROGRAM}" "$@"')
        self.script(self.bin / "python3", 'exec /usr/bin/python3 "$@"')
        # -e: an answer that is an error is a failure
        self.script(self.bin / "redis-cli", 'case " $* " in *" -s "*) ;; *) '
                    'set -- -s .tidewire/redis.sock "$@" ;; esac\n'
                    f'exec "{shutil.which("redis-cli")}" -e "$@"')
        (self.folder / "docs").symlink_to(TOP / "docs")

    @staticmethod
    def script(path, text):
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def sh(self, command):
        command = self.local(command.replace("DIR/", ".tidewire/"))
        if command.endswith("&"):
            self.background.append(subprocess.Popen(["sh", "-c", command[:-1]], cwd=self.folder,
                                                    env=self.environment, start_new_session=True))
            return 0, ""
        with open(self.folder / "said", "w+") as said:  # no pipe: `up` leaves processes behind
            run = subprocess.run(["sh", "-c", command], cwd=self.folder, stdin=subprocess.DEVNULL,
                                 stdout=said, stderr=said, timeout=SECONDS,
                                 env=self.environment)
        return run.returncode, (self.folder / "said").read_text(errors="replace")

    def local(self, text):
        """What listens on the port that documents show listens on one that is free."""
        return re.sub(r"\b9000\b", str(self.port), text)

    def program(self, name, text):
        (self.folder / name).write_text(self.local(text))

    def start(self):
        (self.folder / "candles.json").write_text(json.dumps(candles(300, 1_679_000_000_000)))
        (self.folder / "my.yaml").write_text(INSTANCE.replace("/DIR", str(self.folder)))
        code, said = self.sh("./run up -c my.yaml")
        assert code == 0, said
        wait_for("alerts to look at", lambda: "volume-spike" in self.sh(
            "redis-cli XRANGE tw:alerts - +")[1])

    def configuration(self, text):
        (self.folder / "my.yaml").write_text(self.exchange.local(text))

    def close(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.sh("./run down")
        for process in self.background:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


problems = []
counts = {"commands": 0, "left out": 0, "configurations": 0, "conditions": 0, "links": 0,
          "Redis keys": 0, "settings": 0, "features": 0, "recipes": 0}


def expect(good, path, line, text):
    if not good:
        problems.append(f"{path.relative_to(TOP)}:{line}: {text}")


def is_rule_tests(text):
    return re.search(r"^tests:", text, re.M)


# ---- commands ------------------------------------------------------------------------------------

def run_command(place, path, line, command):
    plain = re.sub(r"\s+#.*$", "", command).strip()
    if any(fnmatch.fnmatchcase(plain, pattern) for pattern in NOT_RUN):
        counts["left out"] += 1
        return
    counts["commands"] += 1
    try:
        code, said = place.sh(command)
    except subprocess.TimeoutExpired:
        code, said = "none", f"still running after {SECONDS} s"
    expect(code == 0, path, line, f"`{plain}`: exit {code}: {said.strip()[:300]}")


def run_commands(path, exchange):
    found = [block for block in blocks(path) if block[0] == "sh" or
             (block[0] == "" and COMMAND.match(block[2]))]
    words = [command for _, _, text in found for command in commands(text)]
    if not words:
        return
    place = Place(exchange)
    try:
        if not any(command.startswith("./run up") for command in words):
            place.start()
        for language, line, text in blocks(path):
            if language == "yaml" and "sources:" in text:
                place.configuration(text)
            if language == "yaml" and is_rule_tests(text):
                (place.folder / "my-test.yaml").write_text(text)
            named = re.match(r"# (\w+\.py)\n", text) if language == "python" else None
            if named:
                place.program(named[1], text)
            if (language, line, text) in found:
                for command in commands(text):
                    run_command(place, path, line, command)
    finally:
        place.close()


# ---- configurations and conditions ---------------------------------------------------------------

def whole(text):
    """A configuration of which a document shows only a part."""
    tops = set(re.findall(r"^(\w+):", text, re.M))
    if "sources" in tops:
        return text
    if text.lstrip().startswith("- "):
        return "sources:\n" + re.sub(r"^", "  ", text, flags=re.M)
    base = re.split(r"^(?=\w+:)", INSTANCE, flags=re.M)
    return text + "\n" + "".join(part for part in base if part.split(":")[0] not in tops)


def check(text, folder):
    file = pathlib.Path(folder) / "check.yaml"
    file.write_text(text)
    run = subprocess.run([PROGRAM, "check", "-c", str(file)], capture_output=True, text=True,
                         timeout=SECONDS)
    return run.returncode, run.stderr.replace(f"{file}:", "")


def check_configurations(path, folder):
    for language, line, text in blocks(path):
        if language != "yaml" or is_rule_tests(text):
            continue
        counts["configurations"] += 1
        code, said = check(whole(text), folder)
        expect(code == 0, path, line, f"check: exit {code}: {said.strip()}")


def condition(when):
    return INSTANCE + f"  one: {{ on: candle, when: {json.dumps(when)} }}\n"


def check_conditions(folder):
    path = TOP / "docs/rules.md"
    for language, line, text in blocks(path):
        if language != "sql":
            continue
        for when in text.splitlines():
            counts["conditions"] += 1
            code, said = check(condition(when), folder)
            expect(code == 0, path, line, f"`{when}`: {said.strip()}")
    wrong = path.read_text().split("## When it is wrong")[1].split("\n## ")[0]
    table = re.findall(r"^\| `(.*)` \| (\d+): (.*) \|$", wrong, re.M)
    expect(table, path, 1, "shows no condition that is refused")
    for when, _, message in table:
        counts["conditions"] += 1
        code, said = check(condition(when.replace("\\|", "|")), folder)
        expect(code == 78 and message.replace("\\|", "|") in said, path, 1,
               f"`{when}`: exit {code}: {said.strip()}, not {message}")


# ---- names ---------------------------------------------------------------------------------------

def anchors(path):
    heads = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def check_links(path):
    for number, text in enumerate(path.read_text().splitlines(), 1):
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"https?://", target):
                continue
            counts["links"] += 1
            file, _, anchor = target.partition("#")
            to = (path.parent / file).resolve() if file else path
            expect(to.exists(), path, number, f"the link {target} leads nowhere")
            if anchor and to.exists():
                expect(anchor in anchors(to), path, number, f"the link {target} has no heading")


def key_kinds():
    """What can stand behind the namespace in a key, as broker/keys.c writes it."""
    source = (TOP / "broker/keys.c").read_text()
    kinds = set(re.findall(r'"[^":]*:((?:\{\w+\})?:?[a-z]*):?[^"]*"', source))
    kinds = {kind.strip(":") for kind in kinds} - {""}
    return kinds | set("mjbonh")  # of partitions and groups: "<letter>:{<group>}"


def check_keys(path, kinds):
    for number, text in enumerate(path.read_text().splitlines(), 1):
        for key in re.findall(r"(?<![\w{])tw:([a-z{][\w{}]*(?::[a-z]+)?)", text):
            counts["Redis keys"] += 1
            known = any(key == kind or key.startswith(kind + ":") or
                        key.split(":")[0] == kind for kind in kinds)
            expect(known, path, number, f"tw:{key} is no key that broker/keys.c knows")


def setting_names():
    table = (TOP / "broker/runtime/settings_table.c").read_text()
    return set(re.findall(r'\{ IN_\w+, "(\w+)"', table))


def check_settings(path, names):
    """`name: value` in prose names a setting."""
    for number, text in enumerate(path.read_text().splitlines(), 1):
        for name in re.findall(r"`(?:- )?([a-z_]+): [^`]+`", text):
            counts["settings"] += 1
            expect(name in names, path, number, f"`{name}:` is no setting")


def check_features():
    """Whatever we claim to have names tests, and they are there."""
    path = TOP / "docs/features.md"
    tests = {test.name for test in (TOP / "tests").rglob("*.*")}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or len(cells) < 3 or cells[1] not in ("Y", "P", "-"):
            continue
        counts["features"] += 1
        shown = re.findall(r"`([^`]+)`", cells[2])
        expect(bool(shown) == (cells[1] != "-"), path, number, f"what shows '{cells[0]}'?")
        for name in shown:
            expect(name in tests, path, number, f"there is no test {name}")


def check_cookbook():
    """Every rule of the cookbook is told with its own condition, and has tests."""
    path = TOP / "docs/cookbook.md"
    told = dict(re.findall(r"^\| `([\w-]+)` \| `([^`]+)` \|", path.read_text(), re.M))
    there = dict(re.findall(r'^  ([\w-]+): \{ on: \w+, when: "([^"]+)"',
                            (TOP / "docs/cookbook.yaml").read_text(), re.M))
    tested = set(re.findall(r"rule: ([\w-]+),", (TOP / "docs/cookbook-tests.yaml").read_text()))
    counts["recipes"] = len(there)
    for name in sorted(told.keys() | there.keys() | tested):
        expect(told.get(name) == there.get(name), path, 1,
               f"{name} is {told.get(name)} here, and {there.get(name)} in cookbook.yaml")
        expect(name in tested, path, 1, f"{name} has no test in cookbook-tests.yaml")


def main():
    exchange = Exchange()
    kinds, names = key_kinds(), setting_names()
    assert {"rule", "alerts", "{actors}"} <= kinds, kinds
    assert {"sources", "when", "alerts"} <= names, names
    with tempfile.TemporaryDirectory(prefix="tw-docs-") as folder:
        for path in documents():
            check_links(path)
            check_keys(path, kinds)
            if path.name != "CONTRIBUTING.md":  # `area: what` is the form of a commit
                check_settings(path, names)
            check_configurations(path, folder)
        check_conditions(folder)
    check_features()
    check_cookbook()
    for path in documents():
        run_commands(path, exchange)
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    for pattern, reason in NOT_RUN.items():
        print(f"not run: {pattern}: {reason}")
    assert all(counts.values()), "something was found nowhere: the test has lost its eyes"
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
