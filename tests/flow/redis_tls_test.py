"""Redis on another host, as docs/operating.md has it: TLS by stunnel, with keys between actors and a
user of Redis for each role. The tunnel is killed and comes back; a Redis whose certificate is of
another authority, or of another name, is never spoken to."""

import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import redis
import zmq.auth

from guarded_redis import GuardedRedis
from harness import (PROGRAM, Instance, Pusher, Subscriber, alert_log, free_port, free_ports, skip,
                     wait_for)

CONFIG = """
keys: keys
redis: redis://tw-{role}@127.0.0.1:TUNNEL
redis_password_file: DIR/secrets/{role}.password
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: feed
    url: push://tcp://127.0.0.1:PORT
    table: m
    key: { k: /k }
    time: { at: t, unit: ms }
    columns: { x: x }
    identity: none
rules:
  high: { on: m, when: "x > 100", emit: row, min_rows: 0 }
"""
NAME = "redis.example"  # in its certificate


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)


def authority(folder):
    """A certificate authority, and a certificate of Redis that it signed."""
    folder.mkdir()
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.crt")
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}",
            "-CA", "ca.crt", "-CAkey", "ca.key", "-keyout", "redis.key", "-out", "redis.crt")
    return folder


class Tunnel:
    """stunnel on loopback in front of the TLS port of Redis."""

    def __init__(self, folder, accept, connect, ca, name=NAME):
        self.accept, self.child = accept, None
        self.log = folder / f"stunnel-{accept}.log"
        self.config = folder / f"stunnel-{accept}.conf"
        self.config.write_text(f"""foreground = yes
pid =
[redis]
client = yes
accept = 127.0.0.1:{accept}
connect = 127.0.0.1:{connect}
CAfile = {ca}
verifyChain = yes
checkHost = {name}
""")

    def start(self):
        self.child = subprocess.Popen([shutil.which("stunnel4"), self.config],
                                      stdout=open(self.log, "ab"), stderr=subprocess.STDOUT)
        wait_for("the tunnel to listen", self.listens)
        return self

    def listens(self):
        assert self.child.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.accept)) == 0

    def kill(self):
        if self.child:
            self.child.send_signal(signal.SIGKILL)
            self.child.wait()


def eavesdrop_is_in_vain(server, port):
    """What speaks no TLS is not answered on the port of TLS; nothing else listens."""
    plain = redis.Redis(host="127.0.0.1", port=port, socket_timeout=2)
    try:
        plain.ping()
        raise AssertionError("Redis answers without TLS")
    except redis.exceptions.ConnectionError:
        pass
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True).stdout
    own = [line for line in listening.splitlines() if f"pid={server.server.pid}," in line]
    assert len(own) == 1 and f":{port} " in own[0], own


def refused(instance, folder, tls_port, ca, name, why):
    """An actor behind a tunnel that trusts another authority, or wants another name, is not told
    anything, and the password does not leave the host."""
    accept = free_port()
    tunnel = Tunnel(folder, accept, tls_port, ca, name).start()
    config = folder / f"{accept}.yaml"
    text = instance.config.read_text().replace("keys: keys\n", "")  # it gets no farther than Redis
    config.write_text(re.sub(r"@127\.0\.0\.1:\d+", f"@127.0.0.1:{accept}", text))
    try:
        run = instance.bare("redis-functions", "-c", config, check=False)
        assert run.returncode == 1, run
        actor = instance.actor("transform", f"transform-{accept}", config)
        log = instance.dir / f"log/transform-{accept}.log"
        wait_for("the actor to wait", lambda: "redis does not answer" in log.read_text())
        wait_for(f"stunnel to say '{why}'", lambda: why in tunnel.log.read_text())
        assert "started" not in log.read_text()
        instance.stop(actor)
    finally:
        tunnel.kill()
    print(f"refused: {why}", flush=True)


