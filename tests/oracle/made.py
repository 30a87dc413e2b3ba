"""Made data, seeded: what recorded series have little of. Every maker writes its files and gives
the Feed whose rows were decided here, before anything was written.
"""
import decimal
import json
import random

from feed import Feed, Row

START_US = 1677628800 * 10**6  # 2023-03-01
SECOND = 10**6
KEYS = ("exchange", "pair")
CANDLE = ("open", "high", "low", "close", "volume")
MARKETS = [("kraken", "XBT/USD"), ("kraken", "ETH%EUR"), ("bitstamp", "XBT/USD"), ("cme", "6E_H4")]


def candle(rng, price):
    """Texts of open, high, low, close and volume, with ties, around a price."""
    prices = [price + rng.randrange(-20, 21) / 10 for _ in range(2)]
    high, low = max(prices) + rng.randrange(0, 9) / 10, min(prices) - rng.randrange(0, 9) / 10
    volume = rng.choice([f"{rng.randrange(0, 11)}", f"{rng.randrange(1, 400) / 100}",
                         f"{rng.randrange(1, 40) / 10}", "0.1"])
    return [f"{prices[0]:.1f}", f"{high:.1f}", f"{low:.1f}", f"{prices[1]:.1f}", volume]


def spelled(rng, text):
    """The same number in another of the spellings that JSON has."""
    number = decimal.Decimal(text)
    return rng.choice([text, f'"{text}"', f"{number:e}", f"{number:E}", f"{number:.6f}",
                       f'"{number:.3e}"' if len(number.as_tuple().digits) < 4 else text])


def mixed(folder, seed):
    """JSON lines: NULLs of three kinds, equal times, gaps, four series; every row counts."""
    rng = random.Random(seed)
    us, rows, lines = START_US, [], []
    for _ in range(4000):
        us += rng.choice([0, 0, 250_000, SECOND, 5 * SECOND, 20 * SECOND, 60 * SECOND, 60 * SECOND])
        if rng.random() < 0.002:
            us += rng.choice([1800, 3600, 7200, 90000]) * SECOND
        keys = rng.choice(MARKETS)
        values = [None if rng.random() < 0.06 else text
                  for text in candle(rng, 100 + rng.randrange(0, 50) / 10)]
        fields = {"ex": json.dumps(keys[0]), "pair": json.dumps(keys[1]),
                  "t": str(decimal.Decimal(us) / SECOND)}
        for name, text in zip(CANDLE, values):
            if text is not None:
                fields[name] = spelled(rng, text)
            elif rng.random() < 0.7:
                fields[name] = "null"  # else it is missing
        lines.append("{" + ", ".join(f'"{name}": {text}' for name, text in fields.items()) + "}\n")
        rows.append(Row(keys, us, tuple(values), None))
    path = folder / "mixed.jsonl"
    path.write_text("".join(lines), encoding="utf-8")
    return Feed("made: mixed", {
        "url": f"file://{path}", "format": "jsonl", "identity": "none",
        "key": {"exchange": "/ex", "pair": "/pair"}, "time": {"at": "/t", "unit": "s"},
        "columns": {name: f"/{name}" for name in CANDLE}}, [rows])


