/*  hub -- see hub.h. One of the files that know libmicrohttpd.
 *
 *  The lock is held while a viewer reads, and while it goes to sleep: so nothing can be set between
 *  its last look and its sleep. Only who sleeps is woken, and only who is awake can end; so a
 *  viewer that is in the list has its connection.
 */
#include "actors/api/hub.h"

#include <assert.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/api/ration.h"
#include "proto/owned.h"

enum {
    BLOCK_BYTES = 512,     // of a response, for who speaks HTTP 1.0; others are written to directly
    SEND_BYTES = 64 << 10, // that the kernel keeps for a viewer; it doubles them
};

typedef struct viewer viewer_t;
struct viewer {
    hub_t *hub;
    follower_t *follower;
    struct MHD_Connection *connection;
    portion_t portion;
    bool asleep, more; // it sleeps, and has not compared all
    viewer_t *next, *before;
};

struct hub {
    unsigned most;
    int fd;               // of an eventfd
    pthread_mutex_t lock; // guards what follows
    scene_t scene;
    viewer_t *viewers;
    bool closing;
    bool news; // since all were woken
    ration_t ration;
    size_t unfinished;         // viewers with more
    int64_t ping_us, woken_us; // the next one; the last time that any was
    size_t left_out_now;
    hub_count_t count;
};

hub_t *hub_new(unsigned most)
{
    hub_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->most = most;
    pthread_mutex_init(&self->lock, NULL);
    ration_turn(&self->ration, 0);
    self->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!scene_open(&self->scene) || self->fd < 0)
        hub_destroy(&self);
    return self;
}

