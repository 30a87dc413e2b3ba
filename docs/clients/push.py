#!/usr/bin/python3
"""Push rows into a Tidewire feed and wait until all of them are on disk.

    push.py --to tcp://127.0.0.1:5570 --source NAME --client NAME < rows.jsonl
    push.py ... --shards 3 --table trade --key pair < rows.jsonl

Where Tidewire has keys, TIDEWIRE_KEY names the key file of this feed, and addresses have the key of
who listens behind them: tcp://HOST:PORT#KEY. Several brokers, of which one that lives is enough,
are separated by commas.

Each line of the input is a JSON object: column name -> value; a frame carries --batch of them.
Run it again after whatever broke it, with the same input and batch: it goes on where it was. All
that matters is done by tidewire_push.py beside it.
"""
import argparse
import itertools
import json
import os
import select
import sys

import tidewire_curve
import tidewire_push


def lines_of(file, feed):
    """The lines of the input; the feed works while there are none."""
    rest = b""
    while True:
        while not select.select([file], [], [], 0)[0]:
            feed.work(0.05)
        got = os.read(file.fileno(), 1 << 16)
        *lines, rest = (rest + got).split(b"\n")
        yield from filter(None, map(bytes.strip, lines))
        if not got:
            yield from filter(None, [rest.strip()])
            return


def columns_of(rows):
    names = dict.fromkeys(itertools.chain.from_iterable(rows))
    return {name: [row.get(name) for row in rows] for name in names}


def feed_of(options):
    pair = tidewire_curve.pair_given()
    if not options.shards:
        return tidewire_push.Feed(options.to, options.alerts, options.source, options.client,
                                  pair=pair)
    to = options.to.split(",") if "," in options.to else options.to
    return tidewire_push.Shards(to, options.alerts, options.source, options.client, options.shards,
                                options.table, options.key.split(","), pair=pair)


def main():
    options = argparse.ArgumentParser(description="push rows into a Tidewire feed")
    options.add_argument("--to", default="tcp://127.0.0.1:5570",
                         help="address of the feed; of each shard, separated by commas")
    options.add_argument("--alerts", default="tcp://127.0.0.1:5560",
                         help="the broker's socket, or those of several, separated by commas")
    options.add_argument("--source", required=True)
    options.add_argument("--client", required=True)
    options.add_argument("--batch", type=int, default=1000, help="rows of one frame")
    options.add_argument("--shards", type=int, default=0, help="of the source, if it has any")
    options.add_argument("--table", help="with --shards: the source's table")
    options.add_argument("--key", help="with --shards: its key, column names or =text, by commas")
    options = options.parse_args()
    if options.shards and not (options.table and options.key):
        sys.exit("push.py: --shards needs --table and --key")

    try:
        feed = feed_of(options)
        known = feed.open()
    except (ValueError, ConnectionError, TimeoutError) as error:
        sys.exit(f"push.py: {error}")
    rows = frames = 0
    lines = lines_of(sys.stdin, feed)
    for n in itertools.count(1):
        batch = [json.loads(line) for line in itertools.islice(lines, options.batch)]
        if not batch:
            break
        if n > known:
            feed.send(columns_of(batch))
            rows += len(batch)
            frames += 1
    feed.close()
    print(f"rows={rows} frames={frames} known={known} last={feed.n}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
