"""Conditions at random, within what both PostgreSQL and the rule language know.

Functions without an exact value (sqrt, ln, stddev ...) stay out: near their thresholds the two
may differ, and here every difference is a fault.
"""


class RandomRules:
    def __init__(self, rng):
        self.rng = rng

    def pick(self, *choices):
        return self.rng.choice(choices)

    def window(self):
        return self.pick("last_1h", "last_30m", "last_10m", "rows_3", "rows_10", "rows_20")

    def column(self):
        return self.pick("open", "high", "low", "close", "volume")

    def literal(self):
        return self.pick("0", "1", "2", "3", "7", "100", "0.5", "2.5", "0.1", "1e1", "-1", "-2.5",
                         "100.25")

    def argument(self, depth=2):
        """An exact expression over columns: what may stand inside an aggregate."""
        if depth == 0 or self.rng.random() < 0.5:
            return self.pick(self.column(), self.column(), self.literal())
        a, b = self.argument(depth - 1), self.argument(depth - 1)
        return self.pick(
            f"({a} + {b})", f"({a} - {b})", f"({a} * {b})", f"abs({a})", f"(- {a})",
            f"CASE WHEN {a} > {b} THEN {b} ELSE {a} END", f"coalesce({a}, {b})",
            f"nullif({a}, {b})", f"greatest({a}, {b})", f"least({a}, {b})",
            f"CASE {a} WHEN {b} THEN 1 END")

    def aggregate(self):
        name = self.pick("avg", "avg", "sum", "min", "max", "count", "lag", "first_value",
                         "last_value", "delta", "rate", "twavg", "median")
        if self.rng.random() < 0.1:
            return f"count(*) OVER {self.window()}"
        argument = self.argument() if self.rng.random() < 0.3 else self.column()
        if name == "lag":
            return f"lag({argument}, {self.rng.randrange(1, 4)}) OVER {self.pick('rows_3', 'rows_10')}"
        return f"{name}({argument}) OVER {self.window()}"

    def number(self, depth):
        if depth == 0 or self.rng.random() < 0.25:
            return self.pick(self.column(), self.column(), self.literal(), self.aggregate(),
                             "extract(minute FROM ts)", "extract(second FROM ts)",
                             "extract(epoch FROM ts)")
        a, b = self.number(depth - 1), self.number(depth - 1)
        return self.pick(
            f"({a} + {b})", f"({a} - {b})", f"{a} * {b}", f"({a}) / ({b})", f"({a}) / ({b})",
            f"({a}) % ({b})", f"mod({a}, {b})", f"abs({a})", f"(- ({a}))", f"floor({a})",
            f"ceil({a})", f"round({a})", f"round(({a})::numeric, {self.rng.randrange(-2, 4)})",
            f"sign({a})", f"greatest({a}, {b})", f"least({a}, {b}, {self.literal()})",
            f"coalesce({a}, {b})", f"nullif({a}, {b})", f"({a})::int", f"({a})::numeric",
            f"CASE WHEN {self.truth(depth - 1)} THEN {a} ELSE {b} END",
            f"CASE WHEN {self.truth(depth - 1)} THEN {a} END")

    def text(self):
        return self.pick("exchange", "pair", "'kraken'", "'XBT/USD'", "NULL", "'it''s'",
                         "coalesce(nullif(exchange, 'kraken'), pair)",
                         "CASE WHEN volume > 5 THEN exchange ELSE 'none' END")

    def comparison(self, depth):
        sign = self.pick("=", "<>", "<", "<=", ">", ">=", "!=")
        return f"{self.number(depth)} {sign} {self.number(depth)}"

    def truth(self, depth):
        if depth == 0 or self.rng.random() < 0.4:
            return self.comparison(max(depth - 1, 0))
        a, b = self.truth(depth - 1), self.truth(depth - 1)
        x, y, z = (self.number(depth - 1) for _ in range(3))
        return self.pick(
            f"({a} AND {b})", f"({a} OR {b})", f"NOT ({a})", f"(({a}) IS TRUE)",
            f"(({a}) IS NOT FALSE)", f"(({a}) IS UNKNOWN)", f"(({x}) IS NULL)",
            f"(({x}) IS NOT NULL)", f"({x} BETWEEN {y} AND {z})", f"({x} NOT BETWEEN {y} AND {z})",
            f"({x} BETWEEN SYMMETRIC {y} AND {z})", f"({x} IN ({y}, {z}))", f"({x} NOT IN ({y}))",
            f"({x} IS DISTINCT FROM {y})", f"(({a}) = ({b}))", f"coalesce({a}, {b})",
            f"CASE WHEN {a} THEN {b} ELSE true END", f"({self.text()} = {self.text()})",
            f"(pair LIKE {self.pick(chr(39) + '%USD' + chr(39), chr(39) + '_TH%' + chr(39))})")

    def condition(self):
        return self.truth(self.pick(1, 2, 2, 3))
