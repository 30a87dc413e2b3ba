"""The Redis of chaos runs comes back when its log has a hole, as docs/reliability.md tells people to
bring one back: also when a rewrite has begun another file behind the one with the hole.
"""

import contextlib
import pathlib
import sys
import tempfile
import time

import redis

from harness import TOP, free_ports, wait_for

sys.path.insert(0, str(TOP / "tests/chaos"))
import pipeline  # noqa: E402

HOLE_BYTES = 4096


class NothingUnder:
    @staticmethod
    def environment():
        return {}


class Server:
    def __init__(self, folder):
        (port,) = free_ports(1)
        self.store = redis.Redis(port=port, decode_responses=True)
        self.files = folder / "appendonlydir"
        words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "",
                 "--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "local"]
        self.process = pipeline.Redis("redis", words, folder / "redis.log", NothingUnder, 0,
                                      self.files / "appendonly.aof.manifest")

    def answers(self):
        """It is started again whenever it ends, as a run does."""
        self.process.turn(time.monotonic())
        with contextlib.suppress(redis.RedisError):
            return self.store.ping()

    def kill(self):
        child = self.process.child
        child.kill()
        child.wait()
        self.process.turn(time.monotonic())

    def make_hole(self, name):
        with open(self.files / name, "r+b") as file:
            file.write(bytes(HOLE_BYTES))

    def names(self):
        return [line.split()[1] for line in self.process.manifest.read_text().splitlines()]


def spoil(server, rewrite):
    """What was written first stays; what stands in and behind the hole goes."""
    wait_for("redis", server.answers)
    server.store.set("kept", "1")
    server.store.bgrewriteaof()
    wait_for("the rewrite", lambda: server.store.info("persistence")["aof_rewrite_in_progress"] == 0)
    for i in range(HOLE_BYTES // 8):
        server.store.set(f"lost:{i}", "1")
    with_hole = server.names()[-1]
    if rewrite:
        server.store.config_set("rdb-key-save-delay", 20_000)
        server.store.bgrewriteaof()
        wait_for("another file", lambda: server.names()[-1] != with_hole)
        server.store.set("lost", "behind")
    server.kill()
    assert (server.names()[-1] != with_hole) == rewrite, server.names()
    server.make_hole(with_hole)


def comes_back(rewrite):
    with tempfile.TemporaryDirectory(prefix="tw-hole-") as name:
        server = Server(pathlib.Path(name))
        try:
            spoil(server, rewrite)
            wait_for("redis to be back", server.answers, 30)
            assert server.process.cuts == 1, server.process.cuts
            assert server.store.get("kept") == "1"
            assert server.store.get("lost") is None and server.store.get("lost:1") is None
            server.store.set("new", "1")
            server.kill()
            wait_for("redis to be back again", server.answers, 30)
            assert server.store.mget("kept", "new") == ["1", "1"]
            assert server.process.cuts == 1, server.process.cuts
        finally:
            if server.process.child:
                server.process.child.kill()
                server.process.child.wait()


def main():
    comes_back(rewrite=False)
    comes_back(rewrite=True)
    print("ok: a hole costs what was written since, and no more")


if __name__ == "__main__":
    main()
