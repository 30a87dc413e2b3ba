"""The event stream of the api actor: every alert once, across cut connections and a killed api, the
newest rows, health, filters, a log that went back, a limit on viewers, and one that reads nothing."""

import contextlib
import json
import os
import resource
import signal
import socket
import time

from api_test import CONFIG, ask, listed
from harness import Instance, free_port, wait_for

FEW = 150  # open files of an api that has little room


class Viewer:
    """Server-sent events as the standard says, over a plain socket."""

    def __init__(self, port, query="", last=None):
        self.line = socket.create_connection(("127.0.0.1", port), 10)
        self.line.settimeout(30)
        head = f"GET /api/v1/events{query} HTTP/1.1\r\nHost: localhost\r\n"
        self.line.sendall((head + (f"Last-Event-ID: {last}\r\n" if last else "") + "\r\n").encode())
        self.file = self.line.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (header := self.file.readline().strip()):
            name, _, value = header.decode().partition(":")
            self.headers[name.lower()] = value.strip()
        self.last, self.text = last, b""

    def chunk(self):
        size = int(self.file.readline() or b"0", 16)  # it may just end
        data = self.file.read(size)
        assert self.file.readline() == b"\r\n" or not size
        return data if size else None

    def next(self):
        """(event, data) of the next one; None: the stream ended. A ping is ("ping", None)."""
        while b"\n\n" not in self.text:
            data = self.chunk()
            if data is None:
                return None
            self.text += data
        block, _, self.text = self.text.partition(b"\n\n")
        event, data = "message", None
        for line in block.decode().split("\n"):
            name, _, value = line.partition(": ")
            if line == ": ping":
                event = "ping"
            elif name == "event":
                event = value
            elif name == "id":
                self.last = value
            elif name == "data":
                data = json.loads(value)
            else:
                assert line == "retry: 3000", line
                event = "retry"
        return event, data

    def until(self, wanted, seconds=30):
        """The data of the next event of that kind."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            event, data = self.next()
            if event == wanted:
                return data
        raise AssertionError(f"no {wanted}")

    def close(self):
        self.file.close()
        self.line.close()


def greeted(port):
    viewer = Viewer(port)
    assert viewer.status == 200 and viewer.headers["content-type"] == "text/event-stream"
    assert viewer.headers["cache-control"] == "no-store"
    assert viewer.next()[0] == "retry"
    event, health = viewer.next()
    assert event == "health" and set(health) == {"ready", "redis", "brokers"}, (event, health)
    row = viewer.until("latest")
    assert set(row) == {"series", "ts", "values"} and row["values"]["price"] > 0, row
    seen = {}
    while len(seen) < 20 or min(seen.values()) < 2:  # what there is, then what changes
        row = viewer.until("latest")
        seen[row["series"]] = seen.get(row["series"], 0) + 1
    assert viewer.until("alert")["kind"] in ("alert", "firing", "still", "correction", "resolved")
    viewer.close()
    print("rows, alerts and health")


def alerts_of(viewer, count):
    return [(viewer.last, data["id"], data["kind"]) for data in
            (viewer.until("alert") for _ in range(count))]


def resumed(instance, port):
    """Cut and killed again and again, it has what the log has, each once and in order."""
    store = instance.redis()
    viewer = Viewer(port)
    got = [(viewer.last, data["id"], data["kind"]) for data in [viewer.until("alert")]]
    for turn in range(4):
        for _ in range(30):
            data = viewer.until("alert")
            got.append((viewer.last, data["id"], data["kind"]))
        viewer.close()
        if turn % 2:
            one, = instance.actors("api")
            os.kill(int(one["pid"]), signal.SIGKILL)
            wait_for("another api", lambda: ready(port))
        time.sleep(0.3 * turn)
        viewer = Viewer(port, last=viewer.last)
    viewer.close()
    ids = [at for at, _, _ in got]
    logged = store.xrange("tw:alerts", min=ids[0], max=ids[-1])
    assert ids == [at for at, _ in logged], (len(ids), len(logged))
    assert [one for _, one, _ in got] == [fields["id"] for _, fields in logged]
    old = Viewer(port, last="1-0")
    gap = old.until("gap")
    assert gap["from"] == "1-0" and old.until("alert") and old.last == gap["to"], gap
    old.close()
    print(f"{len(ids)} alerts, each once, over 4 cut connections and 2 killed apis")


def ready(port):
    with contextlib.suppress(OSError):
        return ask(port, "/readyz")[0] == 200


def chosen(port):
    series = listed(port, "/api/v1/latest")[3]["series"]
    viewer = Viewer(port, f"?rule=an*&series={series.replace('%', '%25')}")
    rows = [viewer.until("latest") for _ in range(3)]
    assert {row["series"] for row in rows} == {series}, rows
    alerts = [viewer.until("alert") for _ in range(3)]
    assert {(alert["series"], alert["rule"]) for alert in alerts} == {(series, "any")}, alerts
    viewer.close()
    for query in ("rule=", "series=" + 256 * "a", "rule=a&rule=b", "limit=1", "rule=a%00b", "rule"):
        assert ask(port, f"/api/v1/events?{query}")[0] == 400, query
    for last in ("x", "1", "1-", "1-1-1", "-1-1", "99999999999999999999-0"):
        assert ask(port, "/api/v1/events", headers={"Last-Event-ID": last})[0] == 400, last
    status, headers, body = ask(port, "/api/v1/events", "HEAD")
    assert (status, body, headers["Content-Type"]) == (200, b"", "text/event-stream")
    print("patterns choose")


def pinged(instance, port):
    """Who is sent no alert can go on all the same, from where it was pinged."""
    store = instance.redis()
    viewer = Viewer(port, "?rule=none&series=none")
    since = time.monotonic()
    ids = [viewer.last for _ in ("retry", "ping", "ping") if viewer.until(_) is None]
    assert time.monotonic() - since < 35
    viewer.close()
    assert all(store.xrange("tw:alerts", at, at) for at in ids) and len(set(ids)) == 3, ids
    viewer = Viewer(port, last=ids[-1])
    viewer.until("alert")
    (after, _), = store.xrange("tw:alerts", f"({ids[-1]}", count=1)
    assert viewer.last == after, (ids, viewer.last, after)
    viewer.close()
    print("a silent stream is pinged, with the id to go on from")


def lost(instance, port):
    """The log becomes an older one, then an empty one: viewers hear of it, and see what it has."""
    store = instance.redis()
    viewer = Viewer(port)
    viewer.until("alert")
    older = store.dump("tw:alerts")
    for _ in range(50):
        viewer.until("alert")
    for lose in (lambda: store.restore("tw:alerts", 0, older, replace=True),
                 lambda: store.delete("tw:alerts")):
        had = viewer.last
        lose()
        gap = viewer.until("gap")
        assert as_numbers(gap["from"]) >= as_numbers(had) and viewer.last == gap["to"], (gap, had)
        ids = [viewer.last for _ in range(50) if viewer.until("alert")]
        logged = [at for at, _ in store.xrange("tw:alerts", f"({gap['to']}", ids[-1])]
        assert ids == logged, (gap, ids[:3], logged[:3])
    viewer.close()
    back = Viewer(port, last=had)
    gap = back.until("gap")
    assert gap["from"] == had and back.until("alert") and back.last == gap["to"], gap
    back.close()
    print("viewers hear that the log is an older one, or was emptied")


def as_numbers(at):
    return [int(number) for number in at.split("-")]


def stuck(instance, port):
    """Who reads nothing is dropped, and costs the others nothing."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", port))
    line.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0-0\r\n\r\n")
    wait_for("it to be a viewer", lambda: figure(instance, "viewers") == 1)
    wait_for("it to be dropped", lambda: figure(instance, "viewers") == 0, 90)
    line.close()
    print("who reads nothing is dropped")


