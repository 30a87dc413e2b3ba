/*  balance_bench -- how evenly 256 partitions fall on 2 to 200 workers, and how many move when one
 *  joins or leaves. Computed by the workers' own function (broker/ownership.h); no process runs.
 *
 *      balance_bench
 *
 *  For each number of workers, over 40 sets of names: partitions of the busiest and the idlest;
 *  moves on a join, which are those on a leave too, since what should be whose depends on the names
 *  alone, beside the least that any way of sharing must move; and the load of the busiest worker
 *  beside the mean, if 100,000 series are all alike, and if their rates fall off as in Zipf's law
 *  (the n-th has 1/n of the first, which then has 8 % of all). Prints one line of JSON.
 */
#include <stdio.h>
#include <string.h>

#include "broker/ownership.h"
#include "proto/series.h"

enum { MOST = 201, SETS = 40, SERIES = 100000 };

static const size_t counts[] = { 2, 3, 4, 8, 16, 32, 64, 100, 128, 200 };

typedef struct {
    const char *names[MOST];
    char texts[MOST][40];
} set_t;

static void name_all(set_t *set, int number)
{
    for (int i = 0; i < MOST; i++) {
        snprintf(set->texts[i], sizeof set->texts[i], "transform-%d.host%d", i % 4 + 1,
                 number * 100 + i / 4);
        set->names[i] = set->texts[i];
    }
}

// What each partition has to do, in all series 1.
static void weigh(double alike[PARTITIONS], double zipf[PARTITIONS])
{
    double sum = 0;
    for (int i = 0; i < SERIES; i++)
        sum += 1.0 / (i + 1);
    for (int i = 0; i < SERIES; i++) {
        char id[32];
        snprintf(id, sizeof id, "trade:exchange/S%05d", i);
        unsigned partition = series_partition(slice_text(id));
        alike[partition] += 1.0 / SERIES;
        zipf[partition] += 1.0 / (i + 1) / sum;
    }
}

static double busiest(const ownership_t *owners, size_t count, const double weights[PARTITIONS])
{
    double load[MOST] = { 0 }, most = 0;
    for (unsigned p = 0; p < PARTITIONS; p++)
        load[owners->worker[p]] += weights[p];
    for (size_t i = 0; i < count; i++)
        most = load[i] > most ? load[i] : most;
    return most * (double) count;
}

static unsigned moved(const ownership_t *before, const ownership_t *after)
{
    unsigned moves = 0; // the newcomer stands last, so the others keep their index
    for (unsigned p = 0; p < PARTITIONS; p++)
        moves += before->worker[p] != after->worker[p];
    return moves;
}

static void measure(size_t count, const double alike[PARTITIONS], const double zipf[PARTITIONS])
{
    unsigned moves_most = 0, moves_sum = 0;
    double alike_sum = 0, zipf_sum = 0;
    size_t most = 0, least = PARTITIONS;
    for (int s = 0; s < SETS; s++) {
        set_t set;
        name_all(&set, s);
        ownership_t owners = ownership_of(set.names, count);
        ownership_t joined = ownership_of(set.names, count + 1);
        unsigned moves = moved(&owners, &joined);
        moves_sum += moves;
        moves_most = moves > moves_most ? moves : moves_most;
        alike_sum += busiest(&owners, count, alike);
        zipf_sum += busiest(&owners, count, zipf);
        size_t load[MOST] = { 0 };
        for (unsigned p = 0; p < PARTITIONS; p++)
            load[owners.worker[p]]++;
        for (size_t i = 0; i < count; i++) {
            most = load[i] > most ? load[i] : most;
            least = load[i] < least ? load[i] : least;
        }
    }
    printf("\"workers_%zu\": {\"most\": %zu, \"least\": %zu, \"max_of_mean\": %.2f, "
           "\"moves\": %.1f, \"moves_most\": %u, \"moves_needed\": %zu, "
           "\"series_alike_max_of_mean\": %.2f, \"zipf_max_of_mean\": %.2f}",
           count, most, least, (double) most * (double) count / PARTITIONS,
           (double) moves_sum / SETS, moves_most, PARTITIONS / (count + 1), alike_sum / SETS,
           zipf_sum / SETS);
}

int main(void)
{
    double alike[PARTITIONS] = { 0 }, zipf[PARTITIONS] = { 0 };
    weigh(alike, zipf);
    printf("{");
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        printf("%s", i > 0 ? ", " : "");
        measure(counts[i], alike, zipf);
    }
    printf("}\n");
    return 0;
}
