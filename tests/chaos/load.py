"""The producer of a chaos run: a client of its own process that pushes 20,000 rows a second.

    load.py SETTINGS     a JSON object, see main(); orders and answers are lines of JSON

Frame n is a function of the seed and n alone, but for rows of probes, which an order puts into the
next frame. Frames fall due by the clock; while the collector is away they are kept and go out
afterwards, as the protocol says (docs/clients): that part is the library people are given.
"""

import array
import json
import pathlib
import random
import select
import sys
import time
import zlib

import msgpack

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "docs/clients"))
import tidewire_push as tp  # noqa: E402

FRAME_ROWS = 500
HOT, COLD, PROBES = 4, 400, 768  # series; half of the rows are of the hot ones
NAMES = [f"H{i}" for i in range(HOT)] + [f"S{i:03d}" for i in range(COLD)]
START_US = 1_700_000_000_000_000
ROW_US = 50                      # rows of a frame are so far apart: event time goes as fast as ours
FRAME_US = FRAME_ROWS * ROW_US
SPIKE_SHARE, ODD_SHARE = 0.0005, 0.02
NULL = -(1 << 63)
PRICE_EXPONENT, VOLUME_EXPONENT = -2, -4
PRICE_LEAST = 100 * 10**2
PROBE_PRICE = 2_000_000 * 10**2
FRAMES_KEPT = 8192               # unacknowledged: more than three minutes
TELL_S = 0.05


def little(code, values):
    items = array.array(code, values)
    if sys.byteorder == "big":
        items.byteswap()
    return items.tobytes()


class Rows:
    """The rows of one frame, by its number."""

    def __init__(self, seed):
        self.seed = seed

    def frame(self, n, probes=()):
        dice = random.Random(f"{self.seed}/{n}")
        half = FRAME_ROWS // 2
        pairs = [i % HOT for i in range(half)] + \
                [HOT + (n * half + i) % COLD for i in range(FRAME_ROWS - half)]
        begin = START_US + n * FRAME_US
        times = list(range(begin, begin + FRAME_US, ROW_US))
        noise = array.array("H", dice.randbytes(4 * FRAME_ROWS))
        prices = [PRICE_LEAST + value for value in noise[:FRAME_ROWS]]
        volumes = [1 + value for value in noise[FRAME_ROWS:]]
        for row in range(FRAME_ROWS):
            if dice.random() < SPIKE_SHARE:
                volumes[row] *= 8
        if dice.random() < ODD_SHARE * 5:  # late, repeated, revised, empty
            self._odd(dice, pairs, times, prices, volumes)
        names = NAMES + [f"P{series:03d}" for series in probes]
        for place in range(len(probes)):
            pairs.append(HOT + COLD + place)
            times.append(begin)
            prices.append(PROBE_PRICE)
            volumes.append(NULL)
        return {"t": ["i64", little("q", times)],
                "pair": ["dict", names, ["u16", little("H", pairs)]],
                "price": ["dec", PRICE_EXPONENT, little("q", prices)],
                "volume": ["dec", VOLUME_EXPONENT, little("q", volumes)]}

    @staticmethod
    def _odd(dice, pairs, times, prices, volumes):
        for _ in range(4):
            row = dice.randrange(FRAME_ROWS)
            what = dice.randrange(4)
            if what == 3:
                volumes[row] = NULL
                continue
            pairs.append(pairs[row])
            times.append(times[row] - (2_000_000 if what == 0 else 0))
            prices.append(prices[row] + (7 if what == 2 else 0))
            volumes.append(volumes[row] * (9 if what == 2 and volumes[row] != NULL else 1))


class Load:
    def __init__(self, settings):
        self.frames_a_second = settings["rows_a_second"] / FRAME_ROWS
        self.rows = Rows(settings["seed"])
        told = pathlib.Path(settings["told"])
        self.frames = open(told / "frames.jsonl", "a", buffering=1)
        self.acks = open(told / "acks.jsonl", "a", buffering=1)
        self.feed = tp.Feed(settings["push"], settings["alerts"], "trades", "load",
                            frames_max=FRAMES_KEPT, bytes_max=FRAMES_KEPT << 15)
        self.acknowledged = self.told_acknowledged = 0
        self.probes, self.probe_frame, self.probe_number = [], 0, 0
        self.stopping = False

    def note_acknowledged(self):
        if self.feed.acknowledged > self.acknowledged:
            self.acknowledged = self.feed.acknowledged
            self.acks.write(json.dumps({"source": "trades", "client": "load",
                                        "n": self.acknowledged, "t": time.time_ns() // 1000}) + "\n")

    def send(self):
        n = self.feed.n + 1
        rows = self.rows.frame(n, self.probes)
        frame = msgpack.packb({"v": 1, "source": "trades", "client": "load", "n": n, "rows": rows})
        self.frames.write(json.dumps({"source": "trades", "client": "load", "n": n,
                                      "bytes": len(frame), "crc": zlib.crc32(frame)}) + "\n")
        if self.probes:
            self.probes, self.probe_frame = [], n
        assert self.feed.send(rows) == n

    def hear_orders(self):
        while select.select([sys.stdin], [], [], 0)[0]:
            line = sys.stdin.readline()
            order = json.loads(line) if line else {"stop": True}
            if "probe" in order:
                self.probe_number, self.probes, self.probe_frame = order["number"], order["probe"], 0
            self.stopping |= "stop" in order
            if not line:
                return

    def tell(self, due):
        state = {"made": self.feed.n, "due": due, "acknowledged": self.acknowledged,
                 "resent": self.feed.resent, "probe": self.probe_number,
                 "probe_frame": self.probe_frame}
        print(json.dumps(state), flush=True)

    def run(self):
        self.feed.open(60)
        begun, tell_at, due = time.monotonic(), 0.0, 0
        while not self.stopping or self.acknowledged < self.feed.n:
            now = time.monotonic()
            self.hear_orders()
            if not self.stopping:
                due = int((now - begun) * self.frames_a_second)
            while self.feed.n < due and self.feed._has_room(1 << 15):
                self.send()
                if time.monotonic() > now + TELL_S:
                    break
            self.feed.work(0.005)
            self.note_acknowledged()
            if now >= tell_at:
                self.tell(due)
                tell_at = now + TELL_S
        self.tell(due)
        self.feed.abandon()


def main():
    settings = json.loads(sys.argv[1])
    Load(settings).run()


if __name__ == "__main__":
    main()
