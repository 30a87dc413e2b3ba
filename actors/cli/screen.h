/*  screen -- the terminal as a page that is drawn again and again; the one file that knows
 *  termios and escape sequences of the cursor.
 *
 *  While it is open the page is the terminal's other one, so that what was there comes back when
 *  it is closed, and keys come one by one, without echo. There is one terminal, so there is one
 *  screen.
 */
#pragma once
#include <stdbool.h>

#include "proto/buffer.h"

enum { SCREEN_NO_KEY = -1, SCREEN_CLOSED = -2 };

// False: stdin or stdout is no terminal, and nothing was changed.
bool screen_open(void);
void screen_close(void); // no harm if it is not open

// What a page has room for now; 24 and 80 where nobody knows.
void screen_size(unsigned *lines, unsigned *width);

// Lines that each end with a newline take the place of what stood there.
void screen_draw(const char *text);

// The next key that was pressed, or SCREEN_NO_KEY; never waits. SCREEN_CLOSED: the terminal is
// gone.
int screen_key(void);
