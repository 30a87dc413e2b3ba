"""A feed as the oracle sees it: the configuration of its source, and the rows that PostgreSQL is
given, read here from the original bytes and admitted as DESIGN 5 says. Shares no code with
Tidewire, on purpose.
"""
import collections
import dataclasses
import datetime
import decimal
import re

DIGITS_MOST = 18  # significant digits that are kept; longer numbers are rounded
EPOCH = datetime.datetime(1970, 1, 1)
EXACT = decimal.Context(prec=200)
ROUNDING = decimal.Context(prec=DIGITS_MOST, rounding=decimal.ROUND_HALF_UP)

Row = collections.namedtuple("Row", "keys us values identity")  # values: text or None


def time_text(us):
    """As PostgreSQL prints a timestamp."""
    moment = EPOCH + datetime.timedelta(microseconds=us)
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{us % 10**6:06d}".rstrip("0") if us % 10**6 else text


def time_us(text, form):
    """Microseconds of a time without zone, or of UTC."""
    return int((datetime.datetime.strptime(text, form) - EPOCH) / datetime.timedelta(microseconds=1))


def kept(text):
    """The number that remains of a text: exact up to 18 digits, else rounded."""
    if text is None:
        return None
    digits = re.sub(r"[eE].*", "", text).replace(".", "").lstrip("-0")
    if len(digits) <= DIGITS_MOST:
        return text
    return format(ROUNDING.plus(EXACT.create_decimal(text)), "f")


def same(left, right):
    """Equal content, whatever the spelling."""
    return all((a is None) == (b is None) and (a is None or decimal.Decimal(a) == decimal.Decimal(b))
               for a, b in zip(left, right))


def series_id(table, keys):
    def part(text):
        return "".join(chr(byte) if re.match(r"[A-Za-z0-9._-]", chr(byte)) else f"%{byte:02X}"
                       for byte in text.encode())
    return ":".join([table, *map(part, keys)])


@dataclasses.dataclass
class Feed:
    name: str
    source: dict  # its settings, without name, table and columns
    records: list  # of lists of Row: what one payload holds, in its order
    table: str = "candle"
    columns: tuple = ("open", "high", "low", "close", "volume")
    key_names: tuple = ("exchange", "pair")
    settings: dict = dataclasses.field(default_factory=dict)  # at the top
    rounded: int = 0

    def __post_init__(self):
        self.rows = []      # accepted, in their last revision
        self.early = []     # (row, place): what a revision has replaced, and where
        self.late = self.duplicates = self.revisions = 0
        newest, still_open = {}, {}
        for record in self.records:
            for row in sorted(record, key=lambda row: row.us):  # stable
                row = row._replace(values=tuple(map(kept, row.values)))
                if row.us < newest.get(row.keys, 0):
                    self.late += 1
                    continue
                if row.us > newest.get(row.keys, -1):
                    newest[row.keys] = row.us
                    still_open[row.keys] = {}
                self._accept(row, still_open[row.keys])
        self.records = None

    def _accept(self, row, still_open):
        place = still_open.get(row.identity) if row.identity is not None else None
        if place is None:
            still_open[row.identity] = len(self.rows)
            self.rows.append(row)
        elif same(self.rows[place].values, row.values):
            self.duplicates += 1
        else:
            self.revisions += 1
            self.early.append((self.rows[place], place))
            self.rows[place] = row

    def series(self):
        return {row.keys for row in self.rows}

    def offered(self):
        return len(self.rows) + self.late + self.duplicates + self.revisions

    def table_rows(self):
        """For COPY: keys, ts, n, values. What a revision replaced was judged too, over the rows
        before it, which were closed already: such a row ends a series of its own, whose last key
        carries a mark (see judged())."""
        for n, row in enumerate(self.rows):
            yield (*row.keys, time_text(row.us), n, *row.values)
        for mark, (old, place) in enumerate(self.early):
            keys = (*old.keys[:-1], f"{old.keys[-1]}#{mark}")
            for n, row in enumerate(self.rows[:place]):
                if row.keys == old.keys:
                    yield (*keys, time_text(row.us), n, *row.values)
            yield (*keys, time_text(old.us), place, *old.values)

    def judged(self, found):
        """Rows that a query found (ts, keys), as alerts: those of the marked series count only at
        their end, and a row alerts once, whichever of its revisions was true."""
        if not self.early:
            return found
        ends = {}
        for mark, (old, _) in enumerate(self.early):
            ends[f"{old.keys[-1]}#{mark}"] = (time_text(old.us), old.keys)
        alerts = set()
        for ts, *keys in found:
            end = ends.get(keys[-1])
            if not end:
                alerts.add((ts, *keys))
            elif end[0] == ts:
                alerts.add((ts, *end[1]))
        return sorted(alerts)
