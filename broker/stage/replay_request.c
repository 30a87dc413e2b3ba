/*  replay_request -- see replay_request.h. */
#include "broker/stage/replay_request.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "broker/runtime/durable.h"
#include "broker/stage/files.h"

enum { TEXT_MAX = 512 };

static const char name[] = "REPLAY";

// The directory of the stream, and nobody else between a look at the request and what follows
// (closing gives it back). -1 with fault.
static int s_enter(const char *root, const char *namespace, const char *stream, fault_t *fault)
{
    int path = files_open(root, namespace, stream, false, fault);
    if (path < 0)
        return -1;
    int directory = openat(path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); // a path has no lock
    bool locked = directory >= 0;
    while (locked && flock(directory, LOCK_EX) != 0)
        locked = errno == EINTR;
    if (!locked)
        fault_set(fault, "cannot lock %s/%s/%s: %s", root, namespace, stream, strerror(errno));
    close(path);
    if (locked || directory < 0)
        return directory;
    close(directory);
    return -1;
}

bool replay_request_put(const char *root, const char *namespace, const char *stream,
                        const replay_request_t *request, fault_t *fault)
{
    char text[TEXT_MAX];
    int size =
        snprintf(text, sizeof text, "replay %s %s %" PRId64 " %s\n", request->id, request->mappings,
                 request->from_us, request->source[0] ? request->source : "*");
    if (size < 0 || (size_t) size >= sizeof text)
        return fault_set(fault, "the request is too long");
    int directory = s_enter(root, namespace, stream, fault);
    if (directory < 0)
        return false;
    bool alone = faccessat(directory, name, F_OK, 0) != 0 && errno == ENOENT;
    bool good =
        alone && durable_replace(directory, name, text, (size_t) size, STAGE_FILE_MODE, false);
    if (!alone)
        fault_set(
            fault,
            "another replay of stream %s is asked for already, in %s/%s/%s/%s: wait until its "
            "collector has taken that, or remove it if nobody waits for it",
            stream, root, namespace, stream, name);
    else if (!good)
        fault_set(fault, "cannot write %s/%s/%s/%s: %s", root, namespace, stream, name,
                  strerror(errno));
    close(directory);
    return good;
}

static bool s_parse(char *text, replay_request_t *request)
{
    *request = (replay_request_t){ .id = "" };
    char word[8], source[STAGE_SOURCE_NAME_MAX + 1];
    int end = 0;
    if (sscanf(text, "%7s %32[0-9a-f] %32[0-9a-f] %" SCNd64 " %128s%n", word, request->id,
               request->mappings, &request->from_us, source, &end) != 5 ||
        strcmp(word, "replay") != 0 || strcmp(text + end, "\n") != 0 ||
        strlen(request->id) != REQUEST_ID_BYTES || strlen(request->mappings) != REQUEST_ID_BYTES)
        return false;
    if (strcmp(source, "*") != 0)
        strcpy(request->source, source);
    return true;
}

// The text of the file, NUL-terminated. False: errno.
static bool s_read(int file, char text[TEXT_MAX])
{
    size_t size = 0;
    for (ssize_t got = 1; got != 0 && size < TEXT_MAX - 1;) {
        got = read(file, text + size, TEXT_MAX - 1 - size);
        if (got < 0 && errno != EINTR)
            return false;
        size += got > 0 ? (size_t) got : 0;
    }
    text[size] = '\0';
    return true;
}

static replay_request_result_t s_get(int directory, replay_request_t *request, fault_t *fault)
{
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT)
        return REQUEST_NONE;
    char text[TEXT_MAX];
    bool read_all = file >= 0 && s_read(file, text);
    if (!read_all)
        fault_set(fault, "cannot read %s: %s", name, strerror(errno));
    if (file >= 0)
        close(file);
    if (!read_all)
        return REQUEST_FAILED;
    if (s_parse(text, request))
        return REQUEST_READ;
    fault_set(fault, "%s is not what `replay` writes", name);
    return REQUEST_BAD;
}

replay_request_result_t replay_request_get(const char *root, const char *namespace,
                                           const char *stream, replay_request_t *request,
                                           fault_t *fault)
{
    int directory = files_open(root, namespace, stream, false, fault);
    if (directory < 0)
        return REQUEST_FAILED;
    replay_request_result_t got = s_get(directory, request, fault);
    close(directory);
    return got;
}

bool replay_request_remove(const char *root, const char *namespace, const char *stream,
                           const char *id)
{
    int directory = s_enter(root, namespace, stream, NULL);
    if (directory < 0)
        return false;
    replay_request_t found;
    bool gone = true;
    switch (s_get(directory, &found, NULL)) {
    case REQUEST_NONE:
        break;
    case REQUEST_READ:
        if (id && strcmp(found.id, id) == 0)
            gone = unlinkat(directory, name, 0) == 0;
        break;
    case REQUEST_BAD:
        if (!id)
            gone = unlinkat(directory, name, 0) == 0;
        break;
    case REQUEST_FAILED:
        gone = false;
        break;
    }
    close(directory);
    return gone;
}