def ties(folder, seed):
    """CSV without header: 59 points of 0.1, then 0.3, again and again; whole numbers; glitches of
    1e17 that must leave nothing behind."""
    rng = random.Random(seed)
    rows, us = [], START_US
    for n in range(3000):
        us += 60 * SECOND
        values = candle(rng, 100)
        values[4] = "0.3" if n % 60 == 59 else "0.1"
        if 1200 <= n < 2000:
            values[4] = str(rng.randrange(0, 4))
        if n in (400, 1500, 2200):
            values[3] = values[4] = "1e17"
        if n in (700, 1700, 2500):
            values[3] = values[4] = "0.000000000000000001"
        rows.append(Row(("kraken", "TIE/USD"), us, tuple(values), ()))
    path = folder / "ties.csv"
    path.write_text("".join(";".join([str(row.us // 1000), *row.values]) + "\n" for row in rows))
    return Feed("made: ties", {
        "url": f"file://{path}", "format": "csv", "header": "false", "delimiter": ";",
        "key": {"exchange": "=kraken", "pair": "=TIE/USD"}, "time": {"at": "/0", "unit": "ms"},
        "columns": {name: f"/{i + 1}" for i, name in enumerate(CANDLE)}}, [rows])


def exponents(folder, seed):
    """JSON objects below their market: numbers from 1e-20 to 1e20 side by side, negative ones, and
    more digits than are kept."""
    rng = random.Random(seed)
    markets, rows = {}, []
    for exchange, pair in MARKETS[:2]:
        us = START_US
        members = markets.setdefault(f"{exchange}:{pair}", [])
        for _ in range(1500):
            us += rng.choice([30, 60, 60, 120, 600]) * SECOND
            values = []
            for _ in CANDLE:
                digits = rng.choice([1, 3, 8, 17, 18, 21])
                mantissa = str(rng.randrange(10**(digits - 1), 10**digits))
                sign = "-" if rng.random() < 0.1 else ""
                values.append(f"{sign}{mantissa[0]}.{mantissa[1:] or '0'}e{rng.randrange(-20, 21)}"
                              if rng.random() < 0.8 else f"{sign}{rng.randrange(0, 100)}")
            rows.append(Row((exchange, pair), us, tuple(values), ()))
            members.append(f'{{"at": {us * 1000}, "v": [{", ".join(values)}]}}')
    path = folder / "exponents.json"
    path.write_text('{"result": {' + ", ".join(
        f'{json.dumps(name)}: [{", ".join(members)}]' for name, members in markets.items()) + "}}")
    return Feed("made: exponents", {
        "url": f"file://{path}", "format": "json", "rows": "/result/*/*",
        "key": {"exchange": "~1:0", "pair": "~1:1"}, "time": {"at": "/at", "unit": "ns"},
        "columns": {name: f"/v/{i}" for i, name in enumerate(CANDLE)}}, [rows])


def revised(folder, seed):
    """Polls of a candle endpoint, a CSV file each: the last candles again and again, the newest
    one unfinished; sometimes out of order, sometimes older ones with other content, too late."""
    rng = random.Random(seed)
    truth = [[str(START_US // SECOND + 60 * n), *candle(rng, 100)] for n in range(900)]
    for cells in truth[300:330]:
        cells[1 + rng.randrange(5)] = ""
    records, seen = [], 0
    while seen < len(truth):
        seen = min(len(truth), seen + rng.choice([0, 0, 1, 1, 2, 5]))
        part = [list(cells) for cells in truth[max(0, seen - 6):seen]]
        if part and rng.random() < 0.5:
            part[-1][4:6] = [f"{100 + rng.randrange(-20, 21) / 10:.1f}", f"{rng.randrange(0, 30)}"]
        if part and rng.random() < 0.1:
            part[0][5] = "1000000"  # late: without effect
        if rng.random() < 0.2:
            rng.shuffle(part)
        records.append(part)
    head = "time," + ",".join(CANDLE) + "\n"
    for n, part in enumerate(records):
        (folder / f"poll-{n:04}.csv").write_text(
            head + "".join(",".join(cells) + "\n" for cells in part))
    keys = MARKETS[2]
    return Feed("made: revised", {
        "url": f"file://{folder}/poll-*.csv", "format": "csv",
        "key": {"exchange": "=bitstamp", "pair": "=XBT/USD"}, "time": {"at": "time", "unit": "s"},
        "columns": {name: name for name in CANDLE}},
        [[Row(keys, int(cells[0]) * SECOND, tuple(text or None for text in cells[1:]), ())
          for cells in part] for part in records])


def corrected(folder, seed):
    """Polls of a tape whose trades are corrected: several of one second, each of them again and
    again with other content while they are the newest, told apart by id."""
    rng = random.Random(seed)
    records, us = [], START_US
    for second in range(150):
        us += rng.choice([1, 1, 5, 60]) * SECOND
        ids = [f"{second}-{n}" for n in range(rng.choice([1, 1, 2, 3]))]
        for _ in range(rng.choice([1, 1, 2, 3])):
            records.append([Row(MARKETS[1], us, tuple(candle(rng, 100)), identity)
                            for identity in ids if rng.random() < 0.8])
    for n, record in enumerate(records):
        (folder / f"tape-{n:04}.json").write_text(json.dumps(
            [{"id": row.identity, "s": row.us // SECOND, "row": row.values} for row in record]))
    return Feed("made: corrected", {
        "url": f"file://{folder}/tape-*.json", "format": "json", "rows": "/*",
        "identity": ["time", "/id"],
        "key": {"exchange": "=kraken", "pair": "=ETH%EUR"}, "time": {"at": "/s", "unit": "s"},
        "columns": {name: f"/row/{i}" for i, name in enumerate(CANDLE)}}, records)


def trades(folder, seed):
    """Pages of trades that overlap, newest first, many in one millisecond, told apart by id."""
    rng = random.Random(seed)
    us, truth = START_US, []
    for number in range(3000):
        us += rng.choice([0, 0, 0, 1000, 40_000, 2 * SECOND, 15 * SECOND])
        values = candle(rng, 100)
        truth.append(Row(MARKETS[0], us, tuple(values), f"t{number}"))
    records, at = [], 0
    while at < len(truth):
        page = truth[max(0, at - rng.randrange(0, 12)):at + 100]
        at += 100
        (folder / f"page-{len(records):03}.json").write_text(json.dumps(
            {"trades": [{"id": row.identity, "ms": row.us // 1000, "row": row.values}
                        for row in reversed(page)]}))
        records.append(page)
    return Feed("made: trades", {
        "url": f"file://{folder}/page-*.json", "format": "json", "rows": "/trades/*",
        "order": "newest_first", "identity": ["time", "/id"],
        "key": {"exchange": "=kraken", "pair": "=XBT/USD"}, "time": {"at": "/ms", "unit": "ms"},
        "columns": {name: f"/row/{i}" for i, name in enumerate(CANDLE)}}, records)


def late(folder, seed, lateness, told_apart):
    """Records in which rows of three series come out of order, up to a bit more than the lateness
    late, and with ids again with other content."""
    rng = random.Random(seed)
    name = f"late-{lateness}-{'ids' if told_apart else 'all'}"
    records, us, number = [], START_US, 0
    sent = {keys: [] for keys in MARKETS[:3]}
    for _ in range(450):
        us += rng.choice([0, 1, 5, 20, 60, lateness // 2]) * SECOND
        record = []
        for _ in range(rng.randrange(1, 8)):
            keys = rng.choice(MARKETS[:3])
            back = rng.choice([0, 0, rng.randrange(0, lateness + lateness // 8 + 2)])
            again = [row for row in sent[keys][-20:] if told_apart and rng.random() < 0.1]
            for row in again[:1]:
                record.append(row._replace(values=tuple(candle(rng, 100))))
            number += 1
            values = tuple(None if rng.random() < 0.03 else text for text in candle(rng, 100))
            row = Row(keys, us - back * SECOND, values, str(number) if told_apart else None)
            sent[keys].append(row)
            record.append(row)
        records.append(record)
    for n, record in enumerate(records):
        (folder / f"{name}-{n:04}.jsonl").write_text("".join(
            json.dumps({"ex": row.keys[0], "pair": row.keys[1], "s": row.us // SECOND,
                        "id": row.identity or "", "row": row.values}) + "\n" for row in record))
    return Feed(f"made: {name}", {
        "url": f"file://{folder}/{name}-*.jsonl", "format": "jsonl", "lateness": f"{lateness}s",
        "identity": ["time", "/id"] if told_apart else "none",
        "key": {"exchange": "/ex", "pair": "/pair"}, "time": {"at": "/s", "unit": "s"},
        "columns": {name: f"/row/{i}" for i, name in enumerate(CANDLE)}}, records)


LATENESSES = (2, 30, 300, 5000)


def long(folder, rows=66087):
    """A candle file as long as the longest recorded one, for the clock where that is absent."""
    rng = random.Random(rows)
    path = folder / "long.json"
    path.write_text(json.dumps([[START_US // 1000 + 60000 * n,
                                 *[json.loads(text) for text in candle(rng, 100)]]
                                for n in range(rows)]))
    return {"url": f"file://{path}", "format": "json", "rows": "/*",
            "key": {"exchange": "=made", "pair": "=long"}, "time": {"at": "/0", "unit": "ms"},
            "columns": {name: f"/{i + 1}" for i, name in enumerate(CANDLE)}}


def made(folder, seed):
    feeds = [make(folder, seed + n)
             for n, make in enumerate((mixed, ties, exponents, revised, trades, corrected))]
    feeds += [late(folder, seed + 100 + n, lateness, told_apart)
              for n, lateness in enumerate(LATENESSES) for told_apart in (True, False)]
    return feeds
