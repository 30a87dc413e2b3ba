"""The ground a chaos run stands on: a network, disks and clocks of its own, to be broken at will.

The run enters namespaces of its own (unshare): a loopback that nobody else uses, so that links can
be cut by routing rules; two small tmpfs that can be made full by making them smaller; process ids,
so that whatever dies, all of it does. Nothing here touches the machine outside.
"""

import contextlib
import ctypes
import mmap
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

MARK = "CHAOS_GROUND"  # set once we are inside: the folder of the run
PR_SET_PDEATHSIG = 1
TRIES = 20
ROOM = 256 << 10       # bytes that a full disk still has, so that it breaks in the middle of a write


def enter(keep):
    """The folder of this run, inside the namespaces; outside, the exit code of the child that went
    in. Then nothing is left: no process, and without `keep` no folder."""
    if os.environ.get(MARK):
        return pathlib.Path(os.environ[MARK]), None
    words = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if os.geteuid() != 0:
        words += ["--user", "--map-root-user"]
    able = subprocess.run(words + ["true"], capture_output=True, text=True)
    if able.returncode != 0:
        sys.exit("chaos: needs namespaces of its own, which this host refuses "
                 f"({able.stderr.strip()}): run it as root, or allow unprivileged user namespaces")
    if keep:
        keep.mkdir(parents=True)
    folder = keep.absolute() if keep else pathlib.Path(tempfile.mkdtemp(prefix="tw-chaos-"))
    inner = subprocess.Popen(words + [sys.executable, *sys.argv],
                             env={**os.environ, MARK: str(folder)}, preexec_fn=_die_with_parent)
    signal.signal(signal.SIGTERM, lambda *_: inner.kill())  # all processes inside die with it
    try:
        return None, _wait(inner)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait(inner):
    while True:
        try:
            return inner.wait()
        except KeyboardInterrupt:
            continue  # it was told, too, and ends


def run(*words, check=True):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


class Links:
    """The loopback of this run. Endpoints are ports: a link is known by the port it leads to."""

    def __init__(self):
        run("ip", "link", "set", "lo", "up")
        # Our rules must come before the one that finds loopback addresses.
        run("ip", "rule", "add", "pref", 100, "lookup", "local")
        run("ip", "rule", "del", "pref", 0)
        run("tc", "qdisc", "add", "dev", "lo", "root", "handle", "1:", "htb", "default", "10")
        run("tc", "class", "add", "dev", "lo", "parent", "1:", "classid", "1:10", "htb", "rate",
            "100gbit", "quantum", 200000)
        self.rules = []

    def cut(self, port, there=True, back=True):
        """No packet passes to the port, from it, or both; nobody is told."""
        ways = (["dport"] if there else []) + (["sport"] if back else [])
        for way in ways:
            self._add(way, port)

    def cut_connections(self, pid, port):
        """Those that a process has to a port hang; new ones work."""
        for own in local_ports(pid, port):
            self._add("sport", own, "dport", port)

    def _add(self, *words):
        rule = ["pref", "10", *map(str, words), "ipproto", "tcp", "unreachable"]
        run("ip", "rule", "add", *rule)
        self.rules.append(rule)

    def mend(self):
        for rule in self.rules:
            run("ip", "rule", "del", *rule, check=False)
        self.rules.clear()

    def reset(self, port):
        """All connections to and from the port end with an error."""
        run("ss", "-K", "-t", f"( sport = {port} or dport = {port} )", check=False)

    def slow(self, port, kbit):
        run("tc", "class", "add", "dev", "lo", "parent", "1:", "classid", "1:20", "htb", "rate",
            f"{kbit}kbit", "burst", "64k", "quantum", 60000)
        for way in "dport", "sport":
            run("tc", "filter", "add", "dev", "lo", "parent", "1:", "protocol", "ip", "prio", 1,
                "u32", "match", "ip", way, port, "0xffff", "flowid", "1:20")

    def fast(self):
        run("tc", "filter", "del", "dev", "lo", "parent", "1:", check=False)
        run("tc", "class", "del", "dev", "lo", "classid", "1:20", check=False)


def local_ports(pid, port):
    """Local ports of the TCP connections of a process to a loopback port."""
    inodes = set()
    with contextlib.suppress(OSError):
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found = re.match(r"socket:\[(\d+)\]", os.readlink(fd))
                if found:
                    inodes.add(found.group(1))
    ports = []
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[9] in inodes and int(words[2].split(":")[1], 16) == port:
            ports.append(int(words[1].split(":")[1], 16))
    return ports


class Disk:
    """A tmpfs; full is one that is as large as what it holds."""

    def __init__(self, path, mb):
        self.path, self.mb = path, mb
        path.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={mb}m,mode=700", "chaos", path)

    def fill(self):
        for _ in range(TRIES):  # refused if it has grown meanwhile beyond what we ask for
            state = os.statvfs(self.path)
            used = (state.f_blocks - state.f_bfree) * state.f_frsize
            with contextlib.suppress(RuntimeError):
                return run("mount", "-o", f"remount,size={used + ROOM}", self.path)
        raise RuntimeError(f"{self.path} cannot be made full: it grows too fast")

    def free(self):
        run("mount", "-o", f"remount,size={self.mb}m", self.path)

    def keep(self):
        """What it holds stays when the run is over."""
        copy = self.path.with_name(self.path.name + ".kept")
        shutil.copytree(self.path, copy)
        run("umount", self.path)
        self.path.rmdir()
        copy.rename(self.path)


class Under:
    """What stands between one process and the kernel: tests/chaos/under.c."""

    def __init__(self, path, library, sync_us):
        self.path, self.library, self.usual_us = path, library, sync_us
        with open(path, "wb") as file:
            file.write(bytes(16))
        with open(path, "r+b") as file:
            self.settings = mmap.mmap(file.fileno(), 16)
        self.sync_takes(sync_us)

    def environment(self):
        return {"LD_PRELOAD": str(self.library), "CHAOS_UNDER": str(self.path)}

    def sync_takes(self, us=None):
        self.settings[0:8] = struct.pack("<q", self.usual_us if us is None else us)

    def clock_is_off(self, us):
        self.settings[8:16] = struct.pack("<q", us)
