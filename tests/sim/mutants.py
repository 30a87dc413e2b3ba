"""The mutants: the product with one thing wrong, which the simulator must find.

    mutants.py --list              for CMake: a line a mutant, its name and what is compiled anew
    mutants.py --make NAME FOLDER  write the changed files there, by their paths

A mutant is a list of edits: a file, the exact text (which must be there exactly once, else the build
fails: whoever changes that code looks at the mutant as well), and what stands there instead. Only
these files are compiled anew; sources of the product know nothing of it.

`kind`: "wrong" must be found; "harmless" must not: it takes away one of two safeguards, and the same
without both is a mutant as well; "product" is what the product does, and is not built.
"""

import argparse
import collections
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]

Mutant = collections.namedtuple("Mutant", "name origin kind why edits")

LUA, ASSEMBLY = "broker/functions.lua", "broker/functions.S"
COMMIT = "actors/transform/worker_commit.c"
CLAIMS = "actors/transform/worker_claims.c"
BASES = "actors/transform/worker_bases.c"
STREAMS = "actors/transform/worker_streams.c"
LANE_IN = "broker/lane_in.c"
KEEPER = "actors/collector/keeper_notes.c"

# A token that names the owner, not the claim: whoever claims again, holds the same.
OWNER_TOKEN = ("broker/store_partition.c", "            tokens[partition] = store_id_new();",
               "            memset(&tokens[partition], owner[strlen(owner) - 1], sizeof *tokens);")

GUARD = """  if token ~= want_token then return FENCED end
  if head == mine then return DUP end
  if (head or '') ~= previous then return STALE end
"""

CHECK = "  local verdict = guard(have[1], have[2], args[c.at], args[c.at + 1], args[c.at + 2])\n"

RANDOM = "    life_random(&commit->mine, sizeof commit->mine);\n"
SWAP_ID = "    store_id_t mine = store_id_new();\n"

# The number of a commit is the first eight bytes of its id: that of its predecessor, and one.
NUMBER = """    uint64_t number;
    memcpy(&number, &{previous}, sizeof number);
    number++;
    memcpy(&{mine}, &number, sizeof number);
"""


def trimmed_by(looks):
    """The floor of a log is what Redis had of it so many looks ago, one a second."""
    return [(KEEPER, "// What both copies have. Nothing while there is only one,",
             f"enum {{ KEEPERS = 64, LOOKS = {looks} }};\n"
             """
// By keeper: many live in the one program of the simulator.
static struct {
    const keeper_t *keeper;
    uint64_t had[LOOKS + 1][KEEPER_STREAMS_MAX];
} remembered[KEEPERS];

static bool s_redis_has(keeper_t *self, position_t *floors)
{
    size_t at = 0;
    while (remembered[at].keeper && remembered[at].keeper != self)
        at++;
    remembered[at].keeper = self;
    for (size_t i = 0; i < KEEPER_STREAMS_MAX; i++) {
        uint64_t *had = &remembered[at].had[0][i];
        if (!self->told[i])
            continue;
        for (size_t k = LOOKS; k > 0; k--)
            had[k * KEEPER_STREAMS_MAX] = had[(k - 1) * KEEPER_STREAMS_MAX];
        slice_t name = slice_text(self->logs[i].log.stream);
        if (store_committed(self->store, name, had) != STORE_OK ||
            !position_add(floors, name, had[LOOKS * KEEPER_STREAMS_MAX], 0))
            return false;
    }
    return true;
}

// What both copies have. Nothing while there is only one,"""),
            (KEEPER, "    if (!s_floors(self, &seen->floors))\n",
             "    if (!s_redis_has(self, &seen->floors))\n")]


