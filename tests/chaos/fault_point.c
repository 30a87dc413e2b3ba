/*  fault_point -- see broker/runtime/fault_point.h. Only in the builds "faults" and
 *  "faults-sanitize".
 */
#include "broker/runtime/fault_point.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NAME_BYTES = 48, ACTION_BYTES = 8, EXIT_MISUSED = 2 };

static struct {
    char point[NAME_BYTES]; // "" = none
    unsigned long passages; // the one that acts
    char action[ACTION_BYTES];
    unsigned long sleep_ms;
} order;
static atomic_ulong passed;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void read_order(void)
{
    const char *text = getenv("TIDEWIRE_FAULT");
    if (!text || !*text)
        return;
    int got = sscanf(text, "%47[a-z._]:%lu:%7[a-z]:%lu", order.point, &order.passages, order.action,
                     &order.sleep_ms);
    bool known =
        got >= 3 && order.passages > 0 &&
        (strcmp(order.action, "sleep") == 0 ? got == 4
                                            : got == 3 && (strcmp(order.action, "kill") == 0 ||
                                                           strcmp(order.action, "stop") == 0 ||
                                                           strcmp(order.action, "exit") == 0));
    if (known)
        return;
    fprintf(stderr, "TIDEWIRE_FAULT=%s is not <point>:<nth>:<kill|stop|exit|sleep:ms>\n", text);
    _exit(EXIT_MISUSED);
}

void fault_point(const char *name)
{
    pthread_once(&once, read_order);
    if (strcmp(order.point, name) != 0 || atomic_fetch_add(&passed, 1) + 1 != order.passages)
        return;
    fprintf(stderr, "fault point %s reached: %s\n", name, order.action);
    switch (order.action[0]) {
    case 'k':
        kill(getpid(), SIGKILL);
        break;
    case 'e':
        _exit(1);
    default:
        if (strcmp(order.action, "stop") == 0)
            kill(getpid(), SIGSTOP);
        else
            nanosleep(&(struct timespec){ .tv_sec = (time_t) (order.sleep_ms / 1000),
                                          .tv_nsec = (long) (order.sleep_ms % 1000) * 1000000 },
                      NULL);
    }
}
