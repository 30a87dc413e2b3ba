/*  replay_request -- see replay_request.h. */
#include "broker/stage/replay_request.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/stage/files.h"

enum { TEXT_MAX = 512 };

static const char name[] = "REPLAY";

bool replay_request_put(const char *root, const char *namespace, const char *stream,
                        const replay_request_t *request, fault_t *fault)
{
    char text[TEXT_MAX];
    int size =
        snprintf(text, sizeof text, "replay %s %s %" PRId64 " %s\n", request->id, request->mappings,
                 request->from_us, request->source[0] ? request->source : "*");
    if (size < 0 || (size_t) size >= sizeof text)
        return fault_set(fault, "the request is too long");
    int directory = files_open(root, namespace, stream, false, fault);
    if (directory < 0)
        return false;
    bool good = files_replace(directory, name, text, (size_t) size);
    if (!good)
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

replay_request_result_t replay_request_get(const char *root, const char *namespace,
                                           const char *stream, replay_request_t *request,
                                           fault_t *fault)
{
    int directory = files_open(root, namespace, stream, false, fault);
    if (directory < 0)
        return REQUEST_BAD;
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC);
    int why = errno;
    close(directory);
    if (file < 0) {
        if (why == ENOENT)
            return REQUEST_NONE;
        fault_set(fault, "cannot read %s: %s", name, strerror(why));
        return REQUEST_BAD;
    }
    char text[TEXT_MAX];
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    text[size > 0 ? size : 0] = '\0';
    if (s_parse(text, request))
        return REQUEST_READ;
    fault_set(fault, "%s is not what `replay` writes", name);
    return REQUEST_BAD;
}

bool replay_request_remove(const char *root, const char *namespace, const char *stream)
{
    int directory = files_open(root, namespace, stream, false, NULL);
    if (directory < 0)
        return false;
    bool gone = unlinkat(directory, name, 0) == 0 || errno == ENOENT;
    close(directory);
    return gone;
}
