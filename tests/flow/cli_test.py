"""The words of the command line: help, version and exit codes everywhere; demo from beginning to
end; status for people; rules by `rule`; a configuration read again on SIGHUP, kept when bad."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from harness import PROGRAM, TOP, Instance, wait_for

OK, FAILED, USAGE, CONFIG_BAD = 0, 1, 2, 78
DEMO_SECONDS = 20  # a burst comes every 10 to 15 seconds

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: market
    url: simulate://market?seed=3&series=5&rate=200
    rows: /*
    table: trade
    key: { pair: /symbol }
    time: { at: /ts, unit: ms }
    columns: { price: /price, volume: /volume }
rules:
  spike: { on: trade, when: "volume > 3 * avg(volume) OVER last_1h" }
"""


# What its ticker calls volume is that of 24 hours.
CRYPTOWATCH = """
sources:
  - name: summaries
    url: https://api.cryptowat.ch/markets/summaries
    every: 30s
    rows: /result/*
    table: market
    key: { exchange: "~1:0", pair: "~1:1" }
    time: fetch
    columns: { price: /price/last, volume: /volume }
    rolling: { volume: 24h }
derive:
  market:
    busy: volume / avg(volume) OVER last_1h
rules:
  spike: { on: market, when: "volume > 3 * avg(volume) OVER last_1h" }
  ratio: { on: market, when: "busy > 3" }
  price: { on: market, when: "price > 1.05 * avg(price) OVER last_1h" }
"""

# A filter that asks for more than its document.
FILTERED = """
sources:
  - url: file:///nowhere/*.json
    jq: |
      .[] | {t: now}
    table: t
    key: { k: "=x" }
    time: { at: /t, unit: s }
    columns: { v: /v }
"""


def tidewire(*words, cwd=None):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=120, cwd=cwd)


def program_words():
    return re.findall(r"^  ([a-z-]+) ", tidewire("--help").stdout, re.M)


def expect(run, code, out="", err=""):
    said = f"{run.args}: exit {run.returncode}, not {code}\n{run.stdout}{run.stderr}"
    assert run.returncode == code, said
    assert out in run.stdout and err in run.stderr, said


def check_words(empty):
    version = re.search(r"^project\(tidewire VERSION (\S+)", (TOP / "CMakeLists.txt").read_text(),
                        re.M)[1]
    words = program_words()
    assert len(words) >= 13, words
    for word in words:
        expect(tidewire(word, "--version"), OK, out=f"tidewire {version}\n")
        expect(tidewire(word, "--help"), OK, out=f"usage: tidewire {word}")
        expect(tidewire(word, "--no-such-option"), USAGE, err=f"tidewire {word}: ")
        if word == "test-rules":  # takes files alone
            expect(tidewire(word, "no-such-word", cwd=empty), CONFIG_BAD, err="no-such-word: ")
            expect(tidewire(word, cwd=empty), USAGE, err="FILE is missing")
            continue
        expect(tidewire(word, "no-such-word", cwd=empty), USAGE, err=f"tidewire {word}: ")
        if word not in ("demo", "down", "explain", "feed", "keys", "subscriber", "silence"):
            expect(tidewire(word, cwd=empty), USAGE, err="-c FILE")
        if word not in ("demo", "down", "explain", "rule", "feed", "keys", "subscriber", "silence"):
            expect(tidewire(word, "-c", "no-such-file", cwd=empty), CONFIG_BAD, err="no-such-file")
    for alone in ("--help", "-h", "help"):
        expect(tidewire(alone), OK, out="usage: tidewire WORD")
    for alone in ("--version", "-V"):
        expect(tidewire(alone), OK, out=f"tidewire {version}\n")
    expect(tidewire(), USAGE, err="usage: tidewire WORD")
    expect(tidewire("no-such-word"), USAGE, err="no-such-word")
    expect(tidewire("down", cwd=empty), FAILED, err="nothing runs")

    # `./run`, through a link and from another folder, knows every word.
    link = pathlib.Path(empty) / "a link"
    link.symlink_to(TOP / "run")
    run = subprocess.run(["dash", str(link), "help"], capture_output=True, text=True, cwd=empty)
    expect(run, OK)
    for word in words:
        assert re.search(rf"\b{word}\b", run.stdout), f"./run help does not tell of {word}"
    run = subprocess.run([str(link), "--version"], capture_output=True, text=True, cwd=empty)
    expect(run, OK, out=f"tidewire {version}\n")
    return len(words)


