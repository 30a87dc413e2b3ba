"""HTTP as it really is: every answer that a server may give, on a running pipeline.

Nothing makes it stumble; what came with 2xx is staged byte for byte, good or not; what is refused
says why, in `status`; and no host is asked more often than it wants. Everything on loopback.
"""

import json
import os
import signal
import subprocess
import time

import harness
from harness import Instance, wait_for

try:
    import hostile
except ModuleNotFoundError as absent:
    harness.skip(f"{absent.name} is not installed; ./run setup does")

QUICK = "150ms"
# libcurl's words for one and the same, by which of its clocks it looks at first.
TIMED_OUT = ("timed out", "Timeout was reached", "Connection timeout")
NOBODY = "n" * 64 + ".example"  # no name can be as long: nobody is asked for it


class Sources:
    def __init__(self):
        self.list = []

    def add(self, name, url, **more):
        source = {"name": name, "url": url, "every": QUICK, "format": "json", "rows": "/*",
                  "table": "m", "key": {"k": "=" + name}, "time": {"at": "/t", "unit": "ms"},
                  "columns": {"x": "/x"}}
        if more.get("format") in ("csv", "jsonl"):
            source["rows"] = ""
        if more.get("format") == "csv":
            source["time"]["at"], source["columns"] = "t", {"x": "x"}
        self.list.append({**source, **more})


def configuration(sources, budgets):
    lines = ["namespace: tw", "redis: embedded",
             'listen: { alerts: "tcp://127.0.0.1:*" }', "budget: 1000/s",
             "budgets: " + json.dumps(budgets), "sources:"]
    # JSON is YAML, as far as it is used here.
    return "\n".join(lines + ["  - " + json.dumps(source) for source in sources.list]) + "\n"


def sources_of(server, folder, certificate, secure, forged):
    """What is asked of whom. Hosts that must not disturb each other have addresses of their own."""
    numbers = iter(range(2, 200))

    def host():
        return "http://" + server.host(next(numbers))

    (folder / "header").write_text("s3cret-header\n")
    (folder / "query").write_text("s3cret&query\nsecond line\n")
    (folder / "escaped").write_text("s3cret/query==\n")
    header = {"X-Key_file": str(folder / "header")}
    all_ = Sources()
    add = all_.add
    one = host()
    add("good", one + "/good")
    for name in ("html", "error", "empty", "missing", "flapping", "gzip", "br", "zstd", "tagged",
                 "dated", "moved", "loop", "cross", "unlimited-too"):
        add(name, one + "/" + name.replace("unlimited-too", "good"))
    add("nothing", one + "/nothing")
    add("broken", host() + "/broken")
    add("torn", host() + "/torn", format="csv")
    add("torn-chunk", host() + "/torn-chunk", format="jsonl")
    for name in ("members", "deflate", "charset"):
        add(name, one + "/" + name)
    for name in ("cut-gzip", "cut-br", "cut-zstd"):
        add(name, host() + "/" + name, format="csv")
    for name in ("bomb", "bad-gzip", "huge", "garbage"):
        add(name, host() + "/" + name)
    add("fetched", one + "/fetched", time="fetch")
    add("lure", one + "/lure", headers=header)
    add("echo", one + "/echo", headers=header)
    # Servers that say again what they were sent, as it came or escaped.
    add("parrot-body", host() + "/parrot", body='{"key":"s3cret-body"}')
    add("parrot-url", host() + "/parrot?key=s3cret-url")
    add("parrot-query", host() + "/parrot", query={"key_file": str(folder / "escaped")})
    add("parrot-user", host().replace("//", "//me:s3cret-user@") + "/parrot")
    # A validator that no request can hold is not remembered.
    add("tagged-badly", one + "/tagged-badly")
    add("cursor", one + "/cursor", rows="/result/*",
        pages={"parameter": "cursor", "cursor": "/cursor/last", "more": "/cursor/hasMore"})
    add("numbered", one + "/numbered", pages={"parameter": "page"})
    add("post", one + "/post", body='{"q":"all"}', headers=header,
        query={"appid_file": str(folder / "query")})
    add("silent", host() + "/silent", timeout="300ms")
    add("deaf", f"http://{server.deaf(next(numbers))}/", connect_timeout="300ms")
    add("stalled", host() + "/stalled", stall_timeout="1s")
    add("refused", "http://127.0.0.1:1/")
    add("nobody", f"http://{NOBODY}/")
    add("unlimited", host() + "/unlimited")
    add("allowance", host() + "/allowance", rows="/result/*", allowance="/allowance")
    add("limited", host() + "/limited")
    # One pause for all sources of a host.
    for path in ("busy", "later"):
        shared = host()
        add(path, f"{shared}/{path}")
        add(path + "-too", f"{shared}/other")
    crowded = server.host(next(numbers))
    for i in range(20):
        add(f"crowd-{i}", f"http://{crowded}/crowd")
    add("forged", f"https://{forged}/forged")
    for i in range(5):
        add(f"secure-{i}", f"https://{secure}/secure", ca_file=str(certificate))
    return all_, {crowded: "3/1s"}


