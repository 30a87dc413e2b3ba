"""Push rows into a Tidewire feed; what was acknowledged is on disk.

    import tidewire_push as tp
    feed = tp.Feed("tcp://127.0.0.1:5570", "tcp://127.0.0.1:5560", "trades", "me")
    done = feed.open()           # frames of this client that are on disk already: go on behind them
    feed.send({"ts": tp.i64(times), "pair": tp.texts(pairs), "price": prices})
    feed.close()                 # waits until everything is on disk

With keys (tidewire_curve.py): Feed("tcp://HOST:PORT#KEY", ..., pair=tidewire_curve.pair_of(FILE)).
Over several brokers: their endpoints, separated by commas; one that lives is enough.

Frames are numbered 1, 2, 3 ... and kept, within bounds, until the collector has announced their
number on the broker's topic staged/<source>/<client>; after a silence, a broken link, or when the
collector says that one is missing, all that is above the announced number is sent again, in order.
So every row is taken once, whoever dies: the collector, the broker, or this client, which asks at
open() how far its earlier life came. That needs rows that can be made again: frame n must hold the
same rows in every life. Who pushes what cannot be made again takes a new client name each time.

No threads: work is done inside the calls, so call something (work() will do) every second or so.
One Feed is one client; two processes must not share a name. Needs python3-zmq, python3-msgpack.
"""
import array
import collections
import sys
import time
import zlib

import msgpack
import zmq

from tidewire_curve import Link

FRAME_BYTES_MAX = 64 << 20  # a larger frame would end the connection
SILENCE_S = 1.0             # without news that makes us send again; doubles while nothing comes
AGAIN_S = 0.1               # at least between two times of sending again; doubles likewise
PAUSE_S_MAX = 8.0
ASK_S = 0.25


# ---- columns ---------------------------------------------------------------------------------
# A column is a list of None, bool, int, float and str; or in bulk, which is faster:

def _bulk(code, values):
    items = array.array(code, values)
    if sys.byteorder == "big":
        items.byteswap()
    return items.tobytes()


def i64(values):
    return ["i64", _bulk("q", values)]


def f64(values):
    """NaN is NULL."""
    return ["f64", _bulk("d", values)]


def dec(exponent, mantissas):
    """Decimals mantissa * 10**exponent, exactly; the mantissa -2**63 is NULL."""
    return ["dec", exponent, _bulk("q", mantissas)]


def texts(values):
    """Texts of which many are the same."""
    places = {}
    indexes = [places.setdefault(value, len(places)) for value in values]
    code, name = ("B", "u8") if len(places) <= 256 else ("I", "u32")
    return ["dict", list(places), [name, _bulk(code, indexes)]]


# ---- shards ----------------------------------------------------------------------------------

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def series_id(table, values):
    """The series of a row: table and key values in the order of the configuration."""
    return ":".join("".join(chr(b) if b in _PLAIN else f"%{b:02X}" for b in str(part).encode())
                    for part in (table, *values))


def shard_of(series, shards):
    return zlib.crc32(series.encode()) % shards


# ---- one feed --------------------------------------------------------------------------------

