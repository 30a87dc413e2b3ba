"""docs/systemd: systemd finds nothing wrong with the units, and each actor, started by the command
line of its unit, tells its manager what a unit of Type=notify with a watchdog has to tell."""

import configparser
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from harness import PROGRAM, TOP, Instance, skip, wait_for

UNITS = TOP / "docs/systemd"
SHARED = UNITS / "tidewire-.service.d/10-tidewire.conf"
WATCHDOG_S = 20     # that the actors are told here
LISTEN_S = 6        # how long their signs of life are counted
REDIS_HANGS_S = 12
HOSTS = ["alpha", "alpha.example.org", "DB-1", "ip-10-0-0-12.eu-west-1.compute.internal",
         "a-host-whose-name-has-as-many-letters-as-may-be0"]
EXPOSURE_MOST = 2.0  # of 10, as `systemd-analyze security` counts

CONFIG = """
redis: unix://DIR/r.sock
listen: { alerts: "tcp://127.0.0.1:*", http: "127.0.0.1:*" }
sources:
  - name: market
    url: simulate://market?seed=7&series=20&rate=100
    rows: /*
    table: trade
    key: { exchange: "=simulated", pair: /symbol }
    time: { at: /ts, unit: ms }
    columns: { price: /price, volume: /volume }
rules:
  volume-spike: { on: trade, when: "volume > 3 * avg(volume) OVER last_1h" }
"""


def names():
    """The units as an operator would start them: templates with an instance."""
    return [path.name.replace("@.", "@1.") for path in sorted(UNITS.glob("*.service"))]


def verified_by_systemd():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        shutil.copytree(UNITS, root / "etc/systemd/system")
        shutil.copytree("/lib/systemd/system", root / "lib/systemd/system", symlinks=True)
        for program in ("usr/local/bin/tidewire", "bin/kill"):
            (root / program).parent.mkdir(parents=True, exist_ok=True)
            (root / program).write_text("#!/bin/sh\n")
            (root / program).chmod(0o755)

        def ask(*words):
            return subprocess.run(["systemd-analyze", "--no-pager", f"--root={root}", *words],
                                  capture_output=True, text=True, timeout=60)
        for unit in ["tidewire.target", *names()]:
            said = ask("verify", "--man=no", unit)
            about = [line for line in said.stderr.splitlines() if "tidewire" in line]
            assert not about and said.returncode == 0, said.stderr
        for unit in names():
            said = ask("security", "--offline=true", unit)
            level = float(re.search(r"exposure level for \S+: ([0-9.]+)", said.stdout)[1])
            assert level <= EXPOSURE_MOST, f"{unit}: {level}"
        # A word that systemd does not know must not get through, or the above proves nothing.
        with open(root / "etc/systemd/system/tidewire-.service.d/10-tidewire.conf", "a") as shared:
            shared.write("NoNewPriviledges=yes\n")
        assert "NoNewPriviledges" in ask("verify", "--man=no", names()[0]).stderr
    print(f"{len(names())} units and the target verified, exposure at most {EXPOSURE_MOST}")


def commands(host="alpha"):
    """Role -> words of ExecStart, with the specifiers as systemd would put them: %l is the name of
    the host up to the first dot."""
    host = host.partition(".")[0]
    found = {}
    for path in UNITS.glob("*.service"):
        unit = configparser.ConfigParser(interpolation=None, strict=False)
        unit.optionxform = str
        unit.read_string(path.read_text())
        words = [word.replace("%i", "1").replace("%l", host)
                 for word in shlex.split(unit["Service"]["ExecStart"])]
        secret = unit["Service"]["BindReadOnlyPaths"].replace("%i", "1").replace("%l", host)
        assert secret == f"-/etc/tidewire/keys/secret/{words[-1]}.key_secret", secret
        role = words[1]
        password = unit["Service"]["LoadCredential"]
        assert password == f"{role}.password:/etc/tidewire/redis/{role}.password", password
        found[role] = words
    assert set(found) == {"broker", "notifier", "transform", "prep", "collector", "api"}, found
    return found


def named_as_their_keys():
    """`keys init` makes the keys of what the units start, whatever the host is called."""
    if os.geteuid() != 0:
        print("SKIPPED: only root can give a host of its own another name")
        return
    for host in HOSTS:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["unshare", "--uts", "sh", "-ec", 'hostname "$1"; exec "$2" keys init '
                            '--keys "$3"', "sh", host, PROGRAM, f"{folder}/keys"], check=True,
                           stdout=subprocess.DEVNULL, timeout=60)
            made = {path.stem for path in pathlib.Path(folder, "keys/secret").iterdir()}
            for words in commands(host).values():
                assert words[-1] in made, (host, words[-1], made)
    print(f"units and keys have the same names on {len(HOSTS)} hosts")


def configured_as_documented():
    """The settings of docs/operating.md, with the credentials that the units load, and without."""
    text = (TOP / "docs/operating.md").read_text()
    lines = re.search(r"`(redis: redis://[^`]*)` and\s+`(redis_password_file: [^`]*)`", text)
    with tempfile.TemporaryDirectory() as folder:
        site = pathlib.Path(folder, "site.yaml")
        site.write_text(CONFIG.replace("redis: unix://DIR/r.sock", "\n".join(lines.groups())))
        for more in ({}, {"CREDENTIALS_DIRECTORY": "/run/credentials/tidewire-prep@1.service"}):
            done = subprocess.run([PROGRAM, "check", "-c", site], capture_output=True, text=True,
                                  timeout=60, env={**os.environ, **more})
            assert done.returncode == 0, done.stderr + done.stdout
    print("the documented settings are good")