MUTANTS = [
    # ---- determinism.md, sections 1 and 5 ------------------------------------------------------
    Mutant("owner_token", "ours", "harmless",
           "a token names the owner, not the claim: the chain of ids alone must hold",
           [OWNER_TOKEN]),
    Mutant("owner_token_alone", "ours", "wrong",
           "the same without the chain: both defences are off",
           [OWNER_TOKEN, (LUA, "  if (head or '') ~= previous then return STALE end\n", "")]),
    Mutant("dup_by_ver", "determinism.md H1", "wrong",
           "the id of a commit is a number, one more than its predecessor's: another commit of the "
           "same number is taken for this one",
           [OWNER_TOKEN,
            (COMMIT, RANDOM,
             "    commit->mine = (store_id_t){ { 0 } };\n" +
             NUMBER.format(previous="commit->previous", mine="commit->mine")),
            (BASES, SWAP_ID,
             "    store_id_t mine = { { 0 } };\n" +
             NUMBER.format(previous="holding->head", mine="mine"))]),
    Mutant("numeric_chain", "determinism.md H2", "wrong",
           "a commit names its predecessor by number: equal numbers are not equal histories (that no "
           "position goes back would hide most of it, so this is not asked for either)",
           [OWNER_TOKEN,
            (LUA, "    if tonumber(args[c.offset + 3 * i + 1]) < tonumber(have[4 + 2 * i] or 0) then\n"
             "      return BACKWARDS\n    end\n", ""),
            (LUA, "  if (head or '') ~= previous then return STALE end\n",
             "  if (head or ''):sub(1, 16) ~= previous:sub(1, 16) then return STALE end\n"),
            (COMMIT, RANDOM,
             RANDOM + NUMBER.format(previous="commit->previous", mine="commit->mine")),
            (BASES, SWAP_ID, SWAP_ID + NUMBER.format(previous="holding->head", mine="mine"))]),
    Mutant("split_journal", "determinism.md sec. 5", "wrong",
           "positions are committed with one commit, their rows with the next",
           [(LUA,
             "    redis.call('RPUSH', journal, delta)\n    set[3], set[4] = 'jn', jn + 1\n",
             "    local pending = redis.call('HGET', meta, 'pending')\n"
             "    redis.call('HSET', meta, 'pending', delta)\n"
             "    if pending then\n"
             "      redis.call('RPUSH', journal, pending)\n"
             "      set[3], set[4] = 'jn', jn + 1\n"
             "    end\n")]),
    Mutant("swap_drop_all", "determinism.md sec. 5", "wrong",
           "a new base drops the whole journal, deltas after it included",
           [(LUA,
             "  redis.call('LTRIM', keys[2], drop, -1)\n"
             "  redis.call('HSET', keys[1], 'head', args[3], 'jn', jn - drop,",
             "  redis.call('DEL', keys[2])\n"
             "  redis.call('HSET', keys[1], 'head', args[3], 'jn', 0,")]),
    Mutant("drop_now", "determinism.md H7", "wrong",
           "the journal is cut where it ends when the base is swapped, not where the base was made",
           [(BASES, "                        base->base, base->pieces, base->journal_count);",
             "                        base->base, base->pieces, holding->journal_count);")]),
    Mutant("bid_reuse", "determinism.md H7", "wrong",
           "every base of a partition has the same name: a new one overwrites the one in use",
           [(BASES, "                     .base = store_id_new(),",
             "                     .base = { { 1 } },")]),
    Mutant("mem_cursor", "determinism.md H3", "wrong",
           "after a reconnect the notifier goes on behind what it took last, not at the beginning",
           [("broker/store_outbox.c", "        strcpy(self->outbox.position[group], \"0-0\");\n",
             "        strcpy(self->outbox.position[group],\n"
             "               remembered[group][0] ? remembered[group] : \"0-0\");\n"),
            ("broker/store_outbox.c", "void store_outbox_rewind(store_t *self)\n",
             "static char remembered[GROUPS][OUTBOX_ID_MAX];\n\n"
             "void store_outbox_rewind(store_t *self)\n"),
            ("broker/store_outbox.c", "    command_call(self, \"outbox_take\", 2);\n",
             "    snprintf(remembered[group], OUTBOX_ID_MAX, \"%s\", entries[count - 1].entry);\n"
             "    command_call(self, \"outbox_take\", 2);\n")]),
    Mutant("gc_redis", "determinism.md H4", "wrong",
           "the log is trimmed below what Redis has had, and has synced, for a while: no copy of it is "
           "held when it comes back empty or older",
           trimmed_by(2)),
    Mutant("phys_cov", "determinism.md H5", "wrong",
           "what a series covers is what happens to be in memory, where rows are let go in lots",
           [("actors/transform/series.c", "    if (head > ring->head)\n        ring->head = head;\n",
             "    if (head > ring->head + 4)\n        ring->head = head;\n"),
            ("actors/transform/reshape.c",
             "        int64_t kept = from->keep_us > 0          ? window_start(self->floor_us, "
             "from->keep_us)\n",
             "        int64_t kept = from->keep_us > 0 && ring_count(&self->ring) > 0\n"
             "                       ? ring_ts(&self->ring, self->ring.head)\n")]),
    Mutant("rule_by_clock", "determinism.md H6", "wrong",
           "a plan holds from the message that brings it, not from its place in the log",
           [(STREAMS, "        if (plan_seq < tick_seq && plan_seq < block_seq) {",
             "        if (plan_seq != NO_MORE) {")]),

    # ---- reliability.md 3.9 --------------------------------------------------------------------
    Mutant("split_cas", "reliability.md 3.9", "wrong",
           "alerts and states are commits of their own, each kind with a chain of its own",
           [(COMMIT, "    bool whole = count == waiting && !holding->cut;\n",
             "    bool whole = waiting == 0 && !holding->cut;\n"),
            (COMMIT, "    self->holdings[partition].head = commit->mine;\n",
             "    if (commit->alert_count > 0)\n"
             "        memcpy(&self->holdings[partition].head, &commit->mine, 8);\n"
             "    if (whole)\n"
             "        memcpy(self->holdings[partition].head.bytes + 8, commit->mine.bytes + 8, 8);\n"),
            (LUA, CHECK,
             "  local none = ('0'):rep(32)\n"
             "  local head = have[2] or none\n"
             "  local mine, previous = args[c.at + 2], args[c.at + 1]\n"
             "  if previous == '' then previous = none end\n"
             "  local verdict\n"
             "  if have[1] ~= args[c.at] then verdict = FENCED\n"
             "  elseif c.alerts > 0 and head:sub(1, 16) == mine:sub(1, 16) then verdict = DUP\n"
             "  elseif c.alerts > 0 and head:sub(1, 16) ~= previous:sub(1, 16) then verdict = STALE\n"
             "  elseif c.alerts == 0 and head:sub(17) == mine:sub(17) then verdict = DUP\n"
             "  elseif c.alerts == 0 and head:sub(17) ~= previous:sub(17) then verdict = STALE\n"
             "  end\n"),
            (LUA, "  local set = { 'head', args[c.at + 2] }\n",
             "  local head, mine = have[2] or ('0'):rep(32), args[c.at + 2]\n"
             "  local set = { 'head', c.alerts > 0 and mine:sub(1, 16) .. head:sub(17)\n"
             "                        or head:sub(1, 16) .. mine:sub(17) }\n")]),
    Mutant("token_only", "reliability.md 3.9", "wrong",
           "no commit names its predecessor: the owner's token is all that is asked for",
           [(LUA, "  if (head or '') ~= previous then return STALE end\n", "")]),
    Mutant("no_fencing", "reliability.md 3.9", "wrong",
           "whoever commits, commits",
           [(LUA, GUARD, "")]),
    Mutant("checkpoint_first", "reliability.md 3.9", "wrong",
           "states and positions are committed before the alerts that they imply",
           [(COMMIT, "    bool whole = count == waiting && !holding->cut;\n",
             "    if (fold_changed(self->fold, partition))\n"
             "        waiting = count = 0;\n"
             "    bool whole = count == waiting && !holding->cut;\n")]),
    Mutant("random_ids", "reliability.md 3.9", "wrong",
           "the id of an alert is not a function of the log",
           [("proto/alert.c", "    digest_add_sized(&digest, discriminator);\n",
             "    static uint8_t number;\n"
             "    number++;\n"
             "    digest_add_sized(&digest, discriminator);\n"
             "    digest_add_sized(&digest, slice_of(&number, 1));\n")]),
    Mutant("gc_undurable", "reliability.md 3.9", "wrong",
           "the log is trimmed below what Redis has acknowledged, whether it has synced that or not",
           trimmed_by(0)),
    Mutant("pub_undurable", "reliability.md 3.9", "product",
           "alerts are published before Redis has flushed them: that is the product as it is, and "
           "ids that are functions of the log make it harmless; without these it is random_ids",
           []),

    # ---- ours ----------------------------------------------------------------------------------
    Mutant("gap_forgotten", "ours", "wrong",
           "a lane takes a message that begins one record too late",
           [(LANE_IN, "        if (span->from > self->position[p] + 1) {\n",
             "        if (span->from > self->position[p] + 2) {\n"),
            (LANE_IN, "        assert(span->from <= self->position[p] + 1);\n", "")]),
    Mutant("need_once", "ours", "wrong",
           "what is missing is asked for once: a lost question is never repeated",
           [(LANE_IN, "    self->asked_us[partition] = now_us;\n}",
             "    self->asked_us[partition] = INT64_MAX / 2;\n}")]),
    Mutant("full_is_ok", "ours", "wrong",
           "a commit that Redis had no room for counts as if it would come again by itself",
           [(COMMIT, "        if (!whole)\n            return;\n        break;\n", "        return;\n")]),
    Mutant("plan_again", "ours", "wrong",
           "a plan is put in force in all partitions of its message, those beyond it as well",
           [(STREAMS, "    partitions_t set = still_before(stream, ready, plan->seq);\n",
             "    partitions_t set = *ready;\n")]),
    Mutant("coarse_by_memory", "ours", "wrong",
           "windows turn coarse by what waits to be committed, not by what the series holds",
           [("actors/transform/series_cells.c",
             "    return counted_end(self) > self->kept + rows_max;\n",
             "    return counted_end(self) > self->kept + rows_max &&\n"
             "           self->ring.tail - self->resend > 1;\n")]),
    Mutant("late_after_reload", "ours", "wrong",
           "a late row is accepted if the series has just been read from Redis",
           [("actors/transform/series_rows.c",
             "    if (row->ts < series_floor(self, row->ts))\n",
             "    if (row->ts < series_floor(self, row->ts) && !self->windows.stale)\n")]),
    Mutant("taken_before_logged", "ours", "wrong",
           "the notifier takes entries from the outbox before the alert log has them",
           [("actors/notifier/outbox.c",
             "        status = log_batch(self);\n"
             "    FAULT_POINT(\"alert.logged\");\n"
             "    if (status == STORE_OK)\n"
             "        status = take(self);\n",
             "        status = take(self);\n"
             "    FAULT_POINT(\"alert.logged\");\n"
             "    if (status == STORE_OK)\n"
             "        status = log_batch(self);\n")]),
    Mutant("lease_is_safety", "ours", "wrong",
           "whoever believes that its lease runs may commit: clocks and pauses decide",
           [(LUA, GUARD, ""),
            (COMMIT, "    int64_t now_us = life_mono_us();\n"
             "    for (unsigned i = 0, first = batch->turn; i < PARTITIONS; i++)\n",
             "    int64_t now_us = life_mono_us();\n"
             "    if (now_us - self->renewed_us > WORKER_LEASE_MS * INT64_C(1000))\n"
             "        return;\n"
             "    for (unsigned i = 0, first = batch->turn; i < PARTITIONS; i++)\n")]),
    Mutant("ack_before_commit", "ours", "wrong",
           "a commit counts as made when it has been sent, whatever becomes of it, and the next one "
           "does not name it",
           [(LUA, "  if (head or '') ~= previous then return STALE end\n", ""),
            (COMMIT, "        if (store_commit_take(self->commits, batch->status, batch->count) != STORE_OK) {\n"
             "            down(self);\n            return;\n        }\n",
             "        if (store_commit_take(self->commits, batch->status, batch->count) != STORE_OK)\n"
             "            for (size_t i = 0; i < batch->count; i++)\n"
             "                batch->status[i] = STORE_OK;\n")]),
    Mutant("failed_is_told", "ours", "wrong",
           "a delivery that failed, and is to be tried again, counts as made",
           [("actors/notifier/courier.c", "        return store_delivery_retry(self->store, job->alert_id, job->recipient, job->claim,\n"
             "                                    job->delay_ms, job->error);\n",
             "        return store_delivery_done(self->store, job->alert_id, job->recipient);\n")]),
    Mutant("unflushed", "ours", "wrong",
           "records are sent on before they are on disk",
           [("broker/stage/stage.c", "    if (stage_calls.flush(self->file) != 0)",
             "    if (self->file < 0)")]),
    Mutant("topic_unsaved", "ours", "wrong",
           "how many alerts a topic has had is not in the delta: numbers come again",
           [("actors/transform/journal.c",
             "pack_u64(self->out, topics->changed_count);", "pack_u64(self->out, 0);"),
            ("actors/transform/journal.c",
             "i < topics->changed_count; i++)", "i < 0 * topics->changed_count; i++)")]),
    Mutant("incident_unsaved", "ours", "wrong",
           "that a rule began to hold is not in the delta: who reads it waits once more",
           [("actors/transform/fold_incident.c",
             "    if (!incident_same(&before, &topic->incident) &&"
             " !spoken_change(topics, at->rule, topic))\n        return false;\n    return guard(",
             "    return guard(")]),
]


