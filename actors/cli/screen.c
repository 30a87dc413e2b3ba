/*  screen -- see screen.h. */
#include "actors/cli/screen.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { LINES_ASSUMED = 24, WIDTH_ASSUMED = 80 };

static struct termios before;
static bool is_open;

bool screen_open(void)
{
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0)
        return false;
    is_open = true;
    fputs("\033[?1049h\033[?25l", stdout); // the other page, no cursor
    return true;
}

void screen_close(void)
{
    if (!is_open)
        return;
    is_open = false;
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

void screen_size(unsigned *lines, unsigned *width)
{
    struct winsize size = { 0 };
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    *lines = known && size.ws_row > 0 ? size.ws_row : LINES_ASSUMED;
    *width = known && size.ws_col > 0 ? size.ws_col : WIDTH_ASSUMED;
}

void screen_draw(const char *text)
{
    fputs("\033[H", stdout);
    // A newline in the last line would scroll the page.
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        fwrite(text, 1, (size_t) (end - text), stdout);
        fputs(end[1] ? "\033[K\n" : "\033[K", stdout);
    }
    fputs("\033[J", stdout);
    fflush(stdout);
}

int screen_key(void)
{
    unsigned char key;
    struct pollfd asked = { .fd = STDIN_FILENO, .events = POLLIN };
    if (poll(&asked, 1, 0) <= 0)
        return SCREEN_NO_KEY;
    ssize_t size = read(STDIN_FILENO, &key, 1);
    if (size == 1)
        return key;
    return size < 0 && errno == EINTR ? SCREEN_NO_KEY : SCREEN_CLOSED;
}
