/*  demo -- the main job in one command: a private Redis, every actor as a process of its own, the
 *  built-in market, and the alerts as they arrive.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/cli/cli.h"
#include "actors/cli/demo_text.h"
#include "actors/cli/library.h"
#include "actors/cli/listen.h"
#include "actors/cli/preflight.h"
#include "actors/cli/ready.h"
#include "actors/cli/supervise.h"
#include "broker/bus.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "broker/site.h"
#include "proto/owned.h"

static int remove_entry(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
    (void) stat;
    (void) kind;
    (void) walk;
    return remove(path);
}

static bool write_configuration(const char *path, slice_t text, fault_t *fault)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return fault_set(fault, "cannot write '%s': %s", path, strerror(errno));
    bool good = fwrite(text.data, 1, text.size, file) == text.size;
    return (fclose(file) == 0 && good) || fault_set(fault, "cannot write '%s'", path);
}

// The supervisor as a child that ends when we do: Ctrl-C reaches only us, and stopping goes
// upstream first.
static pid_t start_supervisor(const supervise_t *plan, const settings_t *settings, int *ready_fd)
{
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) == -1)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        close(ready[0]);
        char log[SITE_PATH_MAX];
        snprintf(log, sizeof log, "%s/supervisor.log", plan->dir);
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        if (fd != -1)
            dup2(fd, STDERR_FILENO);
        log_setup("supervisor", "demo", LOG_INFO, false);
        _exit(supervise_run(plan, settings, ready[1]));
    }
    close(ready[1]);
    *ready_fd = ready[0];
    return pid;
}

static void introduce(const char *dir, const char *endpoint, const settings_t *settings,
                      const char *feed, long seconds)
{
    printf("Tidewire runs: collector, prep, transform, notifier and broker, each a process of its\n"
           "own, with a private Redis and %s%s.\n\n",
           feed ? "the feed " : "a simulated market of 20 pairs", feed ? feed : "");
    for (size_t i = 0; i < settings->rule_count; i++)
        printf("  %-12s %s: %s\n", i ? "" : "rule", settings->rules[i].name,
               settings->rules[i].when);
    printf("  alerts       %s (docs/clients: examples in Python, C and Node)\n"
           "  from another terminal\n"
           "    ./run status --dir %s\n"
           "    ./run rule list --dir %s\n"
           "    redis-cli -s %s/redis.sock XREVRANGE tw:alerts + - COUNT 3\n",
           endpoint, dir, dir, dir);
    if (feed)
        printf("  make it yours ./run feed show NAME > my.yaml, edit, ./run up -c my.yaml\n\n");
    else
        printf(
            "  a real feed  ./run feed ls, ./run demo --feed kraken; your own: ./run feed try URL\n"
            "\n");
    if (seconds > 0)
        printf("Alerts as they arrive, for %ld seconds:\n\n", seconds);
    else
        printf("Alerts as they arrive; Ctrl-C stops everything:\n\n");
    fflush(stdout);
}

static int watch(const supervise_t *plan, const settings_t *settings, const char *feed,
                 long seconds, pid_t child, int signals, fault_t *fault)
{
    owned(store_destroy) store_t *store = site_store(settings, plan->dir, REDIS_OBSERVER, fault);
    char endpoint[BUS_ENDPOINT_MAX];
    if (!store)
        return EXIT_FAILED;
    if (!listen_endpoint(store, endpoint, fault))
        return EXIT_FAILED;
    log_setup("demo", "-", LOG_WARNING, false); // who comes and goes is told in words
    introduce(plan->dir, endpoint, settings, feed, seconds);
    listen_t listen = {
        .prefix = "alert/",
        .colour = isatty(STDOUT_FILENO),
        .until_us = seconds > 0 ? life_mono_us() + seconds * 1000000 : INT64_MAX,
        .signals = signals,
        .watch_pid = child,
    };
    if (listen_print(&listen, store, fault) < 0)
        return EXIT_FAILED;
    if (listen.child_ended) {
        fault_set(fault, "the supervisor ended");
        return EXIT_FAILED;
    }
    printf("\n%" PRIu64 " alert%s. Stopping.\n", listen.alerts, listen.alerts == 1 ? "" : "s");
    if (listen.alerts > 0 || seconds == 0 || feed) // a live feed may be calm
        return EXIT_OK;
    fault_set(fault, "no alert arrived in %ld seconds", seconds);
    return EXIT_FAILED;
}

// Of several sources one is enough.
static bool feed_answers(const settings_t *settings, const char *feed)
{
    printf("Asking %s once:\n", feed);
    if (preflight(settings) > 0) {
        putchar('\n');
        return true;
    }
    fflush(stdout);
    fprintf(stderr,
            "tidewire demo: the feed %s gives nothing. Is there a network, does it need a proxy\n"
            "(https_proxy=http://host:port), is the service up? Without any: `demo` alone.\n",
            feed);
    return false;
}

static int demo(const char *dir, const settings_t *settings, const char *feed, slice_t text,
                long seconds)
{
    char config[SITE_PATH_MAX];
    snprintf(config, sizeof config, "%s/demo.yaml", dir);
    fault_t fault = { 0 };
    if (!write_configuration(config, text, &fault)) {
        fprintf(stderr, "tidewire demo: %s\n", fault.text);
        return EXIT_FAILED;
    }
    int signals = life_open_signals();
    supervise_t plan = { .config = config, .dir = dir };
    int ready_fd = -1;
    pid_t child = start_supervisor(&plan, settings, &ready_fd);
    if (signals < 0 || child == -1) {
        fprintf(stderr, "tidewire demo: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    int status = EXIT_FAILED;
    switch (ready_wait(ready_fd, signals, "demo", &fault)) {
    case READY:
        status = watch(&plan, settings, feed, seconds, child, signals, &fault);
        break;
    case READY_STOPPED:
        puts("Stopping.");
        status = EXIT_OK;
        break;
    case READY_FAILED:
        break;
    }
    fflush(stdout);
    kill(child, SIGTERM);
    int ended;
    while (waitpid(child, &ended, 0) == -1 && errno == EINTR)
        ;
    close(signals);
    if (status != EXIT_OK)
        fprintf(stderr, "tidewire demo: %s; logs are kept in %s\n", fault.text, dir);
    return status;
}

// Which feeds there are, for one that is not, or was not named.
static int list_feeds(const char *missing)
{
    owned(buffer_destroy) buffer_t list = { 0 };
    library_list(&list);
    if (missing)
        fprintf(stderr, "tidewire demo: there is no feed '%s'", missing);
    else
        fprintf(stderr, "tidewire demo: --feed takes a name");
    fprintf(stderr, " (or a file of yours: ./my.yaml). There are:\n\n%s", buffer_string(&list));
    return EXIT_USAGE;
}

// From the text of the configuration to a folder in which it runs.
static int prepare(const char *feed, long seconds)
{
    owned(buffer_destroy) buffer_t text = { 0 };
    fault_t fault = { 0 };
    switch (demo_text(feed, &text, &fault)) {
    case DEMO_TEXT_NO_FEED:
        return list_feeds(feed);
    case DEMO_TEXT_BAD:
        fprintf(stderr, "tidewire demo: %s\n", fault.text);
        return EXIT_FAILED;
    case DEMO_TEXT_GOOD:
        break;
    }
    owned(settings_destroy) settings_t *settings =
        settings_parse((const char *) text.data, text.size, &fault);
    if (!settings) {
        fprintf(stderr, "%s:%d:%d: %s\n", feed ? feed : "demo", fault.line, fault.column,
                fault.text);
        return EXIT_CONFIG;
    }
    if (feed && !feed_answers(settings, feed))
        return EXIT_FAILED;
    char dir[] = "/tmp/tidewire-demo-XXXXXX"; // short: a unix socket's path has 107 bytes
    if (!mkdtemp(dir)) {
        fprintf(stderr, "tidewire demo: cannot make a folder in /tmp: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    int status = demo(dir, settings, feed, buffer_slice(&text), seconds);
    if (status == EXIT_OK)
        nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return status;
}

int cli_demo(int argc, char **argv)
{
    static const struct option known[] = {
        { "feed", required_argument, NULL, 'f' },
        { "seconds", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    long seconds = 0;
    const char *feed = NULL;
    if (argc > 1 && strcmp(argv[argc - 1], "--feed") == 0)
        return list_feeds(NULL);
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        char *end;
        switch (word) {
        case 's':
            seconds = strtol(optarg, &end, 10);
            if (*end || seconds < 1 || seconds > 86400)
                return cli_misuse("demo", "--seconds is 1 to 86400, not", optarg);
            break;
        case 'f':
            feed = optarg;
            break;
        case 'h':
            puts(
                "usage: tidewire demo [--seconds N] [--feed NAME | ./FILE]\n\n"
                "Starts every actor and a private Redis on loopback, feeds the built-in market,\n"
                "or a ready-made live feed (`tidewire feed ls`), or a configuration of yours, and\n"
                "prints the alerts as they arrive. Ctrl-C, or N seconds, stops everything.");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return cli_misuse("demo", "unexpected word", argv[optind]);
    return prepare(feed, seconds);
}
