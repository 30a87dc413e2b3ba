#!/usr/bin/python3
"""A disk with too little room (stage_free_min_mb): nothing more is taken, what was taken is worked off
all the same, also by a collector that starts so; and with room again, all goes on by itself.

The disk is a tmpfs in a mount namespace of its own.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import harness
from harness import Instance, Pusher, backtest, free_port, wait_for

INSIDE = "TIDEWIRE_ROOM_INSIDE"
DISK_MB, LEFT_KB = 64, 2000  # the mark is a twentieth: 3.2 MB
ROWS = 200

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: trades
    url: push://tcp://127.0.0.1:PORT
    rows: /*
    table: trade
    key: { pair: /pair }
    time: { at: /ts, unit: ms }
    columns: { volume: /volume }
rules:
  burst: { on: trade, when: "volume > 3", emit: row, min_rows: 1 }
"""


class Disk:
    def __init__(self, path):
        self.path, self.filler = path, path / "filler"

    def fill(self):
        free = os.statvfs(self.path)
        with open(self.filler, "wb") as out:
            os.posix_fallocate(out.fileno(), 0, free.f_bavail * free.f_frsize - (LEFT_KB << 10))

    def empty(self):
        self.filler.unlink()


def push(pusher, first):
    rows = [{"pair": "p", "ts": 1_700_000_000_000 + first + i, "volume": 9} for i in range(ROWS)]
    pusher.send(raw=json.dumps(rows).encode())


def state(instance):
    return [actor["state"] for actor in instance.actors("collector")]


def inside(folder):
    port = free_port()
    disk = Disk(folder)
    with Instance(CONFIG.replace("PORT", str(port)), folder) as instance:
        instance.up("collector,prep,notifier,broker")
        pusher = Pusher(f"tcp://127.0.0.1:{port}", instance.alerts_endpoint(), "trades")
        push(pusher, 0)
        pusher.settle()
        instance.word("down")
        pusher.close()
        disk.fill()

        instance.up()
        wait_for("the collector to take nothing", lambda: state(instance) == ["disk-stalled"])
        wait_for("the alerts of what had been taken", lambda: len(instance.logged_ids()) == ROWS, 60)
        pusher = Pusher(f"tcp://127.0.0.1:{port}", instance.alerts_endpoint(), "trades")
        pusher.n = 1
        push(pusher, ROWS)
        assert state(instance) == ["disk-stalled"]
        assert not pusher.news.poll(1500), "a frame was taken"
        print("ok: what was taken is worked off while nothing more is")

        disk.empty()
        pusher.settle(60)
        wait_for("all alerts", lambda: len(instance.logged_ids()) == 2 * ROWS, 60)
        found = [json.loads(line) for line in instance.word(
            "stage", "gaps", "-c", instance.config, "--json").stdout.splitlines()]
        assert [gap["reason"] for gap in found][-1] == "the disk took nothing", found
        want = {alert["id"] for alert in backtest(instance.config, "--dir", str(instance.dir))}
        assert set(instance.logged_ids()) == want and len(want) == 2 * ROWS
        pusher.close()
        print("ok: with room again it goes on, and the log says how long it waited")


def main():
    if os.environ.get(INSIDE):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="tw-", dir="/tmp"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=700", "room", folder],
                       check=True)
        try:
            inside(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
            shutil.rmtree(folder, ignore_errors=True)
        return 0
    for tool in ("mount", "unshare"):
        if not shutil.which(tool):
            harness.skip(f"{tool} is not installed")
    probe = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "room", "/mnt"],
                           capture_output=True)
    if probe.returncode != 0:
        harness.skip("no mount namespace for a small disk")
    return subprocess.run(["unshare", "-m", sys.executable, __file__],
                          env={**os.environ, INSIDE: "1"}).returncode


if __name__ == "__main__":
    sys.exit(main())