void hub_destroy(hub_t **self_p)
{
    hub_t *self = *self_p;
    if (!self)
        return;
    assert(!self->viewers);
    scene_close(&self->scene);
    if (self->fd >= 0)
        close(self->fd);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

// All who sleep, or those of them with more.
static void s_wake(hub_t *self, bool all)
{
    ration_turn(&self->ration, self->unfinished);
    for (viewer_t *viewer = self->viewers; viewer; viewer = viewer->next) {
        if (!viewer->asleep || !(all || viewer->more))
            continue;
        self->unfinished -= viewer->more;
        viewer->asleep = viewer->more = false;
        self->count.woken++;
        MHD_resume_connection(viewer->connection);
    }
}

void hub_close(hub_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->closing = true;
    s_wake(self, true);
    pthread_mutex_unlock(&self->lock);
}

// ---- what there is to see --------------------------------------------------------------------

bool hub_health(hub_t *self, slice_t item)
{
    pthread_mutex_lock(&self->lock);
    uint64_t before = self->scene.health_version;
    bool good = scene_health(&self->scene, item);
    bool changed = self->scene.health_version != before;
    self->news |= changed;
    self->count.events += changed;
    pthread_mutex_unlock(&self->lock);
    return good;
}

void hub_latest_begin(hub_t *self)
{
    pthread_mutex_lock(&self->lock);
    board_begin(self->scene.board);
    self->left_out_now = 0;
    pthread_mutex_unlock(&self->lock);
}

bool hub_latest(hub_t *self, const char *series, slice_t item)
{
    pthread_mutex_lock(&self->lock);
    board_word_t word = board_set(self->scene.board, series, item);
    self->news |= word == BOARD_CHANGED;
    self->count.events += word == BOARD_CHANGED;
    self->left_out_now += word == BOARD_LEFT_OUT;
    pthread_mutex_unlock(&self->lock);
    return word != BOARD_LEFT_OUT;
}

void hub_latest_end(hub_t *self)
{
    pthread_mutex_lock(&self->lock);
    board_end(self->scene.board);
    self->count.left_out = self->left_out_now;
    pthread_mutex_unlock(&self->lock);
}

bool hub_alert(hub_t *self, reel_id_t id, slice_t rule, slice_t series, slice_t item)
{
    pthread_mutex_lock(&self->lock);
    bool good = reel_add(self->scene.reel, id, rule, series, item);
    self->news |= good;
    self->count.events += good;
    pthread_mutex_unlock(&self->lock);
    return good;
}

reel_id_t hub_last_alert(hub_t *self)
{
    pthread_mutex_lock(&self->lock);
    reel_id_t last = reel_last(self->scene.reel);
    pthread_mutex_unlock(&self->lock);
    return last;
}

reel_id_t hub_alert_before(hub_t *self, reel_id_t id)
{
    pthread_mutex_lock(&self->lock);
    reel_id_t before = reel_before(self->scene.reel, id);
    pthread_mutex_unlock(&self->lock);
    return before;
}

void hub_log_begins(hub_t *self)
{
    pthread_mutex_lock(&self->lock);
    reel_is_empty(self->scene.reel);
    pthread_mutex_unlock(&self->lock);
}

void hub_log_back(hub_t *self, reel_id_t to)
{
    pthread_mutex_lock(&self->lock);
    reel_rewind(self->scene.reel, to);
    for (viewer_t *viewer = self->viewers; viewer; viewer = viewer->next)
        follower_rewind(viewer->follower, to);
    self->news = true;
    pthread_mutex_unlock(&self->lock);
}

void hub_log_torn(hub_t *self)
{
    pthread_mutex_lock(&self->lock);
    reel_skip(self->scene.reel);
    pthread_mutex_unlock(&self->lock);
}

void hub_log_seen(hub_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->scene.looks++;
    pthread_mutex_unlock(&self->lock);
}

int64_t hub_turn(hub_t *self, int64_t now_us)
{
    uint64_t calls;
    (void) !read(self->fd, &calls, sizeof calls); // there may be none
    pthread_mutex_lock(&self->lock);
    if (now_us >= self->ping_us) {
        self->ping_us = now_us + HUB_PING_US;
        self->scene.pings++;
        self->news = true;
    }
    if ((self->news || self->unfinished > 0) && now_us - self->woken_us >= HUB_TICK_US) {
        s_wake(self, self->news);
        self->news = false;
        self->woken_us = now_us;
    }
    bool soon = self->news || self->unfinished > 0;
    int64_t next_us = soon ? self->woken_us + HUB_TICK_US : self->ping_us;
    pthread_mutex_unlock(&self->lock);
    return next_us - now_us;
}

int hub_fd(const hub_t *self)
{
    return self->fd;
}

// ---- viewers ---------------------------------------------------------------------------------

// Until it has something to see; with more, as soon as the others had their turn.
static void s_sleep(hub_t *self, viewer_t *viewer, bool more)
{
    const uint64_t call = 1;
    viewer->asleep = true;
    viewer->more = more;
    self->unfinished += more;
    if (more && self->unfinished == 1)
        (void) !write(self->fd, &call, sizeof call); // cannot fail: it is far from full
    MHD_suspend_connection(viewer->connection);
}

static ssize_t s_read(void *context, uint64_t position, char *out, size_t room)
{
    (void) position;
    viewer_t *viewer = context;
    hub_t *self = viewer->hub;
    ssize_t size = MHD_CONTENT_READER_END_OF_STREAM;
    pthread_mutex_lock(&self->lock);
    if (!self->closing) {
        bool more;
        int64_t most = ration_left(&self->ration, &viewer->portion), left = most;
        size = follower_read(viewer->follower, &self->scene, (uint8_t *) out, room, &left, &more);
        ration_take(&self->ration, &viewer->portion, most - left);
        if (size == 0 && room > 0)
            s_sleep(self, viewer, more);
    }
    pthread_mutex_unlock(&self->lock);
    return size < 0 ? MHD_CONTENT_READER_END_OF_STREAM : size;
}

static void s_leave(void *context)
{
    viewer_t *viewer = context;
    hub_t *self = viewer->hub;
    pthread_mutex_lock(&self->lock);
    if (viewer->next)
        viewer->next->before = viewer->before;
    if (viewer->before)
        viewer->before->next = viewer->next;
    else
        self->viewers = viewer->next;
    self->count.viewers--;
    follower_destroy(&viewer->follower); // it holds frames
    pthread_mutex_unlock(&self->lock);
    free(viewer);
}

static void s_enter(hub_t *self, viewer_t *viewer)
{
    viewer->next = self->viewers;
    if (viewer->next)
        viewer->next->before = viewer;
    self->viewers = viewer;
    self->count.viewers++;
}

// Else the kernel keeps megabytes for each who reads nothing.
static bool s_bound(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const int bytes = SEND_BYTES;
    return info && setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) == 0;
}

hub_word_t hub_join(hub_t *self, struct MHD_Connection *connection, const char *rule,
                    const char *series, const reel_id_t *behind, struct MHD_Response **response)
{
    viewer_t *viewer = s_bound(connection) ? calloc(1, sizeof *viewer) : NULL;
    if (!viewer)
        return HUB_NO_MEMORY;
    viewer->hub = self;
    viewer->connection = connection;
    pthread_mutex_lock(&self->lock);
    bool full = self->count.viewers >= self->most;
    self->count.turned_away += full;
    viewer->follower = full ? NULL : follower_new(&self->scene, rule, series, behind);
    bool good = viewer->follower != NULL;
    if (good)
        s_enter(self, viewer);
    pthread_mutex_unlock(&self->lock);
    if (!good) {
        free(viewer);
        return full ? HUB_FULL : HUB_NO_MEMORY;
    }
    *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, s_read, viewer, s_leave);
    if (*response)
        return HUB_JOINED;
    s_leave(viewer);
    return HUB_NO_MEMORY;
}

hub_count_t hub_count(hub_t *self)
{
    pthread_mutex_lock(&self->lock);
    hub_count_t count = self->count;
    pthread_mutex_unlock(&self->lock);
    return count;
}
