"""Recorded series beside the project (../shared/data/series): how each is configured, and an
independent reader that keeps every number as it was written. See INDEX.md there, section 3.
"""
import csv
import gzip
import json
import pathlib

from feed import Feed, Row, time_us

TOP = pathlib.Path(__file__).resolve().parents[2]
SERIES = TOP.parent / "shared/data/series"

CANDLE = ("open", "high", "low", "close", "volume")
TRADE = ("price", "amount")
ISO = "%Y-%m-%dT%H:%M:%S"
SPACED = "%Y-%m-%d %H:%M:%S"


def text_of(path):
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as lines:
        return lines.read()


def json_of(path):
    return json.loads(text_of(path), parse_float=str, parse_int=str)


def cells_of(path, header):
    table = list(csv.reader(text_of(path).splitlines()))
    return table[1:] if header else table


def places(columns, first):
    return {name: f"/{first + i}" for i, name in enumerate(columns)}


def named(path, **settings):
    """Exchange and pair are in the name of the file."""
    exchange, pair = path.name.split("_")[:2]
    source = {"url": f"file://{path}", "key": {"exchange": f"={exchange}", "pair": f"={pair}"}}
    return (exchange, pair), source | settings


def arrays(path):
    """[ms, open, high, low, close, volume]"""
    keys, source = named(path, format="json", rows="/*", time={"at": "/0", "unit": "ms"},
                         columns=places(CANDLE, 1))
    return source, [Row(keys, int(row[0]) * 1000, tuple(row[1:6]), ()) for row in json_of(path)]


def objects(path):
    """Bittrex: {"O", "H", "L", "C", "V", "T": ISO time without zone, "BV"}"""
    keys, source = named(path, format="json", rows="/*", time={"at": "/T", "unit": ISO},
                         columns=dict(zip(CANDLE, ["/O", "/H", "/L", "/C", "/V"])))
    return source, [Row(keys, time_us(row["T"], ISO), tuple(row[name] for name in "OHLCV"), ())
                    for row in json_of(path)]


def headed(time, unit, cut):
    """CSV with a header; `cut`: so many characters of the time are read here."""
    def read(path):
        keys, source = named(path, format="csv", time={"at": time, "unit": unit},
                             columns={name: name for name in CANDLE})
        return source, [Row(keys, time_us(cells[0][:cut], SPACED), tuple(cells[1:6]), ())
                        for cells in cells_of(path, header=True)]
    return read


def midnight(columns):
    """CSV without header: milliseconds since midnight, then the columns."""
    def read(path):
        keys, source = named(path, format="csv", header="false", columns=places(columns, 1),
                             time={"at": "/0", "unit": "ms"})
        identity = ()
        if columns is TRADE:
            source["identity"], identity = "none", None
        return source, [Row(keys, int(cells[0]) * 1000, tuple(cells[1:1 + len(columns)]), identity)
                        for cells in cells_of(path, header=False)]
    return read


def newest_first_candles(path):
    keys, source = named(path, format="csv", header="false", order="newest_first",
                         time={"at": "/0", "unit": "ms"}, columns=places(CANDLE, 3))
    rows = [Row(keys, int(cells[0]) * 1000, tuple(cells[3:8]), ())
            for cells in cells_of(path, header=False)]
    return source, rows[::-1]


def bitcoincharts(newest_first):
    """unix seconds, price, amount"""
    def read(path):
        keys, source = named(path, format="csv", header="false", identity="none",
                             time={"at": "/0", "unit": "s"}, columns=places(TRADE, 1))
        if newest_first:
            source["order"] = "newest_first"
        rows = [Row(keys, int(cells[0]) * 10**6, tuple(cells[1:3]), None)
                for cells in cells_of(path, header=False)]
        return source, rows[::-1] if newest_first else rows
    return read


def trade_arrays(path):
    """[ms, id, type, side, price, amount, cost]"""
    keys, source = named(path, format="json", rows="/*", time={"at": "/0", "unit": "ms"},
                         columns={"price": "/4", "amount": "/5"}, identity=["time", "/1"])
    return source, [Row(keys, int(row[0]) * 1000, (row[4], row[5]), row[1]) for row in json_of(path)]


def websocket(path):
    """Lines of "local_ns SPACE message": the messages alone are JSON lines, so a file of them is
    written first; the numbers stay as they are."""
    lines = [line.split(" ", 1)[1] for line in text_of(path).splitlines() if line]
    documents = [json.loads(line)["data"] for line in lines]
    keys = ("binance", documents[0]["s"])
    source = {"format": "jsonl", "rows": "/data", "key": {"exchange": "=binance", "pair": "/s"},
              "time": {"at": "/T", "unit": "ms"}, "identity": ["time", "/t"],
              "columns": {"price": "/p", "amount": "/q"}, "lines": lines}
    return source, [Row(keys, row["T"] * 1000, (row["p"], row["q"]), str(row["t"]))
                    for row in documents]


CANDLES = [  # the first pattern that fits reads it
    ("binance_*_1m_*.json.gz", arrays),
    ("bittrex_*_1m_*.json.gz", objects),
    ("binanceus_*_1m_*.csv.gz", headed("open_time", "rfc3339", 19)),
    ("ftx_*_1m_*.csv.gz", headed("timestamp", "%Y-%m-%d %H:%M:%S.%f", 19)),
    ("cme_*_1m_*.csv.gz", headed("timestamp_utc", SPACED, 19)),
    ("coinbase_*_1m_*.csv.gz", midnight(CANDLE)),
    ("binance_*_1m_*.csv.gz", newest_first_candles),
]
TAPES = [
    ("nyse_*_tick_*.csv.gz", midnight(TRADE)),
    ("comex_*_tick_*.csv.gz", midnight(TRADE)),
    ("mtgox_*_trades_*.csv.gz", bitcoincharts(newest_first=True)),
    ("bitstamp_*_trades_*.csv.gz", bitcoincharts(newest_first=False)),
    ("binance_*_trades_*.json.gz", trade_arrays),
    ("binance-spot_*_trades_*.jsonl.gz", websocket),
]


def feed_of(path, read, table, columns, folder):
    source, rows = read(path)
    if "lines" in source:
        plain = folder / path.name.removesuffix(".gz")
        plain.write_text("".join(line + "\n" for line in source.pop("lines")), encoding="utf-8")
        source["url"] = f"file://{plain}"
    return Feed(path.name.removesuffix(".gz"), source, [rows], table, columns,
                settings={"window_rows_max": "1048576"} if table == "trade" else {})


def recorded(folder):
    """(name of kind, size, function that makes the feed) of every file that there is."""
    for table, columns, kinds in (("candle", CANDLE, CANDLES), ("trade", TRADE, TAPES)):
        for pattern, read in kinds:
            for path in sorted(SERIES.glob(pattern)):
                yield (table, path.stat().st_size,
                       lambda path=path, read=read, table=table, columns=columns:
                           feed_of(path, read, table, columns, folder))
