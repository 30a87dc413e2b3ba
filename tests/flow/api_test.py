"""The api actor over HTTP: every path tells what Redis holds, also after kill -9 of it and of Redis;
who has the newest answer hears 304, gzip holds the same; requests of the wrong kind, from the wrong
name, or too large, are refused and do no harm."""

import contextlib
import gzip
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess

from harness import Instance, alert_log, free_port, wait_for

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:*", http: "127.0.0.1:PORT" }
sources:
  - name: market
    url: simulate://market?seed=7&series=20&rate=200
    rows: /*
    table: trade
    key: { exchange: "=simulated", pair: /symbol }
    time: { at: /ts, unit: ms }
    columns: { price: /price, volume: /volume }
rules:
  any: { on: trade, when: "volume > 0", emit: row, min_rows: 0, severity: info, note: "NOTE" }
  odd: { on: trade, when: "volume > 1e9", min_rows: 0 }
"""
NOTE = "each row of each series, " * 30  # long enough to be worth compressing
ALERTS_MOST = 256
LISTS = ("rules", "incidents", "alerts", "latest", "status")


def ask(port, path, method="GET", headers=None, body=None):
    """(status, headers, body) of one request on a connection of its own."""
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        asking.request(method, path, body=body, headers=headers or {})
        answer = asking.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        asking.close()


def listed(port, path):
    """The items of a path, or None while it is refused."""
    try:
        status, _, body = ask(port, path)
    except OSError:
        return None
    if status != 200:
        assert status == 503, (path, status, body)
        assert json.loads(body)["errorType"] == "unavailable", body
        return None
    answer = json.loads(body)
    assert answer["status"] == "success" and len(answer["data"]) == 1, answer
    return next(iter(answer["data"].values()))


def every_path(instance, port):
    """They hold what Redis holds."""
    store = instance.redis()
    wait_for("it to be ready", lambda: ask(port, "/readyz")[0] == 200)
    assert ask(port, "/healthz")[2] == b"ok\n"
    wait_for("20 series", lambda: len(listed(port, "/api/v1/latest") or []) == 20)
    one = listed(port, "/api/v1/latest")[0]
    assert set(one["values"]) == {"price", "volume"}, one
    assert isinstance(one["values"]["price"], (int, float)) and one["ts"] > 1e15, one
    assert store.exists(f"tw:latest:{one['series']}")

    rules = wait_for("verdicts", lambda: (
        lambda found: found if found and all(r["status"] for r in found) else None)(
            listed(port, "/api/v1/rules")))
    assert [(r["name"], r["from"]) for r in rules] == [("any", "configuration"),
                                                       ("odd", "configuration")], rules
    assert rules[0]["definition"]["when"] == "volume > 0" and rules[0]["status"]["state"] == "ok"
    store.hset("tw:rule:odd", mapping={"on": "trade", "when": "volume > 2e9"})
    wait_for("a rule of Redis", lambda: [
        (r["from"], r["definition"]["when"]) for r in listed(port, "/api/v1/rules")][1] ==
        ("redis", "volume > 2e9"))

    wait_for("many alerts", lambda: len(listed(port, "/api/v1/alerts") or []) == 100)
    alerts = listed(port, f"/api/v1/alerts?limit={ALERTS_MOST}")
    logged = {entry["id"]: json.loads(entry["body"]) for entry in alert_log(store)}
    assert all(logged[alert["id"]] == alert for alert in alerts if alert["id"] in logged)
    assert sum(alert["id"] in logged for alert in alerts) > 0
    assert len(listed(port, "/api/v1/alerts?limit=1")) == 1

    incidents = wait_for("incidents", lambda: listed(port, "/api/v1/incidents"))
    assert {i["rule"] for i in incidents} == {"any"} and incidents[0]["state"] == "firing"
    assert incidents[0]["entry"]["id"] == incidents[0]["id"]
    assert incidents[0]["entry"]["series"] == incidents[0]["series"]

    roles = {actor["role"]: actor for actor in listed(port, "/api/v1/status")}
    assert set(roles) == {"broker", "collector", "notifier", "prep", "transform", "api"}, roles
    assert roles["api"]["http"] == f"127.0.0.1:{port}"
    print("every path tells what Redis holds")


def spoilt(instance, port):
    """What somebody wrote into Redis and is no JSON spoils nothing else."""
    store = instance.redis()
    for i, body in enumerate((b"{", b"{}}", b'{"a":1,}', b"{},{}", b'{"a":"\xff"}', b"x" * 300000)):
        store.hset(f"tw:incident:odd:t:{i}", mapping={"state": "firing", "since": 1, "body": body})
    wait_for("them to be counted", lambda: int(instance.actors("api")[0]["entries_left_out"]) == 6)
    incidents = listed(port, "/api/v1/incidents")
    assert incidents and {i["rule"] for i in incidents} == {"any"}, incidents
    for i in range(6):
        store.delete(f"tw:incident:odd:t:{i}")
    wait_for("none to be counted", lambda: int(instance.actors("api")[0]["entries_left_out"]) == 0)
    print("what is no JSON is left out and counted")


def metrics(port):
    status, _, text = ask(port, "/metrics")
    assert status == 200
    found = dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if line[0] != "#")
    assert float(found["tidewire_api_requests_total"]) > 5, found
    assert float(found["tidewire_api_brokers"]) == 1, found
    if shutil.which("promtool"):
        run = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
        assert run.returncode == 0, run.stdout + run.stderr
    print("its figures are told")


def encodings(port):
    """Of one content: nothing is written while it is compared."""
    def same():
        status, plain, text = ask(port, "/api/v1/rules")
        _, packed, small = ask(port, "/api/v1/rules", headers={"Accept-Encoding": "gzip"})
        assert status == 200 and plain["Content-Encoding"] is None
        assert packed["Content-Encoding"] == "gzip" and len(small) < len(text)
        assert plain["ETag"] != packed["ETag"] and plain["Vary"] == "Accept-Encoding"
        if gzip.decompress(small) != text:
            return False  # it changed in between
        for headers, tag in (({}, plain["ETag"]), ({"Accept-Encoding": "gzip"}, packed["ETag"]),
                             ({}, "W/" + plain["ETag"]), ({}, f'"x", {plain["ETag"]}')):
            status, known, body = ask(port, "/api/v1/rules",
                                      headers={**headers, "If-None-Match": tag})
            if status == 200:
                return False
            assert (status, body) == (304, b""), status
            assert known["ETag"] == tag.split(", ")[-1].removeprefix("W/")
        return True
    wait_for("gzip and plain of one content, and 304", same)
    status, _, body = ask(port, "/api/v1/rules", headers={"If-None-Match": '"other"'})
    assert status == 200 and body
    status, head, body = ask(port, "/api/v1/rules", "HEAD")
    assert (status, body) == (200, b"") and int(head["Content-Length"]) > 100
    print("gzip holds the same, and who has it already hears 304")


def raw(port, request):
    """What is answered to these bytes, or b"" if the connection just ended."""
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.settimeout(30)
        answer = b""
        with contextlib.suppress(OSError):
            line.sendall(request)
        with contextlib.suppress(OSError):
            while part := line.recv(65536):
                answer += part
    return answer


def code(answer):
    return int(answer.split(b" ", 2)[1]) if answer else None


def refused(port):
    for path in ("//", "/api/v1/", "/api/v1/subscribers", "/api/v1/rules/../../etc/passwd"):
        status, headers, body = ask(port, path)
        assert status == 404 and headers["Connection"] == "close", (path, status)
        assert json.loads(body)["status"] == "error"
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        status, headers, _ = ask(port, "/api/v1/rules", method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD"), (method, status)
    for query in ("limit=0", "limit=257", "limit=x", "limit", "limits=1", "limit=1&limit=2"):
        assert ask(port, f"/api/v1/alerts?{query}")[0] == 400, query
    assert ask(port, "/api/v1/rules?limit=1")[0] == 400
    for host in ("evil.example", "127.0.0.1.evil.example:80", f"10.0.0.1:{port}", ""):
        assert ask(port, "/api/v1/rules", headers={"Host": host})[0] == 421, host
    for host in ("localhost", f"LOCALHOST:{port}", "[::1]"):
        assert ask(port, "/healthz", headers={"Host": host})[0] == 200, host
    assert code(raw(port, b"GET /healthz HTTP/1.1\r\n\r\n")) == 421  # no Host at all
    assert code(raw(port, b"GET /healthz HTTP/1.0\r\n\r\n")) == 421
    print("unknown paths, other methods and other names are refused")


def oversized(port):
    end = b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert code(raw(port, b"GET /" + b"a" * 2000 + end)) == 414
    assert code(raw(port, b"GET /" + b"a" * 100000 + end)) in (414, None)
    assert code(raw(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" +
                    b"a: b\r\n" * 100000 + b"\r\n")) in (413, 431, None)
    body = b"x" * 1000000
    for method in (b"GET", b"POST"):
        answer = raw(port, method + b" /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                     str(len(body)).encode() + b"\r\n\r\n" + body)
        assert code(answer) in (400, 405, None) and answer.count(b"HTTP/1.1 ") <= 1, answer
    # What follows a refused request on its connection is no request.
    smuggled = raw(port, b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz" + end)
    assert smuggled.count(b"HTTP/1.1 ") <= 1, smuggled
    for garbage in (b"\0" * 100, os.urandom(5000)):
        raw(port, garbage)
    assert ask(port, "/healthz")[0] == 200
    print("what is too large is refused")


def killed(instance, port, child):
    """kill -9, and another in its place, on the same port: it tells what Redis holds by then."""
    before = {alert["id"] for alert in listed(port, "/api/v1/alerts")}
    instance.kill(child)
    child = instance.actor("api", "api")
    wait_for("newer alerts", lambda: before.isdisjoint(
        alert["id"] for alert in listed(port, "/api/v1/alerts") or [{"id": next(iter(before))}]))
    newest = listed(port, "/api/v1/alerts?limit=1")[0]
    assert any(entry["body"] and json.loads(entry["body"]) == newest
               for _, entry in instance.redis().xrevrange("tw:alerts", count=2000))
    wait_for("it to be ready", lambda: ask(port, "/readyz")[0] == 200)
    print("another takes its place after kill -9")
    return child


def without_redis(instance, port):
    """Redis hangs: it says that it is not ready, then rather nothing than the past; and goes on."""
    pid = int(instance.redis().info()["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for("it to be unready", lambda: ask(port, "/readyz")[0] == 503, 60)
        assert ask(port, "/healthz")[0] == 200
        wait_for("it to refuse what is old",
                 lambda: all(ask(port, f"/api/v1/{name}")[0] == 503 for name in LISTS), 90)
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for("it to tell again", lambda: all(
        listed(port, f"/api/v1/{name}") is not None for name in LISTS), 60)
    wait_for("it to be ready", lambda: ask(port, "/readyz")[0] == 200, 60)
    print("without Redis it does not tell the past")


def by_up():
    """`up` starts it where `listen.http` is, or where it is asked for by name; SIGHUP takes rules anew."""
    text = CONFIG.replace("NOTE", NOTE)
    with Instance(text.replace("PORT", "*")) as instance:
        instance.up()
        one, = instance.actors("api")
        assert one["name"].startswith("api-1."), one
        port = int(one["http"].rpartition(":")[2])
        assert one["metrics"] == one["http"]
        assert f" {one['http']}" in instance.word("status").stdout
        instance.config.write_text(instance.config.read_text().replace("volume > 1e9", "volume > 3e9"))
        os.kill(int(one["pid"]), signal.SIGHUP)
        wait_for("the rule of the new configuration", lambda: [
            rule["definition"]["when"] for rule in listed(port, "/api/v1/rules") or []
            if rule["name"] == "odd"] == ["volume > 3e9"])
        instance.config.write_text("nonsense: 1")
        os.kill(int(one["pid"]), signal.SIGHUP)
        log = instance.dir / f"log/{one['name']}.log"
        wait_for("it to say that the old one is kept", lambda: "nonsense" in log.read_text())
        assert ask(port, "/healthz")[0] == 200
    with Instance(text.replace(', http: "127.0.0.1:PORT"', "")) as instance:
        instance.up(roles="collector,broker")
        assert not instance.actors("api")
        instance.word("down")
        instance.up()
        assert not instance.actors("api")
        refused = instance.word("up", "-c", instance.config, "--roles", "api=2", check=False)
        assert refused.returncode == 2 and "one api" in refused.stderr, refused
    print("`up` starts it where it is configured")


def main():
    by_up()
    port = free_port()
    with Instance(CONFIG.replace("PORT", str(port)).replace("NOTE", NOTE)) as instance:
        child = instance.actor("api", "api")  # before there is a Redis
        wait_for("it to say that it knows nothing", lambda: listening(port))
        assert ask(port, "/readyz")[0] == 503 and listed(port, "/api/v1/rules") is None
        instance.up(roles="collector,prep,transform,notifier,broker")
        second = instance.actor("api", "second")  # nor does it share an address with the first
        assert second.wait(30) == 1
        assert "in use" in (instance.dir / "log/second.log").read_text()
        every_path(instance, port)
        spoilt(instance, port)
        metrics(port)
        encodings(port)
        refused(port)
        oversized(port)
        child = killed(instance, port, child)
        without_redis(instance, port)
        instance.stop(child)
        assert not instance.actors("api")


def listening(port):
    with contextlib.suppress(OSError):
        return ask(port, "/healthz")[0]


if __name__ == "__main__":
    main()
