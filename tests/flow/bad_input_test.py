"""What bad input gets: a clear error with place and reason, the exit code of the contract, and
nothing lost. Configurations and words first, then hostile bytes on a running pipeline."""

import gzip
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time

import msgpack
import zmq

from harness import PROGRAM, Instance, Pusher, Subscriber, free_port, wait_for

GOOD = """
namespace: tw
redis: embedded
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: feed
    url: push://tcp://127.0.0.1:PORT
    format: json
    rows: /*
    table: m
    key: { k: /k }
    time: { at: /t, unit: ms }
    columns: { x: /x, y: /y }
    required: [x]
    validate: { x: ">= 0" }
rules:
  high: { on: m, when: "x > 100", emit: row }
"""


def tidewire(*words, stdin=None):
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=60,
                          input=stdin)


def expect(run, code, *words):
    text = run.stdout + run.stderr
    assert run.returncode == code, f"exit {run.returncode}, not {code}: {run.args}\n{text}"
    for word in words:
        assert word in text, f"'{word}' is not in: {text}"


def check_words():
    expect(tidewire("nosuchword"), 2, "nosuchword", "--help")
    expect(tidewire("check"), 2, "-c FILE")
    expect(tidewire("check", "--nosuch"), 2)
    expect(tidewire("backtest", "-c", "x", "--from", "yesterday"), 2, "yesterday")
    expect(tidewire("--version"), 0, "tidewire")
    for word in ("up", "down", "status", "check", "backtest", "rule", "tail", "demo", "collector",
                 "prep", "transform", "notifier", "broker"):
        expect(tidewire(word, "--help"), 0, "usage: tidewire " + word)


def check_configurations(directory):
    path = directory / "c.yaml"

    def refused(text, *words):
        path.write_text(text)
        expect(tidewire("check", "-c", path), 78, f"{path}:", *words)

    good = GOOD.replace("PORT", "5570")
    path.write_text(good)
    expect(tidewire("check", "-c", path), 0)
    expect(tidewire("check", "-c", directory / "absent.yaml"), 78, "absent.yaml", "No such file")
    refused(good + "colour: red\n", ":18:1:", "colour")
    refused(good.replace("unit: ms", "unit: fortnights %"), ":12:27:", "time")
    refused(good.replace("required: [x]", "required: [z]"), ":14:16:", "required: 'z'")
    refused(good.replace("unit: ms", 'unit: "%Q"'), ":12:28:", "time:", "%Q")
    refused(good.replace('">= 0"', '">= zero"'), ":15:21:", "validate: x:", ">= zero")
    refused(good.replace("{ x: \">= 0\" }", "{ xx: \">= 0\" }"), ":15:22:",
            "validate: 'xx' is no column of this source")
    refused(good.replace("rows: /*", "rows: /*\n    timeout: 5s"), ":10:14:", "timeout: only http(s)")
    refused(good.replace("rows: /*", "rows: /*\n    every: 5s"), ":10:12:", "every: only http(s)")
    refused(good.replace("push://tcp://127.0.0.1:5570", "file://tmp/x"), ":7:10:", "file:///path")
    market = good.replace("push://tcp://127.0.0.1:5570", "simulate://market?seed=x&sereis=5")
    refused(market, ":7:10:", "seed=x")
    for word in ("up", "collector", "backtest"):
        expect(tidewire(word, "-c", path, "--dir", directory), 78, f"{path}:7:10:", "seed=x")
    path.write_text(good.replace("push://tcp://127.0.0.1:5570", "file:///x").replace(
        "format: json", "every: 10s"))
    expect(tidewire("check", "-c", path), 0, "note: source 'feed': every:")
    refused(good.replace("columns: { x: /x, y: /y }", "columns: { select: /x }"), "select")
    refused(good.replace("x > 100", "x > > 100"), ":17:29:", "syntax error")
    refused(good.replace("x > 100", "z > 100"), ":17:25:", "z")
    refused(good.replace("x > 100", "x > 'a'"), ":17:")
    refused(good.replace("x > 100", "sum(x) > 1"), ":17:")
    refused(good.replace("x > 100", "x > 100; DROP TABLE m"), ":17:")
    refused(good.replace("x > 100", "x > avg(x) OVER last_1h, 1"), ":17:")
    refused(good.replace('emit: row }', 'for: soon }'), "for")
    refused(good.replace("emit: row }", "emit: step }"), ":17:", "emit: expected row or edge")
    refused(good.replace("127.0.0.1:5570", "10.0.0.1:5570"), "10.0.0.1")
    refused(good.replace("rows: /*", "rows: /*\n    lateness: 25h"), "lateness")
    refused(good.replace("namespace: tw", "namespace: [tw"), ":")
    refused("a: &x 1\nb: *x\n")
    refused("\x00\x01\x02")
    expect(tidewire("transform", "-c", path), 78)
    for role in ("collector", "prep", "transform", "notifier", "broker"):
        path.write_text("\nx: [\n")
        expect(tidewire(role, "-c", path), 78, f"{path}:3:1: ")
        run = tidewire(role, "-c", path, "--log-format", "json")
        said = json.loads(run.stderr)
        assert run.returncode == 78 and said["place"].startswith(f"{path}:3:1"), run.stderr
        absent = tidewire(role, "-c", directory / "absent.yaml")
        expect(absent, 78, "absent.yaml: cannot read it")
        assert ":0:0" not in absent.stderr, absent.stderr
    print("words and configurations: refused with place and reason")


