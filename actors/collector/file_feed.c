/*  file_feed -- see file_feed.h. */
#include "actors/collector/file_feed.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "actors/collector/cut.h"
#include "proto/buffer.h"

_Static_assert(FILE_FEED_FILES_MAX == 16384 && PLACES_HELD_MAX == 65536, "as the messages say");

enum {
    IDENTITY_BYTES = 16,
    KEEP_BYTES = 4 * CUT_BYTES, // a buffer that grew beyond this is not kept
};

typedef struct {
    char *path;
    uint8_t identity[IDENTITY_BYTES];
    uint64_t size;
} found_t;

struct file_feed {
    const source_t *source;
    places_t *places;
    char *pattern; // path of the URL
    size_t held;   // files of the last scan that the places will not forget
    size_t found_count, found_next;
    found_t *found; // what the last scan saw, in order of name, and is not staged yet

    int file;           // that is being read; -1 = none
    uint64_t offset;    // staged up to here
    uint64_t piece_end; // of the piece given out; 0 = none
    buffer_t text;      // bytes from offset on

    char trouble[512]; // of the scan; "" = none
    uint64_t told;     // hash of the trouble told last
    uint64_t troubles;
};

static void s_trouble(file_feed_t *self, const char *path, const char *reason)
{
    self->troubles++;
    if (!self->trouble[0])
        snprintf(self->trouble, sizeof self->trouble, "'%s': %s", path, reason);
}

static void s_forget_found(file_feed_t *self)
{
    for (size_t i = 0; i < self->found_count; i++)
        free(self->found[i].path);
    free(self->found);
    self->found = NULL;
    self->found_count = self->found_next = 0;
}

static void s_close(file_feed_t *self)
{
    if (self->file >= 0)
        close(self->file);
    self->file = -1;
    self->piece_end = 0;
    if (self->text.capacity > KEEP_BYTES)
        buffer_destroy(&self->text);
    else
        buffer_clear(&self->text);
}

file_feed_t *file_feed_new(const source_t *source, places_t *places)
{
    static const char scheme[] = "file://";
    assert(strncmp(source->url, scheme, sizeof scheme - 1) == 0);
    file_feed_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->source = source;
    self->places = places;
    self->file = -1;
    self->text.limit = FILE_FEED_RECORD_BYTES_MAX;
    self->pattern = strdup(source->url + sizeof scheme - 1);
    if (!self->pattern)
        file_feed_destroy(&self);
    return self;
}

void file_feed_destroy(file_feed_t **self_p)
{
    file_feed_t *self = *self_p;
    if (!self)
        return;
    s_close(self);
    s_forget_found(self);
    (void) places_hold(self->places, self->held, 0);
    buffer_destroy(&self->text);
    free(self->pattern);
    free(self);
    *self_p = NULL;
}

const source_t *file_feed_source(const file_feed_t *self)
{
    return self->source;
}

// ---- which files ----------------------------------------------------------------------------

static void s_identify(found_t *found, const struct stat *status)
{
    struct {
        uint64_t device, inode, size, changed_s, changed_ns;
    } what = { status->st_dev, status->st_ino, (uint64_t) status->st_size,
               (uint64_t) status->st_mtim.tv_sec, (uint64_t) status->st_mtim.tv_nsec };
    XXH64_hash_t seed = XXH3_64bits(found->path, strlen(found->path));
    XXH128_hash_t hash = XXH3_128bits_withSeed(&what, sizeof what, seed);
    memcpy(found->identity, &hash.low64, 8);
    memcpy(found->identity + 8, &hash.high64, 8);
    found->size = what.size;
}

static slice_t s_identity(const found_t *found)
{
    return slice_of(found->identity, IDENTITY_BYTES);
}

