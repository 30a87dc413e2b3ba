/*  redis_resp -- answers of the simulator's Redis as they go over a real connection. */
#pragma once
#include "proto/buffer.h"
#include "tests/sim/redis_inside.h"

void resp_print(buffer_t *to, const redisReply *reply);