def check_backtest_files(directory):
    """A file that cannot be read is a failure; rows that the mapping refuses are none."""
    path, rows = directory / "b.yaml", directory / "rows.json"
    good = GOOD.replace("push://tcp://127.0.0.1:PORT", f"file://{rows}")
    path.write_text(good)
    expect(tidewire("backtest", "-c", path), 1, "No such file")
    text = json.dumps([dict(k="a", t=1, x="abc"), dict(k="a", t=2, x=101)]).encode()
    whole = gzip.compress(text)
    for payload in (text, whole, b'{"error":"no"}', gzip.compress(b'{"error":"no"}')):
        rows.write_bytes(payload)
        expect(tidewire("backtest", "-c", path), 0, "quarantined")
    rows.write_bytes(whole[:-9])  # cut short
    expect(tidewire("backtest", "-c", path), 1, "damaged gzip", "could not be read: 1")
    rows.unlink()
    print("backtest: files that cannot be read are a failure")


def check_port_in_use():
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    config = GOOD.replace("tcp://127.0.0.1:*", f"tcp://127.0.0.1:{port}").replace("PORT", "*")
    with Instance(config) as instance:
        broker = subprocess.run([PROGRAM, "broker", "-c", str(instance.config), "--dir",
                                 str(instance.dir)], capture_output=True, text=True, timeout=30)
        assert broker.returncode == 1, broker
        assert str(port) in broker.stderr and "listen" in broker.stderr, broker.stderr
        for _ in range(2):  # the second time nothing is left of the first
            up = instance.word("up", "-c", instance.config, check=False)
            expect(up, 1, "ended: cannot listen on", str(port), "listen.alerts")
            for noise in ("ts=", "level=", "already running"):
                assert noise not in up.stderr, up.stderr
    taken.close()
    print("port in use: said so")


def check_up_without_redis():
    """`up` says at once what is wrong with a Redis elsewhere, waits, and is ready when it is."""
    port = free_port()
    config = GOOD.replace("redis: embedded", f"redis: redis://127.0.0.1:{port}").replace(
        "PORT", "*")
    with Instance(config) as instance:
        up = subprocess.Popen([PROGRAM, "up", "-c", instance.config, "--dir", instance.dir],
                              stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        said = up.stderr.readline()
        assert f"127.0.0.1:{port}" in said and "waiting for it" in said, said
        server = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1",
                                   "--appendonly", "yes", "--appendfsync", "always",
                                   "--dir", instance.dir, "--save", ""], stdout=subprocess.DEVNULL)
        try:
            out, err = up.communicate(timeout=40)
            assert up.returncode == 0 and "every actor runs" in out, (out, err)
            instance.word("down")
        finally:
            server.terminate()
            server.wait()
    print("up without Redis: said which, and waited")


def check_redis_away():
    """Actors wait for Redis, say so, and go on when it is there."""
    directory = tempfile.mkdtemp(prefix="tw-", dir="/tmp")
    sock = f"{directory}/r.sock"
    config = GOOD.replace("redis: embedded", f"redis: unix://{sock}").replace(
        "PORT", str(free_port()))
    with Instance(config) as instance:
        actors = [instance.actor(role, role) for role in
                  ("broker", "notifier", "transform", "prep", "collector")]
        time.sleep(2)
        for actor in actors:
            assert actor.poll() is None, f"{actor.args} ended without Redis"
        assert "Redis" in (instance.dir / "log/collector.log").read_text()
        server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", sock,
                                   "--appendonly", "yes", "--appendfsync", "always",
                                   "--dir", directory, "--save", ""], stdout=subprocess.DEVNULL)
        try:
            status = lambda: json.loads(tidewire(
                "status", "-c", instance.config, "--dir", instance.dir, "--json").stdout or "{}")
            wait_for("five actors", lambda: len(status().get("actors", [])) == 5)
        finally:
            for actor in reversed(actors):
                instance.stop(actor)
            server.terminate()
            server.wait()
    print("Redis away: waited for, said so")


def check_false_peer():
    """An actor in the registry whose endpoint is made to look like more words of a line in the log."""
    forged = "ipc:///nowhere level=error msg=forged"
    with Instance(GOOD.replace("PORT", str(free_port()))) as instance:
        instance.up()
        database = instance.redis()
        database.hset("tw:{actors}:broker:liar", mapping={"in": forged, "alerts": forged})
        database.zadd("tw:{actors}", {"broker:liar": int(time.time() * 1000) + 60_000})

        def told():
            return [line for path in (instance.dir / "log").glob("transform*.log")
                    for line in path.read_text().splitlines() if "peer=liar" in line]
        lines = wait_for("a worker to meet the false broker", told)
        assert all(f'endpoint="{forged}"' in line for line in lines), lines
    print("what others say of themselves stays a value in the log")


