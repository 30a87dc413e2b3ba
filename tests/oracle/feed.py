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
# A row, its place among all, and what those of its time before it were then, by place.
Judged = collections.namedtuple("Judged", "row place before")


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
        self.early = []     # Judged: what a revision has changed for a row and those behind it
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
        self._find_tied()

    def _accept(self, row, still_open):
        place = still_open.get(row.identity) if row.identity is not None else None
        if place is None:
            still_open[row.identity] = len(self.rows)
            self.rows.append(row)
        elif same(self.rows[place].values, row.values):
            self.duplicates += 1
        else:
            self.revisions += 1
            for behind in sorted(other for other in still_open.values() if other >= place):
                self._judged_as_now(behind, still_open.values())
            self.rows[place] = row

    def _judged_as_now(self, place, still_open):
        before = {other: self.rows[other] for other in still_open if other < place}
        self.early.append(Judged(self.rows[place], place, before))

    def _find_tied(self):
        """Of rows of one time a query does not say which it has found. Where some of them were
        revised we ask for each by itself, as it is in the end as well."""
        revised = {(judged.row.keys, judged.row.us) for judged in self.early}
        places = collections.defaultdict(list)
        for place, row in enumerate(self.rows):
            if (row.keys, row.us) in revised:
                places[row.keys, row.us].append(place)
        self.tied = {group for group, members in places.items() if len(members) > 1}
        for group in sorted(self.tied):
            for place in places[group]:
                self._judged_as_now(place, places[group])

    def series(self):
        return {row.keys for row in self.rows}

    def offered(self):
        return len(self.rows) + self.late + self.duplicates + self.revisions

    def _marked(self, mark, judged, end):
        """The rows as they were when a row was judged, in a series of their own, whose last key
        carries a mark; with that row at their end, or without."""
        keys = (*judged.row.keys[:-1], f"{judged.row.keys[-1]}#{mark}{'' if end else '-'}")
        for n, row in enumerate(self.rows[:judged.place]):
            if row.keys == judged.row.keys:
                yield (*keys, time_text(row.us), n, *judged.before.get(n, row).values)
        if end:
            yield (*keys, time_text(judged.row.us), judged.place, *judged.row.values)

    def table_rows(self):
        """For COPY: keys, ts, n, values."""
        for n, row in enumerate(self.rows):
            yield (*row.keys, time_text(row.us), n, *row.values)
        for mark, judged in enumerate(self.early):
            yield from self._marked(mark, judged, True)
            if (judged.row.keys, judged.row.us) in self.tied:
                yield from self._marked(mark, judged, False)

    def judged(self, found):
        """Rows that a query found (ts, keys), as alerts: those of the marked series count only at
        their end, and a row alerts once, whichever of its judgements was true."""
        if not self.early:
            return found
        count = collections.Counter(found)
        tied = {(time_text(us), *keys) for keys, us in self.tied}
        alerts = {}
        for mark, judged in enumerate(self.early):
            ts, keys = time_text(judged.row.us), judged.row.keys
            found_with = count[ts, *keys[:-1], f"{keys[-1]}#{mark}"]
            if found_with > count[ts, *keys[:-1], f"{keys[-1]}#{mark}-"]:
                alerts[judged.place] = (ts, *keys)
        alone = set(alerts.values()) - tied
        names = {(*keys,) for keys in self.series()}
        return sorted([*alerts.values(), *(row for row in found if row[1:] in names and
                                           row not in tied and row not in alone)])