def figure(instance, name):
    return int(instance.actors("api")[0][name])


def told_of_illness(instance, port):
    viewer = Viewer(port, "?series=none")
    pid = int(instance.redis().info()["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        while viewer.until("health", 60)["ready"]:
            pass
    finally:
        os.kill(pid, signal.SIGCONT)
    while not viewer.until("health", 60)["ready"]:
        pass
    viewer.close()
    print("viewers hear that Redis is away, and back")


def limited(instance):
    """An api with few descriptors says so, and takes as many viewers as it has room for."""
    port = free_port()
    config = instance.dir / "few.yaml"
    config.write_text(instance.config.read_text().replace("http: \"127.0.0.1:", f"http: \"127.0.0.1:{port}\" }} #"))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, before[1]))
    try:
        child = instance.actor("api", "few", config)
        resource.prlimit(child.pid, resource.RLIMIT_NOFILE, (FEW, FEW))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    wait_for("it to be ready", lambda: ready(port))
    viewers = []
    while (viewer := Viewer(port)).status == 200:
        viewers.append(viewer)
        assert len(viewers) < FEW
    assert viewer.status == 503 and viewer.headers["retry-after"] == "5", viewer.headers
    assert len(viewers) > FEW // 4, len(viewers)
    assert viewers[0].until("latest")
    assert ask(port, "/healthz")[0] == 200
    for one in viewers:
        one.close()
    assert "RLIMIT_NOFILE" in (instance.dir / "log/few.log").read_text()
    wait_for("them to be gone", lambda: Viewer(port).status == 200, 60)
    instance.stop(child)
    print(f"{len(viewers)} viewers with {FEW} descriptors, then 503")


def ended(instance, port):
    """SIGTERM ends the streams, and the api at once."""
    viewer = Viewer(port)
    viewer.until("health")
    one, = instance.actors("api")
    os.kill(int(one["pid"]), signal.SIGTERM)
    while viewer.next():
        pass
    viewer.close()
    assert "msg=stopped" in (instance.dir / f"log/{one['name']}.log").read_text()
    print("streams end with the api")


def main():
    port = free_port()
    with Instance(CONFIG.replace("PORT", str(port)).replace("NOTE", "")) as instance:
        instance.up()
        wait_for("it to be ready", lambda: ready(port))
        greeted(port)
        resumed(instance, port)
        chosen(port)
        told_of_illness(instance, port)
        pinged(instance, port)
        lost(instance, port)
        stuck(instance, port)
        limited(instance)
        ended(instance, port)


if __name__ == "__main__":
    main()
