/*  top -- a live table of what there is: sums, incidents, series with their newest values. Looks
 *  into Redis as `status` does; where stdout is no terminal it prints one picture and ends.
 */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/cli/cli.h"
#include "actors/cli/screen.h"
#include "actors/cli/top_board.h"
#include "actors/notifier/health.h"
#include "broker/runtime/life.h"
#include "broker/site.h"
#include "broker/store_views.h"
#include "proto/glob.h"
#include "proto/owned.h"

enum {
    EVERY_US = 1000 * 1000,
    REST = 9,                 // times as long as a look took: a tenth of the time
    LINES_OF_PRINT = 1 << 20, // where there is no screen everything is printed,
    WIDTH_OF_PRINT = 4096,    // and each line whole
    KEY_ESCAPE = 27,
};

typedef struct {
    store_t *store;
    top_board_t *board;
    const char *series; // pattern, or NULL
    top_view_t view;
    health_t health;
    buffer_t page;
    uint64_t pictures, most; // drawn; 0: no limit
    int signals;             // life_open_signals
    bool on_screen;
} top_t;

static void see_series(void *context, const store_rule_t *series)
{
    const top_t *self = context;
    if (!self->series || glob_fits(slice_text(self->series), slice_text(series->name)))
        top_board_series(self->board, series);
}

// What Redis does not tell is missing in the picture, and its first line says so.
static bool s_look(top_t *self)
{
    top_board_clear(self->board);
    if (!health_look(&self->health, self->store))
        return false;
    if (store_actors(self->store, NULL, top_board_actor, self->board) == STORE_OK &&
        store_incidents(self->store, top_board_incident, self->board) == STORE_OK)
        store_latest(self->store, see_series, self);
    self->view.now_us = life_wall_us();
    self->view.ill = self->health.ill;
    self->view.health = buffer_string(&self->health.line);
    return true;
}

static bool s_show(top_t *self)
{
    if (self->on_screen)
        screen_size(&self->view.lines, &self->view.width);
    buffer_clear(&self->page);
    if (!top_board_draw(self->board, &self->view, &self->page))
        return false;
    self->pictures++;
    if (self->on_screen)
        screen_draw(buffer_string(&self->page));
    else
        fputs(buffer_string(&self->page), stdout);
    return true;
}

// False: it was the last key.
static bool s_press(top_t *self, int key)
{
    switch (key) {
    case 's':
        top_board_next_sort(self->board, self->view.sort);
        return true;
    case 'r':
        self->view.smallest_first = !self->view.smallest_first;
        return true;
    case ' ':
        self->view.halted = !self->view.halted;
        return true;
    case 'q':
    case KEY_ESCAPE:
    case SCREEN_CLOSED:
        return false;
    default:
        return true;
    }
}

// Until it is time to look again, or a key wants something to be shown at once. False: the end.
static bool s_wait(top_t *self, int64_t until_us, bool *pressed)
{
    *pressed = false;
    for (int64_t now_us = life_mono_us(); now_us < until_us && !*pressed; now_us = life_mono_us()) {
        struct pollfd asked[] = { { .fd = self->signals, .events = POLLIN },
                                  { .fd = self->on_screen ? STDIN_FILENO : -1, .events = POLLIN } };
        if (poll(asked, 2, (int) ((until_us - now_us) / 1000) + 1) <= 0)
            continue;
        if (asked[0].revents && life_take_signal(self->signals) == LIFE_DRAIN)
            return false;
        for (int key; self->on_screen && (key = screen_key()) != SCREEN_NO_KEY; *pressed = true)
            if (!s_press(self, key))
                return false;
    }
    return true;
}

// False: no memory.
static bool s_run(top_t *self)
{
    for (;;) {
        int64_t begun_us = life_mono_us();
        if (!self->view.halted && !s_look(self))
            return false;
        int64_t now_us = life_mono_us();
        int64_t rest_us = REST * (now_us - begun_us);
        for (bool pressed = true; pressed;) {
            if (!s_show(self))
                return false;
            if (self->pictures == self->most ||
                !s_wait(self, now_us + (rest_us > EVERY_US ? rest_us : EVERY_US), &pressed))
                return true;
        }
    }
}

static int s_help(void)
{
    puts("usage: tidewire top [-c FILE] [--dir DIR] [--series GLOB] [--sort COLUMN] [-n N]\n\n"
         "A live table of what there is: is all well, rates, incidents, and each series with the\n"
         "newest values of its columns, about once a second. --sort puts the largest values of a\n"
         "column first. -n N (--count N) ends after N pictures; where stdout is no terminal it is\n"
         "one. Keys: s sorts by the next column, r turns the order, space halts, q ends.\n"
         "Without -c: of what `up` started in DIR (default .tidewire).");
    return EXIT_OK;
}

static int s_top(top_t *self, const settings_t *settings, const char *dir)
{
    fault_t fault = { 0 };
    self->signals = life_open_signals();
    owned(store_destroy) store_t *store = site_store(settings, dir, REDIS_OBSERVER, &fault);
    owned(top_board_destroy) top_board_t *board = top_board_new();
    if (!store || !board) {
        fprintf(stderr, "tidewire top: %s\n", board ? fault.text : "no memory");
        return EXIT_FAILED;
    }
    self->store = store;
    self->board = board;
    self->on_screen = screen_open();
    self->view.colour = self->on_screen;
    if (!self->on_screen && self->most == 0)
        self->most = 1;
    bool good = s_run(self);
    screen_close();
    health_destroy(&self->health);
    buffer_destroy(&self->page);
    if (!good)
        fputs("tidewire top: no memory\n", stderr);
    return good ? EXIT_OK : EXIT_FAILED;
}

int cli_top(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "dir", required_argument, NULL, 'd' },
        { "series", required_argument, NULL, 'm' },
        { "sort", required_argument, NULL, 's' },
        { "count", required_argument, NULL, 'n' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *config = NULL, *dir = CLI_DIR;
    top_t self = { .view = { .lines = LINES_OF_PRINT, .width = WIDTH_OF_PRINT } };
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "c:n:h", known, NULL)) != -1;) {
        char *end;
        switch (word) {
        case 'c':
            config = optarg;
            break;
        case 'd':
            dir = optarg;
            break;
        case 'm':
            self.series = optarg;
            break;
        case 's':
            snprintf(self.view.sort, sizeof self.view.sort, "%s", optarg);
            break;
        case 'n':
            self.most = strtoull(optarg, &end, 10);
            if (*end || self.most == 0 || *optarg == '-')
                return cli_misuse("top", "a count is 1 or more, not", optarg);
            break;
        case 'h':
            return s_help();
        default:
            return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return cli_misuse("top", "unexpected word", argv[optind]);
    int status;
    owned(settings_destroy) settings_t *settings = cli_running("top", config, dir, &status);
    return settings ? s_top(&self, settings, dir) : status;
}
