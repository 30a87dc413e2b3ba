/*  demo_text -- the configuration that a demo runs. */
#pragma once
#include "proto/buffer.h"
#include "proto/fault.h"

typedef enum { DEMO_TEXT_GOOD, DEMO_TEXT_NO_FEED, DEMO_TEXT_BAD } demo_text_t;

// Of the built-in market (feed NULL), of a ready-made feed by its name, or of a file of one's own
// (a name with '/'); with a place of its own for everything that a demo keeps or opens. NO_FEED:
// there is none of that name; BAD with fault: the file cannot be read, or no memory.
demo_text_t demo_text(const char *feed, buffer_t *out, fault_t *fault);
