"""docs/operating.md, typed line by line on two hosts of our own, from nothing to a running pair and
back. What cannot be typed here stands in NOT_RUN with the reason."""

import fnmatch
import os
import pathlib
import re
import shlex
import time

import hosts
from harness import PROGRAM, TOP

DOCUMENT = TOP / "docs/operating.md"
NOT_RUN = {
    "git clone *": "the program is built already",
    "./run build": "likewise",
    "install -m 755 *": "likewise: it is on the path as `tidewire`",
    # tests/flow/units_test.py verifies the units and starts what they start.
    "cp docs/systemd/* && systemd-sysusers": "would change the host of the test",
    "cp -r docs/systemd/*": "likewise",
    "install -d /etc/tidewire && *": "likewise",
    "install -d -m 700 /etc/tidewire/*": "likewise",
    "chown -R tidewire: /etc/*": "likewise",
    "systemctl *": "there is no systemd that runs in the hosts of the test",
}
# What must have come true when a line was typed: output that it has to show.
SHOWS = {
    "tidewire keys list --keys .tidewire/keys": ["transform-2.beta", "collector", "elsewhere"],
    "tidewire status --health": ["well"],
    "tidewire tail -n 1": ["volume-spike"],
    "tidewire redis-functions -c site.yaml": ["loaded"],
}
WELL_S = 60


def blocks():
    """The yaml of the document, and (hosts, command) of its consoles, in order."""
    text = DOCUMENT.read_text()
    for kind, body in re.findall(r"```(yaml|console)\n(.*?)```", text, re.S):
        if kind == "yaml":
            yield "yaml", body
            continue
        for line in body.splitlines():
            where, _, command = line.partition("$ ")
            assert where in ("alpha", "beta", "both"), line
            yield where, command


class Shell:
    """A shell on a host that stays open, so that what is exported stays."""

    def __init__(self, host, others):
        self.host = host
        self.home = host.dir
        (self.home / "bin").mkdir()
        (self.home / "bin/tidewire").symlink_to(PROGRAM)
        self.exports = []
        # scp between hosts that share a disk.
        cases = "".join(f"{other.name}:*) cp -p \"$file\" {shlex.quote(str(other.dir))}/\"${{2#*:}}\" ;; "
                        for other in others)
        self.scp = ("scp() { [ \"$1\" != -p ] || shift; file=$1; case $2 in " + cases +
                    "*) return 1 ;; esac; }")

    def type(self, command):
        if command.startswith("export "):
            self.exports.append(command)
            return ""
        script = "\n".join(["set -e", f"cd {shlex.quote(str(self.home))}",
                            "PATH=$PWD/bin:$PATH", *self.exports, self.scp, command])
        until = time.monotonic() + WELL_S
        while True:
            done = self.host.run("sh", "-c", script, check=False)
            wanted = SHOWS.get(command, [])
            if done.returncode == 0 and all(word in done.stdout for word in wanted):
                return done.stdout
            # Health and alerts may take a moment; everything else is right at once.
            if not wanted or time.monotonic() > until:
                raise AssertionError(f"{self.host.name}$ {command}\nexit {done.returncode}\n"
                                     f"{done.stdout}{done.stderr}")
            time.sleep(0.5)


def main():
    folder = hosts.enter()
    wire = hosts.Wire()
    pair = {name: hosts.Host(name, wire, folder) for name in ("alpha", "beta")}
    shells = {name: Shell(host, [other for other in pair.values() if other is not host])
              for name, host in pair.items()}
    typed = left = 0
    try:
        for where, command in blocks():
            if where == "yaml":
                (pair["alpha"].dir / "site.yaml").write_text(command)
                continue
            if any(fnmatch.fnmatch(command, pattern) for pattern in NOT_RUN):
                left += 1
                continue
            for name in ("alpha", "beta") if where == "both" else (where,):
                shells[name].type(command)
                typed += 1
    except BaseException:
        for host in pair.values():
            for log in sorted((host.dir / ".tidewire/log").glob("*.log")):
                print(f"--- {host.name} {log.name}")
                print("\n".join(log.read_text(errors="replace").splitlines()[-10:]))
        raise
    assert typed > 60, typed
    left_running = [p for p in pathlib.Path("/proc").iterdir() if p.name.isdigit()
                    and (p / "cmdline").exists()
                    and b"tidewire\0" in (p / "cmdline").read_bytes()
                    and int(p.name) != os.getpid()]
    assert not left_running, left_running
    print(f"{typed} lines typed, {left} left out with a reason")


if __name__ == "__main__":
    main()
