/*  process -- what the kernel says of this process, under Prometheus' usual names. */
#pragma once
#include "proto/buffer.h"

// Appends process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds,
// process_threads and process_start_time_seconds; what /proc does not tell is left out.
void process_expose(buffer_t *out);