static bool s_is_settled(const struct stat *status, int64_t wall_us)
{
    int64_t changed_us =
        (int64_t) status->st_mtim.tv_sec * 1000000 + status->st_mtim.tv_nsec / 1000;
    // One from the future was set by hand, or the clock was: waiting would not help.
    return changed_us > wall_us || wall_us - changed_us >= FILE_FEED_SETTLE_US;
}

// Remember a file that is there, settled and not staged as a whole. False: out of memory.
static bool s_consider(file_feed_t *self, const char *path, int64_t wall_us)
{
    struct stat status;
    if (stat(path, &status) == -1) {
        s_trouble(self, path, strerror(errno));
        return true;
    }
    if (!S_ISREG(status.st_mode)) {
        s_trouble(self, path, "is no file");
        return true;
    }
    if (!s_is_settled(&status, wall_us))
        return true;
    found_t found = { .path = strdup(path) };
    if (!found.path)
        return false;
    s_identify(&found, &status);
    uint64_t staged;
    slice_t source = slice_text(self->source->name);
    if (places_find(self->places, source, s_identity(&found), &staged) && staged >= found.size) {
        free(found.path);
        return true;
    }
    self->found[self->found_count++] = found;
    return true;
}

void file_feed_scan(file_feed_t *self, int64_t wall_us)
{
    if (self->file >= 0)
        return; // in the middle of a file: later
    s_forget_found(self);
    self->trouble[0] = '\0';
    glob_t matches = { 0 };
    int result = glob(self->pattern, 0, NULL, &matches);
    if (result != 0)
        s_trouble(self, self->pattern,
                  result == GLOB_NOMATCH ? "no such file, or its directory cannot be read"
                                         : "cannot be searched");
    size_t count = result == 0 ? matches.gl_pathc : 0;
    if (count > FILE_FEED_FILES_MAX) {
        s_trouble(self, self->pattern, "more than 16384 files; the last ones are not read");
        count = FILE_FEED_FILES_MAX;
    }
    self->held = places_hold(self->places, self->held, count);
    if (self->held < count)
        s_trouble(
            self, self->pattern,
            "more than 65536 files in all sources of this stream; the last ones are not read: "
            "move old files away, or give the source a stream: of its own");
    count = self->held;
    self->found = count ? calloc(count, sizeof *self->found) : NULL;
    for (size_t i = 0; self->found && i < count; i++)
        if (!s_consider(self, matches.gl_pathv[i], wall_us))
            break; // out of memory: the next scan goes on
    globfree(&matches);
}

// ---- their bytes ----------------------------------------------------------------------------

// A compressed file cannot be cut.
static bool s_is_gzip(int file)
{
    uint8_t magic[2];
    return pread(file, magic, sizeof magic, 0) == sizeof magic && magic[0] == 0x1f &&
           magic[1] == 0x8b;
}

static bool s_may_be_cut(const file_feed_t *self)
{
    if (s_is_gzip(self->file))
        return false;
    switch (self->source->format) {
    case FORMAT_JSON:
    case FORMAT_CONCATENATED:
        return false;
    case FORMAT_JSONL:
        return true;
    case FORMAT_CSV:
        return !self->source->csv_header && !self->source->csv_skip_lines &&
               !self->source->csv_comment;
    }
    return false;
}

