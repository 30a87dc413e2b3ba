/*  edition -- which telling of a stream is meant.
 *
 *  Pure. A replay tells the log of a stream anew, with mended mappings. On the wire and in Redis
 *  that is a stream of its own, "<stream>~<edition>", so that positions, states and messages of
 *  the one telling can never be taken for those of another. The edition is the time in microseconds
 *  at which it was ordered, and higher than all that Redis knows of, also from a log that this one
 *  replaced; before the first it is 0 and not written.
 */
#pragma once
#include "proto/slice.h"

enum { EDITION_NAME_MAX = 64 }; // bytes of a name, edition included

// False: the name would be too long.
bool edition_name(char name[EDITION_NAME_MAX + 1], const char *stream, uint64_t edition);

// Any text is a name; what does not end in "~<edition>" is of edition 0.
void edition_split(slice_t name, slice_t *stream, uint64_t *edition);

// The same stream, told later?
bool edition_supersedes(slice_t newer, slice_t older);
