"""/metrics, /healthz and /readyz of every actor: promtool finds nothing to say against them, Debian's
Prometheus scrapes them and its rules fire when an actor is killed; a stuck actor is told from a dead
one; requests of the wrong kind, and a thousand of the silent kind, do no harm."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from harness import TOP, Instance, free_port, skip, wait_for

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:*", metrics: "127.0.0.1:*" }
sources:
  - name: market
    url: simulate://market?seed=7&series=20&rate=200
    stream: one
    rows: /*
    table: trade
    key: { exchange: "=simulated", pair: /symbol }
    time: { at: /ts, unit: ms }
    columns: { price: /price, volume: /volume }
  - name: market-2
    url: simulate://market?seed=8&series=20&rate=200
    stream: two
    rows: /*
    table: trade
    key: { exchange: "=other", pair: /symbol }
    time: { at: /ts, unit: ms }
    columns: { price: /price, volume: /volume }
rules:
  spike: { on: trade, when: "volume > 3 * avg(volume) OVER last_1h" }
"""
ROLES = ["broker", "collector", "notifier", "prep", "transform"]
TABLE = TOP / "broker/metrics/metrics_table.c"
# Some are told by the thread that talks to Redis, to Redis alone; skew_ms is Redis' own; and failed
# handshakes have the same name for scrapers in all actors.
NO_FIGURES = {"pid", "alone_ms", "held_bytes", "held_stuck", "skew_ms", "handshakes_failed"}
CONNECTIONS = 256  # that an actor serves at a time,
PER_ADDRESS = 32   # and of one address


def get(address, path, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", method=method),
                                    timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def samples(text):
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
            for line in text.splitlines() if line and not line.startswith("#")}


def targets(instance):
    found = json.loads(instance.word("status", "--targets").stdout)
    return {item["labels"]["role"]: item["targets"][0] for item in found}


def lint(addresses):
    for role, address in addresses.items():
        status, text = get(address, "/metrics")
        assert status == 200, (role, status)
        run = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                             text=True)
        assert run.returncode == 0, f"{role}: {run.stdout}{run.stderr}"
        assert get(address, "/healthz") == (200, "ok\n"), role
        wait_for(f"{role} to be ready", lambda: get(address, "/readyz") == (200, "ok\n"))
    print(f"promtool finds nothing to say against {len(addresses)} actors")


def figures(instance, addresses):
    """They are those of the registry: what is staged is mapped, taken and published."""
    def all_there():
        figure = {role: samples(get(address, "/metrics")[1]) for role, address in addresses.items()}
        return figure if figure["transform"]["tidewire_transform_rows_total"] > 100 else None
    figure = wait_for("rows", all_there)
    collector = figure["collector"]
    for stream in ("one", "two"):
        assert collector[f'tidewire_collector_records_total{{stream="{stream}"}}'] > 0, collector
    assert figure["transform"]["tidewire_transform_partitions"] == 256
    assert figure["notifier"]["tidewire_notifier_brokers"] == 1
    for role in ROLES:
        assert figure[role]["process_resident_memory_bytes"] > 1 << 20
        started = figure[role]["process_start_time_seconds"]
        assert abs(time.time() - started) < 120, (role, started)
    assert collector['tidewire_collector_push_gaps_total{stream="one"}'] == 0, collector
    # Every number that an actor tells the registry has a name for scrapers, or is none for them.
    table = set(re.findall(r'^    \{ "(\w+)", "(\w+)",', TABLE.read_text(), re.M))
    for actor in instance.status()["actors"]:
        numbers = {name for name, value in actor.items()
                   if isinstance(value, int) and not name.endswith("_s")}
        unnamed = {name for name in numbers if (actor["role"], name) not in table} - NO_FIGURES
        assert not unnamed, (actor["role"], unnamed)
    print("the figures are those of the registry")


def strangers(instance, addresses):
    """A browser at a socket of ours is counted where scrapers and the registry see it."""
    def count():
        return samples(get(addresses["transform"], "/metrics")[1])["tidewire_handshakes_failed_total"]
    before = count()
    host, port = instance.actors("transform")[0]["endpoint"].removeprefix("tcp://").rsplit(":", 1)
    with socket.create_connection((host, int(port)), 10) as browser:
        browser.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while browser.recv(4096):
                pass
    wait_for("it to be counted", lambda: count() == before + 1)
    wait_for("it to be in the registry",
             lambda: instance.actors("transform")[0]["handshakes_failed"] == count())
    print("a stranger is counted")


def crowded(host, port):
    """Of one address so many and no more are served, silent ones too; others are none the worse."""
    neighbour = "127.0.0.2"

    def served(source):
        try:
            asking = http.client.HTTPConnection(host, port, timeout=10, source_address=(source, 0))
            asking.request("GET", "/healthz")
            return asking.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asking.close()

    def full():
        """Those that the actor ends after some seconds of silence are opened again."""
        with contextlib.ExitStack() as silent:
            for _ in range(PER_ADDRESS):
                silent.enter_context(socket.create_connection((host, port), 5, (neighbour, 0)))
            return not served(neighbour)
    wait_for("one address to be refused another connection", full)
    with contextlib.ExitStack() as silent:
        for _ in range(CONNECTIONS + PER_ADDRESS):
            silent.enter_context(socket.create_connection((host, port), 5, (neighbour, 0)))
        assert served("127.0.0.1")
    wait_for("it to be served again", lambda: served(neighbour))
    print(f"{PER_ADDRESS} connections of one address, and others are served meanwhile")


