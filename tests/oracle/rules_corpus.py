"""Conditions for the oracle of the rule language, over the table
    candle (exchange text, pair text, ts timestamp, n bigint, open, high, low, close, volume numeric)

GOOD: PostgreSQL and we accept them and agree row for row. BAD: both refuse; where our words are
not PostgreSQL's, ours stand beside. OURS: we refuse what PostgreSQL would take, in these words.
"""

DERIVED = {
    "volume_avg_1h": "avg(volume) OVER last_1h",
    "volume_ratio": "volume / avg(volume) OVER last_1h",
    "spread": "high - low",
    "twice": "2 * spread",
}

GOOD = """
volume > 3 * avg(volume) OVER last_1h
volume >= 3 * avg(volume) OVER last_1h
volume = 3 * avg(volume) OVER rows_5
volume_ratio > 2
volume_ratio >= 3
volume > 2 * volume_avg_1h AND close > open
twice > 4
spread > 2 * avg(high - low) OVER rows_10
avg(spread) OVER rows_10 < spread
close > open
close >= open AND NOT (close = open)
close <> open OR volume IS NULL
close != 100
volume IS NULL
volume IS NOT NULL AND close IS NULL
(volume > 5) IS TRUE
(volume > 5) IS NOT TRUE
(volume > 5) IS FALSE
(volume > 5) IS NOT FALSE
(volume > 5) IS UNKNOWN
(volume > 5) IS NOT UNKNOWN
volume IS DISTINCT FROM 5
volume IS NOT DISTINCT FROM 5
(volume > 5) = (close > open)
(volume > 5) <> (close > open)
NOT volume > 5
volume > 5 OR close > 100 AND open < 100
volume BETWEEN 2 AND 8
volume NOT BETWEEN 2 AND 8
volume BETWEEN SYMMETRIC 8 AND 2
volume NOT BETWEEN SYMMETRIC 8 AND 2
volume IN (1, 2, 3.5)
volume NOT IN (1, 2)
volume NOT IN (1, NULL)
volume IN (1, NULL)
exchange = 'kraken'
exchange <> 'kraken' AND volume > 5
exchange IN ('kraken', 'bitstamp')
exchange IN ('kraken', 'none') AND pair LIKE 'XBT%'
pair LIKE '%/USD'
pair LIKE 'XBT_USD'
pair NOT LIKE '%EUR%'
pair LIKE 'XBT\\_USD'
pair LIKE '%\\%%'
'kraken' = exchange
exchange = pair
coalesce(nullif(exchange, 'kraken'), 'other') = 'other'
CASE WHEN exchange = 'kraken' THEN volume > 8 ELSE volume > 2 END
CASE exchange WHEN 'kraken' THEN 8 WHEN 'bitstamp' THEN 2 ELSE 0 END < volume
CASE WHEN volume > 8 THEN 'big' WHEN volume > 4 THEN 'middle' END = 'middle'
volume > CASE WHEN close > open THEN 3 END
coalesce(volume, 7) > 6
coalesce(volume, close, 0) = 0
coalesce(close > open, true)
nullif(volume, 5) IS NULL
nullif(volume, 5) > 4
greatest(open, close, 100) > 100
least(open, close) < 99 AND least(volume, NULL) > 3
greatest(avg(volume) OVER last_1h, close) > volume
least(avg(volume) OVER last_1h, volume / 2) >= 1
abs(close - open) > 1
abs(-volume) > 5
-volume < -5
- - volume > 5
+volume > 5
volume % 2 = 1
volume % 2.5 = 0.5
-volume % 3 = -2
mod(volume, 3) = 2
mod(volume / 3, 2) > 1
volume / 3 > 2
volume / 3 = 2
volume / -3 < -2
volume / (close - open) > 1
volume / (close - open) < 1
1 / (close - open) <> 2
7 / 2 = 3
7 / 2.0 = 3.5
-7 / 2 = -3
1/2 = 0 AND volume > 5
count(*) OVER last_1h / 2 = 10
(count(*) OVER last_1h)::numeric / 2 > 10
count(volume) OVER last_1h < count(*) OVER last_1h
floor(count(*) OVER last_1h) / 2 = 10.5
round(7) / 2 = 3.5 AND volume > 5
sign(7) / 2 = 0.5 AND volume > 5
power(2, 1) / 4 = 0.5 AND volume > 5
2 ^ 1 / 4 = 0.5 AND volume > 5
ceil(7) / 2 = 3.5 AND volume > 5
abs(-7) / 2 = 3 AND volume > 5
mod(7, 4) / 2 = 1 AND volume > 5
greatest(7, 1) / 2 = 3 AND volume > 5
greatest(7, 1.0) / 2 = 3.5 AND volume > 5
coalesce(7, volume) / 2 = 3.5 AND volume > 5
nullif(7, 1) / 2 = 3 AND volume > 5
nullif(7, 1.0) / 2 = 3.5 AND volume > 5
CASE WHEN volume > 5 THEN 7 ELSE 9 END / 2 = 3
CASE WHEN volume > 5 THEN 7 ELSE 9.0 END / 2 = 3.5
7::numeric / 2 = 3.5 AND volume > 5
7.0::int / 2 = 3 AND volume > 5
7::bigint / 2 = 3 AND volume > 5
'7' / 2 = 3 AND volume > 5
extract(month FROM ts) / 2 = 1.5 AND volume > 5
5000000001 / 2 = 2500000000 AND volume > 5
9999999999999999999999 / 2 = 4999999999999999999999.5 AND volume > 5
sum(5000000001) OVER rows_3 / 2 = 7500000001.5
min(7) OVER rows_3 / 2 = 3
avg(7) OVER rows_3 / 2 = 3.5
lag(7) OVER rows_3 / 2 = 3
last_value(7) OVER rows_3 / 2 = 3
round(volume) = 3
round(volume / 3) = 2
round(volume / 3, 1) = 1.7
round(-volume / 4, 1) = -0.8
round(close / 7, -1) = 10
round(volume * 1.05, 2) = 5.25
floor(volume / 3) = 1
floor(-volume / 3) = -2
ceil(volume / 3) = 2
ceiling(-volume / 3) = -1
floor(avg(volume) OVER rows_7) = 4
round(avg(volume) OVER rows_8, 2) = 4.19
sign(close - open) = 1
sign((close - open) / 3) < 0
round(floor(count(*) OVER last_1h) / 2) = 8
(floor(count(*) OVER last_1h) / 2)::int = 7
(floor(count(*) OVER last_1h) / -2)::bigint = -8
round((floor(count(*) OVER last_1h) / 2)::numeric) = 8
round(power(2, 1) / 4) = 0 AND volume > 5
(power(3, 1) / 2)::int = 2 AND volume > 5
round(-power(5, 1) / 2) = -2 AND volume > 5
round(corr(close, volume) OVER last_1h) = 0
(regr_slope(close, volume) OVER rows_3)::int = 1
volume::int = 3
(volume / 2)::bigint = 2
power(volume, 2) > 20
volume ^ 2 > 20.3
2 ^ 3 = 8
power(volume - 5, 3) < -1
power(volume, 0.5) > 2.1
power(close - open, -1) > 0.7
power(close - open, 0.5) > 0.7
sqrt(volume) > 2.05
sqrt(close - open) > 0.33
sqrt(volume / 3) < 1.33
ln(volume) > 1.3
ln(close - open) < 0.123
exp(volume) > 100
exp(-volume) < 0.01
exp(volume * 200) > 1
ln(volume / avg(volume) OVER last_1h) > 0.7
extract(hour FROM ts) = 1
extract(minute FROM ts) BETWEEN 10 AND 20
extract(second FROM ts) > 30.5
extract(dow FROM ts) = 3 AND extract(isodow FROM ts) = 3
extract(doy FROM ts) = 60 AND extract(week FROM ts) = 9
extract(epoch FROM ts) % 60 = 0
extract(year FROM ts) = 2023 AND extract(quarter FROM ts) = 1 AND extract(month FROM ts) = 3
extract(day FROM ts) + extract(isoyear FROM ts) = 2024
extract(milliseconds FROM ts) > 30000 OR extract(microseconds FROM ts) < 1000000
avg(volume) OVER last_30m > avg(volume) OVER last_2h
avg(volume) OVER last_30m = avg(volume) OVER last_30m
avg(volume) OVER last_30m - avg(close) OVER last_30m < -95
avg(volume) OVER last_30m / avg(volume) OVER last_2h > 1.2
avg(volume) OVER rows_20 * avg(close) OVER rows_10 > 450 + volume
sum(volume) OVER last_10m > 20
sum(volume) OVER last_10m - 20 > volume
sum(close * volume) OVER last_1h / sum(volume) OVER last_1h < close
sum(CASE WHEN close > open THEN volume ELSE 0 END) OVER last_1h > sum(volume) OVER last_1h / 2
sum(coalesce(volume, 1)) OVER rows_12 > 50
sum(nullif(volume, 5)) OVER rows_12 > 40
sum(greatest(volume, 4)) OVER rows_12 > 60
sum(abs(close - open)) OVER rows_12 > 12
count(CASE WHEN close > open THEN 1 END) OVER last_1h > 12
sum(1) OVER last_1h > 20
sum(CASE WHEN volume > 5 THEN 1 ELSE 0 END) OVER last_1h / 2 = 4
min(volume) OVER last_1h > 0.5
max(close) OVER last_1h < close
max(high) OVER rows_30 - min(low) OVER rows_30 > 8
min(volume) OVER rows_3 < max(volume) OVER rows_3
stddev(close) OVER last_1h > 2.5
stddev_samp(close) OVER rows_20 > 2.6
stddev_pop(close) OVER rows_20 > 2.55
variance(volume) OVER last_1h > 7.3
var_samp(volume) OVER rows_20 > 7.3
var_pop(volume) OVER rows_20 > 7.3
abs(close - avg(close) OVER last_1h) > 1.5 * stddev(close) OVER last_1h
(close - avg(close) OVER rows_20) / nullif(stddev_pop(close) OVER rows_20, 0) > 1.2
corr(close, volume) OVER last_1h > 0.1
regr_slope(close, volume) OVER last_1h > 0.1
first_value(close) OVER rows_10 < close
last_value(close) OVER rows_10 > close + 3
first_value(close) OVER last_30m > last_value(close) OVER last_30m
lag(close) OVER rows_1 < close
lag(close, 3) OVER rows_10 > close + 2
close > lag(close) OVER rows_2 AND lag(close) OVER rows_2 > lag(close, 2) OVER rows_2
close / lag(close, 5) OVER rows_5 > 1.03
delta(close) OVER last_1h > 3
delta(close) OVER rows_5 = 0.5
delta(volume) OVER last_1h = volume
delta(7) OVER rows_3 / 2 = 0 AND volume > 5
delta(CASE WHEN close > open THEN 1 ELSE 2 END) OVER rows_20 / 2 = 0.5
delta(close) OVER last_30m IS NULL OR delta(volume) OVER rows_12 < -9
delta(close - open) OVER last_2h * 3 > volume
round(delta(close) OVER rows_10, 1) IN (1.5, -1.5)
rate(volume) OVER last_1h * 3600 > 9
rate(volume) OVER rows_10 > 0.001
rate(volume) OVER last_2h = 0
rate(close) OVER rows_7 < rate(close) OVER rows_3
volume / rate(close) OVER last_1h > 10000
abs(rate(close * volume) OVER last_1h) > 0.2
rate(volume) OVER rows_1 IS NULL AND volume > 5
coalesce(rate(volume) OVER rows_2, 7) > 6
rate(volume) OVER last_10m / delta(volume) OVER last_10m > 0.002
floor(60 * rate(volume) OVER last_30m) = -1
greatest(rate(volume) OVER rows_3, rate(close) OVER rows_3) > 0.01
median(volume) OVER last_1h > 5
median(volume) OVER rows_4 = 5
volume = median(volume) OVER rows_6
volume > 2 * median(volume) OVER last_30m
median(7) OVER rows_4 / 2 = 3.5
abs(close - median(close) OVER rows_20) > 3
median(close - open) OVER last_2h = 0.1
median(volume) OVER rows_20 > avg(volume) OVER rows_20
round(median(high + low) OVER rows_10 / 2, 1) = 100.1
volume / median(volume) OVER rows_3 > 2 OR median(volume) OVER rows_1 / median(close) OVER rows_2 > 0.098
ema(close) OVER rows_10 > close + 2
ema(volume) OVER rows_20 > 5.3
ema(close) OVER rows_12 > ema(close) OVER rows_26 + 0.2
ema(7) OVER rows_10 / 2 < 3.6 AND volume > 5
round(ema(close * volume) OVER rows_5) > 700
twavg(close) OVER last_1h > close + 2
twavg(close) OVER rows_20 < avg(close) OVER rows_20
twavg(volume) OVER last_10m = volume
twavg(7) OVER last_1h = 7 AND volume > 5
twavg(high - low) OVER rows_12 > 1.02 * (high - low)
abs(close - twavg(close) OVER last_2h) > 2
round(twavg(volume) OVER last_30m, 2) > 6.25
volume / twavg(volume) OVER rows_7 > 2 AND volume > twavg(volume) OVER last_1h
CASE WHEN twavg(volume) OVER rows_3 > 5 THEN twavg(volume) OVER last_1h ELSE rate(volume) OVER last_1h END > 4.9
avg(volume) OVER (PARTITION BY exchange, pair ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND INTERVAL '1 microsecond' PRECEDING) < volume / 2
avg(volume) OVER (PARTITION BY pair, exchange ORDER BY ts, n ROWS BETWEEN 20 PRECEDING AND 1 PRECEDING) < volume / 2
avg(volume) OVER (PARTITION BY exchange, pair ORDER BY ts RANGE BETWEEN '01:30:00' PRECEDING AND '1 us' PRECEDING) < volume / 2
candle.volume > 9
volume + NULL > 3
volume > '3.5'
't'::bool AND volume > 5
' TRUE '::bool AND volume > 5
'yE'::boolean AND volume > 5
'on'::bool AND '1'::bool AND volume > 5
'off' OR 'of' OR 'n' OR '0' OR 'FALS' OR volume > 5
(volume > 5) = 'no'
CASE WHEN volume > 5 THEN 'true' ELSE close > open END
volume > '7 '
volume > '  +7  '
volume > E'\\t-7\\n' AND volume < E'5.5\\n'
'7 ' / 2 = 3 AND volume > 5
volume > 1e0 AND volume < 2.5e1
volume > 0.10000000000000000000000000000000001
true AND volume > 9
(volume > 9) OR NULL
NOT (volume > 9 OR false)
100 * (close - open) / open > 1.5
(high - low) / (high + low) * 200 > 4
(volume - avg(volume) OVER last_1h) / avg(volume) OVER last_1h > 0.9
1 - close / open < 0 AND 1 - close / open > -0.01
1 / (1 / volume) = volume
1 / (1 / (close - open) - 1) > 0
CASE WHEN volume > 5 THEN avg(volume) OVER last_1h ELSE volume / 2 END > 4.9
coalesce(volume / (close - open), avg(volume) OVER last_1h) > 9
nullif(volume / 3, 1) > 2
abs(volume / (close - open)) > 9
CASE WHEN CASE WHEN volume > 5 THEN 1 / volume ELSE volume / 3 END > 0.9 THEN close / 3 ELSE open / 7 END > 33
round(CASE WHEN volume > 5 THEN volume / 3 ELSE volume / 7 END, 2) = 0.43
greatest(volume / 3, close / 50, 1 / (close - open)) = close / 50
sum(volume) OVER rows_5 / count(volume) OVER rows_5 = avg(volume) OVER rows_5
avg(volume) OVER rows_5 IN (3, 4, 5.5)
avg(volume) OVER rows_4 BETWEEN 3.25 AND 5.125
1000000000 * 1000000000 * volume > count(*) OVER last_1h * 1000000000000000000
""".strip().splitlines()