class Feed:
    """frames_max and bytes_max bound what is kept unacknowledged; then send() waits."""

    def __init__(self, to, alerts, source, client, frames_max=256, bytes_max=64 << 20, pair=None):
        self.to, self.alerts, self.source, self.client = to, alerts, source, client
        self.frames_max, self.bytes_max = frames_max, bytes_max
        self.n = 0              # the number given last
        self.acknowledged = 0   # everything up to here is on disk
        self.resent = 0         # times that frames were sent again
        self._kept = collections.deque()  # frames acknowledged + 1 .. n
        self._bytes = 0
        self._next = 0          # place in _kept of the frame to send next
        self._answered = False
        self._progress()
        self._topic = f"staged/{source}/{client}".encode()
        self._poller = zmq.Poller()
        self._news = [self._hear_from(broker, pair) for broker in alerts.split(",")]
        self._out = zmq.Context.instance().socket(zmq.PUSH)
        self._out.setsockopt(zmq.IMMEDIATE, 1)  # queue only for a collector that is there
        self._out.setsockopt(zmq.SNDHWM, 16)
        self._links = [Link(self._out, to, pair), *self._news]

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.close()
        else:
            self.abandon()

    def open(self, seconds=30.0):
        """Ask how many frames of this client are on disk, and go on behind them."""
        question = self._pack(0, {})
        end, why = time.monotonic() + seconds, None
        while not self._answered:
            for link in self._links:
                why = link.look() or why
                if link.refused:
                    raise ConnectionError(f"{link.address}: {why}")
            if time.monotonic() > end:
                raise TimeoutError(
                    why or f"no answer about source '{self.source}' within {seconds:g} s: does its "
                    f"collector listen at {self.to} (its log says what it refuses), and a broker at "
                    f"{self.alerts}? With keys '{self.client}' must be the name of our key, or "
                    "that, a dot and more")
            try:
                self._out.send(question, zmq.DONTWAIT)
            except zmq.Again:
                pass  # no collector there just now
            until = time.monotonic() + ASK_S
            while not self._answered and time.monotonic() < until:
                self._hear(until - time.monotonic())
        self.n = self.acknowledged
        return self.acknowledged

    def send(self, rows, seconds=None):
        """Number a frame of columns and send it; returns n. Waits for room, if need be."""
        return self._send({"rows": rows}, seconds)

    def send_raw(self, payload, seconds=None):
        """The same with bytes that the source's mapping reads."""
        return self._send({"raw": payload}, seconds)

    def work(self, seconds=0.0):
        """Send, hear, send again; returns when there was news, or after so long."""
        for link in self._links:
            link.look()
        now = time.monotonic()
        if self._kept and now >= self._silent_until:
            self._go_back(now)
        self._pump()
        wait = min(seconds, max(0.0, self._silent_until - now)) if self._kept else seconds
        waiting = self._next < len(self._kept)
        if waiting and wait > 0:
            self._poller.register(self._out, zmq.POLLOUT)
        self._hear(wait)
        if waiting and wait > 0:
            self._poller.unregister(self._out)
            self._pump()

    def settle(self, seconds=None):
        """Until everything sent is on disk."""
        self._work_until(lambda: not self._kept, seconds)

    def close(self, seconds=None):
        try:
            self.settle(seconds)
        finally:
            self.abandon()

    def abandon(self):
        """Close at once; what is not acknowledged may be lost."""
        for link in self._links:
            link.close()

    # ---- inside ----

    def _hear_from(self, broker, pair):
        socket = zmq.Context.instance().socket(zmq.SUB)
        socket.setsockopt(zmq.SUBSCRIBE, self._topic)
        socket.setsockopt(zmq.MAXMSGSIZE, 4096)
        self._poller.register(socket, zmq.POLLIN)
        return Link(socket, broker, pair)

    def _pack(self, n, body):
        return msgpack.packb({"v": 1, "source": self.source, "client": self.client, "n": n, **body})

    def _send(self, body, seconds):
        assert self._answered, "open() first"
        frame = self._pack(self.n + 1, body)
        if len(frame) > FRAME_BYTES_MAX:
            raise ValueError(f"a frame of {len(frame)} bytes; at most {FRAME_BYTES_MAX} are taken: "
                             "send fewer rows in each")
        self._work_until(lambda: self._has_room(len(frame)), seconds)
        self.n += 1
        if self.n <= self.acknowledged:
            return self.n  # an earlier life's, which was still on its way when we asked
        self._kept.append(frame)
        self._bytes += len(frame)
        if len(self._kept) == 1:
            self._progress()
        self.work()
        return self.n

    def _has_room(self, size):
        return not self._kept or (len(self._kept) < self.frames_max and
                                  self._bytes + size <= self.bytes_max)

    def _work_until(self, done, seconds):
        end = time.monotonic() + seconds if seconds is not None else float("inf")
        while not done():
            if time.monotonic() >= end:
                raise TimeoutError(f"{len(self._kept)} frames above n={self.acknowledged} are not "
                                   f"acknowledged after {seconds:g} s")
            self.work(min(0.5, end - time.monotonic()))

    def _pump(self):
        while self._next < len(self._kept):
            try:
                self._out.send(self._kept[self._next], zmq.DONTWAIT)
            except zmq.Again:
                return
            self._next += 1

    def _hear(self, seconds):
        ready = dict(self._poller.poll(max(0, int(seconds * 1000 + 0.999))))
        for link in self._news:
            while link.socket in ready:
                try:
                    topic, body = link.socket.recv_multipart(zmq.DONTWAIT)
                except zmq.Again:
                    break
                if topic == self._topic:
                    self._take_news(msgpack.unpackb(body)["n"])

    def _take_news(self, n):
        if not self._answered:
            self._answered = True
            self.acknowledged = n
        elif n > self.acknowledged:
            for _ in range(min(n - self.acknowledged, len(self._kept))):
                self._bytes -= len(self._kept.popleft())
                self._next = max(0, self._next - 1)
            self.acknowledged = n
            self._progress()
        elif self._next > 0 and time.monotonic() >= self._again_from:
            self._go_back(time.monotonic())  # what it got from us is not what it wants next

    def _progress(self):
        self._silence, self._again = SILENCE_S, AGAIN_S
        self._silent_until = time.monotonic() + SILENCE_S
        # The same number by another broker is no news.
        self._again_from = time.monotonic() + AGAIN_S if "," in self.alerts else 0.0

    def _go_back(self, now):
        self.resent += self._next > 0
        self._next = 0
        self._silence = min(2 * self._silence, PAUSE_S_MAX)
        self._again = min(2 * self._again, PAUSE_S_MAX)
        self._silent_until, self._again_from = now + self._silence, now + self._again


