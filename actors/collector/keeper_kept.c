/*  keeper_kept -- the copies on the disk: see keeper.h. Runs in the keeper's thread. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/collector/keeper_inside.h"
#include "proto/owned.h"

void keeper_id_text(const uint8_t id[16], char text[KEEPER_ID_TEXT + 1])
{
    for (int i = 0; i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
}

static void s_kept_clear(kept_t *kept)
{
    position_clear(&kept->floors);
    *kept = (kept_t){ 0 };
}

static bool s_describe(kept_t *kept, const copy_reader_t *reader, fault_t *fault)
{
    const copy_head_t *head = copy_reader_head(reader);
    const position_t *positions = copy_reader_positions(reader);
    *kept = (kept_t){ .created_us = head->created_us,
                      .bytes = copy_reader_bytes(reader),
                      .log_count = head->log_count };
    keeper_id_text(head->id, kept->id);
    memcpy(kept->logs, head->logs, sizeof kept->logs);
    for (size_t i = 0; i < positions[0].count; i++) {
        const char *stream = positions[0].offsets[i].stream;
        uint64_t floor = position_floor(positions, stream);
        if (floor > 0 && !position_add(&kept->floors, slice_text(stream), floor, 0)) {
            s_kept_clear(kept);
            return fault_set(fault, "out of memory");
        }
    }
    return true;
}

static int s_directory(keeper_t *self, fault_t *fault)
{
    return copies_enter(self->root, self->namespace, self->collector, false, fault);
}

static bool s_read(int directory, int64_t created_us, kept_t *kept, fault_t *fault)
{
    owned(copy_reader_destroy) copy_reader_t *reader =
        copy_reader_open(directory, created_us, fault);
    return reader && s_describe(kept, reader, fault);
}

// Once of each.
static void s_say_unusable(keeper_t *self, int64_t created_us, const char *why)
{
    for (size_t i = 0; i < self->said_count; i++)
        if (self->said[i] == created_us)
            return;
    if (self->said_count == COPIES_LIST_MAX)
        self->said_count = 0; // they are gone long since
    self->said[self->said_count++] = created_us;
    keeper_add_note(self, LOG_ERROR, "a copy of Redis cannot be used", "reason=\"%s\"", why);
}

bool keeper_list(keeper_t *self, fault_t *fault)
{
    int64_t created_us[COPIES_LIST_MAX];
    size_t count = 0;
    int directory = s_directory(self, fault);
    if (directory < 0) {
        self->listed = fault->text[0] == '\0'; // there never was one
        return self->listed;
    }
    bool good = copies_list(directory, created_us, &count) ||
                fault_set(fault, "cannot list the copies of Redis: %s", strerror(errno));
    for (size_t i = 0; good && i < count && self->kept_count < KEEPER_COPIES; i++) {
        fault_t why;
        if (s_read(directory, created_us[i], &self->kept[self->kept_count], &why))
            self->kept_count++;
        else
            s_say_unusable(self, created_us[i], why.text);
    }
    self->had |= count > 0;
    close(directory);
    self->listed = good;
    return good;
}

static void s_remove_others(keeper_t *self, int directory)
{
    int64_t created_us[COPIES_LIST_MAX];
    size_t count = 0;
    if (!copies_list(directory, created_us, &count))
        return; // with the next copy
    for (size_t i = 0; i < count; i++) {
        bool kept = false;
        for (size_t k = 0; k < self->kept_count; k++)
            kept |= self->kept[k].created_us == created_us[i];
        if (!kept)
            (void) copies_remove(directory, created_us[i]); // with the next copy again
    }
}

bool keeper_learn(keeper_t *self, int64_t created_us, fault_t *fault)
{
    kept_t fresh;
    int directory = s_directory(self, fault);
    if (directory < 0) {
        if (!fault->text[0])
            fault_set(fault, "the directory of copies of Redis is gone");
        return false;
    }
    bool good = s_read(directory, created_us, &fresh, fault);
    if (good) {
        s_kept_clear(&self->kept[KEEPER_COPIES - 1]);
        memmove(self->kept + 1, self->kept, (KEEPER_COPIES - 1) * sizeof self->kept[0]);
        self->kept[0] = fresh;
        self->kept_count += self->kept_count < KEEPER_COPIES;
        self->had = true;
        s_remove_others(self, directory);
    } else {
        (void) copies_remove(directory, created_us);
    }
    close(directory);
    return good;
}

// A log of another mark under the name of ours: what stands in the copy is of that one.
static bool s_is_ours(const kept_t *kept, const keeper_told_t *told)
{
    for (size_t i = 0; i < told->count; i++)
        for (size_t k = 0; k < kept->log_count; k++)
            if (strcmp(told->logs[i].stream, kept->logs[k].stream) == 0 &&
                told->logs[i].mark != kept->logs[k].mark)
                return false;
    return true;
}

static void s_drop(keeper_t *self, size_t index, const char *why)
{
    s_say_unusable(self, self->kept[index].created_us, why);
    s_kept_clear(&self->kept[index]);
    for (size_t i = index; i + 1 < self->kept_count; i++)
        self->kept[i] = self->kept[i + 1];
    self->kept[--self->kept_count] = (kept_t){ 0 };
}

void keeper_forget_foreign(keeper_t *self, const keeper_told_t *told)
{
    for (size_t i = self->kept_count; i-- > 0;)
        if (!s_is_ours(&self->kept[i], told))
            s_drop(self, i, "it is of another log than ours");
}

copy_reader_t *keeper_open(keeper_t *self, size_t index)
{
    fault_t why = { 0 };
    copy_reader_t *reader = NULL;
    int directory = s_directory(self, &why);
    if (directory >= 0) {
        reader = copy_reader_open(directory, self->kept[index].created_us, &why);
        close(directory);
    } else if (!why.text[0]) {
        fault_set(&why, "the directory of copies of Redis is gone");
    }
    if (!reader)
        s_drop(self, index, why.text);
    return reader;
}
