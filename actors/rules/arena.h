/*  arena -- moved: see proto/arena.h. */
#pragma once
#include "proto/arena.h"