def wrong(addresses):
    address = addresses["prep"]
    assert get(address, "/")[0] == 404
    assert get(address, "/metrics/../../etc/passwd")[0] == 404
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert get(address, "/metrics", method)[0] == 405, method
    host, port = address.split(":")
    for garbage in (b"\0" * 100, b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 100000,
                    b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n", os.urandom(5000)):
        with socket.create_connection((host, int(port)), 5) as raw:
            raw.settimeout(10)
            try:
                raw.sendall(garbage)
                while raw.recv(65536):
                    pass
            except OSError:
                pass
    crowded(host, int(port))
    large = http.client.HTTPConnection(host, int(port), timeout=10)
    with contextlib.suppress(OSError, http.client.HTTPException):  # cut off, or answered
        large.request("GET", "/metrics", body=b"x" * 1000000)
        assert large.getresponse().status in (200, 413)
    large.close()
    assert get(address, "/healthz")[0] == 200
    print("requests of the wrong kind do no harm")


def stuck(instance, addresses):
    """SIGSTOP stops the thread that answers, too; a loop that hangs does not. So hang it: Redis is
    stopped, and prep's beat waits for it."""
    pid = int((instance.redis().info())["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for("prep to be unready", lambda: get(addresses["prep"], "/readyz")[0] == 503, 60)
        assert get(addresses["prep"], "/metrics")[0] == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for("prep to be ready again", lambda: get(addresses["prep"], "/readyz")[0] == 200, 60)
    print("an actor that Redis does not know is not ready, and says so")


def everywhere():
    """An actor that listens on all interfaces is named as the configuration says."""
    config = CONFIG.replace('metrics: "127.0.0.1:*"',
                            'metrics: "0.0.0.0:*", advertise: localhost')
    with Instance(config) as instance:
        instance.up()
        address = wait_for("a target", lambda: targets(instance).get("prep"))
        assert address.startswith("localhost:"), address
        assert get(address, "/healthz")[0] == 200
    print("who listens everywhere is named by its host")


def overlap(a, b):
    return (a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and
            a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"])


def drawn():
    """(title, query) of all panels of the Grafana dashboard, which is sound by itself."""
    dashboard = json.loads((TOP / "docs/grafana/tidewire.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not any(overlap(a, b) for i, a in enumerate(places) for b in places[:i]), "panels overlap"
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert variables == {"datasource", "job"}
    assert len({panel["title"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["type"] == "row" or (panel["description"] and panel["targets"]), panel["title"]
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == "${datasource}", panel["title"]
            yield panel["title"], target["expr"]


def grafana(query):
    """Every panel of the dashboard has something to draw."""
    count = 0
    for title, expression in drawn():
        asked = expression.replace("$__rate_interval", "10s").replace("$job", "tidewire")
        assert "$" not in asked, asked
        wait_for(f"{title}: {asked}", lambda asked=asked: query(asked))
        count += 1
    assert not query('tidewire_no_such_figure{job="tidewire"}')  # it does tell nothing from something
    print(f"{count} queries of the Grafana dashboard find something")


def prometheus(instance):
    folder = instance.dir / "prometheus"
    shutil.copytree(TOP / "docs/prometheus", folder)
    rules = subprocess.run(["promtool", "check", "rules", folder / "tidewire.rules.yml"],
                           capture_output=True, text=True)
    assert rules.returncode == 0, rules.stderr + rules.stdout
    # The same, but in a hurry.
    config = (folder / "prometheus.yml").read_text()
    (folder / "prometheus.yml").write_text(config.replace("10s", "1s"))
    text = (folder / "tidewire.rules.yml").read_text()
    (folder / "tidewire.rules.yml").write_text(
        text.replace("for: 30s", "for: 1s").replace("- name: tidewire\n",
                                                    "- name: tidewire\n    interval: 1s\n"))
    (folder / "targets.json").write_text(instance.word("status", "--targets").stdout)
    port = free_port()
    server = subprocess.Popen(["prometheus", f"--config.file={folder}/prometheus.yml",
                               f"--storage.tsdb.path={folder}/data",
                               f"--web.listen-address=127.0.0.1:{port}"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    instance.children.append(server)

    def query(expression):
        status, text = get(f"127.0.0.1:{port}",
                           "/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        return json.loads(text)["data"]["result"] if status == 200 else []

    def reachable():
        try:
            return len(query('up{job="tidewire"} == 1')) == len(ROLES)
        except OSError:
            return False
    wait_for("Prometheus to scrape every actor", reachable, 60)
    wait_for("a figure in Prometheus",
             lambda: query("sum(tidewire_transform_partitions)")[0]["value"][1] == "256")
    grafana(query)
    broker = instance.actors("broker")[0]
    supervisor = int((instance.dir / "supervisor.pid").read_text())
    os.kill(supervisor, signal.SIGSTOP)  # so that it is not started again
    os.kill(int(broker["pid"]), signal.SIGKILL)
    wait_for("Prometheus to say that the broker is down", lambda: any(
        alert["metric"]["alertname"] == "TidewireActorDown" and
        alert["metric"]["role"] == "broker" for alert in query('ALERTS{alertstate="firing"}')), 60)
    os.kill(supervisor, signal.SIGCONT)
    server.terminate()
    server.wait()
    print("Prometheus scrapes every actor, and says when one is down")


def main():
    for program in ("promtool", "prometheus"):
        if not shutil.which(program):
            skip(f"{program} is not installed")
    with Instance(CONFIG) as instance:
        instance.up()
        addresses = wait_for("all targets", lambda: (
            lambda found: found if sorted(found) == ROLES else None)(targets(instance)))
        lint(addresses)
        figures(instance, addresses)
        wrong(addresses)
        strangers(instance, addresses)
        stuck(instance, addresses)
        prometheus(instance)
    everywhere()


if __name__ == "__main__":
    main()
