"""`./run bench --only growth`: does a row cost the same, however many workers share the stream?

The pipeline as processes under the same flood of pushed columns, with 1, 2, 4 and 8 transforms and
half as many preps. Counted is CPU from /proc and not time: a machine with few cores has no time to
give to eight workers, but what a row costs shows on it all the same, and other load disturbs it
less. Every number of workers has its turn in each round, and the middle one of its rounds counts. Then once with keys, for what CURVE costs,
and once with many series, for what a series costs.
"""

import os
import pathlib
import time

WORKERS = (1, 2, 4, 8)
ROWS, SERIES, BATCH = 6_000_000, 1000, 16384
MANY_SERIES, MANY_SERIES_ROWS = 50_000, 1_000_000
ROUNDS = 3
OTHER_WORKERS, OTHER_ROUNDS = 2, 2  # with keys, and with many series
WITHIN = 1.2  # a row with many workers costs at most so many times what it costs with one
PARTITIONS = 256
SETTLE_S = 1.0  # what the last rows leave behind: commits, and counters that tell once a second
RULE = "v > 3 * avg(v) OVER last_1h"
ACTORS = ("collector", "prep", "transform")
SHARES = (*ACTORS, "redis", "news")
PER_ROW = {"mapped": 2, "stage_bytes": 1, "window_bytes": 1, "aof_bytes": 2, "redis_in_bytes": 2, "redis_calls": 4, "commits": 5}


def cpu_ns(pids):
    """CPU of processes, and that of their threads of ZeroMQ alone."""
    whole = wire = 0
    for task in (task for pid in pids for task in pathlib.Path(f"/proc/{pid}/task").iterdir()):
        spent = int((task / "schedstat").read_text().split()[0])
        whole += spent
        wire += spent if (task / "comm").read_text().startswith("ZMQbg/IO") else 0
    return whole, wire


def look(instance, pids):
    """Everything that is counted, so far."""
    at = {}
    for share, found in pids.items():
        at[share], at[share, "wire"] = cpu_ns(found)
    redis = instance.redis()
    info = redis.info()
    at["aof_bytes"], at["redis_in_bytes"] = info["aof_current_size"], info["total_net_input_bytes"]
    at["redis_calls"] = sum(c["calls"] for c in redis.info("commandstats").values())
    at["commits"] = sum(t["commits"] for t in instance.actors("transform"))
    at["window_bytes"] = sum(t["bytes"] for t in instance.actors("transform"))
    at["mapped"] = sum(p["rows"] for p in instance.actors("prep"))
    at["stage_bytes"] = sum(f.stat().st_size for f in (instance.dir / "stage").rglob("*.seg"))
    return at


def processes(instance):
    """Whose CPU counts, by share."""
    pids = {role: [a["pid"] for a in instance.actors(role)] for role in ACTORS}
    pids["redis"] = [instance.redis().info("server")["process_id"]]
    pids["news"] = [a["pid"] for role in ("broker", "notifier") for a in instance.actors(role)]
    return pids


def make_keys(instance, roles):
    """Those of the actors and of the feed; the feed's, for its environment."""
    import zmq.auth
    folder = instance.dir / "keys"
    instance.bare("keys", "init", "--roles", roles, "--keys", folder)
    instance.bare("keys", "add", "feed", "--role", "feed", "--keys", folder)
    public, secret = zmq.auth.load_certificate(folder / "secret/feed.key_secret")
    return {"FEED_PUBLIC": public.decode(), "FEED_SECRET": secret.decode()}


def run(config, feed, workers, keys=False, rows=ROWS, series=SERIES):
    """One flood through `workers` transforms: what a row cost, CPU in microseconds."""
    from harness import Instance, free_ports, wait_for  # needs Debian's python3-zmq
    to = f"tcp://127.0.0.1:{free_ports(1)[0]}"
    roles = f"broker,notifier,collector,prep={(workers + 1) // 2},transform={workers}"
    text = config.format(port=to.rsplit(":", 1)[1], when=RULE)
    with Instance(("keys: keys\n" if keys else "") + text) as instance:
        environment = make_keys(instance, roles) if keys else {}
        instance.up(roles)
        wait_for("every partition to have an owner", lambda: sum(
            t["partitions"] for t in instance.actors("transform")) == PARTITIONS, 60)
        # and to hear of what is new as it comes, instead of catching up
        wait_for("every worker to have asked for its part", lambda: sum(
            t["asked"] for t in instance.actors("transform")) >= workers, 60)
        time.sleep(SETTLE_S)
        if keys:
            to += "#" + instance.actors("collector")[0]["raw"].partition("#")[2]
        instance.redis().config_set("auto-aof-rewrite-percentage", 0)  # growth is what counts
        pids = processes(instance)
        before = look(instance, pids)
        got = feed("flood", to, instance.alerts_endpoint(), rows, series, BATCH, env=environment)
        time.sleep(SETTLE_S)
        after = look(instance, pids)
    spent = {name: (after[name] - before[name]) / got["rows"] for name in after}
    return {**{share: spent[share] / 1000 for share in SHARES},
            "all": sum(spent[share] for share in SHARES) / 1000,
            "zeromq": sum(spent[share, "wire"] for share in SHARES) / 1000,
            **{name: spent[name] for name in PER_ROW}, "rows_per_s": got["rows"] / got["seconds"]}


def shown(cost):
    return {**{f"{name}_us": round(cost[name], 4) for name in ("all", *SHARES, "zeromq")},
            **{name: round(cost[name], digits) for name, digits in PER_ROW.items()},
            "rows_per_s": round(cost["rows_per_s"])}


def middle(costs):
    """The lower one of two in the middle."""
    ordered = sorted(costs, key=lambda cost: cost["all"])
    return ordered[(len(ordered) - 1) // 2]


def growth(config, feed):
    runs = {workers: [] for workers in WORKERS}
    for _ in range(ROUNDS):
        for workers in WORKERS:
            runs[workers].append(run(config, feed, workers))
    typical = {workers: middle(costs) for workers, costs in runs.items()}
    keyed = middle(run(config, feed, OTHER_WORKERS, True) for _ in range(OTHER_ROUNDS))
    many = middle(run(config, feed, OTHER_WORKERS, rows=MANY_SERIES_ROWS, series=MANY_SERIES)
                    for _ in range(OTHER_ROUNDS))
    ratios = {workers: typical[workers]["all"] / typical[WORKERS[0]]["all"] for workers in WORKERS}
    return {**{f"workers_{workers}": shown(cost) for workers, cost in typical.items()},
            f"workers_{OTHER_WORKERS}_with_keys": shown(keyed),
            f"workers_{OTHER_WORKERS}_series_{MANY_SERIES}": shown(many),
            "all_of_one_worker": {workers: round(ratio, 2) for workers, ratio in ratios.items()},
            "within_20_percent": max(ratios.values()) <= WITHIN,
            "all_us_of_each_round": {workers: [round(cost["all"], 3) for cost in costs]
                                     for workers, costs in runs.items()},
            "rows": ROWS, "series": SERIES, "machine_load": os.getloadavg()[0]}