# The seed that found it last.
FOUND_BY = {
    "numeric_chain": 151, "owner_token_alone": 2, "dup_by_ver": 22, "split_journal": 1,
    "swap_drop_all": 6, "drop_now": 6, "bid_reuse": 351, "mem_cursor": 3, "gc_redis": 131,
    "phys_cov": 3, "rule_by_clock": 10, "split_cas": 5, "token_only": 5, "no_fencing": 16,
    "checkpoint_first": 3, "random_ids": 1, "gc_undurable": 92, "gap_forgotten": 106,
    "need_once": 2, "full_is_ok": 4, "plan_again": 46, "coarse_by_memory": 2,
    "late_after_reload": 3, "taken_before_logged": 2, "lease_is_safety": 16, "ack_before_commit": 1,
    "failed_is_told": 8, "unflushed": 114, "topic_unsaved": 2, "incident_unsaved": 4,
}


def mutated(mutant):
    """The changed files: path -> text. Stops if an edit does not fit exactly one place."""
    texts = {}
    for path, find, replace in mutant.edits:
        text = texts.get(path) or (TOP / path).read_text()
        count = text.count(find)
        if count != 1:
            sys.exit(f"mutant {mutant.name}: {path} has this {count} times, not once:\n{find}")
        texts[path] = text.replace(find, replace)
    if LUA in texts:  # the program holds it as bytes
        assembly = (TOP / ASSEMBLY).read_text()
        texts[ASSEMBLY] = assembly.replace(f'"{LUA}"', f'"{{folder}}/{LUA}"')
    return texts


def sources(mutant):
    """What is compiled anew."""
    paths = {path for path, _, _ in mutant.edits}
    return sorted({ASSEMBLY if path == LUA else path for path in paths})


def make(name, folder):
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    for path, text in mutated(mutant).items():
        made = pathlib.Path(folder) / path
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(text.replace("{folder}", str(made.parent.parent)) if path == ASSEMBLY else text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--make", nargs=2, metavar=("NAME", "FOLDER"))
    words = parser.parse_args()
    if words.list:
        for mutant in MUTANTS:
            if mutant.kind != "product":
                print(" ".join([mutant.name] + sources(mutant)))
    elif words.make:
        make(*words.make)


if __name__ == "__main__":
    main()