# Each rule's warning by what it says.
FORESEEN = """
sources:
  - name: candles
    url: file:///nowhere/*.json
    table: candle
    key: { exchange: "=kraken", pair: /p }
    time: { at: /t, unit: s }
    columns: { close: /c, volume: /v }
rules:
  good: { on: candle, when: "close > 10 AND exchange = 'kraken'" }
  never: { on: candle, when: "close > 10 AND close < 5" }
  null: { on: candle, when: "volume = NULL" }
  guard: { on: candle, when: "count(*) OVER last_1h < 5" }
  guarded: { on: candle, when: "count(*) OVER last_1h < 5", min_rows: 0 }
  typo: { on: candle, when: "exchange = 'krakn' AND close > 10" }
  always: { on: candle, when: "abs(close) >= 0", emit: row }
  once: { on: candle, when: "abs(close) >= 0" }
  endless: { on: candle, when: "close > 10", resolve: "abs(close) < 0" }
  calm: { on: candle, when: "close > 10", flap: 6/10m, cooldown: 5m }
  calmer: { on: candle, when: "close > 10", flap: 3/10m, for: 10m }
  wild: { on: candle, when: "close > 10", flap: 6/10m, for: 299s, cooldown: 299s }
  wilder: { on: candle, when: "close > 10", flap: 3/10m, cooldown: 10m }
"""
WARNED = {"never": "it can never hold (a comparison", "null": "that is IS NULL",
          "guard": "not judged before 10 rows are in its window",
          "typo": "matches no series of the sources of 'candle'; those of 'candles' have exchange 'kraken'",
          "always": "holds for every row", "endless": "nothing ends an incident of it",
          "calm": "its `flap` is never reached", "calmer": "its `flap` is never reached"}


def check_foreseen(empty):
    """What is known of a rule before any row comes, each at its place."""
    file = pathlib.Path(empty) / "foreseen.yaml"
    file.write_text(FORESEEN)
    run = tidewire("check", "-c", str(file))
    expect(run, OK, out=f"{file}: good (1 source, 13 rules)")
    said = dict(re.findall(r"^\S+:\d+:\d+: warning: rule '(\w+)': (.*)$", run.stderr, re.M))
    assert said.keys() == WARNED.keys(), run.stderr
    for rule, text in WARNED.items():
        assert text in said[rule], said
    line = FORESEEN.splitlines().index(next(l for l in FORESEEN.splitlines() if "  typo:" in l)) + 1
    assert f"{file}:{line}:" in run.stderr, run.stderr


def check_rolling(empty):
    """A ratio to the average of what is itself a rolling sum: a warning with its place."""
    file = pathlib.Path(empty) / "rolling.yaml"
    file.write_text(CONFIG.replace("    columns:", "    rolling: { volume: 24h }\n    columns:"))
    expect(tidewire("check", "-c", str(file)), OK, out="good (1 source, 1 rule)",
           err=f"{file}:13:30: warning: rule 'spike': 'volume' is a rolling sum over 24h")
    file.write_text(CONFIG)
    run = tidewire("check", "-c", str(file))
    expect(run, OK)
    assert not run.stderr, run.stderr
    file.write_text(CRYPTOWATCH)
    run = tidewire("check", "-c", str(file))
    expect(run, OK, out="good (1 source, 3 rules)",
           err=f"{file}:17:31: warning: rule 'ratio': 'volume' is a rolling sum over 24h")
    assert f"{file}:16:31: warning: rule 'spike': 'volume' is a rolling sum" in run.stderr
    assert "price" not in run.stderr, run.stderr