def staged(instance):
    return b"".join(path.read_bytes() for path in (instance.dir / "stage/tw").glob("*/*.seg"))


def failing(instance):
    return {f["source"]: f for f in instance.status()["failing"]}


def quarantined(instance):
    return {q["source"]: q for q in instance.status()["quarantine"]}


def expect_failing(instance, server):
    """Who fails, and the words for it."""
    wanted = {
        "torn": f"broke off after {len(server.TORN)} bytes",
        "torn-chunk": f"broke off after {len(server.TORN_LINES)} bytes",
        "bomb": "a bomb", "huge": "larger than 64 MB", "bad-gzip": "damaged",
        "cut-gzip": "stops before its end", "cut-br": "stops before its end",
        "cut-zstd": f"broke off after {len(server.TORN)} bytes",
        "garbage": "HTTP/0.9", "loop": "redirects", "cross": "https", "lure": "HTTP status 302",
        "echo": "HTTP status 401", "parrot-body": "HTTP status 404",
        "parrot-url": "HTTP status 404", "parrot-query": "HTTP status 404",
        "parrot-user": "HTTP status 404", "silent": TIMED_OUT, "deaf": TIMED_OUT, "stalled": "too slow",
        "refused": "connect", "nobody": "resolve host", "missing": "HTTP status 404: unknown pair",
        "broken": "HTTP status 500: oops", "forged": "certificate",
        "busy": 'HTTP status 429: {"error":"Out of allowance"} (asks for a pause of 3000 s)',
        "later": "HTTP status 503 (asks for a pause of 2000 s)",
    }
    wait_for("all that fail to be told", lambda: wanted.keys() <= failing(instance).keys())
    # Not failing, but asked no more for a while, and that is told as well.
    for name in ("limited", "allowance", "busy-too", "later-too"):
        wanted[name] = "held back for "
        wait_for(f"{name} to be told", lambda: name in failing(instance))

    def others():
        return {name: told for name, told in failing(instance).items() if name not in wanted}

    # Who has failed and works again is told no more, from the next report on.
    wait_for(lambda: f"nobody else to fail: {others()}", lambda: not others())
    found = failing(instance)
    for name, reason in wanted.items():
        words = reason if isinstance(reason, tuple) else (reason,)
        assert any(word in found[name]["reason"] for word in words), f"{name}: {found[name]}"
        assert (found[name]["failures"] > 0) == ("held back" not in reason), found[name]
        assert found[name]["since_ms"] > 0, found[name]
    text = json.dumps(found) + (instance.dir / "log/collector.log").read_text()
    assert "s3cret" not in text, "a secret was told"
    redis = instance.redis()
    for key in redis.keys("*"):
        assert b"s3cret" not in (redis.dump(key) or b""), f"a secret in {key}"
    table = instance.word("status").stdout
    assert "FAILING SOURCE" in table and "unknown pair" in table, table
    print(f"ok: {len(wanted)} sources fail, each with its reason in status")


def expect_staged(instance, server):
    """Byte for byte what came, and what prep says of it."""
    log = staged(instance)
    for body in (server.HTML, b'{"error":"Exchange not found"}', server.TORN,
                 server.TORN_LINES):
        assert body in log, f"not staged: {body}"
    for body in (b"this is no gzip", b"bad key", b"unknown pair", bytes(100_000)):
        assert body not in log, f"staged: {body[:40]}"
    reasons = {"html": "not JSON", "error": "time: missing", "empty": "empty", "nothing": "empty",
               "torn": "torn", "torn-chunk": "torn", "stalled": "torn",
               "cut-gzip": "torn", "cut-br": "torn", "cut-zstd": "torn"}
    wait_for("the quarantine", lambda: reasons.keys() <= quarantined(instance).keys())
    found = quarantined(instance)
    for name, reason in reasons.items():
        assert reason in found[name]["newest"], f"{name}: {found[name]['newest']}"
    # The hollow page behind the last has no row either.
    assert not found.keys() - reasons.keys() - {"numbered"}, found.keys()
    print(f"ok: {', '.join(reasons)} staged as they came, and quarantined with reasons")


def expect_rows(instance):
    redis = instance.redis()
    names = ["good", "gzip", "br", "zstd", "members", "deflate", "charset", "tagged", "dated",
             "fetched", "moved", "cursor", "numbered", "post", "flapping", "unlimited", "allowance", "limited", "secure-0"]
    for name in names:
        wait_for(f"a row of {name}", lambda: redis.hget(f"tw:latest:m:{name}", "x") is not None)
    for name, value in {"gzip": 2, "br": 3, "zstd": 4, "tagged": 7, "dated": 8, "fetched": 5,
                        "members": 6, "deflate": 5, "charset": 4}.items():
        assert float(redis.hget(f"tw:latest:m:{name}", "x")) == value, name
    print(f"ok: rows of {', '.join(names)}")


