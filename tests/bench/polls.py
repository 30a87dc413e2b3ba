"""`./run bench --only polls`: collectors that poll servers on loopback, beside plain sockets.

One collector with a thousand sources, each asked once a second; then several collectors as fast as
they are told to. Polls are staged durably; nobody maps them, so that only the collectors count.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import time

HOSTS = 8  # as many as http_bench has
SOURCES, WARM_S, MEASURED_S = 1000, 3, 10
ONE_EVERY, MANY_EVERY, COLLECTORS = "1s", "400ms", 3
FDATASYNCS, GROUP_BYTES = 200, 16384
ASK_CONNECTIONS, ASK_S = 32, 3

CONFIG = """
namespace: tw
redis: embedded
listen: { alerts: "tcp://127.0.0.1:*" }
budget: 100000/s
sources:
"""
SOURCE = ("  - {{ name: {name}, url: \"http://127.0.0.{host}:{port}/{name}\", every: {every}, rows: /*, "
          "table: m, key: {{ k: \"={name}\" }}, time: fetch, columns: {{ v: /volume }} }}\n")


class Server:
    def __init__(self, program):
        self.process = subprocess.Popen([program, "serve"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


def config(name, port, every):
    return CONFIG + "".join(SOURCE.format(name=f"{name}-{i}", host=1 + i % HOSTS, port=port,
                                          every=every)
                            for i in range(SOURCES))


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def look(instance):
    """Polls and seconds of CPU of all collectors so far, and when that was."""
    found = instance.actors("collector")
    assert all(c["polls_failed"] == 0 for c in found), found
    return (time.monotonic(), sum(c["polls"] for c in found), sum(cpu_s(c["pid"]) for c in found),
            max(c["polls_late_p99_us"] for c in found))


def measure(server, names, every):
    from harness import Instance, wait_for  # needs Debian's python3-zmq
    with Instance(CONFIG.replace("sources:\n", "")) as instance:
        instance.up("broker")
        for name in names:
            path = instance.dir / f"{name}.yaml"
            path.write_text(config(name, server.port, every))
            instance.config = path
            instance.actor("collector", name)
        wait_for("all collectors to poll", lambda: len(
            [c for c in instance.actors("collector") if c.get("polls", 0) > SOURCES]) == len(names))
        time.sleep(WARM_S)
        before = look(instance)
        time.sleep(MEASURED_S)
        after = look(instance)
        for child in list(instance.children):
            instance.stop(child)
    seconds, polls, cpu = (b - a for a, b in zip(before[:3], after[:3]))
    return {"polls_per_s": round(polls / seconds), "cpu_us_per_poll": round(cpu / polls * 1e6, 1),
            "late_p99_ms": round(after[3] / 1000, 2)}


def fdatasync_p99_ms():
    """What a turn of a collector waits for: a group of polls made durable."""
    times = []
    with tempfile.NamedTemporaryFile(prefix="tw-", dir="/tmp") as file:
        for i in range(FDATASYNCS):
            os.pwrite(file.fileno(), bytes(GROUP_BYTES), i * GROUP_BYTES)
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begun)
    return round(sorted(times)[FDATASYNCS * 99 // 100] * 1000, 2)


def polls(build):
    program = str(build / "http_bench")
    server = Server(program)
    try:
        one = measure(server, ["one"], ONE_EVERY)
        many = measure(server, [f"c{i}" for i in range(COLLECTORS)], MANY_EVERY)
        run = subprocess.run([program, "ask", str(server.port), str(ASK_CONNECTIONS), str(ASK_S)],
                             capture_output=True, text=True, timeout=60, check=True)
    finally:
        server.close()
    plain = json.loads(run.stdout)
    plain_us = plain["cpu_seconds"] / plain["answers"] * 1e6
    return {"sources": SOURCES, **one, "collectors": COLLECTORS,
            **{f"many_{name}": value for name, value in many.items()},
            "fdatasync_p99_ms": fdatasync_p99_ms(),
            "plain_per_s": round(plain["answers"] / plain["seconds"]),
            "plain_cpu_us": round(plain_us, 1),
            "of_plain_cpu": round(many["cpu_us_per_poll"] / plain_us, 1)}
