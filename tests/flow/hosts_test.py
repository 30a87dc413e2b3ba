"""One Tidewire over four hosts, from one configuration: with keys, over links that delay, lose, are
cut in one or both ways, and with a host that vanishes, every row that was pushed gives its alert
once. Who has no key is shut out from every host."""

import ctypes
import json
import os
import subprocess
import time

import redis
import zmq
import zmq.auth

import hosts
from harness import PROGRAM, Pusher, Subscriber, alert_log, wait_for

CONFIG = """
keys: keys
redis: redis://10.77.0.1:6379
redis_password_file: PASSWORD
redis_plaintext: accept      # the wire is ours
listen: { alerts: "tcp://${ADDRESS}:5560", actors: "tcp://${ADDRESS}:*" }
sources:
  - name: feed
    url: push://tcp://10.77.0.2:5570
    table: m
    key: { k: /k }
    time: { at: t, unit: ms }
    columns: { x: x }
    identity: none
rules:
  high: { on: m, when: "x > 100", emit: row }
"""
ROLES = {"alpha": "broker,notifier", "beta": "collector,prep", "gamma": "transform,prep",
         "delta": "transform,broker"}
SERIES = 16


class Site:
    def __init__(self, folder):
        self.folder = folder
        (folder / "password").write_text("s3cret\n")
        self.config = folder / "config.yaml"
        self.config.write_text(CONFIG.replace("PASSWORD", str(folder / "password")))
        wire = hosts.Wire()
        self.hosts = {name: hosts.Host(name, wire, folder) for name in ROLES}
        self.own = hosts.Host("test", wire, folder)  # where this test listens and pushes from
        self.redis_server = self.hosts["alpha"].start(
            "redis-server", "--port", "6379", "--bind", "10.77.0.1", "--requirepass", "s3cret",
            "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--dir",
            self.hosts["alpha"].dir, stdout=subprocess.DEVNULL)

    def word(self, host, *words, check=True, **more):
        environment = {**os.environ, "ADDRESS": host.address}
        return host.run(PROGRAM, *words, check=check, env=environment, **more)

    def keys(self, host, *words, **more):
        return self.word(host, "keys", *words, "--keys", host.dir / "keys", **more)

    def exchange_keys(self):
        lines = ""
        for name, host in self.hosts.items():
            self.keys(host, "init", "--roles", ROLES[name])
            # An operator on each host would be of one name with another key.
            self.keys(host, "revoke", "operator")
        self.keys(self.hosts["delta"], "add", "watcher", "--role", "subscriber")
        self.keys(self.hosts["delta"], "add", "pusher", "--role", "feed")
        for host in self.hosts.values():
            lines += self.keys(host, "export").stdout
        for host in self.hosts.values():
            self.keys(host, "import", input=lines)
        return lines

    def up(self, name):
        host = self.hosts[name]
        self.word(host, "up", "-c", self.config, "--dir", host.dir, "--roles", ROLES[name])

    def down(self):
        for name in ("beta", "gamma", "delta", "alpha"):
            self.word(self.hosts[name], "down", "--dir", self.hosts[name].dir, check=False)

    def actors(self, role):
        text = self.word(self.hosts["alpha"], "status", "--json", "-c", self.config, "--dir",
                         self.hosts["alpha"].dir, check=False).stdout
        return [a for a in json.loads(text)["actors"] if a["role"] == role] if text else []

    def pair(self, name):
        return zmq.auth.load_certificate(self.hosts["delta"].dir / f"keys/secret/{name}.key_secret")

    def logs(self):
        for host in self.hosts.values():
            for log in sorted((host.dir / "log").glob("*.log")):
                print(f"--- {host.name} {log.name}")
                print("\n".join(log.read_text(errors="replace").splitlines()[-12:]))


def go_to(host):
    """From now on this process, and every thread it starts, is on that host."""
    there = os.open(f"/run/netns/{host.name}", os.O_RDONLY)
    assert ctypes.CDLL(None, use_errno=True).setns(there, 0) == 0
    os.close(there)