def check_filter(empty):
    """A jq filter is compiled by check, and its mistake told at its place."""
    file = pathlib.Path(empty) / "filter.yaml"
    file.write_text(FILTERED)
    expect(tidewire("check", "-c", str(file)), CONFIG_BAD,
           err=f"{file}:5:7: source 'source-1': jq: 'now' is refused: a filter sees its document")
    file.write_text(FILTERED.replace("now", "(.t + foo)"))
    expect(tidewire("check", "-c", str(file)), CONFIG_BAD, err="jq: foo/0 is not defined line 1")
    file.write_text(FILTERED.replace("now", ".t"))
    expect(tidewire("check", "-c", str(file)), OK, out="good (1 source, 0 rules)")


def check_lateness(empty):
    """Two sources of one table that disagree: the second is named, at its place."""
    source = """
  - name: {name}
    url: push://tcp://127.0.0.1:1
    table: t
    lateness: {lateness}
    key: {{ k: /k }}
    time: {{ at: /t, unit: s }}
    columns: {{ v: /v }}"""
    file = pathlib.Path(empty) / "lateness.yaml"
    file.write_text("sources:" + source.format(name="a", lateness="4s") +
                    source.format(name="b", lateness="5s") + "\n")
    expect(tidewire("check", "-c", str(file)), CONFIG_BAD,
           err=f"{file}:9:5: source 'b': sources of table \"t\" have to declare the same lateness")


