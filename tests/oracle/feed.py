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
        self.rows = []  # accepted, in their last revision, in order of arrival
        self.past = []  # revisions that others have replaced
        self.late = self.duplicates = self.revisions = 0
        self._newest, self._places, self._revised = {}, {}, set()
        for record in self.records:
            for row in sorted(record, key=lambda row: row.us):  # stable
                self._admit(row._replace(values=tuple(map(kept, row.values))))
        self.records = None

    @property
    def lateness_us(self):
        return int(self.source.get("lateness", "0s").removesuffix("s")) * 10**6

    def _admit(self, row):
        newest = max(self._newest.get(row.keys, row.us), row.us)
        place = self._places.get((row.keys, row.us, row.identity))
        if row.us < newest - self.lateness_us:
            self.late += 1
        elif row.identity is None or place is None:
            self._newest[row.keys] = newest
            self._places[row.keys, row.us, row.identity] = len(self.rows)
            self.rows.append(row)
        elif same(self.rows[place].values, row.values):
            self.duplicates += 1
        else:
            self.revisions += 1
            self._revised.add((row.keys, row.us))
            self.past.append(self.rows[place])
            self.rows[place] = row

    def series(self):
        return {row.keys for row in self.rows}

    def offered(self):
        return len(self.rows) + self.late + self.duplicates + self.revisions

    def table_rows(self):
        """For COPY: keys, ts, n, values."""
        for n, row in enumerate(self.rows):
            yield (*row.keys, time_text(row.us), n, *row.values)

    def unclosed(self):
        """(ts, keys) of rows of which the last word is not spoken: no row has closed them."""
        return {(time_text(row.us), *row.keys) for row in self.rows
                if row.us >= self._newest[row.keys] - self.lateness_us
                and (self.lateness_us or (row.keys, row.us) in self._revised)}
