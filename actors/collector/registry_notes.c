/*  registry_notes -- what the registry's own thread tells the log; see registry.h. */
#include <stdio.h>
#include <string.h>

#include "actors/collector/registry_inside.h"
#include "broker/runtime/life.h"

enum {
    DOWN_AGAIN_US = 30 * 1000000,      // how often it is said that Redis is away
    NO_ROOM_AGAIN_US = 60 * 1000000,   // or has no room
    NO_MEMORY_AGAIN_US = 30 * 1000000, // or that we have no memory
};

// log_quote of the runtime has static buffers and belongs to the loop.
static void s_quote(char *out, size_t size, const char *text)
{
    size_t used = 0;
    if (size < 3)
        return;
    out[used++] = '"';
    for (; *text && used + 3 < size; text++) {
        if (*text == '"' || *text == '\\')
            out[used++] = '\\';
        out[used++] = (unsigned char) *text < ' ' ? ' ' : *text;
    }
    out[used++] = '"';
    out[used] = '\0';
}

void registry_note(registry_t *self, log_level_t level, const char *message, const char *key1,
                   const char *value1, const char *key2, const char *value2)
{
    registry_note_t note = { .level = level };
    char quoted1[160] = "", quoted2[FAULT_TEXT_MAX + 8] = "";
    snprintf(note.message, sizeof note.message, "%s", message);
    if (key1) {
        s_quote(quoted1, sizeof quoted1, value1);
        snprintf(note.text, sizeof note.text, "%s=%s", key1, quoted1);
    }
    if (key2) {
        size_t used = strlen(note.text);
        s_quote(quoted2, sizeof quoted2, value2);
        snprintf(note.text + used, sizeof note.text - used, "%s%s=%s", used ? " " : "", key2,
                 quoted2);
    }
    pthread_mutex_lock(&self->lock);
    // Beyond that nobody reads them; the verdicts are in Redis too.
    if (self->note_count < NOTES_MAX)
        self->notes[(self->note_first + self->note_count++) % NOTES_MAX] = note;
    pthread_mutex_unlock(&self->lock);
    registry_signal(self->to_loop);
}

bool registry_heard(registry_t *self, store_status_t status)
{
    bool down = status == STORE_DOWN || status == STORE_REFUSED;
    int64_t now_us = life_mono_us();
    if (down && (!self->down || now_us - self->down_told_us >= DOWN_AGAIN_US)) {
        registry_note(self, LOG_WARNING,
                      self->latest ? "redis does not answer; rule changes wait"
                                   : "redis does not answer; waiting for it before staging",
                      NULL, NULL, "error", store_error(self->store));
        self->down_told_us = now_us;
    }
    if (!down && self->down)
        registry_note(self, LOG_INFO, "redis answers again", NULL, NULL, NULL, NULL);
    pthread_mutex_lock(&self->lock);
    self->down = down;
    pthread_mutex_unlock(&self->lock);
    return !down;
}

void registry_tell_no_room(registry_t *self, no_room_t what, const char *stream, const char *next)
{
    static const char *const words[NO_ROOM_KINDS] = {
        [NO_ROOM_SECRET] = "Redis has no room for the secret of a stream",
        [NO_ROOM_MARK] = "Redis has no room for the mark of a log",
        [NO_ROOM_PLAN] = "Redis has no room for a plan",
        [NO_ROOM_VERDICTS] = "Redis has no room for the states of rules",
    };
    int64_t now_us = life_mono_us();
    if (now_us < self->no_room_tell_us[what])
        return;
    self->no_room_tell_us[what] = now_us + NO_ROOM_AGAIN_US;
    registry_note(self, LOG_ERROR, words[what], stream ? "stream" : NULL, stream, "next", next);
}

bool registry_tell_no_memory(registry_t *self)
{
    int64_t now_us = life_mono_us();
    if (now_us < self->no_memory_tell_us)
        return false;
    self->no_memory_tell_us = now_us + NO_MEMORY_AGAIN_US;
    registry_note(self, LOG_ERROR,
                  self->latest ? "no memory for a plan with all rules: the one before it stays in "
                                 "force"
                               : "no memory for a plan with all rules: nothing is staged before "
                                 "there is one",
                  "next", "remove rules, or give the collector more memory", NULL, NULL);
    return false;
}