class Load:
    def __init__(self, instance, feed):
        self.instance, self.sent = instance, 0
        pair = zmq.auth.load_certificate(instance.dir / "keys/secret/pusher.key_secret")
        watcher = zmq.auth.load_certificate(instance.dir / "keys/secret/watcher.key_secret")
        server = instance.actors("collector")[0]["raw"].partition("#")[2]
        self.pusher = Pusher(f"tcp://127.0.0.1:{feed}#{server}", instance.alerts_endpoint(), "feed",
                             client="pusher", pair=pair)
        self.subscriber = Subscriber(instance.alerts_endpoint(), pair=watcher)

    def push(self, frames):
        for _ in range(frames):
            self.pusher.send({"k": [f"s{i}" for i in range(20)],
                              "t": [1_700_000_000_000 + self.sent * 1000] * 20, "x": [500] * 20})
            self.sent += 20

    def settle(self, keeper, what):
        self.pusher.settle(90)
        wait_for(f"{self.sent} alerts {what}", lambda: len(alert_log(keeper)) >= self.sent, 90)
        wait_for("the subscriber has them", lambda: len(self.subscriber.ids()) >= self.sent, 60)
        ids = [fields["id"] for fields in alert_log(keeper)]
        assert len(ids) == len(set(ids)) == self.sent, (len(ids), len(set(ids)), self.sent)
        print(f"{what}: {self.sent} rows, {self.sent} alerts, each once", flush=True)


def course(instance, server, tunnel, ports):
    _, tls_port, feed = ports
    keeper = server.as_keeper()
    eavesdrop_is_in_vain(server, tls_port)
    load = Load(instance, feed)
    load.push(5)
    load.settle(keeper, "through the tunnel")
    for _ in range(2):
        tunnel.kill()
        load.push(5)
        time.sleep(1)  # a while without Redis; leases run on
        tunnel.start()
        load.push(5)
        load.settle(keeper, "the tunnel was killed")
    refused_entries = keeper.acl_log()
    assert not refused_entries, refused_entries
    folder = pathlib.Path(instance.dir)
    strange = authority(folder / "strange")
    refused(instance, folder, tls_port, strange / "ca.crt", NAME, "CERT: Pre-verification error")
    refused(instance, folder, tls_port, folder / "ca/ca.crt", "redis.elsewhere",
            "CERT: Subject checks failed")
    load.push(1)
    load.settle(keeper, "as before")
    load.pusher.close()
    load.subscriber.close()


def main():
    if not shutil.which("stunnel4"):
        skip("stunnel4 is not installed")
    ports = tunnel_port, tls_port, feed = free_ports(3)
    text = CONFIG.replace("TUNNEL", str(tunnel_port)).replace("PORT", str(feed))
    with Instance(text) as instance:
        folder = pathlib.Path(instance.dir)
        ca = authority(folder / "ca")
        server = GuardedRedis(folder, instance.config, 0, "--tls-port", str(tls_port),
                              "--tls-cert-file", str(ca / "redis.crt"), "--tls-key-file",
                              str(ca / "redis.key"), "--tls-ca-cert-file", str(ca / "ca.crt"),
                              "--tls-auth-clients", "no")
        server.reach = {"port": tls_port, "ssl": True, "ssl_ca_certs": str(ca / "ca.crt"),
                        "ssl_check_hostname": False}
        tunnel = Tunnel(folder, tunnel_port, tls_port, ca / "ca.crt")
        try:
            server.start()
            tunnel.start()
            for words in (("init",), ("add", "pusher", "--role", "feed"),
                          ("add", "watcher", "--role", "subscriber")):
                subprocess.run([PROGRAM, "keys", *words, "--keys", folder / "keys"], check=True,
                               capture_output=True)
            instance.bare("redis-functions", "-c", instance.config)
            instance.up()
            course(instance, server, tunnel, ports)
            instance.word("down")
        finally:
            tunnel.kill()
            server.stop()
    assert not [p for p in pathlib.Path("/proc").glob("[0-9]*/cmdline")
                if str(folder).encode() in read(p)], "somebody still runs"


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    sys.exit(main())