# As written these may differ: PostgreSQL rounds and we do not, or goes on beyond e^709.
ROUNDED = {"mod(volume / 3, 2) > 1",
           "exp(volume * 200) > 1",
           "9999999999999999999999 / 2 = 4999999999999999999999.5 AND volume > 5"}

# Rules whose guards are switched: (min_rows, positive, condition).
GUARDED = [
    (0, 1, "count(*) OVER last_1h < 5"),
    (3, 1, "sum(close - 100) OVER rows_10 < close - 100"),
    (3, 0, "sum(close - 100) OVER rows_10 < close - 100"),
    (3, 0, "(close - 100) / avg(close - 100) OVER rows_10 > 2"),
    (3, 1, "(close - 100) / avg(close - 100) OVER rows_10 > 2"),
    (3, 0, "(close - 100) / avg(close - 100) OVER rows_10 < -2"),
    (0, 0, "avg(volume) OVER last_10s IS NULL"),
    (0, 0, "coalesce(volume / avg(volume) OVER last_1m, 3) = 3"),
    (0, 0, "floor(avg(close - 100) OVER rows_3 / avg(volume - 5) OVER rows_2) = -1"),
    (0, 0, "round(avg(close - 100) OVER rows_3 / avg(volume - 5) OVER rows_2, 1) = -0.5"),
    (0, 0, "mod(avg(close - 100) OVER rows_3 / avg(volume - 5) OVER rows_2, 1) < -0.5"),
    (1, 1, "3 * avg(volume) OVER rows_59 = volume"),
    (100, 1, "avg(volume) OVER rows_5 > 5"),
    (100, 1, "avg(volume) OVER last_2h > 5"),
    (0, 0, "delta(volume) OVER last_10s IS NULL"),
    (0, 0, "delta(volume) OVER rows_1 = 0"),
    (0, 0, "delta(volume) OVER rows_2 = 0 AND delta(close) OVER rows_2 > 0"),
    (0, 0, "rate(volume) OVER rows_2 IS NULL"),
    (0, 0, "coalesce(rate(volume) OVER last_10s, 7) = 7"),
    (0, 0, "(1 / rate(volume) OVER rows_3) IS NULL"),
    (0, 0, "median(volume) OVER last_10s IS NULL"),
    (0, 0, "median(volume) OVER last_1m = 5 OR median(volume) OVER rows_2 = 2.5"),
    (3, 1, "median(close - 100) OVER rows_10 < close - 100"),
    (0, 0, "ema(volume) OVER rows_1 > volume + 0.505"),
    (0, 0, "ema(volume) OVER rows_2 IS NULL OR ema(volume) OVER rows_1000 > 5.3"),
    (0, 0, "twavg(volume) OVER rows_2 IS NULL"),
    (0, 0, "twavg(volume) OVER rows_1 = volume"),
    (0, 0, "twavg(volume) OVER last_1m > 5 OR twavg(volume) OVER rows_3 = 5"),
    (3, 1, "twavg(close - 100) OVER rows_10 < close - 100"),
    (0, 0, "volume / 0 IS NULL"),
    (0, 0, "(volume / 0.0) IS NOT NULL"),
    (0, 0, "(volume / 0) IS NOT DISTINCT FROM NULL"),
    (0, 0, "coalesce(volume / 0, 5) = 5"),
    (0, 0, "coalesce(volume / -3, 5) = 5"),
    (0, 0, "greatest(volume / 0, 3) = 3"),
    (0, 0, "least(3, volume / 0.0) = 3"),
    (0, 0, "nullif(volume / 0, 3) IS NULL"),
    (0, 0, "CASE WHEN volume / 0 IS NULL THEN volume > 5 END"),
    (0, 0, "(-(volume / 0)) IS NULL AND abs(volume / 0) IS NULL AND sign(volume / 0) IS NULL"),
    (0, 0, "coalesce(floor(volume / 0), round(volume / 0, 2), 7) = volume"),
    (0, 0, "greatest(volume / (close - open), open / (volume - 5), 1 / volume, NULL, close / 99) > 3"),
    (0, 0, "least(volume / (close - open), open / (volume - 5), 1 / volume, NULL, close / 99) < -3"),
    (0, 0, "greatest(NULL, volume / (volume - 5), 5 / (volume - 5)) IS NULL"),
    (0, 0, "greatest(volume / close) > coalesce(volume / open)"),
    (0, 0, "least(volume / 3, close / 20, volume / 3) = volume / 3"),
    (0, 0, "greatest(" + ", ".join(f"volume / {i}" for i in range(1, 41)) + ") > 7"),
    (0, 0, "least(" + ", ".join(f"volume / (close - {i})" for i in range(97, 105)) + ") < -7"),
    (0, 0, "sqrt(volume * 1e299 * 1e299 * 1e299) > 3"),  # no double: NULL
    (0, 0, "sqrt(volume * 1e299 * 1e299) > 2.1e299"),
]

