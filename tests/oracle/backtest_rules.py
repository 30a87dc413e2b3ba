"""The rules of the back-test's oracle: for made data every aggregate and scalar of DESIGN 5 that
PostgreSQL has, for recorded candles and tapes those that find something there.

`sides`: the comparison of a rule that holds floating point, as two expressions: a row about which
we and PostgreSQL differ is forgiven (and counted) if they are within 1e-9 of each other.
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Rule:
    when: str
    options: dict = dataclasses.field(default_factory=dict)
    sides: tuple = ()


def rule(when, *sides, **options):
    if sides and "OVER" not in when:
        options["emit"] = "row"  # whether it is a step would hang on the row before, too
    return Rule(when, {name: str(value) for name, value in options.items()}, sides)


DERIVED = {"candle": {
    "volume_avg_1h": "avg(volume) OVER last_1h",
    "volume_ratio": "volume / avg(volume) OVER last_1h",
    "spread": "high - low",
    "twice": "2 * spread",
}}

ON_KEYS = "PARTITION BY exchange, pair ORDER BY"

MADE = {
    # comparisons with averages and sums, ties among them
    "spike": rule("volume > 3 * avg(volume) OVER last_1h"),
    "no-tie": rule("volume > 3 * avg(volume) OVER last_59m"),
    "or-tie": rule("volume >= 3 * avg(volume) OVER last_59m"),
    "tie": rule("volume = 3 * avg(volume) OVER rows_59", min_rows=59),
    "by-rows": rule("volume > 2 * avg(volume) OVER rows_20"),
    "vwap": rule("close * sum(volume) OVER last_30m > sum(close * volume) OVER last_30m"),
    "vwap-quotient": rule("sum(close * volume) OVER last_2h / sum(volume) OVER last_2h < close"),
    "two-windows": rule("avg(volume) OVER last_15m > 1.5 * avg(volume) OVER last_4h"),
    "day": rule("volume > 2.5 * avg(volume) OVER last_1d AND count(*) OVER last_2d > 100"),
    "averages": rule("avg(close) OVER rows_5 > avg(close) OVER rows_50", positive="false"),
    "signed": rule("sum(CASE WHEN close > open THEN volume ELSE -volume END) OVER last_1h > volume",
                   positive="false"),
    "unguarded": rule("volume > 3 * avg(volume) OVER last_1h", min_rows=0, positive="false"),
    # counts and NULLs
    "crowd": rule("count(*) OVER last_10m > 12", min_rows=0),
    "lonely": rule("count(*) OVER last_10m < 3", min_rows=0),
    "holes": rule("count(volume) OVER last_1h < count(*) OVER last_1h"),
    "no-close": rule("close IS NULL AND count(close) OVER last_1h > 3"),
    "three-values": rule("(volume > 5 OR close > 102) AND NOT (open > close AND high > 104)"),
    "unknown": rule("(volume > 5) IS NOT TRUE AND (close > open) IS UNKNOWN"),
    "distinct": rule("volume IS DISTINCT FROM lag(volume) OVER rows_1", min_rows=1),
    # every row, and the step alone (as it is without a word where there is no window)
    "up": rule("close > open", emit="row"),
    "turns-up": rule("close > open", emit="edge"),
    "late-hours": rule("extract(hour FROM ts) >= 18 AND volume IS NOT NULL"),
    "gone": rule("volume IS NULL"),
    "never-down": rule("true"),
    # extremes and places
    "breakout": rule("close > max(high) OVER last_1h"),
    "new-low": rule("low < min(low) OVER rows_60"),
    "range": rule("max(high) OVER rows_30 - min(low) OVER rows_30 > 8"),
    "first-last": rule("first_value(close) OVER last_30m > last_value(close) OVER last_30m"),
    "first-row": rule("first_value(volume) OVER rows_10 < volume AND last_value(close) OVER rows_3 "
                      "IS NOT NULL"),
    "lag": rule("close > lag(close) OVER rows_1", min_rows=1),
    "lag-3": rule("lag(close, 3) OVER rows_10 > 1.01 * close"),
    # beyond PostgreSQL
    "delta": rule("delta(close) OVER last_30m > 2.5"),
    "delta-tie": rule("delta(volume) OVER rows_10 = volume OR delta(close) OVER rows_1 <> 0", min_rows=1),
    "rate": rule("rate(volume) OVER last_1h > 0.001 * volume"),
    "rate-rows": rule("60 * rate(close) OVER rows_5 > 1 OR rate(close) OVER rows_2 IS NULL"),
    "twavg": rule("abs(close - twavg(close) OVER last_2h) > 2.5"),
    "twavg-rows": rule("twavg(volume) OVER rows_20 > 1.2 * avg(volume) OVER rows_20"),
    "twavg-derived": rule("spread > 1.5 * twavg(spread) OVER last_30m", min_rows=3),
    "median": rule("volume > 4 * median(volume) OVER last_1h"),
    "median-tie": rule("volume = median(volume) OVER rows_6 AND volume <> median(volume) OVER rows_7"),
    "median-sum": rule("abs(open + close - median(open + close) OVER last_2h) > 6"),
    # windows that stand still
    "frozen": rule("volume > 2 * avg(volume) OVER rows_20", freeze="true"),
    "frozen-until": rule("close > 1.005 * twavg(close) OVER last_30m", freeze="true",
                         resolve="volume < median(volume) OVER rows_20"),
    "frozen-step": rule("volume > 2 * median(volume) OVER last_1h", freeze="true", emit="edge"),
    # floating point
    "ema": rule("close > 1.02 * ema(close) OVER rows_12",
                "close", "1.02 * ema(close) OVER rows_12"),
    "ema-cross": rule("ema(close) OVER rows_5 > 1.004 * ema(close) OVER rows_30",
                      "ema(close) OVER rows_5", "1.004 * ema(close) OVER rows_30"),
    "sigma": rule("abs(close - avg(close) OVER last_1h) > 2 * stddev_samp(close) OVER last_1h",
                  "abs(close - avg(close) OVER last_1h)", "2 * stddev_samp(close) OVER last_1h"),
    "band": rule("stddev_pop(close) OVER rows_30 > 0.012 * avg(close) OVER rows_30",
                 "stddev_pop(close) OVER rows_30", "0.012 * avg(close) OVER rows_30"),
    "var-samp": rule("var_samp(volume) OVER last_30m > 2.5 * volume",
                     "var_samp(volume) OVER last_30m", "2.5 * volume"),
    "var-pop": rule("var_pop(volume) OVER rows_20 > 7.3", "var_pop(volume) OVER rows_20", "7.3"),
    "corr": rule("corr(close, volume) OVER last_1h > 0.1",
                 "corr(close, volume) OVER last_1h", "0.1"),
    "corr-rows": rule("corr(open, close) OVER rows_40 < -0.05",
                      "corr(open, close) OVER rows_40", "-0.05"),
    "slope": rule("regr_slope(close, volume) OVER rows_25 > 0.04",
                  "regr_slope(close, volume) OVER rows_25", "0.04"),
    "trend": rule("regr_slope(close, volume) OVER rows_40 > 0",
                  "regr_slope(close, volume) OVER rows_40", "0"),
    "sqrt": rule("sqrt(abs(close - open)) > 1.1 AND power(volume, 2) > 3.1",
                 "sqrt(abs(close - open))", "1.1"),
    "power": rule("power(volume, 1.5) > 4 * avg(volume) OVER last_1h",
                  "power(abs(volume), 1.5)", "4 * avg(volume) OVER last_1h"),
    "ln": rule("ln(volume) > 1.2", "ln(nullif(abs(volume), 0))", "1.2"),
    "exp": rule("exp(-volume) < 0.05 AND exp(volume) > 21", "exp(greatest(-20, least(20, -volume)))", "0.05"),
    # scalars and choice
    "rounded": rule("round(close / 7, 1) = 14.4 OR floor(volume) = 3 OR ceil(close - open) = -1"),
    "absolute": rule("abs(open - close) > 1.5 * abs(high - open)"),
    "coalesce": rule("coalesce(volume, avg(volume) OVER last_1h, 0) > 6"),
    "nullif": rule("volume / nullif(lag(volume) OVER rows_2, 0) > 3", min_rows=1),
    "greatest": rule("greatest(open, close, 101) > 1.02 * least(open, close, low + 3)"),
    "case": rule("CASE WHEN close > open THEN volume > 2 * avg(volume) OVER last_30m "
                 "WHEN close < open THEN volume > 3 * avg(volume) OVER last_30m ELSE NULL END"),
    "case-of": rule("CASE exchange WHEN 'kraken' THEN 5 WHEN 'cme' THEN 2 ELSE 0.5 END < volume"),
    "between": rule("volume BETWEEN 2 AND 3.5 AND close NOT BETWEEN 99 AND 103"),
    "in": rule("volume IN (1, 2, 0.3) AND exchange IN ('kraken', 'bitstamp')"),
    "like": rule("pair LIKE 'XBT%' AND exchange <> 'cme' AND volume > 2 * avg(volume) OVER last_1h"),
    "clock": rule("extract(hour FROM ts) BETWEEN 2 AND 5 AND extract(minute FROM ts) < 30 AND "
                  "volume > avg(volume) OVER last_1h"),
    "division": rule("1 / (close - open) > 1 OR volume % 2 = 1"),
    "whole": rule("count(*) OVER last_1h / 2 = 10 OR 7 / 2 > volume + 2.9"),
    # derived columns and windows in full
    "derived": rule("volume_ratio > 2 AND twice > 3"),
    "derived-tie": rule("volume_ratio = 3 OR volume = 3 * volume_avg_1h"),
    "derived-window": rule("spread > 1.2 * avg(spread) OVER rows_20"),
    "in-full": rule(f"avg(volume) OVER ({ON_KEYS} ts RANGE BETWEEN INTERVAL '90 minutes' PRECEDING "
                    "AND INTERVAL '1 microsecond' PRECEDING) < volume / 2"),
    "in-full-rows": rule(f"avg(volume) OVER ({ON_KEYS} ts, n ROWS BETWEEN 33 PRECEDING AND "
                         "1 PRECEDING) < volume / 2"),
}

CANDLES = {
    "spike": rule("volume > 3 * avg(volume) OVER last_1h"),
    "spike-rows": rule("volume > 5 * avg(volume) OVER rows_20"),
    "vwap": rule("close * sum(volume) OVER last_30m > 1.003 * sum(close * volume) OVER last_30m"),
    "breakout": rule("close > max(high) OVER last_1h"),
    "new-low": rule("low < min(low) OVER rows_60 AND volume > 0"),
    "sigma": rule("abs(close - avg(close) OVER last_1h) > 3 * stddev_samp(close) OVER last_1h",
                  "abs(close - avg(close) OVER last_1h)", "3 * stddev_samp(close) OVER last_1h"),
    "calm": rule("stddev_pop(close) OVER rows_30 < 0.0002 * avg(close) OVER rows_30",
                 "stddev_pop(close) OVER rows_30", "0.0002 * avg(close) OVER rows_30"),
    "variance": rule("var_samp(volume) OVER rows_60 > 16 * power(avg(volume) OVER rows_60, 2)",
                     "var_samp(volume) OVER rows_60", "16 * power(avg(volume) OVER rows_60, 2)"),
    "corr": rule("corr(close, volume) OVER rows_30 > 0.7",
                 "corr(close, volume) OVER rows_30", "0.7"),
    "slope": rule("regr_slope(close, volume) OVER rows_30 > 0.0005 * close",
                  "regr_slope(close, volume) OVER rows_30", "0.0005 * close"),
    "first-last": rule("last_value(close) OVER last_30m > 1.01 * first_value(close) OVER last_30m"),
    "delta": rule("delta(close) OVER last_30m > 0.01 * close"),
    "median": rule("volume > 4 * avg(volume) OVER last_1h AND volume > 12 * median(volume) OVER last_1h"),
    "ema": rule("volume > 4 * avg(volume) OVER last_1h AND close > 1.004 * ema(close) OVER rows_20",
                "close", "1.004 * ema(close) OVER rows_20"),
    "rate": rule("rate(close) OVER rows_10 * 3600 > 0.05 * close"),
    "twavg": rule("volume > 4 * avg(volume) OVER last_1h AND close > 1.005 * twavg(close) OVER last_1h"),
    "lag": rule("close > 1.005 * lag(close, 5) OVER rows_5", min_rows=5),
    "case": rule("CASE WHEN close > open THEN volume > 4 * avg(volume) OVER last_30m "
                 "WHEN close < open THEN volume > 6 * avg(volume) OVER last_30m ELSE false END"),
    "jump": rule("coalesce(volume / nullif(lag(volume) OVER rows_1, 0), 0) > 20", min_rows=1),
    "gap": rule("count(*) OVER last_10m < 9", min_rows=0),
    "surge": rule("avg(volume) OVER last_5m > 4 * avg(volume) OVER last_4h", min_rows=5),
    "derived": rule("volume_ratio > 4 AND spread > 2 * avg(high - low) OVER last_1h"),
    "log": rule("ln(volume / avg(volume) OVER last_1h) > 1.6",
                "ln(nullif(volume, 0) / nullif(avg(volume) OVER last_1h, 0))", "1.6"),
    "night": rule("extract(hour FROM ts) IN (2, 3, 4) AND volume >= 3 * avg(volume) OVER last_2h"),
    "tie": rule("volume > 0 AND volume = avg(volume) OVER rows_2", min_rows=2),
}

TAPES = {
    "block": rule("amount > 20 * avg(amount) OVER last_1h"),
    "burst": rule("count(*) OVER last_10s > 0.02 * count(*) OVER last_15m AND "
                  "sum(amount) OVER last_10s * 10 > sum(amount) OVER last_15m"),
    "vwap-rows": rule("price * sum(amount) OVER rows_100 > 1.002 * sum(price * amount) OVER rows_100"),
    "drift": rule("abs(rate(price) OVER rows_10) > 1 OR delta(price) OVER rows_40 > 0.002 * price"),
    "held": rule("amount > 10 * avg(amount) OVER last_1h AND price > twavg(price) OVER rows_30"),
    "step": rule("abs(price - lag(price) OVER rows_1) > 0.001 * price OR "
                 "price > max(price) OVER rows_50", min_rows=1),
}


def steps(rules, *names):
    """The same rules by edge: the row before is judged over windows of its own."""
    return {f"{name}-steps": rule(rules[name].when, **{**rules[name].options, "emit": "edge"})
            for name in names}


# Each kind of window and aggregate once, of those that are exact.
MADE |= steps(MADE, "spike", "or-tie", "tie", "by-rows", "vwap-quotient", "two-windows", "day",
              "averages", "unguarded", "crowd", "lonely", "holes", "no-close", "distinct",
              "breakout", "new-low", "first-last", "lag", "lag-3", "delta", "rate-rows", "twavg",
              "median", "median-tie", "coalesce", "case", "like", "derived", "derived-window",
              "in-full")
CANDLES |= steps(CANDLES, "spike", "vwap", "breakout", "first-last", "delta", "rate", "lag",
                 "case", "surge", "derived")
TAPES |= steps(TAPES, "block", "burst", "vwap-rows", "drift", "step")
