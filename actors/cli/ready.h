/*  ready -- what a supervisor tells whoever started it and waits: a line of text each, through a
 *  pipe, until everything runs or never will.
 */
#pragma once
#include "proto/fault.h"

// ---- the supervisor's end: *fd becomes -1 after the last word; nothing is said with -1 ----------

void ready_note(const int *fd, const char *text); // why it takes so long
void ready_done(int *fd);
void ready_failed(int *fd, const char *text);

// ---- the other end ----------------------------------------------------------------------------

typedef enum { READY, READY_STOPPED, READY_FAILED } ready_t;

// Until the last word; notes go to stderr as of `tidewire <word>`. READY_STOPPED: `signals` (a
// descriptor, -1 = none) became readable first. READY_FAILED with fault. Closes fd.
ready_t ready_wait(int fd, int signals, const char *word, fault_t *fault);
