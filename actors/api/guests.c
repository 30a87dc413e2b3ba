/*  guests -- see guests.h. */
#include "actors/api/guests.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

struct guest {
    int fd;
    bool reads;
    int64_t since_us;
    guest_t *next, *before;
};

struct guests {
    pthread_mutex_t lock; // guards what follows, and what each guest is
    guest_t *first;
};

guests_t *guests_new(void)
{
    guests_t *self = calloc(1, sizeof *self);
    if (self)
        pthread_mutex_init(&self->lock, NULL);
    return self;
}

void guests_destroy(guests_t **self_p)
{
    guests_t *self = *self_p;
    if (!self)
        return;
    while (self->first)
        guests_go(self, self->first);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

guest_t *guests_come(guests_t *self, int fd)
{
    guest_t *guest = calloc(1, sizeof *guest);
    if (!guest)
        return NULL;
    guest->fd = fd;
    pthread_mutex_lock(&self->lock);
    guest->next = self->first;
    if (guest->next)
        guest->next->before = guest;
    self->first = guest;
    pthread_mutex_unlock(&self->lock);
    return guest;
}

void guests_go(guests_t *self, guest_t *guest)
{
    if (!guest)
        return;
    pthread_mutex_lock(&self->lock);
    if (guest->next)
        guest->next->before = guest->before;
    if (guest->before)
        guest->before->next = guest->next;
    else
        self->first = guest->next;
    pthread_mutex_unlock(&self->lock);
    free(guest);
}

void guests_reads(guests_t *self, guest_t *guest, int64_t now_us)
{
    pthread_mutex_lock(&self->lock);
    guest->reads = true;
    guest->since_us = now_us;
    pthread_mutex_unlock(&self->lock);
}

void guests_has_read(guests_t *self, guest_t *guest)
{
    pthread_mutex_lock(&self->lock);
    guest->reads = false;
    pthread_mutex_unlock(&self->lock);
}

// Its descriptor is that of its connection, as it has not gone.
size_t guests_cut(guests_t *self, int64_t now_us)
{
    size_t count = 0;
    pthread_mutex_lock(&self->lock);
    for (guest_t *guest = self->first; guest; guest = guest->next) {
        if (!guest->reads || now_us - guest->since_us <= GUESTS_READ_US)
            continue;
        (void) shutdown(guest->fd, SHUT_RDWR); // if it fails, it has ended already
        guest->reads = false;
        count++;
    }
    pthread_mutex_unlock(&self->lock);
    return count;
}
