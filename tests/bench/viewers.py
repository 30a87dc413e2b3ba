"""What the api's viewers cost: thousands of them follow its events while rows that alert are pushed; and
its answers beside a static file of the same bytes, served by nginx to the same client."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/flow"))

VIEWERS, UPDATES_PER_S, SECONDS = 5000, 10, 20
SERIES, CONNECTIONS, ASK_S, RUNS = 1000, 50, 3, 5

CONFIG = """
namespace: tw
redis: embedded
listen: {{ alerts: "tcp://127.0.0.1:*", http: "127.0.0.1:*" }}
sources:
  - name: feed
    url: push://tcp://127.0.0.1:{port}
    table: m
    key: {{ k: /k }}
    time: {{ at: t, unit: us }}
    columns: {{ sent: sent, price: price, volume: volume }}
    identity: none
rules:
  each: {{ on: m, when: "sent > 0", emit: row, min_rows: 0 }}
"""
NGINX = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    server {{ listen 127.0.0.1:{port}; root {folder}; default_type application/json; }}
}}
"""


def rss_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def cpu_us(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1_000_000 // os.sysconf("SC_CLK_TCK")


def row(series):
    now = int(time.time() * 1e6)
    return {"k": series, "t": [now] * len(series), "sent": [now] * len(series),
            "price": [12345.25] * len(series), "volume": [0.5] * len(series)}


def started():
    """An instance, its pusher, its api's process and port."""
    from harness import Instance, Pusher, free_port, wait_for
    port = free_port()
    instance = Instance(CONFIG.format(port=port))
    instance.up()
    api, = instance.actors("api")
    pusher = Pusher(f"tcp://127.0.0.1:{port}", instance.alerts_endpoint(), "feed")
    pusher.send(row(["first"]))
    pusher.settle()
    wait_for("the first row", lambda: instance.redis().exists("tw:latest:m:first"))
    return instance, pusher, int(api["pid"]), int(api["http"].rpartition(":")[2])


def push_on(pusher, stop):
    due = time.monotonic()
    while not stop.is_set():
        pusher.send(row(["first"]))
        due += 1 / UPDATES_PER_S
        stop.wait(max(0, due - time.monotonic()))


def viewers(build):
    instance, pusher, pid, port = started()
    with instance:
        before = rss_bytes(pid)
        client = subprocess.Popen([str(build / "viewers_bench"), "follow", str(port), str(VIEWERS),
                                   str(SECONDS)], stdout=subprocess.PIPE, text=True)
        assert client.stdout.readline() == "ready\n"
        spent = cpu_us(pid)
        stop = threading.Event()
        pushing = threading.Thread(target=push_on, args=(pusher, stop))
        pushing.start()
        time.sleep(SECONDS / 2)
        after = rss_bytes(pid)
        told = json.loads(client.stdout.readline())
        spent = cpu_us(pid) - spent
        stop.set()
        pushing.join()
        assert client.wait(30) == 0 and told["ended"] == 0, told
        pusher.close()
    least = VIEWERS * UPDATES_PER_S * (SECONDS - 2)
    return {**told, "kib_a_viewer": round((after - before) / VIEWERS / 1024, 2),
            "cpu_us_a_delivery": round(spent / max(1, told["deliveries"]), 1),
            "delivered": round(told["deliveries"] / least, 3)}


def asked(build, port, path):
    run = subprocess.run([str(build / "viewers_bench"), "ask", str(port), path, str(CONNECTIONS),
                          str(ASK_S)], capture_output=True, text=True, timeout=60)
    if run.returncode != 0:
        raise SystemExit(f"viewers_bench ask {path}: {run.stderr}")
    told = json.loads(run.stdout)
    return told["answers"] / told["seconds"]


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True


def beside_nginx(build):
    from api_test import ask
    from harness import free_port, wait_for
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if not nginx:
        raise SystemExit("bench api: nginx is not installed (apt-get install nginx-light), and "
                         "nothing is measured without it")
    instance, pusher, _, port = started()
    with instance, tempfile.TemporaryDirectory() as folder:
        pusher.send(row([f"series-{i:04d}" for i in range(SERIES - 1)]))
        pusher.settle()
        body = wait_for("all series", lambda: (lambda got: got if got.count(b'"series"') == SERIES
                                               else None)(ask(port, "/api/v1/latest")[2]))
        pathlib.Path(folder, "latest").write_bytes(body)
        pathlib.Path(folder).chmod(0o755)
        other = free_port()
        conf = pathlib.Path(folder, "conf")
        conf.write_text(NGINX.format(folder=folder, port=other))
        server = subprocess.Popen([nginx, "-c", str(conf)])
        try:
            wait_for("nginx", lambda: listens(other))
            assert ask(other, "/latest")[2] == body
            pairs = [(asked(build, port, "/api/v1/latest"), asked(build, other, "/latest"))
                     for _ in range(RUNS)]
        finally:
            server.terminate()
            server.wait(30)
        pusher.close()
    return {"bytes": len(body), "answers_per_s": round(statistics.median(a for a, _ in pairs)),
            "nginx_per_s": round(statistics.median(b for _, b in pairs)),
            "of_nginx": round(statistics.median(a / b for a, b in pairs), 3)}
