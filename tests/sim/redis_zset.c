/*  redis_zset -- sorted sets of the simulator's Redis: a dictionary and an array in order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/redis_inside.h"

// ---- order ---------------------------------------------------------------------------------

static int by_score(double score, const blob_t *name, const item_t *item)
{
    if (score != item->score)
        return score < item->score ? -1 : 1;
    return blob_compare(name, item->name);
}

// Where an item of this score and name stands, or would, among so many.
static size_t place_of(const object_t *self, size_t count, double score, const blob_t *name)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (by_score(score, name, self->zset.sorted[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void take_out(object_t *self, const item_t *item)
{
    size_t place = place_of(self, self->zset.dict.live, item->score, item->name);
    item_t **at = self->zset.sorted + place;
    memmove(at, at + 1, (self->zset.dict.live - place - 1) * sizeof *at);
}

void zset_remove(object_t *self, item_t *item)
{
    take_out(self, item);
    dict_remove(&self->zset.dict, item);
}

void zset_set(object_t *self, blob_t *member, double score)
{
    item_t *item = dict_find(&self->zset.dict, member);
    size_t others = self->zset.dict.live;
    if (item) {
        take_out(self, item);
        others--;
    }
    size_t place = place_of(self, others, score, member);
    if (!item)
        item = dict_add(&self->zset.dict, member);
    item->score = score;
    if (self->zset.room < others + 1) {
        self->zset.room = 2 * others + 4;
        self->zset.sorted = realloc(self->zset.sorted, self->zset.room * sizeof *self->zset.sorted);
        if (!self->zset.sorted)
            abort();
    }
    item_t **at = self->zset.sorted + place;
    memmove(at + 1, at, (others - place) * sizeof *at);
    *at = item;
}

// ---- changing ------------------------------------------------------------------------------

static bool are_scores(call_t *call, size_t from)
{
    double score;
    if (from >= call->count || (call->count - from) % 2 != 0)
        return call_syntax(call), false;
    for (size_t i = from; i < call->count; i += 2)
        if (!call_number_at(call, i, &score))
            return false;
    return true;
}

static void run_zadd(call_t *call)
{
    object_t *object;
    bool absent = blob_is(call->words[2], "NX"), present = blob_is(call->words[2], "XX");
    size_t from = absent || present ? 3 : 2;
    if (!are_scores(call, from) || !space_read(call, call->words[1], ZSET, &object))
        return;
    if (!object && present)
        return call_integer(call, 0);
    space_open(call, call->words[1], ZSET, &object);
    long long added = 0, moved = 0;
    for (size_t i = from; i < call->count; i += 2) {
        double score;
        blob_to_number(call->words[i], &score);
        item_t *item = dict_find(&object->zset.dict, call->words[i + 1]);
        if (item ? absent : present)
            continue;
        moved += item && item->score != score;
        added += !item;
        zset_set(object, call->words[i + 1], score);
    }
    if (added + moved > 0)
        space_changed(call, call->words[1], 'z', "zadd");
    call_integer(call, added);
}

static void run_zrem(call_t *call)
{
    object_t *object;
    long long gone = 0;
    if (!space_read(call, call->words[1], ZSET, &object))
        return;
    for (size_t i = 2; object && i < call->count; i++) {
        item_t *item = dict_find(&object->zset.dict, call->words[i]);
        if (!item)
            continue;
        zset_remove(object, item);
        gone++;
    }
    if (gone > 0)
        space_changed(call, call->words[1], 'z', "zrem");
    call_integer(call, gone);
}

static void remove_run(call_t *call, object_t *object, size_t first, size_t count,
                       const char *event)
{
    for (size_t i = 0; i < count; i++)
        zset_remove(object, object->zset.sorted[first]);
    call_integer(call, (long long) count);
    if (count > 0)
        space_changed(call, call->words[1], 'z', event);
}

static void run_zremrangebyrank(call_t *call)
{
    object_t *object;
    int64_t start, end;
    size_t first = 0, count = 0;
    if (!call_integer_at(call, 2, &start) || !call_integer_at(call, 3, &end) ||
        !space_read(call, call->words[1], ZSET, &object))
        return;
    if (object && !range_of(start, end, object->zset.dict.live, &first, &count))
        count = 0;
    remove_run(call, object, first, count, "zremrangebyrank");
}

// ---- ranges of scores ----------------------------------------------------------------------

typedef struct {
    double score;
    bool open; // "(": not the score itself
} bound_t;

static bool bound_at(call_t *call, size_t at, bound_t *bound)
{
    const char *text = call->words[at]->data;
    char *end;
    bound->open = *text == '(';
    bound->score = strtod(text + bound->open, &end);
    if (end == call->words[at]->data + call->words[at]->size && !isnan(bound->score))
        return true;
    return call_error(call, "ERR min or max is not a float"), false;
}

static void score_range(const object_t *object, bound_t low, bound_t high, size_t *first,
                        size_t *count)
{
    size_t at = 0, end = object ? object->zset.dict.live : 0;
    while (at < end && (object->zset.sorted[at]->score < low.score ||
                        (low.open && object->zset.sorted[at]->score == low.score)))
        at++;
    *first = at;
    while (at < end && (object->zset.sorted[at]->score < high.score ||
                        (!high.open && object->zset.sorted[at]->score == high.score)))
        at++;
    *count = at - *first;
}

static void answer_run(call_t *call, const object_t *object, size_t first, size_t count,
                       bool backwards, bool scores)
{
    call->reply = answer_array(0);
    for (size_t i = 0; i < count; i++) {
        item_t *item = object->zset.sorted[backwards ? first + count - 1 - i : first + i];
        answer_append(call->reply, answer_blob(item->name));
        if (!scores)
            continue;
        blob_t *score = blob_number(item->score);
        answer_append(call->reply, answer_blob(score));
        blob_drop(score);
    }
}

static void run_zremrangebyscore(call_t *call)
{
    object_t *object;
    bound_t low, high;
    size_t first, count;
    if (!bound_at(call, 2, &low) || !bound_at(call, 3, &high) ||
        !space_read(call, call->words[1], ZSET, &object))
        return;
    score_range(object, low, high, &first, &count);
    remove_run(call, object, first, count, "zremrangebyscore");
}

// key min max [WITHSCORES] [LIMIT offset count]
static void run_zrangebyscore(call_t *call)
{
    object_t *object;
    bound_t low, high;
    size_t first, count;
    int64_t skip = 0, most = -1;
    bool scores = false;
    if (!bound_at(call, 2, &low) || !bound_at(call, 3, &high))
        return;
    for (size_t i = 4; i < call->count; i++) {
        if (blob_is(call->words[i], "WITHSCORES")) {
            scores = true;
        } else if (blob_is(call->words[i], "LIMIT")) {
            if (!call_integer_at(call, i + 1, &skip) || !call_integer_at(call, i + 2, &most))
                return;
            i += 2;
        } else {
            return call_syntax(call);
        }
    }
    if (!space_read(call, call->words[1], ZSET, &object))
        return;
    score_range(object, low, high, &first, &count);
    size_t skipped = skip < 0 || (size_t) skip > count ? count : (size_t) skip;
    count -= skipped;
    if (most >= 0 && (size_t) most < count)
        count = (size_t) most;
    answer_run(call, object, first + skipped, count, false, scores);
}

static void run_zcount(call_t *call)
{
    object_t *object;
    bound_t low, high;
    size_t first, count;
    if (!bound_at(call, 2, &low) || !bound_at(call, 3, &high) ||
        !space_read(call, call->words[1], ZSET, &object))
        return;
    score_range(object, low, high, &first, &count);
    call_integer(call, (long long) count);
}

// ---- reading -------------------------------------------------------------------------------

// key start stop [WITHSCORES], by rank
static void range(call_t *call, bool backwards)
{
    object_t *object;
    int64_t start, end;
    size_t first = 0, count = 0;
    bool scores = call->count == 5 && blob_is(call->words[4], "WITHSCORES");
    if (call->count > 4 && !scores)
        return call_syntax(call); // BYSCORE, REV, LIMIT: nobody uses them
    if (!call_integer_at(call, 2, &start) || !call_integer_at(call, 3, &end) ||
        !space_read(call, call->words[1], ZSET, &object))
        return;
    size_t length = object ? object->zset.dict.live : 0;
    if (!range_of(start, end, length, &first, &count))
        count = 0;
    answer_run(call, object, backwards ? length - first - count : first, count, backwards, scores);
}

static void run_zrange(call_t *call)
{
    range(call, false);
}

static void run_zrevrange(call_t *call)
{
    range(call, true);
}

static redisReply *score_of(const object_t *object, blob_t *member)
{
    item_t *item = object ? dict_find(&object->zset.dict, member) : NULL;
    if (!item)
        return answer_nil();
    blob_t *text = blob_number(item->score);
    redisReply *answer = answer_blob(text);
    blob_drop(text);
    return answer;
}

static void run_zscore(call_t *call)
{
    object_t *object;
    if (space_read(call, call->words[1], ZSET, &object))
        call->reply = score_of(object, call->words[2]);
}

static void run_zmscore(call_t *call)
{
    object_t *object;
    if (!space_read(call, call->words[1], ZSET, &object))
        return;
    call->reply = answer_array(call->count - 2);
    for (size_t i = 2; i < call->count; i++)
        call->reply->element[i - 2] = score_of(object, call->words[i]);
}

static void run_zcard(call_t *call)
{
    object_t *object;
    if (space_read(call, call->words[1], ZSET, &object))
        call_integer(call, object ? (long long) object->zset.dict.live : 0);
}

static void run_zpopmin(call_t *call)
{
    object_t *object;
    int64_t most = 1;
    if ((call->count > 2 && !call_integer_at(call, 2, &most)) ||
        !space_read(call, call->words[1], ZSET, &object))
        return;
    size_t count = object ? object->zset.dict.live : 0;
    if (most < 0)
        return call_error(call, "ERR value is out of range, must be positive");
    if ((size_t) most < count)
        count = (size_t) most;
    answer_run(call, object, 0, count, false, true);
    for (size_t i = 0; i < count; i++)
        zset_remove(object, object->zset.sorted[0]);
    if (count > 0)
        space_changed(call, call->words[1], 'z', "zpopmin");
}

const command_t zset_commands[] = {
    { "ZADD", 4, WRITES | GROWS, run_zadd },
    { "ZCARD", 2, 0, run_zcard },
    { "ZCOUNT", 4, 0, run_zcount },
    { "ZMSCORE", 3, 0, run_zmscore },
    { "ZPOPMIN", 2, WRITES, run_zpopmin },
    { "ZRANGE", 4, 0, run_zrange },
    { "ZRANGEBYSCORE", 4, 0, run_zrangebyscore },
    { "ZREM", 3, WRITES, run_zrem },
    { "ZREMRANGEBYRANK", 4, WRITES, run_zremrangebyrank },
    { "ZREMRANGEBYSCORE", 4, WRITES, run_zremrangebyscore },
    { "ZREVRANGE", 4, 0, run_zrevrange },
    { "ZSCORE", 3, 0, run_zscore },
    { 0 },
};