class Service:
    """An actor with a manager of its own, which listens and notes the time."""

    def __init__(self, instance, words, watchdog_us=WATCHDOG_S * 1_000_000):
        self.role = words[1]
        self.heard = []  # (when, text)
        self.address = f"\0{instance.dir}/{self.role}/{watchdog_us}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        places = {"/usr/local/bin/tidewire": PROGRAM, "/var/lib/tidewire": str(instance.dir),
                  "/etc/tidewire/site.yaml": str(instance.config)}
        (instance.dir / "log").mkdir(exist_ok=True)
        self.log = instance.dir / f"log/{self.role}.log"
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                [places.get(word, word) for word in words], stdout=log, stderr=log,
                cwd=instance.dir,
                env={**os.environ, "NOTIFY_SOCKET": "@" + self.address[1:],
                     "WATCHDOG_USEC": str(watchdog_us)})
        instance.children.append(self.child)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            text = self.socket.recv(4096).decode()
            self.heard.append((time.monotonic(), text))

    def times(self, line, since=0.0):
        return [at for at, text in list(self.heard) if at >= since and line in text.split("\n")]

    def wait(self, line, since=0.0, seconds=60):
        wait_for(f"{line} of the {self.role}", lambda: self.times(line, since), seconds)


def gap(service, since, until):
    """The longest time without a sign of life."""
    times = [since, *(at for at in service.times("WATCHDOG=1", since) if at <= until), until]
    return max(b - a for a, b in zip(times, times[1:]))


def refuses_what_it_cannot_promise(instance, words):
    service = Service(instance, words, watchdog_us=1_000_000)
    assert service.child.wait(30) == 1
    assert "WatchdogSec is 1000000 us" in service.log.read_text(), service.log.read_text()
    print("a watchdog of one second is refused")


def waits_for_redis(services):
    for service in services:
        if service.role in ("broker", "api"):  # who asks them is answered without Redis, too
            service.wait("WATCHDOG=1")
        else:
            service.wait("STATUS=waiting for redis")
    assert not any(service.times("READY=1") for service in services)
    print("not ready without Redis, and says so")


def lives(services):
    for service in services:
        service.wait("READY=1")
    since = time.monotonic()
    time.sleep(LISTEN_S)
    until = time.monotonic()
    for service in services:
        assert gap(service, since, until) < WATCHDOG_S / 2, (service.role, service.heard)
        assert len(service.times("READY=1")) == 1, service.heard
    print(f"ready; a sign of life at least every {WATCHDOG_S / 2:g} s")


def reloads(services):
    since = time.monotonic()
    for service in services:
        service.child.send_signal(signal.SIGHUP)
    for service in services:
        service.wait("RELOADING=1", since)
        service.wait("READY=1", since)
    print("SIGHUP: reloading, and ready again")


def hangs(services):
    """A process that stands still gives no sign; one that goes on does."""
    for service in services:
        service.child.send_signal(signal.SIGSTOP)
    time.sleep(0.5)  # what it had said before is heard by then
    since = time.monotonic()
    time.sleep(3)
    for service in services:
        assert not service.times("WATCHDOG=1", since), service.role
        service.child.send_signal(signal.SIGCONT)
    for service in services:
        service.wait("WATCHDOG=1", since)
    print("silent while it hangs")


def redis_hangs(services, server):
    """No actor is to be killed because another process does not answer."""
    watchdog_s = int(re.search(r"^WatchdogSec=(\d+)$", SHARED.read_text(), re.M)[1])
    since = time.monotonic()
    server.send_signal(signal.SIGSTOP)
    time.sleep(REDIS_HANGS_S)
    server.send_signal(signal.SIGCONT)
    for service in services:
        service.wait("WATCHDOG=1", time.monotonic())
    until = time.monotonic()
    longest = max(gap(service, since, until) for service in services)
    assert longest < watchdog_s / 2, longest
    print(f"Redis hung for {REDIS_HANGS_S} s: silent for {longest:.1f} s of {watchdog_s} at most")


def stops(instance, services):
    for service in services:
        since = time.monotonic()
        instance.stop(service.child)
        service.wait("STOPPING=1", since)
        last = service.times("STOPPING=1", since)[-1]
        assert not service.times("READY=1", last), service.role
    print("STOPPING on SIGTERM")


def main():
    if shutil.which("systemd-analyze"):
        verified_by_systemd()
    start = commands()
    named_as_their_keys()
    configured_as_documented()
    with Instance(CONFIG) as instance:
        refuses_what_it_cannot_promise(instance, start["prep"])
        services = [Service(instance, start[role])
                    for role in ("api", "broker", "notifier", "transform", "prep", "collector")]
        waits_for_redis(services)
        server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", instance.dir / "r.sock", "--dir",
             instance.dir, "--appendonly", "yes", "--save", ""], stdout=subprocess.DEVNULL)
        instance.children.append(server)
        lives(services)
        reloads(services)
        hangs(services)
        redis_hangs(services, server)
        stops(instance, reversed(services))
    if not shutil.which("systemd-analyze"):
        skip("systemd is not installed: all went well, but the units are not verified")


if __name__ == "__main__":
    main()
