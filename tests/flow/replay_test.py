"""A mapping with a mistake quarantines; mended and replayed, the alerts that should have been come:
each exactly once, those that were known not again, and together they are what a back-test with the
mended mapping gives over the stage. Also when workers, collector or Redis' memory of it die."""

import json
import os
import signal
import subprocess
import sys
import time

import kill_test
from harness import PROGRAM, Instance, Pusher, Subscriber, backtest, wait_for

CONFIG = """
namespace: tw
redis: embedded
stage: dir:stage
listen: {{ alerts: "tcp://127.0.0.1:{alerts}" }}
sources:
  - name: good
    url: push://tcp://127.0.0.1:{push}
    format: json
    rows: /*
    table: trade
    key: {{ pair: /pair }}
    time: {{ at: /t, unit: ms }}
    columns: {{ price: /price }}
  - name: bad
    url: push://tcp://127.0.0.1:{push}
    format: json
    rows: /*
    table: quote
    key: {{ pair: /pair }}
    time: {{ at: /t, unit: ms }}
    columns: {{ bid: {bid} }}
    required: [bid]
rules:
  jump: {{ on: trade, when: "price > 2 * avg(price) OVER last_1h", min_rows: 3 }}
  leap: {{ on: quote, when: "bid > 2 * avg(bid) OVER last_1h", min_rows: 3 }}
"""

START_MS = 1_700_000_000_000
PAIRS = 5


def payload(column, first, count):
    """Rows of every pair, a second apart; every tenth is four times as high."""
    rows = [{"pair": f"P{p}", "t": START_MS + n * 1000, column: 400 if n % 10 == 9 else 100}
            for n in range(first, first + count) for p in range(PAIRS)]
    return str(rows).replace("'", '"').encode()


class Feed:
    def __init__(self, instance, push_port, alerts_port):
        args = (f"tcp://127.0.0.1:{push_port}", f"tcp://127.0.0.1:{alerts_port}")
        self.clients = {s: Pusher(*args, s) for s in ("good", "bad")}
        self.sent = 0

    def send(self, count=20):
        for source, column in (("good", "price"), ("bad", "b")):
            self.clients[source].send(raw=payload(column, self.sent, count))
            self.clients[source].settle()
        self.sent += count

    def close(self):
        for client in self.clients.values():
            client.close()


def expected(instance):
    return {a["id"]: a for a in backtest(instance.config, "--dir", str(instance.dir))}


def log_is(instance, ids):
    return set(instance.logged_ids()) == set(ids)


def mend(instance, ports):
    instance.config.write_text(CONFIG.format(push=ports[0], alerts=ports[1], bid="/b"))
    pid = int((instance.dir / "supervisor.pid").read_text())
    os.kill(pid, signal.SIGHUP)
    log = instance.dir / "log/collector.log"
    wait_for("the collector to read it", lambda: "new configuration in force" in log.read_text())


def replay(instance, *words):
    run = instance.word("replay", "-c", instance.config, "--from", "2020-01-01T00:00:00Z", *words)
    print(run.stdout.strip(), flush=True)
    return run.stdout


