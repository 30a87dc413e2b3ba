/*  redis_server -- see redis_server.h. Speaks to the server with one inline PING, so that this
 *  file needs no Redis library.
 */
#include "broker/redis_server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/buffer.h"
#include "proto/owned.h"

enum {
    SOCKET_PATH_MAX = sizeof((struct sockaddr_un *) 0)->sun_path - 1, // 107
    FILE_PATH_MAX = SOCKET_PATH_MAX + 32,                             // of a file in DIR/redis
    PING_MS = 200,           // one question whether it is ready
    ASK_EVERY_MS = 20,       // until it is
    LOG_BYTES_MAX = 1 << 20, // at a start, a longer log becomes redis.log.1
    LOG_TAIL_BYTES = 2048,   // read for the reason of a failure
    LOG_TAIL_LINES = 3,
};

static const char SOCKET_NAME[] = "/redis.sock";

// ---- where ---------------------------------------------------------------------------------

// "<abs DIR>/redis.sock".
static bool socket_path(const char *dir, char path[SOCKET_PATH_MAX + 1], fault_t *fault)
{
    char whole[PATH_MAX];
    if (!realpath(dir, whole))
        return fault_set(fault, "%s: %s", dir, strerror(errno));
    size_t size = strlen(whole) + sizeof SOCKET_NAME - 1;
    if (size > SOCKET_PATH_MAX)
        return fault_set(fault,
                         "%s%s: a unix socket path has at most %d bytes, this one has %zu: "
                         "take a shorter --dir",
                         whole, SOCKET_NAME, SOCKET_PATH_MAX, size);
    memcpy(path, whole, strlen(whole));
    memcpy(path + strlen(whole), SOCKET_NAME, sizeof SOCKET_NAME);
    return true;
}

// "<abs DIR>/redis", shorter than the socket's path.
static void home_path(char home[SOCKET_PATH_MAX + 1], const char *socket)
{
    size_t size = strlen(socket) - strlen(".sock");
    memcpy(home, socket, size);
    home[size] = '\0';
}

static void file_path(char path[FILE_PATH_MAX], const char *home, const char *name)
{
    int size = snprintf(path, FILE_PATH_MAX, "%s/%s", home, name);
    assert(size > 0 && size < FILE_PATH_MAX);
}

bool redis_server_url(const char *dir, char url[REDIS_SERVER_URL_MAX], fault_t *fault)
{
    char path[SOCKET_PATH_MAX + 1];
    if (!socket_path(dir, path, fault))
        return false;
    snprintf(url, REDIS_SERVER_URL_MAX, "unix://%s", path);
    return true;
}

// ---- asking it -----------------------------------------------------------------------------

static void descriptor_close(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
}

// True if it answers +PONG: it lives and has loaded.
bool redis_server_ready(const char *dir)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (!socket_path(dir, address.sun_path, NULL))
        return false;
    owned(descriptor_close) int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer < 0 || connect(peer, (struct sockaddr *) &address, sizeof address) != 0 ||
        send(peer, "PING\r\n", 6, MSG_NOSIGNAL) != 6)
        return false;
    struct pollfd answer = { .fd = peer, .events = POLLIN };
    char text[5];
    return poll(&answer, 1, PING_MS) == 1 && recv(peer, text, sizeof text, 0) == sizeof text &&
           memcmp(text, "+PONG", sizeof text) == 0;
}

// The last words of its log, on one line.
static void read_last_words(const char *home, char words[FAULT_TEXT_MAX])
{
    char path[FILE_PATH_MAX], tail[LOG_TAIL_BYTES + 1];
    file_path(path, home, "redis.log");
    owned(descriptor_close) int log = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(words, FAULT_TEXT_MAX, "nothing in %s", path);
    off_t end = log < 0 ? 0 : lseek(log, 0, SEEK_END);
    if (end <= 0)
        return;
    off_t start = end > LOG_TAIL_BYTES ? end - LOG_TAIL_BYTES : 0;
    ssize_t size = pread(log, tail, LOG_TAIL_BYTES, start);
    while (size > 0 && tail[size - 1] == '\n')
        size--;
    if (size <= 0)
        return;
    tail[size] = '\0';
    char *line = tail + size;
    for (int lines = 0; line > tail && lines < LOG_TAIL_LINES; lines++)
        while (line > tail && *--line != '\n')
            ;
    line += *line == '\n';
    for (char *at = line; (at = strchr(at, '\n'));)
        *at = ';';
    snprintf(words, FAULT_TEXT_MAX, "%.480s", line);
}

// ---- starting it ---------------------------------------------------------------------------

// A text as redis.conf reads it: quoted, with escapes.
static void append_quoted(buffer_t *out, const char *text)
{
    buffer_text(out, "\"");
    for (; *text; text++)
        if (*text == '"' || *text == '\\' || (unsigned char) *text < ' ')
            buffer_printf(out, "\\x%02x", (unsigned char) *text);
        else
            buffer_append(out, text, 1);
    buffer_text(out, "\"");
}

