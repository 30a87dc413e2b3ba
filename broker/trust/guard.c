/*  guard -- see guard.h. */
#include "broker/trust/guard.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <zmq.h>

#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "broker/trust/strangers.h"
#include "broker/trust/zap.h"

// Written by guard_start and guard_stop while no other thread uses it; afterwards the lock guards
// what changes.
static struct {
    bool on;
    certificate_t self;
    char folder[PATH_MAX], advertise[256];
    zap_t *zap;
    uint64_t fingerprint;  // the thread's alone, once it runs
    strangers_t strangers; // likewise

    pthread_mutex_t lock;
    ring_t *ring;
    bool expecting;
    uint8_t expected[CERTIFICATE_KEY_BYTES];
    guard_count_t count;
    atomic_uint revision;
} guard = { .lock = PTHREAD_MUTEX_INITIALIZER };

// ---- the handler -------------------------------------------------------------------------------

typedef struct {
    zap_verdict_t verdict;
    bool expected;                        // it is our own probe
    char owner[CERTIFICATE_NAME_MAX + 1]; // of the key, if it is known
} judgement_t;

static judgement_t s_judge(door_t door, const uint8_t key[CERTIFICATE_KEY_BYTES])
{
    judgement_t result = { .verdict.reason = "the key is not known here" };
    pthread_mutex_lock(&guard.lock);
    result.expected = guard.expecting && memcmp(guard.expected, key, CERTIFICATE_KEY_BYTES) == 0;
    const certificate_t *found = ring_find(guard.ring, key);
    if (found) {
        strcpy(result.owner, found->name);
        strcpy(result.verdict.name, found->name);
        result.verdict.role = found->role;
        result.verdict.admitted = door_admits(door, found->role);
        result.verdict.reason = "the role of the key may not come in here";
    }
    guard.count.admitted += result.verdict.admitted;
    guard.count.refused += !result.verdict.admitted && !result.expected;
    pthread_mutex_unlock(&guard.lock);
    return result;
}

static zap_verdict_t s_answer(void *context, const zap_request_t *request)
{
    (void) context;
    door_t door;
    if (!door_parse(slice_text(request->domain), &door))
        return (zap_verdict_t){ .reason = "no door of ours" };
    judgement_t result = s_judge(door, request->key);
    uint64_t times;
    if (!result.verdict.admitted && !result.expected &&
        strangers_tell(&guard.strangers, request->address, life_mono_us() / 1000, &times))
        log_event(LOG_WARNING, "refused a connection",
                  "door=%s peer=%s key=%s reason=%s times=%" PRIu64, door_name(door),
                  log_quote(request->address), result.owner[0] ? result.owner : "unknown",
                  log_quote(result.verdict.reason), times);
    return result.verdict;
}

static void s_reread(void *context)
{
    (void) context;
    uint64_t fingerprint = ring_fingerprint(guard.folder);
    if (fingerprint == guard.fingerprint)
        return;
    guard.fingerprint = fingerprint;
    fault_t fault;
    ring_t *ring = ring_load(guard.folder, &fault);
    if (!ring) {
        log_event(LOG_ERROR, "the keys cannot be read; those known before stay", "reason=%s",
                  log_quote(fault.text));
        return;
    }
    pthread_mutex_lock(&guard.lock);
    ring_t *before = guard.ring;
    guard.ring = ring;
    pthread_mutex_unlock(&guard.lock);
    bool lost = ring_lost(before, ring);
    log_event(LOG_INFO, "keys read again", "known=%zu revoked=%s", ring_count(ring),
              lost ? "yes" : "no");
    ring_destroy(&before);
    if (lost)
        atomic_fetch_add(&guard.revision, 1);
}

// ---- starting and stopping it ------------------------------------------------------------------

static bool s_read(const guard_setup_t *setup, fault_t *fault)
{
    char path[PATH_MAX];
    if (snprintf(guard.folder, sizeof guard.folder, "%s", setup->folder) >=
            (int) sizeof guard.folder ||
        !ring_secret_path(setup->folder, setup->name, path, sizeof path))
        return fault_set(fault, "keys: the path is too long");
    snprintf(guard.advertise, sizeof guard.advertise, "%s",
             setup->advertise ? setup->advertise : "");
    guard.fingerprint = ring_fingerprint(guard.folder);
    guard.ring = ring_load(guard.folder, fault);
    if (!guard.ring || !certificate_read(&guard.self, path, true, fault))
        return false;
    if (guard.self.role != setup->role || strcmp(guard.self.name, setup->name) != 0)
        return fault_set(fault, "%.300s: is the key of %s '%s', not of %s '%s'", path,
                         role_name(guard.self.role), guard.self.name, role_name(setup->role),
                         setup->name);
    return true;
}

bool guard_start(const guard_setup_t *setup, fault_t *fault)
{
    assert(!guard.on);
    if (!zmq_has("curve"))
        return fault_set(fault, "this libzmq has no CURVE: keys are of no use with it");
    // No core file, and no debugger of another user: the secret is in our memory.
    const struct rlimit none = { 0, 0 };
    if (setrlimit(RLIMIT_CORE, &none) == -1 || prctl(PR_SET_DUMPABLE, 0) == -1)
        return fault_set(fault, "cannot forbid core files: %s", strerror(errno));
    if (s_read(setup, fault))
        guard.zap = zap_new(s_answer, s_reread, NULL, fault);
    guard.on = guard.zap != NULL;
    if (guard.on && atexit(guard_stop) != 0) // before libzmq's own end, which waits for sockets
        guard.on = fault_set(fault, "out of memory");
    if (!guard.on)
        guard_stop();
    return guard.on;
}

void guard_stop(void)
{
    zap_destroy(&guard.zap);
    ring_destroy(&guard.ring);
    certificate_forget(&guard.self);
    guard.on = false;
    guard.count = (guard_count_t){ 0 };
    guard.strangers = (strangers_t){ 0 };
}

bool guard_on(void)
{
    return guard.on;
}

const certificate_t *guard_self(void)
{
    assert(guard.on);
    return &guard.self;
}

const char *guard_advertise(void)
{
    return guard.advertise[0] ? guard.advertise : NULL;
}

bool guard_knows(const uint8_t key[CERTIFICATE_KEY_BYTES], role_t role)
{
    assert(guard.on);
    pthread_mutex_lock(&guard.lock);
    const certificate_t *found = ring_find(guard.ring, key);
    bool known = found && found->role == role;
    pthread_mutex_unlock(&guard.lock);
    return known;
}

unsigned guard_revision(void)
{
    return atomic_load_explicit(&guard.revision, memory_order_relaxed);
}

void guard_expect(const uint8_t key[CERTIFICATE_KEY_BYTES])
{
    pthread_mutex_lock(&guard.lock);
    guard.expecting = key != NULL;
    if (key)
        memcpy(guard.expected, key, sizeof guard.expected);
    pthread_mutex_unlock(&guard.lock);
}

guard_count_t guard_count(void)
{
    pthread_mutex_lock(&guard.lock);
    guard_count_t count = guard.count;
    pthread_mutex_unlock(&guard.lock);
    return count;
}