# ---- a feed in shards ------------------------------------------------------------------------

class Shards:
    """A source with `shards: N` as if it were one: rows go to the shard of their series.

    to: one address, or one for each shard. key: what the key of the source says, in its order:
    "=text" for a literal, else the name of a column given as a plain list. Batch n is frame n of
    every shard, with or without rows, so one number tells how far all of them are.
    """

    def __init__(self, to, alerts, source, client, shards, table, key, **bounds):
        places = [to] * shards if isinstance(to, str) else to
        assert len(places) == shards, "one address, or one for each shard"
        self.table, self.key, self.n = table, key, 0
        self.feeds = [Feed(place, alerts, f"{source}.{k}", client, **bounds)
                      for k, place in enumerate(places)]
        self._shards = {}  # of key values met so far

    @property
    def acknowledged(self):
        return min(feed.acknowledged for feed in self.feeds)

    def open(self, seconds=30.0):
        self.n = min([feed.open(seconds) for feed in self.feeds])
        return self.n

    def send(self, rows, seconds=None):
        count = len(next(iter(rows.values())))
        keys = zip(*([part[1:]] * count if part[0] == "=" else rows[part] for part in self.key))
        places = [[] for _ in self.feeds]
        for row, values in enumerate(keys):
            places[self._shard(values)].append(row)
        self.n += 1
        for feed, chosen in zip(self.feeds, places):
            if feed.n < self.n:  # else it has this batch from an earlier life
                feed.send({name: [values[row] for row in chosen]
                           for name, values in rows.items()}, seconds)
        return self.n

    def work(self, seconds=0.0):
        for feed in self.feeds:
            feed.work(seconds / len(self.feeds))

    def close(self, seconds=None):
        for feed in self.feeds:
            feed.close(seconds)

    def abandon(self):
        for feed in self.feeds:
            feed.abandon()

    def _shard(self, values):
        if values not in self._shards:
            if len(self._shards) >= 1 << 20:
                self._shards.clear()
            self._shards[values] = shard_of(series_id(self.table, values), len(self.feeds))
        return self._shards[values]
