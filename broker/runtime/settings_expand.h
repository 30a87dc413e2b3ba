/*  settings_expand -- ${NAME} and ${NAME:default} become text. Pure: the environment is given.
 *
 *  Private to broker/runtime. "$${" stands for "${". What comes out is not expanded again.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/fault.h"

typedef char *settings_environment_t(const char *name); // getenv

bool settings_expand(slice_t text, settings_environment_t *environment, buffer_t *out,
                     fault_t *fault);