static void write_settings(buffer_t *out, const char *home, const char *socket)
{
    buffer_text(out, "# Written at every start: changes here are lost.\nport 0\nunixsocket ");
    append_quoted(out, socket);
    buffer_text(out, "\nunixsocketperm 700\ndir ");
    append_quoted(out, home);
    buffer_text(out, "\ndaemonize no\n"
                     "supervised no\n"
                     "logfile \"\"\n"
                     "appendonly yes\n"
                     "appendfsync always\n"
                     "no-appendfsync-on-rewrite no\n"
                     "aof-load-truncated yes\n"
                     "save \"\"\n"
                     "maxmemory-policy noeviction\n"
                     "notify-keyspace-events Kghsx$\n");
}

static bool put_file(const char *path, const buffer_t *text, fault_t *fault)
{
    owned(descriptor_close) int file =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (text->failed)
        return fault_set(fault, "out of memory");
    if (file < 0 || write(file, text->data, text->size) != (ssize_t) text->size)
        return fault_set(fault, "%s: %s", path, strerror(errno));
    return true;
}

static int open_log(const char *home)
{
    char path[FILE_PATH_MAX], old[FILE_PATH_MAX];
    file_path(path, home, "redis.log");
    file_path(old, home, "redis.log.1");
    struct stat state;
    if (stat(path, &state) == 0 && state.st_size > LOG_BYTES_MAX)
        rename(path, old);
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
}

// In the child, between fork and exec: async-signal-safe calls alone.
static _Noreturn void become_server(const char *settings, int log)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM); // it is private: nothing is left behind by a kill -9
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    char *const words[] = { (char *) "redis-server", (char *) settings, NULL };
    execvp(words[0], words);
    static const char missing[] = "redis-server cannot be run: is it installed?\n";
    if (write(STDERR_FILENO, missing, sizeof missing - 1) < 0)
        _exit(126);
    _exit(127);
}

pid_t redis_server_spawn(const char *dir, fault_t *fault)
{
    char socket[SOCKET_PATH_MAX + 1], home[SOCKET_PATH_MAX + 1], settings[FILE_PATH_MAX];
    if (!socket_path(dir, socket, fault))
        return -1;
    home_path(home, socket);
    if (redis_server_ready(dir))
        return fault_set(fault, "a redis-server already answers on %s", socket), -1;
    if (mkdir(home, S_IRWXU) != 0 && errno != EEXIST)
        return fault_set(fault, "%s: %s", home, strerror(errno)), -1;
    file_path(settings, home, "redis.conf");
    owned(buffer_destroy) buffer_t text = { 0 };
    write_settings(&text, home, socket);
    if (!put_file(settings, &text, fault))
        return -1;
    owned(descriptor_close) int log = open_log(home);
    if (log < 0)
        return fault_set(fault, "%s/redis.log: %s", home, strerror(errno)), -1;
    pid_t pid = fork();
    if (pid == 0)
        become_server(settings, log);
    if (pid < 0)
        fault_set(fault, "fork: %s", strerror(errno));
    return pid;
}

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Wait until the child ends: true; false when wait_ms are over first.
static bool ends_within(int child, int wait_ms)
{
    struct pollfd end = { .fd = child, .events = POLLIN };
    return poll(&end, 1, wait_ms) == 1;
}

pid_t redis_server_start(const char *dir, fault_t *fault)
{
    pid_t pid = redis_server_spawn(dir, fault);
    if (pid < 0)
        return -1;
    owned(descriptor_close) int child = pidfd_open(pid, 0);
    int64_t until_ms = clock_ms() + REDIS_SERVER_READY_MS;
    bool ended = false, ready = false;
    while (!ended && !ready && clock_ms() < until_ms) {
        ended = ends_within(child, ASK_EVERY_MS);
        ready = !ended && redis_server_ready(dir);
    }
    if (ready)
        return pid;
    char socket[SOCKET_PATH_MAX + 1], home[SOCKET_PATH_MAX + 1], words[FAULT_TEXT_MAX];
    redis_server_stop(pid);
    if (!socket_path(dir, socket, fault))
        return -1;
    home_path(home, socket);
    read_last_words(home, words);
    fault_set(fault, "redis-server %s; it said: %s", ended ? "ended" : "was not ready in 60 s",
              words);
    return -1;
}

// ---- stopping it ---------------------------------------------------------------------------

bool redis_server_stop(pid_t pid)
{
    owned(descriptor_close) int child = pidfd_open(pid, 0);
    kill(pid, SIGTERM);
    bool by_itself = child >= 0 && ends_within(child, REDIS_SERVER_STOP_MS);
    if (!by_itself)
        kill(pid, SIGKILL);
    return waitpid(pid, NULL, 0) == pid && by_itself;
}