def expect_requests(server, secure):
    """What was asked, how often, and what was not."""
    def count(path, host=None):
        return len(server.asked(path, host))

    # Not modified: asked for with the validator of what we have, for each version once without.
    wait_for("two versions", lambda: count("/tagged") > 3 * server.VERSION_POLLS)
    tags = [r.headers.get("if-none-match") for r in server.asked("/tagged")]
    assert tags[0] is None and tags[1] == '"v0"' and tags[2 * server.VERSION_POLLS - 1] == '"v1"', tags
    assert [r.headers.get("if-modified-since") for r in server.asked("/dated")][:2][1]
    assert all("if-none-match" not in r.headers for r in server.asked("/fetched"))
    wait_for("polls after a bad validator", lambda: count("/tagged-badly") > 3)
    assert count("/fetched") > 3, "time: fetch wants every answer"
    # Pages, in order, and again from the first.
    wait_for("two rounds of pages", lambda: count("/cursor") >= 6 and count("/numbered") >= 6)
    cursors = [r.query.get("cursor") for r in server.asked("/cursor")][:6]
    assert cursors == [None, "a&b=1", "c d"] * 2, cursors
    assert [r.query["page"] for r in server.asked("/numbered")][:6] == ["1", "2", "3"] * 2
    # Secrets and other schemes stay at home.
    assert count("/stolen") == 0, "followed where it must not"
    # Once asked to wait, nobody goes to that host: what was under way then is all there was.
    for path in ("/busy", "/later"):
        [first, *more] = server.asked(path)
        assert not more, f"{path} was asked {len(more)} times more"
        after = [r for r in server.asked(None, first.host) if r.at > first.answered]
        assert len(after) <= 1, f"{len(after)} requests after {path} asked for a pause"
    assert count("/limited") == 1, f"nothing is left, and {count('/limited')} times asked"
    # Nobody says when there is more: tried again after a minute.
    [spent, *tries] = server.asked("/allowance")
    assert len(tries) <= (time.monotonic() - spent.at) / 59, f"{len(tries)} tries too early"
    assert count("/unlimited") > 3, "no limit is not a limit of nothing"
    # A budget of 3 in a second: bursts come as far apart as they were sent, give or take one.
    crowd = server.asked("/crowd")
    seconds = crowd[-1].at - crowd[0].at
    assert 3 < len(crowd) <= 3 * (seconds + 2), f"{len(crowd)} in {seconds} s"
    # HTTP/2: one connection does for five sources; who distrusts the certificate never asks.
    wait_for("polls over TLS", lambda: count("/secure") > 20)
    assert server.connections[secure] == 1, f"{server.connections[secure]} connections"
    assert count("/forged") == 0


def expect_backtest(instance):
    """The stage says it all again: the same refusals, halves among them."""
    run = subprocess.run([harness.PROGRAM, "backtest", "-c", str(instance.config), "--dir",
                          str(instance.dir)], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert "source 'torn' record" in run.stderr or "more are counted" in run.stderr, run.stderr
    print("ok: a back-test over the stage refuses what prep refused")


def expect_memory(instance, server):
    """A new configuration does not go where a host asked for a pause."""
    pid = collector_of(instance)["pid"]
    before = len(server.asked("/good"))
    os.kill(pid, signal.SIGHUP)
    log = instance.dir / "log/collector.log"
    wait_for("the new configuration", lambda: "new configuration in force" in log.read_text())
    wait_for("polls under it", lambda: len(server.asked("/good")) > before + 5)
    for path in ("/busy", "/later", "/limited"):
        assert len(server.asked(path)) == 1, f"{path} was asked again"
    print("ok: pauses outlive a reload")


def collector_of(instance):
    return instance.actors("collector")[0]


def expect_warning(instance, host):
    """Twenty sources that want 133 requests a second of a host that gets 3."""
    run = subprocess.run([harness.PROGRAM, "check", "-c", str(instance.config)],
                         capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr
    warnings = [line for line in run.stderr.splitlines() if "budget" in line]
    assert len(warnings) == 1 and f"20 sources of {host} ask for 133" in warnings[0], run.stderr


def main():
    server = hostile.Hostile()
    with Instance("") as instance:
        secure, certificate = server.secure(201, instance.dir)
        forged, _ = server.secure(202, instance.dir)
        sources, budgets = sources_of(server, instance.dir, certificate, secure, forged)
        instance.config.write_text(configuration(sources, budgets))
        expect_warning(instance, next(iter(budgets)))
        instance.up()
        expect_rows(instance)
        expect_staged(instance, server)
        expect_failing(instance, server)
        expect_requests(server, secure)
        collector = collector_of(instance)
        assert collector["polls_unchanged"] > 0 and collector["polls_torn"] > 0, collector
        assert "poll works again" in (instance.dir / "log/collector.log").read_text()
        expect_memory(instance, server)
        expect_backtest(instance)
        print(f"ok: {len(server.asked(None))} requests, {collector['polls']} good polls, "
              f"{collector['polls_failed']} failed; late p99 {collector['polls_late_p99_us']} us")
    server.close()


if __name__ == "__main__":
    main()
