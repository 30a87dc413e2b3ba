"""Hosts of our own: network namespaces on a wire that is a thread of this test, which delays, loses
and cuts as it is told. All of it is gone when the test ends. Needs root or unprivileged user
namespaces, and /dev/net/tun; see enter()."""

import fcntl
import heapq
import os
import pathlib
import random
import select
import signal
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "chaos"))
import ground  # noqa: E402  (the namespaces that a chaos run stands in)

from harness import skip  # noqa: E402

NET = "10.77.0"
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
BROADCAST = b"\xff" * 6


def enter():
    """From here on we are alone in namespaces of our own; the child that went in has our exit code."""
    if not os.environ.get(ground.MARK):
        able = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc",
                               *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]),
                               "test", "-c", "/dev/net/tun"], capture_output=True, text=True)
        if able.returncode != 0:
            skip(f"this host refuses namespaces or taps: {able.stderr.strip()}")
    folder, code = ground.enter(None)
    if folder is None:
        sys.exit(code)
    ground.run("ip", "link", "set", "lo", "up")
    pathlib.Path("/run/netns").mkdir(exist_ok=True)
    ground.run("mount", "-t", "tmpfs", "none", "/run/netns")
    return folder


def tap(name):
    """A network interface whose other end is the descriptor."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return descriptor


class Port:
    """Where a host is plugged in, and how bad its cable is."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.delay_s = self.loss = 0.0
        self.takes = self.gives = True  # from the host, to the host


class Wire:
    """A switch: frames go to whose address is in them, or to all."""

    def __init__(self, seed=1):
        self.ports, self.places = [], {}
        self.dice = random.Random(seed)
        self.under_way = []  # (when, n, port, frame)
        self.n = 0
        threading.Thread(target=self._run, daemon=True).start()

    def plug(self, descriptor):
        self.ports.append(Port(descriptor))
        return self.ports[-1]

    def _run(self):
        while True:
            wait_s = 0.05
            if self.under_way:
                wait_s = min(wait_s, max(0.0, self.under_way[0][0] - time.monotonic()))
            ports = {port.descriptor: port for port in list(self.ports)}
            for descriptor in select.select(list(ports), [], [], wait_s)[0]:
                self._take(ports[descriptor])
            while self.under_way and self.under_way[0][0] <= time.monotonic():
                _, _, port, frame = heapq.heappop(self.under_way)
                try:
                    os.write(port.descriptor, frame)
                except OSError:
                    pass  # its host is down, or does not take so much: lost

    def _take(self, port):
        for _ in range(64):
            try:
                frame = os.read(port.descriptor, 65536)
            except OSError:
                return
            self.places[frame[6:12]] = port
            target = self.places.get(frame[:6])
            for other in [target] if target and frame[:6] != BROADCAST else self.ports:
                if other is not port:
                    self._give(port, other, frame)

    def _give(self, port, other, frame):
        lost = 1 - (1 - port.loss) * (1 - other.loss)
        if port.takes and other.gives and self.dice.random() >= lost:
            self.n += 1
            heapq.heappush(self.under_way, (time.monotonic() + port.delay_s + other.delay_s,
                                            self.n, other, frame))


class Host:
    """One host: its own network, its own name, its own folder."""

    count = 0

    def __init__(self, name, wire, folder):
        Host.count += 1
        self.name, self.address = name, f"{NET}.{Host.count}"
        self.dir = folder / name
        self.dir.mkdir()
        ground.run("ip", "netns", "add", name)
        self.port = wire.plug(tap("eth0"))
        ground.run("ip", "link", "set", "eth0", "netns", name)
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "addr", "add", f"{self.address}/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")

    def words(self, *words):
        return ["ip", "netns", "exec", self.name, "unshare", "--uts", "sh", "-c",
                f'hostname {self.name}; exec "$@"', "-", *map(str, words)]

    def run(self, *words, check=True, **more):
        done = subprocess.run(self.words(*words), capture_output=True, text=True, timeout=120,
                              **more)
        if check and done.returncode != 0:
            raise AssertionError(f"{self.name}: {' '.join(map(str, words))}: exit "
                                 f"{done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start(self, *words, **more):
        return subprocess.Popen(self.words(*words), **more)

    # ---- the cable --------------------------------------------------------------------------------

    def worse(self, delay_s, loss):
        """Both ways; what two hosts have adds up."""
        self.port.delay_s, self.port.loss = delay_s, loss

    def cut(self, *ways):
        """Nothing comes in ("in"), nothing goes out ("out"); nobody is told."""
        self.port.gives, self.port.takes = "in" not in ways, "out" not in ways

    def mend(self):
        self.port.gives = self.port.takes = True
        self.port.delay_s = self.port.loss = 0.0

    def vanish(self, pids):
        """As if its plug was pulled: the cable is dead, and then whatever ran there."""
        self.cut("in", "out")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