# Refused by both; None: in PostgreSQL's words.
BAD = {
    "volum > 3": None,
    "volume >": "syntax error at end of input",
    "volume > > 3": None,
    "volume 3": None,
    "": "syntax error at end of input",
    "volume": None,
    "3": None,
    "'x'": "invalid input syntax for type boolean: \"x\"",
    "'o'::bool": "invalid input syntax for type boolean: \"o\"",
    "''::bool": "invalid input syntax for type boolean: \"\"",
    "'truee'::bool": None,
    "'10'::bool": None,
    "count(*) OVER last_1h > 'NaN'": None,
    "volume > 'NaN 1'": None,
    "volume > 'abc'": None,
    "exchange > 5": None,
    "exchange = 5": None,
    "exchange + 1 > 2": None,
    "volume AND true": None,
    "NOT volume": None,
    "volume > 3 OR close": None,
    "abs(exchange) > 1": None,
    "abs() > 1": "function abs with 0 arguments does not exist",
    "foo(volume) > 1": None,
    "foo(volume, exchange) > 1": None,
    "sqrt(volume, 2) > 1": "function sqrt with 2 arguments does not exist",
    "avg(exchange) OVER last_1h > 1": "key column \"exchange\" cannot be inside an aggregate",
    "avg(volume) OVER lastly > 1": "window \"lastly\" does not exist",
    "avg(volume) > 1 AND close > 3": "aggregate function avg requires a window",
    "delta(exchange) OVER last_1h > 1": "key column \"exchange\" cannot be inside an aggregate",
    "twavg(volume, close) OVER last_1h > 1": "function twavg with 2 arguments does not exist",
    "rate() OVER last_1h > 1": "function rate with 0 arguments does not exist",
    "rate(rate(volume) OVER last_1h) OVER last_1h > 1": None,
    "lag(volume) > 1": None,
    "abs(volume) OVER last_1h > 1": None,
    "avg(avg(volume) OVER last_1h) OVER last_1h > 1": None,
    "avg(DISTINCT volume) OVER last_1h > 1": None,
    "count() OVER last_1h > 1": None,
    "CASE WHEN volume THEN 1 END > 0": None,
    "CASE WHEN volume > 1 THEN 'a' ELSE volume END > 0": None,
    "CASE WHEN volume > 1 THEN volume ELSE exchange END > 0": None,
    "coalesce(volume, exchange) > 0": None,
    "greatest(volume, close > open) > 0": None,
    "volume LIKE 'x'": None,
    "volume = true": None,
    "volume IN ('a', 'b')": None,
    "nullif(volume, exchange) > 1": None,
    "volume % corr(close, volume) OVER last_1h > 1": None,
    "round(corr(close, volume) OVER last_1h, 2) > 1": None,
    "mod(corr(close, volume) OVER last_1h, 2) > 1": None,
    "volume ! 3": None,
    "volume =! 3": None,
    "other.volume > 1": None,
    "candle.nothing > 1": None,
    "volume > 1; SELECT 1": "syntax error at or near \";\"",
    "volume > (1": "syntax error at end of input",
    "volume > 'abc": None,
    "volume > 1 /* open": None,
    "extract(hour FROM volume) > 1": "extract takes a field from ts only",
    "volume::nothing > 1": "a cast of numeric to nothing is not supported",
    "(volume > 1)::numeric > 1": "a cast of boolean to numeric is not supported",
    "count(*) OVER last_1h = '3.5'": None,
    "7 = '3.5'": None,
    "'1' + '2' > 3": None,
    "(close > open) > 3": None,
    "(volume > 1) IS TRUE > 3": None,
    "volume IS TRUE": None,
    "avg(volume) OVER (last_1h) > 3": "cannot copy a window that has a frame clause",
    "volume > ALL (1)": "ANY, ALL, ILIKE and SIMILAR TO are not supported",
    "avg(*) OVER last_1h > 1": "function avg with 0 arguments does not exist",
    "lag(close, 1, 2, 3) OVER rows_3 > 1": "function lag with 4 arguments does not exist",
    "-exchange > 1": None,
    "volume AS f": None,
    "volume > 1, 2": "a condition has to be one expression, not a list",
    "(SELECT 1": "syntax error at end of input",
}