class Load:
    """Rows that each fire once; every one must be heard of, once."""

    def __init__(self, site):
        self.site, self.sent = site, 0
        push = site.actors("collector")[0]["push"]
        brokers = [actor["alerts"] for actor in site.actors("broker")]
        assert len(brokers) == 2, brokers
        self.pusher = Pusher(push, brokers[0], "feed",
                             client="pusher", pair=site.pair("pusher"))
        self.subscribers = [Subscriber(b, pair=site.pair("watcher")) for b in brokers]
        self.database = redis.Redis(host="10.77.0.1", password="s3cret", decode_responses=True)

    def push(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            now = int(time.time() * 1000)
            names = [f"s{(self.sent + i) % SERIES}" for i in range(10)]
            self.pusher.send({"k": names, "t": [now] * 10, "x": [500 + self.sent + i
                                                                 for i in range(10)]})
            self.sent += 10
            time.sleep(0.05)

    def settle(self, what, seconds=60):
        self.pusher.settle(seconds)
        wait_for(f"{self.sent} alerts in the log after {what}",
                 lambda: len(alert_log(self.database)) >= self.sent, seconds)
        ids = [fields["id"] for fields in alert_log(self.database)]
        assert len(ids) == len(set(ids)) == self.sent, (len(ids), len(set(ids)), self.sent)
        print(f"{what}: {self.sent} rows, {self.sent} alerts, each once")


def shut_out(site):
    """From another host, at every socket, without a key and with a strange one."""
    endpoints = [actor[field] for role, fields in (("collector", ("raw", "ack")),
                                                   ("transform", ("endpoint",)),
                                                   ("broker", ("in", "alerts")))
                 for actor in site.actors(role) for field in fields]
    endpoints.append("tcp://10.77.0.2:5570#" + endpoints[0].partition("#")[2])
    context = zmq.Context.instance()
    for endpoint in endpoints:
        address, _, key = endpoint.partition("#")
        assert address.startswith("tcp://10.77.0."), endpoint
        for pair in (None, zmq.curve_keypair()):
            for kind in (zmq.PULL, zmq.PUSH, zmq.SUB, zmq.PUB):
                socket = context.socket(kind)
                socket.linger = 0
                if pair:
                    socket.curve_publickey, socket.curve_secretkey = pair
                    socket.curve_serverkey = bytes.fromhex(key)
                monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
                if kind == zmq.SUB:
                    socket.subscribe(b"")
                socket.connect(address)
                came_in = monitor.poll(150)
                socket.disable_monitor()
                socket.close(0)
                assert not came_in, (endpoint, pair, kind)
    print(f"{len(endpoints)} sockets on 4 hosts: shut for strangers")


def main():
    folder = hosts.enter()
    site = Site(folder)
    go_to(site.own)
    try:
        site.exchange_keys()
        for name in ROLES:
            site.up(name)
        wait_for("two workers that share", lambda: [
            a for a in site.actors("transform") if 100 < int(a["partitions"]) < 156][1:])
        load = Load(site)
        load.push(3)
        load.settle("as it is")
        shut_out(site)
        for host in site.hosts.values():
            host.worse(0.01, 0.005)
        load.push(5)
        load.settle("20 ms between hosts and 1 % lost")
        for host in site.hosts.values():
            host.mend()
        for ways in (("in",), ("out",), ("in", "out")):
            site.hosts["gamma"].cut(*ways)
            load.push(8)
            site.hosts["gamma"].mend()
            load.settle(f"gamma cut off, {' and '.join(ways)}")
        pids = [int(a["pid"]) for role in ("transform", "prep") for a in site.actors(role)
                if a["name"].endswith(".gamma")]
        supervisor = int((site.hosts["gamma"].dir / "supervisor.pid").read_text())
        site.hosts["gamma"].vanish([supervisor, *pids])
        load.push(8)
        load.settle("gamma gone")
        site.hosts["gamma"].mend()
        site.up("gamma")
        wait_for("partitions to move back", lambda: [
            a for a in site.actors("transform") if 100 < int(a["partitions"]) < 156][1:], 60)
        load.push(3)
        load.settle("gamma is back")
        heard = set().union(*(s.ids() for s in load.subscribers))
        assert len(heard) == load.sent, (len(heard), load.sent)
        print(f"two brokers: {[len(s.ids()) for s in load.subscribers]} heard, together all")
    except BaseException:
        site.logs()
        raise
    finally:
        site.down()


if __name__ == "__main__":
    main()
