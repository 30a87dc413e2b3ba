"""What was promised of figures: which figure of a stage, at most or at least how much. Pure."""

# Stage: (what it says, where the figure is in the stage's result, "<=" or ">=", bound).
TARGETS = {
    "rules": (
        ("1,000,000 rules by key beside 1,000, the price stands still", "still.ratio", "<=", 2.0),
        ("1,000,000 rules by key beside 1,000, the price goes calmly", "calm.ratio", "<=", 2.0),
        ("1,000,000 rules by key beside 1,000, the price is busy", "busy.ratio", "<=", 2.0),
        ("verdicts/s of 1,000 window rules, no two of one family", "verdicts_per_s", ">=", 20e6),
        ("10,000 copies of a rule beside one", "copies_ratio", "<=", 1.1),
        ("s until 100,000 rules are in force, once they are set", "loaded.in_force_s", "<=", 5.0),
    ),
    "subscribers": (
        ("MiB of the notifier with 1,000,000 subscriptions and 100,000 to series", "rss_mib", "<=",
         300.0),
        ("s until one alert to 10,000 subscribers is queued, the worst of three", "fan_out_worst_s",
         "<=", 1.0),
    ),
    "viewers": (
        ("ms from the push of a row to 99 of 100 of 5,000 viewers, 10 rows/s", "p99_ms", "<=", 250.0),
        ("KiB of the api a viewer", "kib_a_viewer", "<=", 32.0),
        ("of the alerts reached the viewers that should have", "delivered", ">=", 1.0),
    ),
    "api": (
        ("/api/v1/latest of 1,000 series beside nginx", "of_nginx", ">=", 0.7),
    ),
}


def figure(result, place):
    for name in place.split("."):
        result = result[name]
    return result


def judge(stage, result):
    """A line for each target of the stage: was it kept?"""
    lines = []
    for what, place, way, bound in TARGETS.get(stage, ()):
        found = figure(result, place)
        kept = found <= bound if way == "<=" else found >= bound
        lines.append({"what": what, "figure": found, "target": f"{way} {bound:,.10g}", "within": kept})
    return lines


def text(line):
    return f"within {line['target']}: {line['within']}  ({line['figure']:,.10g}: {line['what']})"
