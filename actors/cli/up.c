/*  up, down -- the supervisor in the background, and its end. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/cli/cli.h"
#include "actors/cli/ready.h"
#include "actors/cli/supervise.h"
#include "actors/collector/configured.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "proto/owned.h"

enum { DOWN_TURN_MS = 20, DOWN_MS = 120 * 1000 };

static const struct option known[] = {
    { "config", required_argument, NULL, 'c' },
    { "dir", required_argument, NULL, 'd' },
    { "roles", required_argument, NULL, 'r' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

// The background: no terminal, the log in DIR/log/supervisor.log.
static void become_supervisor(const supervise_t *plan, const settings_t *settings, int ready_fd)
{
    char log[PATH_MAX];
    mkdir(plan->dir, 0750);
    snprintf(log, sizeof log, "%s/log", plan->dir);
    mkdir(log, 0750);
    snprintf(log, sizeof log, "%s/log/supervisor.log", plan->dir);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0640);
    int in = open("/dev/null", O_RDONLY);
    if (out != -1) {
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
    }
    if (in != -1)
        dup2(in, STDIN_FILENO);
    log_setup("supervisor", "up", LOG_INFO, false);
    _exit(supervise_run(plan, settings, ready_fd));
}

static int wait_ready(int fd, const char *dir, const settings_t *settings)
{
    fault_t fault = { 0 };
    if (ready_wait(fd, -1, "up", &fault) != READY) {
        fprintf(stderr, "tidewire up: %s\n", fault.text);
        return EXIT_FAILED;
    }
    if (!cli_note_running(settings, dir, &fault))
        fprintf(stderr, "tidewire up: %s\n", fault.text);
    bool usual = strcmp(dir, CLI_DIR) == 0;
    printf("up: every actor runs. Next: `status`, `tail`, `down`%s%s; logs are in %s/log\n",
           usual ? "" : " with --dir ", usual ? "" : dir, dir);
    return EXIT_OK;
}

int cli_up(int argc, char **argv)
{
    supervise_t plan = { .dir = CLI_DIR };
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        switch (word) {
        case 'c':
            plan.config = optarg;
            break;
        case 'd':
            plan.dir = optarg;
            break;
        case 'r':
            plan.roles = optarg;
            break;
        case 'h':
            puts(
                "usage: tidewire up -c FILE [--dir DIR] [--roles LIST]\n\n"
                "LIST names what to start here, e.g. collector,prep=2,transform=2,notifier,broker\n"
                "(default: one of each, and an api if listen.http says where it answers). DIR\n"
                "(default .tidewire) holds the embedded Redis, the stage and the logs. If an\n"
                "actor ends instead, all are stopped again: exit 1. A Redis elsewhere that cannot\n"
                "be reached is waited for; after a minute up returns with exit 1, and the actors\n"
                "go on waiting.");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return cli_misuse("up", "unexpected word", argv[optind]);
    if (!plan.config)
        return cli_misuse("up", "-c FILE is missing", NULL);
    fault_t fault = { 0 };
    if (!supervise_check(&plan, &fault))
        return cli_misuse("up", fault.text, NULL);
    owned(settings_destroy) settings_t *settings = cli_settings(plan.config);
    if (!settings)
        return EXIT_CONFIG;
    size_t bad = 0;
    ruleset_t *rules = configured_print(settings, &bad);
    ruleset_destroy(&rules);
    if (bad > 0)
        return EXIT_CONFIG;
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) == -1) {
        fprintf(stderr, "tidewire up: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    pid_t pid = fork();
    if (pid == -1) {
        fprintf(stderr, "tidewire up: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    if (pid == 0) {
        close(ready[0]);
        become_supervisor(&plan, settings, ready[1]);
    }
    close(ready[1]);
    return wait_ready(ready[0], plan.dir, settings);
}

int cli_down(int argc, char **argv)
{
    const char *dir = CLI_DIR;
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        switch (word) {
        case 'd':
            dir = optarg;
            break;
        case 'h':
            puts(
                "usage: tidewire down [--dir DIR]\n\n"
                "Stops what `up` started in DIR (default .tidewire), upstream first, so that each\n"
                "actor drains into a living one. A second `down` meanwhile ends all at once.");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return cli_misuse("down", "unexpected word", argv[optind]);
    int pid = supervise_pid(dir);
    if (pid <= 0) {
        fprintf(stderr, "tidewire down: nothing runs in '%s'\n", dir);
        return EXIT_FAILED;
    }
    kill(pid, SIGTERM);
    for (int waited_ms = 0; waited_ms < DOWN_MS; waited_ms += DOWN_TURN_MS) {
        if (supervise_pid(dir) != pid) {
            puts("down");
            return EXIT_OK;
        }
        poll(NULL, 0, DOWN_TURN_MS);
    }
    fprintf(stderr, "tidewire down: process %d does not end; see %s/log/supervisor.log\n", pid,
            dir);
    return EXIT_FAILED;
}