def check_payloads():
    """Hostile and broken payloads, staged and quarantined with reasons; good rows get through."""
    port = free_port()
    with Instance(GOOD.replace("PORT", str(port))) as instance:
        instance.up()
        endpoint = instance.alerts_endpoint()
        subscriber = Subscriber(endpoint)
        feed = f"tcp://127.0.0.1:{port}"
        pusher = Pusher(feed, endpoint, "feed")
        now = int(time.time() * 1000)

        def row(k, t, x, **more):
            return dict(k=k, t=t, x=x, **more)

        payloads = [
            b"", b"{", b"nonsense", b"<html>busy</html>", b'{"error":"no"}', b"[" * 10_000,
            b'[{"k":"a","t":1,"x":NaN}]', b'[{"k":"a","t":1,"x":1e999}]', b"\xff\xfe[]",
            json.dumps([row("a", now, "abc")]).encode(),          # wrong type
            json.dumps([row("a", now, None)]).encode(),           # required is missing
            json.dumps([row("a", now, -1)]).encode(),             # validate
            json.dumps([row("a", now + 3_600_000, 1)]).encode(),  # future
            json.dumps([row("a", -5, 1)]).encode(),               # before 1970
            json.dumps([{"t": now, "x": 1}]).encode(),            # no key
            json.dumps([row("a", "yesterday", 1)]).encode(),      # no time
        ]
        for payload in payloads:
            pusher.send(raw=payload)
        pusher.send(raw=json.dumps([row("a", now, 500, y="1.5e3"), row("a", now, 500, y=1500),
                                    row("a", now - 60_000, 900), row("b", now, "700")]).encode())
        pusher.settle()
        wait_for("good rows among bad ones", lambda: len(subscriber.alerts) >= 3)
        fired = sorted((a["series"], a["columns"]["x"]) for _, a in subscriber.alerts)
        assert fired == [("m:a", 500), ("m:a", 900), ("m:b", 700)], fired

        def quarantined():
            found = [q for q in instance.status()["quarantine"] if q["source"] == "feed"]
            return found and found[0]["rows"] >= len(payloads)
        wait_for("quarantine in status", quarantined)
        total = [q for q in instance.status()["quarantine"] if q["source"] == "feed"][0]["rows"]
        assert total == len(payloads), f"{total} quarantined, not {len(payloads)}"

        # Bytes that are no frames of ours, on every bound socket.
        context = zmq.Context.instance()
        rng = random.Random(7)
        junk = [b"", b"\xc1", b"\xdd\xff\xff\xff\xff", b"\x81" * 1000, msgpack.packb({"v": 2}),
                msgpack.packb({"v": 1, "source": "nosuch", "client": "c", "n": 1, "raw": b""}),
                msgpack.packb([[3, 1], []]), msgpack.packb([[9, 9], [1, 2, 3]]),
                *(rng.randbytes(rng.randrange(1, 500)) for _ in range(200))]
        ends = [feed] + [a[f] for a in instance.status()["actors"]
                         for f in ("ack", "endpoint", "in") if str(a.get(f, "")).startswith("tcp")]
        for end in ends:
            kind = zmq.PUB if any(a.get("in") == end for a in instance.actors("broker")) else zmq.PUSH
            out = context.socket(kind)
            out.setsockopt(zmq.LINGER, 1000)
            out.connect(end)
            time.sleep(0.2)
            for frame in junk:
                out.send(frame)
            out.send_multipart([b"two", b"frames"])
            # A subscriber must never see these: it would choke on them.
            out.send(b"alert/alone/")
            out.send_multipart([b"alert/x/y/", b"no map"])
            out.send_multipart([b"alert/x/y/", msgpack.packb({"id": "x"}), b"third"])
            out.close()
            raw = socket.create_connection(end.removeprefix("tcp://").rsplit(":", 1), timeout=5)
            raw.sendall(rng.randbytes(2000))
            raw.close()
        pusher.send(raw=json.dumps([row("c", now, 800)]).encode())
        pusher.settle()
        wait_for("an alert after the junk", lambda: any(
            a["series"] == "m:c" for _, a in subscriber.alerts))
        for log in (instance.dir / "log").glob("*.log"):
            assert "starting it again" not in log.read_text(), f"an actor died: {log.name}"
        pusher.close()
        subscriber.close()
    print(f"{len(payloads)} broken payloads quarantined, junk on {len(ends)} sockets: nobody died")


def main():
    check_words()
    with Instance("") as scratch:
        check_configurations(scratch.dir)
        check_backtest_files(scratch.dir)
    check_port_in_use()
    check_up_without_redis()
    check_redis_away()
    check_false_peer()
    check_payloads()


if __name__ == "__main__":
    sys.exit(main())