# PostgreSQL would take these; this version does not, and says so.
OURS = {
    "volume > 1) OR (true": "syntax error at or near \")\"",  # closes what it did not open
    "extract(foo FROM ts) > 1": "unit \"foo\" not recognized for type timestamp without time zone",
    "(SELECT true)": "subqueries are not supported",
    "volume > (SELECT 3)": "subqueries are not supported",
    "EXISTS (SELECT 1)": "subqueries are not supported",
    "volume = ANY (ARRAY[1, 2])": "ANY, ALL, ILIKE and SIMILAR TO are not supported",
    "exchange ILIKE 'K%'": "ANY, ALL, ILIKE and SIMILAR TO are not supported",
    "exchange LIKE 'K!%' ESCAPE '!'": "LIKE ... ESCAPE is not supported",
    "exchange LIKE pair": "the pattern of LIKE has to be a string",
    "exchange > 'a'": "text can be compared only with = and <>",
    "ts > '2023-01-01'": "can be used only in extract(... FROM ts)",
    "n > 3": "can be used only in the order of a window",
    "now() > ts": "does not exist",
    "current_date > ts": "reads no clock",
    "avg(volume) FILTER (WHERE close > open) OVER last_1h > 1": "FILTER is not supported",
    "avg(volume / close) OVER last_1h > 1": "/ is not supported inside an aggregate",
    "avg(ln(volume)) OVER last_1h > 1": "ln is not supported inside an aggregate",
    "count(exchange) OVER last_1h > 1": "cannot be inside an aggregate",
    "count(close > open) OVER last_1h > 1": "count of type boolean is not supported",
    "count(CASE WHEN exchange = 'kraken' THEN 1 END) OVER last_1h > 1": "cannot be inside an aggregate",
    "avg(extract(hour FROM ts)) OVER last_1h > 1": "extract is not supported inside an aggregate",
    "lag(volume) OVER last_1h > 1": "lag needs a window of rows",
    "lag(volume, 3) OVER rows_2 > 1": "the offset of lag has to be a number from 1 to 2",
    "lag(volume, 1, 0) OVER rows_2 > 1": "function lag with 3 arguments does not exist",
    "avg(volume) OVER (PARTITION BY exchange ORDER BY ts RANGE BETWEEN '1 hour' PRECEDING AND '1 us' PRECEDING) > 1": "partitioned by all the key columns",
    "avg(volume) OVER (PARTITION BY exchange, pair ORDER BY ts RANGE BETWEEN '1 hour' PRECEDING AND CURRENT ROW) > 1": "ends before the current row",
    "avg(volume) OVER (PARTITION BY exchange, pair ORDER BY ts) > 1": "ends before the current row",
    "avg(volume) OVER (PARTITION BY exchange, pair ORDER BY ts DESC RANGE BETWEEN '1 hour' PRECEDING AND '1 us' PRECEDING) > 1": "ascending order of ts",
    "avg(volume) OVER (PARTITION BY exchange, pair ORDER BY ts RANGE BETWEEN '1 month' PRECEDING AND '1 us' PRECEDING) > 1": "a window of time is BETWEEN INTERVAL",
    "avg(volume) OVER (PARTITION BY exchange, pair ORDER BY ts, n ROWS BETWEEN 5 PRECEDING AND 2 PRECEDING) > 1": "BETWEEN <N> PRECEDING AND 1 PRECEDING",
    "avg(volume) OVER (PARTITION BY exchange, pair ORDER BY ts RANGE BETWEEN '1500 ms' PRECEDING AND '1 us' PRECEDING) > 1": "a window of time is BETWEEN INTERVAL",
    "round(volume, extract(hour FROM ts)::int) > 1": "the digits of round",
    "delta(volume) > 1": "aggregate function delta requires a window",
    "median(close > open) OVER last_1h > 1": "function median(boolean) does not exist",
    "ema(volume) OVER last_1h > 1": "ema needs a window of at most 1000 rows: ema(x) OVER rows_<N>",
    "ema(volume) OVER rows_1001 > 1": "ema needs a window of at most 1000 rows",
    "rate(volume / close) OVER last_1h > 1": "/ is not supported inside an aggregate",
    "log(volume) > 1": "does not exist",
    "width_bucket(volume, 1, 2, 3) > 1": "does not exist",
    "volume::double precision > 1": "is not supported",
    "volume::numeric(10, 2) > 1": "casts to a type with a length",
    "min(exchange) OVER last_1h = 'a'": "cannot be inside an aggregate",
    "rank() OVER rows_3 > 1": "does not exist",
    "greatest(exchange, 'b') = 'b'": "GREATEST of text is not supported",
    "(volume, close) = (1, 2)": "has to be one expression",
    "volume > random()": "does not exist",
    "volume > 1e400": "value overflows",
    "volume > 'NaN'": "'NaN' is not supported: numbers are finite",
    "volume < ' +Infinity '": "is not supported: numbers are finite",
    "volume > '-inf'::numeric": "'-inf' is not supported: numbers are finite",
    "extract(century FROM ts) = 21": "unit \"century\" is not in this version",
    "extract(decade FROM ts) = 202": "unit \"decade\" is not in this version",
    "extract(millennium FROM ts) = 3": "unit \"millennium\" is not in this version",
    "extract(julian FROM ts) > 1": "unit \"julian\" is not in this version",
    "extract(hours FROM ts) = 0": "unit \"hours\" is not in this version: hour",
    "extract(hrs FROM ts) = 0": "unit \"hrs\" is not in this version: hour",
    "extract(mins FROM ts) = 0": "unit \"mins\" is not in this version: minute",
    "extract(secs FROM ts) = 0": "unit \"secs\" is not in this version: second",
    "extract(days FROM ts) = 1": "unit \"days\" is not in this version: day",
    "extract(weeks FROM ts) = 9": "unit \"weeks\" is not in this version: week",
    "extract(mons FROM ts) = 3": "unit \"mons\" is not in this version: month",
    "extract(qtr FROM ts) = 1": "unit \"qtr\" is not in this version: quarter",
    "extract(years FROM ts) = 2023": "unit \"years\" is not in this version: year",
    "extract(ms FROM ts) > 1": "unit \"ms\" is not in this version: milliseconds",
    "extract(us FROM ts) > 1": "unit \"us\" is not in this version: microseconds",
}