def replay_while_all_die(instance):
    """The collector and the workers are killed as soon as the log has the order, and again."""
    run = subprocess.Popen([PROGRAM, "replay", "--dir", str(instance.dir), "-c", instance.config,
                            "--from", "2020-01-01T00:00:00Z", "--source", "bad"],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = instance.dir / "log/collector.log"
    wait_for("the order", lambda: "told again" in log.read_text() or run.poll() is not None)
    for role in ("transform", "collector", "prep", "transform"):
        actors = wait_for(role, lambda r=role: instance.actors(r))
        for actor in actors:
            try:
                os.kill(int(actor["pid"]), signal.SIGKILL)
            except ProcessLookupError:
                pass  # as good as killed
    out, said = run.communicate(timeout=60)
    assert run.returncode == 0, said
    print(out.strip(), flush=True)
    return out


def check_log(instance, note):
    ids = instance.logged_ids()
    assert len(ids) == len(set(ids)), f"{note}: an id stands twice in the log"
    want = expected(instance)
    assert set(ids) == set(want), \
        f"{note}: {len(set(want) - set(ids))} missing, {len(set(ids) - set(want))} too many"
    return want


def check_evidence(instance, want, ids):
    """The windows they were judged by are those of the back-test: state came back, not only ids."""
    for _, fields in instance.redis().xrange("tw:alerts"):
        if fields["id"] in ids:
            found, meant = json.loads(fields["body"]), want[fields["id"]]
            assert found["evidence"] == meant["evidence"], f"{found}\n{meant}"


def main():
    ports = kill_test.free_ports(2)
    config = CONFIG.format(push=ports[0], alerts=ports[1], bid="/oops")
    with Instance(config) as instance:
        instance.up("broker,notifier,prep,transform=2,collector")
        subscriber = Subscriber(instance.alerts_endpoint())
        feed = Feed(instance, *ports)
        for _ in range(5):
            feed.send()
        before = expected(instance)
        assert before and all(a["rule"] == "jump" for a in before.values())
        wait_for("the alerts of the good source", lambda: log_is(instance, before))
        wait_for("the bad source to be quarantined", lambda: instance.status()["quarantine"])
        refuses_before_it_is_mended(instance)

        mend(instance, ports)
        feed.send()
        wait_for("live alerts of the mended source", lambda: any(
            fields["rule"] == "leap" for _, fields in instance.redis().xrange("tw:alerts")))
        out = replay_while_all_die(instance)
        want = check_log(instance, "after the replay")
        missing = set(want) - set(before)
        assert any(want[i]["rule"] == "leap" and want[i]["ts"] < before_last(before) for i in missing)
        wait_for("the subscriber", lambda: subscriber.ids() >= set(want))
        heard = [alert["id"] for _, alert in subscriber.alerts]
        assert len(heard) == len(set(heard)), "an alert was published twice"
        assert int(out.splitlines()[-1].split()[0]) > 0, out

        live_goes_on(instance, feed)
        nothing_is_missing_twice(instance, subscriber)
        survives_what_is_lost(instance, feed)
        heard = [alert["id"] for _, alert in subscriber.alerts]
        assert len(heard) == len(set(heard)), "an alert was published twice"
        feed.close()
        subscriber.close()
    what_never_comes_again_is_over()
    print(f"replay: {len(missing)} alerts were missing and came, none twice", flush=True)
    return 0


def before_last(before):
    return max(a["ts"] for a in before.values())


def refuses_before_it_is_mended(instance):
    """FILE was mended but nobody told the collector: it must not re-derive with the old mapping."""
    old = instance.config.read_text()
    instance.config.write_text(old.replace("/oops", "/b"))
    run = instance.word("replay", "-c", instance.config, "--from", "2020-01-01T00:00:00Z",
                        check=False)
    assert run.returncode == 1 and "SIGHUP" in run.stderr, run
    assert not list((instance.dir / "stage/tw").glob("*/REPLAY")), "the request was left behind"
    instance.config.write_text(old)
    run = instance.word("replay", "-c", instance.config, "--from", "2020-01-01T00:00:00Z",
                        "--source", "nobody", check=False)
    assert run.returncode == 1 and "no source 'nobody'" in run.stderr, run


def live_goes_on(instance, feed):
    known = set(instance.logged_ids())
    feed.send()
    wait_for("live alerts", lambda: log_is(instance, expected(instance)))
    want = expected(instance)
    check_evidence(instance, want, set(want) - known)


def nothing_is_missing_twice(instance, subscriber):
    heard = len(subscriber.alerts)
    out = replay(instance)
    assert out.splitlines()[-1].startswith("0 alerts"), out
    check_log(instance, "after a second replay")
    time.sleep(0.5)  # whatever would come twice comes now
    assert len(subscriber.alerts) == heard


def survives_what_is_lost(instance, feed):
    """The log says how it is to be read: a collector that is killed tells it the same way, and
    partitions that Redis has lost are built the same way."""
    for actor in instance.actors("collector") + instance.actors("transform"):
        os.kill(int(actor["pid"]), signal.SIGKILL)
    store, known = instance.redis(), set(instance.logged_ids())
    for p in range(256):
        store.delete(*(f"tw:{kind}:{{{p % 16}}}:{p}" for kind in "mjb"))
    wait_for("the collector to be back", lambda: instance.actors("collector"))
    feed.send()
    wait_for("alerts after it", lambda: log_is(instance, expected(instance)))
    want = check_log(instance, "after everything was killed")
    check_evidence(instance, want, set(want) - known)
    series = {k for k in store.scan_iter("tw:latest:*")}
    assert series == {f"tw:latest:{t}:P{p}" for t in ("trade", "quote") for p in range(PAIRS)}


WRONG = """
namespace: tw
redis: embedded
stage: dir:stage
listen: {{ alerts: "tcp://127.0.0.1:{alerts}" }}
sources:
  - name: bad
    url: push://tcp://127.0.0.1:{push}
    format: json
    rows: /*
    table: quote
    key: {{ pair: /pair }}
    time: {{ at: /t, unit: ms }}
    columns: {{ bid: {bid} }}
rules:
  high: {{ on: quote, when: "bid > 1000" }}
"""


def what_never_comes_again_is_over():
    """Three incidents fire by a wrong mapping. The mended one gives two of them, and the end of one:
    the third ends, and subscribers hear of each end once."""
    ports = kill_test.free_ports(2)
    with Instance(WRONG.format(push=ports[0], alerts=ports[1], bid="/wrong")) as instance:
        instance.up("broker,notifier,prep,transform=2,collector")
        store, pairs = instance.redis(), ("false", "true", "ended")
        states = lambda: [store.hget(f"tw:incident:high:quote:{p}", "state") for p in pairs]
        args = (f"tcp://127.0.0.1:{ports[0]}", f"tcp://127.0.0.1:{ports[1]}")
        client = Pusher(*args, "bad")
        rows = [{"pair": p, "t": START_MS, "wrong": 5000, "b": 1 if p == "false" else 5000}
                for p in pairs]
        rows.append({"pair": "ended", "t": START_MS + 1000, "wrong": 5000, "b": 1})
        client.send(raw=json.dumps(rows).encode())
        client.settle()
        wait_for("all to fire", lambda: states() == ["firing"] * 3)
        instance.config.write_text(WRONG.format(push=ports[0], alerts=ports[1], bid="/b"))
        os.kill(int((instance.dir / "supervisor.pid").read_text()), signal.SIGHUP)
        log = instance.dir / "log/collector.log"
        wait_for("the mended mapping", lambda: "new configuration in force" in log.read_text())
        replay(instance)
        wait_for("two to be over", lambda: states() == ["resolved", "firing", "resolved"])
        over = json.loads(store.hget("tw:incident:high:quote:false", "body"))
        fired = [f for _, f in store.xrange("tw:alerts")
                 if f["kind"] == "firing" and f["series"] == "quote:false"]
        assert over["reason"] == "told anew" and [over["opened"]] == [f["id"] for f in fired], over
        said = instance.word("explain", "--dir", instance.dir, "-c", instance.config, over["id"])
        assert "told anew: " in said.stdout, said
        ends = [e["body"] for _, e in store.xrange("tw:alerts")
                if e["kind"] == "resolved" and e["series"] == "quote:ended"]
        assert len(ends) == 1 and "reason" not in json.loads(ends[0]), ends
        client.close()


if __name__ == "__main__":
    sys.exit(main())
