"""The client examples of docs/clients: built by the lines that their README gives, and run.

Rows pushed by push.py and push.c lead to alerts that subscribe.py and subscribe.c both print,
each once, and nothing else.
"""

import itertools
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from harness import TOP, Instance, free_port, wait_for

START_MS = 1_700_000_000_000
QUIET, BURST = 2, 50
PAGE = 4  # alerts
ROWS, BURSTS = 60, (20, 40, 59)  # places of the bursts among the rows

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: trades
    url: push://tcp://127.0.0.1:PORT
    table: trade
    key: { pair: pair }
    time: { at: ts, unit: ms }
    columns: { volume: volume }
rules:
  burst: { on: trade, when: "volume > 3 * avg(volume) OVER rows_10" }
"""


def build_lines():
    text = (TOP / "docs/clients/README.md").read_text()
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.S)
             for line in block.splitlines() if line.startswith("cc ")]
    assert len(lines) == 2, f"docs/clients/README.md builds {len(lines)} programs, not 2"
    return lines


def rows(pair):
    """Quiet rows with some bursts; returns also the times that must alert."""
    volumes = [BURST if i in BURSTS else QUIET for i in range(ROWS)]
    times = [START_MS + 1000 * i for i in range(ROWS)]
    return ([{"pair": pair, "ts": t, "volume": v} for t, v in zip(times, volumes)],
            {(f"trade:{pair}", times[i] * 1000) for i in BURSTS})


def as_csv(table):
    lines = [",".join(table[0])] + [",".join(str(v) for v in row.values()) for row in table]
    return "\n".join(lines) + "\n"


class Printer:
    """A subscribing example; its lines so far."""

    def __init__(self, folder, name, *command):
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.child = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err)

    def lines(self):
        # the last line may still be under way
        return self.out.read_text().split("\n")[:-1]

    def end(self):
        self.child.terminate()
        self.child.wait(timeout=10)
        return self.err.read_text()


def push(folder, words, text):
    run = subprocess.run(words, cwd=folder, input=text, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, f"{words[0]}: exit {run.returncode}: {run.stderr}"
    return run.stdout


def pages(folder, alerts, instance):
    """Ids that subscribe.py prints from the log, PAGE in each of its lives, each from where the one
    before ended."""
    place, ids = "0-0", []
    while True:
        run = subprocess.run(
            ["/usr/bin/python3", "subscribe.py", "--alerts", alerts, "--redis",
             f"unix://{instance.dir}/redis.sock", "--after", place, "--count", str(PAGE),
             "--seconds", "5"],
            cwd=folder, capture_output=True, text=True, timeout=60, check=True)
        page = [json.loads(line)["id"] for line in run.stdout.splitlines()]
        assert len(page) <= PAGE, page
        if not page:
            return ids
        ids += page
        place = re.findall(r"^at (\d+-\d+)$", run.stderr, re.M)[-1]


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tw-clients-", dir="/tmp")) / "clients"
    shutil.copytree(TOP / "docs/clients", folder)
    for line in build_lines():
        subprocess.run(line, shell=True, cwd=folder, check=True, timeout=120)
    port = free_port()
    feed = f"tcp://127.0.0.1:{port}"
    with Instance(CONFIG.replace("PORT", str(port))) as instance:
        instance.up()
        alerts = instance.alerts_endpoint()
        python = Printer(folder, "subscribe-py", "/usr/bin/python3", "subscribe.py",
                         "--alerts", alerts)
        c = Printer(folder, "subscribe-c", "./subscribe", alerts, "alert/")
        wait_for("subscribe.py to be subscribed", lambda: "subscribed" in python.err.read_text())

        # subscribe.c gives no sign: bursts of a series of its own until it prints one.
        turns = itertools.count(1)

        def hello():
            turn = next(turns)
            table = [{**row, "ts": row["ts"] + turn * 1000 * ROWS} for row in rows("hello")[0]]
            push(folder, ["/usr/bin/python3", "push.py", "--to", feed, "--alerts", alerts,
                          "--source", "trades", "--client", f"hello-{turn}"],
                 "".join(json.dumps(row) + "\n" for row in table))
            time.sleep(0.5)
            return c.lines()

        wait_for("a first alert at subscribe.c", hello, 60)

        table, by_python = rows("python")
        words = ["/usr/bin/python3", "push.py", "--to", feed, "--alerts", alerts,
                 "--source", "trades", "--client", "py", "--batch", "7"]
        lines = [json.dumps(row) + "\n" for row in table]
        said = push(folder, words, "".join(lines[:21]))  # it ends early, and begins again
        assert said == "rows=21 frames=3 known=0 last=3\n", said
        said = push(folder, words, "".join(lines))
        assert said == f"rows={ROWS - 21} frames=6 known=3 last=9\n", said
        table, by_c = rows("c")
        said = push(folder, ["./push", feed, alerts, "trades", "c"], as_csv(table))
        assert said == f"rows={ROWS} known=0 last=1\n", said
        said = push(folder, ["./push", feed, alerts, "trades", "c"], as_csv(table))
        assert said == "rows=0 known=1 last=1\n", said

        want = by_python | by_c
        entries = lambda: [a for a in map(json.loads, python.lines()) if a["series"] != "trade:hello"]
        seen_python = lambda: {(a["series"], a["ts"]): a["id"] for a in entries() if a["kind"] == "alert"}
        of_incidents = lambda: {a["id"] for a in entries() if a["kind"] != "alert"}
        # <id> alert/<rule>/<series>/ seq=<n> ts=<us>
        parts = re.compile(r"([0-9a-f]{32}) alert/burst/(.*)/ seq=(\d+) ts=(\d+)$")
        seen_c = lambda: {(m[2], int(m[4])): m[1] for m in map(parts.match, c.lines())
                          if m and m[2] != "trade:hello" and m[1] not in of_incidents()}
        wait_for("every alert at subscribe.py", lambda: want <= set(seen_python()))
        wait_for("every alert at subscribe.c", lambda: want <= set(seen_c()))
        assert set(seen_python()) == want, set(seen_python()) - want
        assert seen_c() == seen_python(), "the two subscribers print different alerts"
        assert set(seen_python().values()) <= set(instance.logged_ids())
        lines = python.lines()
        assert len(lines) == len({json.loads(line)["id"] for line in lines}), "an alert came twice"
        for printer in (python, c):
            said = printer.end()
            assert "gap" not in said, said
        assert pages(folder, alerts, instance) == instance.logged_ids(kinds=None)
    shutil.rmtree(folder.parent)
    print(f"{len(want)} alerts of rows pushed by both examples, printed once by both subscribers")


if __name__ == "__main__":
    sys.exit(main())
