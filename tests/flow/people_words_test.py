"""`subscriber` and `silence` write, list and remove what people could write by redis-cli, and refuse what
the notifier would not take; options stand before `add`, everything behind it is taken as it is."""

import json

from cli_test import CONFIG, CONFIG_BAD, FAILED, OK, USAGE, expect
from harness import Instance, wait_for

GATEWAYS = """
gateways:
  ntfy: { url: "http://127.0.0.1:9/{{address}}", type: text/plain, body: "{{text}}" }
"""


def strings(hash_):
    return {k.decode() if isinstance(k, bytes) else k: v.decode() if isinstance(v, bytes) else v
            for k, v in hash_.items()}


def members(redis, key):
    return {m.decode() if isinstance(m, bytes) else m for m in redis.smembers(key)}


def check_subscribers(instance):
    redis = instance.redis()
    expect(instance.word("subscriber", "add", "alice", "--webhook", "http://127.0.0.1:9/hook",
                         "--email", "a@example.com", "--quiet", "22:00-07:00 Europe/Berlin",
                         "--quiet-except", "critical", "--group", "30s", "--ntfy", "market",
                         "--rules", "spike", "other:trade:x"), OK,
           out="set 6 fields of 'alice', subscribed to 2 rules\n")
    fields = strings(redis.hgetall("tw:subscriber:alice"))
    assert fields == {"webhook": "http://127.0.0.1:9/hook", "email": "a@example.com",
                      "quiet": "22:00-07:00 Europe/Berlin", "quiet_except": "critical",
                      "group": "30s", "ntfy": "market"}, fields
    assert members(redis, "tw:subs:spike") == members(redis, "tw:subs:other:trade:x") == {"alice"}
    instance.word("subscriber", "add", "alice", "--rate", "10/1m", "--secret", "whsec_AAAA")
    assert redis.hlen("tw:subscriber:alice") == 8  # the others stay
    instance.word("subscriber", "add", "bob", "--rules", "spike")
    shown = instance.word("subscriber", "list").stdout
    assert "webhook=http://127.0.0.1:9/hook" in shown and "ntfy=market" in shown, shown
    one, = [json.loads(line) for line in
            instance.word("subscriber", "list", "--json").stdout.splitlines()]
    assert (one["name"], one["secret"], one["rate"]) == ("alice", True, "10/1m"), one
    assert "whsec" not in shown + json.dumps(one)
    for words, why in ((("--webhook", "ftp://x/"), ""), (("--email", "no address"), "local@domain"),
                       (("--quiet", "22:00-07:00 Nowhere/X"), "no time zone 'Nowhere/X'"),
                       (("--quiet", "night"), "`quiet` is not of the form"),
                       (("--group", "2d"), "`group` is not of the form"),
                       (("--rate", "many"), "the rate is not of the form"),
                       (("--secret", "plain"), ""), (("--format", "xml"), "format is none of"),
                       (("--pager", "x"), "no channel or field 'pager'"),
                       (("--email", ""), "`email` is empty"),
                       (("--rules",), "nothing is given"), (("--rules", "a b"), "neither RULE nor"),
                       (("--rules", ":x"), "neither RULE nor")):
        bad = instance.word("subscriber", "add", "carol", *words, check=False)
        expect(bad, CONFIG_BAD if len(words) > 1 else USAGE, err=why if len(words) > 1 else "add")
    expect(instance.word("subscriber", "add", "a/b", "--email", "a@b.c", check=False), CONFIG_BAD,
           err="a name is")
    expect(instance.word("subscriber", "add", "carol", "--rate", "1/1s", "--email", check=False), USAGE,
           err="not '--email'")
    expect(instance.word("subscriber", "add", "carol", "email", "a@b.c", check=False), USAGE)
    assert not redis.exists("tw:subscriber:carol")
    expect(instance.word("subscriber", "rm", "alice"), OK,
           out="removed 'alice', and 2 subscriptions\n")
    expect(instance.word("subscriber", "rm", "bob"), OK, out="removed 'bob', and 1 subscriptions\n")
    assert not redis.exists("tw:subscriber:alice", "tw:subs:spike", "tw:subs:other:trade:x")
    expect(instance.word("subscriber", "rm", "alice", check=False), FAILED, err="no subscriber")


def check_silences(instance):
    redis = instance.redis()
    instance.word("silence", "add", "works", "--rule", "sp*", "--series", "trade:*", "--for", "2h",
                  "--why", "--dir is rebuilt", "--by", "carol")
    fields = strings(redis.hgetall("tw:silence:works"))
    assert (fields["rule"], fields["why"], fields["by"]) == ("sp*", "--dir is rebuilt", "carol")
    assert fields["until"].endswith("Z"), fields
    wait_for("the answer", lambda: strings(redis.hgetall("tw:status:silence:works")) ==
             {"state": "ok", "error": ""})
    redis.hset("tw:silence:bad", mapping={"until": "soon"})
    shown = instance.word("silence", "list").stdout.splitlines()
    assert shown[0].split() == ["SILENCE", "STATE", "RULE", "SERIES", "UNTIL", "BY", "WHY"], shown
    assert shown[1].split()[:2] == ["bad", "error"] and shown[2].split()[:3] == ["works", "ok", "sp*"]
    listed = [json.loads(line) for line in
              instance.word("silence", "list", "--json").stdout.splitlines()]
    assert [one["name"] for one in listed] == ["bad", "works"], listed
    for words, code, why in ((("--rule", "*", "--until", "soon"), CONFIG_BAD, "`until`"),
                             (("--why", "nothing"), CONFIG_BAD, "neither `rule` nor `series`"),
                             (("--rule", "*", "--for", "long"), USAGE, "--for takes a duration"),
                             (("--rules", "*"), USAGE, "add knows no option '--rules'"),
                             (("--rule",), USAGE, "add takes NAME")):
        expect(instance.word("silence", "add", "x", *words, check=False), code, err=why)
    assert not redis.exists("tw:silence:x")
    expect(instance.word("silence", "rm", "works"), OK, out="removed 'works'")
    expect(instance.word("silence", "rm", "works", check=False), FAILED, err="no silence 'works'")
    expect(instance.word("silence", "list", "all", check=False), USAGE, err="'list'")


def main():
    with Instance(CONFIG + GATEWAYS) as instance:
        instance.up()
        check_subscribers(instance)
        check_silences(instance)
    print("subscribers and silences: written, listed, removed, refused")


if __name__ == "__main__":
    main()