def alive_under(folder):
    """Command lines of processes that name this folder."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if folder in line:
            found.append(line)
    return found


def cmdline(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def children(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()]


def check_demo(empty):
    run = tidewire("demo", "--seconds", str(DEMO_SECONDS), cwd=empty)
    expect(run, OK, out="volume-spike  trade:simulated:")
    folder = re.search(r"--dir (\S+)", run.stdout)[1]
    assert not os.path.exists(folder), f"the demo left {folder}"
    assert not alive_under(folder), f"the demo left {alive_under(folder)}"

    # What README shows is what is printed, whatever the numbers.
    def shape(line):
        return re.sub(r"[A-Z]{3,}-USD", "PAIR", re.sub(r"\d[\d,.:]*", "0", line)).strip()
    readme = (TOP / "README.md").read_text()
    shown = [line for line in readme.splitlines() if re.match(r"\d{4}-\d\d-\d\d .*volume-spike", line)]
    assert shown, "README.md shows no alert of the demo"
    printed = {shape(line) for line in run.stdout.splitlines()}
    for line in shown:
        assert shape(line) in printed, f"the demo prints no line like README's:\n{line}\n{run.stdout}"
    print(re.search(r"\n(\d+ alerts?)", run.stdout)[1], "in the demo, which leaves nothing behind")


def check_hurry():
    """A second signal ends at once, with everything that was started, whatever hangs."""
    with Instance(CONFIG) as instance:
        instance.up()
        folder = str(instance.dir)
        supervisor = int((instance.dir / "supervisor.pid").read_text())
        for actor in instance.status()["actors"]:
            os.kill(int(actor["pid"]), signal.SIGSTOP)  # one alone would be waited for
        os.kill(supervisor, signal.SIGTERM)
        log = instance.dir / "log/supervisor.log"
        wait_for("the supervisor to stop them", lambda: "stopping" in log.read_text())
        os.kill(supervisor, signal.SIGTERM)
        wait_for("all to be gone", lambda: not alive_under(folder))
    for hold in (False, True):
        demo = subprocess.Popen([PROGRAM, "demo"], stdout=subprocess.PIPE, text=True)
        if hold:  # until it runs; else in the midst of its start
            text = ""
            while "Alerts as they arrive" not in text:
                text += demo.stdout.readline()
        else:
            wait_for("the supervisor", lambda: children(demo.pid))
        (supervisor,) = children(demo.pid)
        folder = wait_for("an actor", lambda: re.search(  # between fork and exec it has none yet
            r"/tmp/tidewire-demo-\w+", " ".join(map(cmdline, children(supervisor)))))[0]
        if hold:
            for actor in children(supervisor):
                if "redis" not in cmdline(actor):
                    os.kill(actor, signal.SIGSTOP)
        demo.send_signal(signal.SIGINT)
        if hold:
            wait_for("the demo to stop", lambda: "Stopping" in demo.stdout.readline())
            demo.send_signal(signal.SIGINT)
        code = demo.wait(timeout=40)
        assert code == (FAILED if hold else OK), code
        wait_for("all to be gone", lambda: not alive_under(folder))
        demo.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)
    print("told twice: all end at once")


def rule_states(instance):
    return {rule["name"]: rule["state"] for rule in instance.status()["rules"]}


def check_rules(instance):
    run = instance.word("rule", "list")
    assert re.search(r"^spike +file +trade +volume > 3", run.stdout, re.M), run.stdout
    bad = instance.word("rule", "add", "mine", "on", "trade", "when", "pricee > 1", check=False)
    expect(bad, CONFIG_BAD, err='column "pricee" does not exist')
    instance.word("rule", "add", "mine", "on", "trade", "when", "volume > 1000000")
    wait_for("the new rule", lambda: rule_states(instance).get("mine") == "ok", 5)
    instance.word("rule", "add", "spike", "on", "trade", "when", "volume > 1000000")
    run = instance.word("rule", "list")
    assert re.search(r"^spike +redis ", run.stdout, re.M), run.stdout
    assert re.search(r"^spike +file \(hidden\) ", run.stdout, re.M), run.stdout
    assert "volume > 1000000" in instance.word("rule", "sql", "spike").stdout
    instance.word("rule", "rm", "spike")
    instance.word("rule", "rm", "mine")
    never = instance.word("rule", "add", "never", "on", "trade", "when", "volume = NULL")
    assert "warning: it can never hold" in never.stderr and "set 'never'" in never.stdout, never
    instance.word("rule", "rm", "never")
    instance.word("rule", "add", "mine", "on", "trade", "when", "-volume < -5", "note", "--json")
    assert "-volume < -5" in instance.word("rule", "list").stdout
    late = instance.word("rule", "add", "mine", "on", "trade", "when", "volume > 1", "-c", "x", "--dir",
                         check=False)
    expect(late, USAGE, err="options stand before add")
    instance.word("rule", "rm", "mine")
    expect(instance.word("rule", "rm", "mine", check=False), FAILED, err="no rule 'mine'")
    wait_for("the rule to be gone", lambda: "mine" not in rule_states(instance), 5)


def check_status(instance):
    wait_for("rows", lambda: instance.actors("transform")[0].get("rows", 0) > 0)
    run = instance.word("status")
    for title in ("COLLECTOR", "PREP", "TRANSFORM", "NOTIFIER", "BROKER", "RULE"):
        assert re.search(rf"^{title} ", run.stdout, re.M), run.stdout
    assert instance.alerts_endpoint() in run.stdout, run.stdout
    assert re.search(r"^collector +collecting ", run.stdout, re.M), run.stdout
    assert not re.search(r"^!", run.stdout, re.M), f"status complains:\n{run.stdout}"


def check_reload(instance):
    supervisor = int((instance.dir / "supervisor.pid").read_text())
    text = instance.config.read_text()
    instance.config.write_text(text + '  second: { on: trade, when: "volume > 5000" }\n')
    os.kill(supervisor, signal.SIGHUP)
    wait_for("the second rule", lambda: rule_states(instance).get("second") == "ok")
    instance.config.write_text(text + "nonsense: true\n")
    os.kill(supervisor, signal.SIGHUP)
    log = instance.dir / "log/collector.log"
    wait_for("the refusal in the log", lambda: "nonsense" in log.read_text())
    # A configuration is taken as a whole or not at all, its rules and mappings included.
    for bad in (text + '  third: { on: trade, when: "volumee > 1" }\n',
                text.replace("rows: /*", "rows: \"*\"")):
        refusals = log.read_text().count("keeping the old one")
        instance.config.write_text(bad)
        os.kill(supervisor, signal.SIGHUP)
        wait_for("one more refusal in the log",
                 lambda: log.read_text().count("keeping the old one") > refusals)
    assert 'rule="third" error="column \\"volumee\\" does not exist"' in log.read_text()
    assert rule_states(instance) == {"spike": "ok", "second": "ok"}, rule_states(instance)
    rows = instance.actors("transform")[0]["rows"]
    wait_for("more rows", lambda: instance.actors("transform")[0]["rows"] > rows)
    instance.config.write_text(text)
    os.kill(supervisor, signal.SIGHUP)
    wait_for("the second rule to be gone", lambda: "second" not in rule_states(instance))


def check_bad_rule(empty):
    """Nothing starts from a configuration that `check` refuses, whoever starts it."""
    bad = pathlib.Path(empty) / "bad.yaml"
    bad.write_text(CONFIG.replace("volume > 3", "volumee > 3"))
    for words in (["check"], ["up", "--dir", str(empty)], ["collector", "--dir", str(empty)]):
        expect(tidewire(*words, "-c", str(bad)), CONFIG_BAD,
               err=f'{bad}:{CONFIG[:CONFIG.index("volume > 3")].count(chr(10)) + 1}:')


def silent_broker(instance, tail):
    """It hangs, longer than its lease; then it goes on."""
    pid = int(instance.actors("broker")[0]["pid"])
    os.kill(pid, signal.SIGSTOP)
    said = ""
    while "no broker is in the registry; waiting for one" not in said:
        line = tail.stderr.readline()
        assert line, "tail has ended"
        said += line
    assert "the broker is silent" in said, said
    os.kill(pid, signal.SIGCONT)
    while "a broker is heard again" not in said and "the broker is heard again" not in said:
        line = tail.stderr.readline()
        assert line, "tail has ended"
        said += line
    assert tail.stdout.readline()


def check_moved_broker(instance):
    """tail finds a broker that came back elsewhere, and ends with its terminal."""
    tail = subprocess.Popen([PROGRAM, "tail", "--dir", str(instance.dir)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    tail.stdout.readline()
    before = instance.alerts_endpoint()
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def moved():  # its old port is ours
        with contextlib.suppress(ProcessLookupError):  # that of before is still registered
            os.kill(int(instance.actors("broker")[0]["pid"]), signal.SIGKILL)
        try:
            taken.bind(("127.0.0.1", int(before.rpartition(":")[2])))
        except OSError:
            return False  # it was faster
        taken.listen()
        return True
    wait_for("the old port", moved)
    said = ""
    while "listening to 1 broker now" not in said:  # there is one at least
        said = tail.stderr.readline()
        assert said, "tail has ended"
    assert tail.stdout.readline()
    silent_broker(instance, tail)
    tail.send_signal(signal.SIGHUP)
    tail.communicate(timeout=20)
    assert tail.returncode == OK, tail.returncode
    taken.close()
    expect(tidewire("tail", "-c", str(instance.config), "--dir", "/nonexistent"), FAILED,
           err="no broker lives there: ")


def check_stop(instance):
    """A second `up` is refused; SIGTERM drains with exit 0; status says when nothing runs."""
    again = instance.word("up", "-c", instance.config, check=False)
    expect(again, FAILED, err="already running")
    prep = instance.actor("prep", "extra")
    wait_for("one more prep", lambda: len(instance.actors("prep")) == 2)
    instance.stop(prep)
    # Not `spike`: while a rule without a window stood in its place nothing was kept for it, so it
    # may be warming for an hour.
    instance.word("rule", "add", "any", "on", "trade", "when", "volume > 0", "emit", "row")
    tail = instance.word("tail", "-n", "1", "--json")
    assert '"rule":"any"' in tail.stdout, tail.stdout
    metric = instance.word("tail", "-n", "1", "--topic", "metric/")
    assert '"series":"trade:' in metric.stdout, metric.stdout
    check_moved_broker(instance)
    expect(instance.word("down"), OK, out="down")
    expect(instance.word("status", check=False), FAILED, err="`up` has started nothing there")
    expect(instance.word("down", check=False), FAILED, err="nothing runs")


def main():
    with tempfile.TemporaryDirectory(prefix="tw-cli-") as empty:
        print(check_words(empty), "words with help, version and exit codes")
        check_rolling(empty)
        check_foreseen(empty)
        check_filter(empty)
        check_lateness(empty)
        check_bad_rule(empty)
        check_demo(empty)
    check_hurry()
    with Instance(CONFIG) as instance:
        instance.up()
        check_status(instance)
        check_rules(instance)
        check_reload(instance)
        check_stop(instance)
    print("status, rule, SIGHUP, tail, down: as promised")


if __name__ == "__main__":
    sys.exit(main())