// Open a file at the place where it was left. NULL, or what is wrong. A file that has changed
// since the scan stays closed and is no trouble: the next scan sees it as it is then.
static const char *s_open(file_feed_t *self, const found_t *found)
{
    self->file = open(found->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (self->file == -1 || fstat(self->file, &status) == -1)
        return strerror(errno);
    found_t now = { .path = found->path };
    s_identify(&now, &status);
    if (!slice_same(s_identity(&now), s_identity(found))) {
        s_close(self);
        return NULL;
    }
    slice_t source = slice_text(self->source->name);
    if (!places_find(self->places, source, s_identity(found), &self->offset))
        self->offset = 0;
    return NULL;
}

// Have at least `size` bytes from offset on in the text. False with *reason.
static bool s_fill(file_feed_t *self, size_t size, const char **reason)
{
    while (self->text.size < size) {
        size_t had = self->text.size;
        uint8_t *room = buffer_extend(&self->text, size - had);
        if (!room) {
            *reason = "out of memory";
            return false;
        }
        ssize_t got = pread(self->file, room, size - had, (off_t) (self->offset + had));
        self->text.size = had + (got > 0 ? (size_t) got : 0);
        if (got == -1 && errno == EINTR)
            continue;
        if (got <= 0) {
            *reason = got == 0 ? "has become shorter while it was read" : strerror(errno);
            return false;
        }
    }
    return true;
}

// The text up to a place where it may be cut; 0 with *reason.
static size_t s_cut(file_feed_t *self, uint64_t left, const char **reason)
{
    cut_rule_t rule = { .csv = self->source->format == FORMAT_CSV,
                        .delimiter = self->source->csv_delimiter };
    uint64_t most = left < FILE_FEED_RECORD_BYTES_MAX ? left : FILE_FEED_RECORD_BYTES_MAX;
    for (uint64_t size = CUT_BYTES < most ? CUT_BYTES : most;;
         size = size * 2 < most ? size * 2 : most) {
        if (!s_fill(self, size, reason))
            return 0;
        if (size == left && size <= CUT_BYTES)
            return size;
        size_t cut = cut_find(rule, slice_of(self->text.data, size));
        if (cut)
            return cut;
        if (size == left)
            return size; // the last line has no end
        if (size == most) {
            *reason = "has a line longer than 64 MB";
            return 0;
        }
    }
}

// Read the next piece of the open file. NULL, or what is wrong.
static const char *s_read_piece(file_feed_t *self, const found_t *found)
{
    const char *reason = NULL;
    uint64_t left = found->size - self->offset;
    size_t size = left;
    if (s_may_be_cut(self))
        size = s_cut(self, left, &reason);
    else if (left > FILE_FEED_RECORD_BYTES_MAX)
        reason = "is larger than 64 MB and cannot be cut";
    else
        (void) s_fill(self, size, &reason);
    if (!reason)
        self->piece_end = self->offset + size;
    return reason;
}

bool file_feed_next(file_feed_t *self, file_piece_t *piece)
{
    for (; self->found_next < self->found_count; self->found_next++) {
        const found_t *found = &self->found[self->found_next];
        const char *reason = NULL;
        if (self->file == -1)
            reason = s_open(self, found);
        if (self->file >= 0 && !self->piece_end)
            reason = s_read_piece(self, found);
        if (self->file >= 0 && !reason) {
            piece->path = found->path;
            piece->payload = slice_of(self->text.data, self->piece_end - self->offset);
            return place_make(&piece->place, s_identity(found), self->piece_end);
        }
        if (reason)
            s_trouble(self, found->path, reason);
        s_close(self); // left alone until the next scan
    }
    return false;
}

bool file_feed_done(file_feed_t *self)
{
    assert(self->file >= 0);
    const found_t *found = &self->found[self->found_next];
    if (!places_note(self->places, slice_text(self->source->name), s_identity(found),
                     self->piece_end))
        return false;
    size_t size = self->piece_end - self->offset;
    self->text.size -= size;
    if (self->text.size)
        memmove(self->text.data, self->text.data + size, self->text.size);
    self->offset = self->piece_end;
    self->piece_end = 0;
    if (self->offset >= found->size) {
        s_close(self);
        self->found_next++;
    }
    return true;
}

// ---- what is wrong --------------------------------------------------------------------------

bool file_feed_trouble(file_feed_t *self, const char **text)
{
    uint64_t hash = XXH3_64bits(self->trouble, strlen(self->trouble));
    if (hash == self->told)
        return false;
    self->told = hash;
    *text = self->trouble;
    return self->trouble[0] != '\0';
}

uint64_t file_feed_troubles(const file_feed_t *self)
{
    return self->troubles;
}
