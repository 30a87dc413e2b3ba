/*  store_server -- the simulator's Redis under the tests of store, in real time.
 *
 *  The same tests run on tests/unit/broker/store_server.h, a real redis-server: that they are green
 *  on both is why the model may stand for the real one. redis-cli reaches the model through a real
 *  socket (store_server.c).
 */
#pragma once
#include <time.h>

#include "tests/sim/redis.h"

typedef struct {
    char dir[32];
    char url[64];
} server_t;

extern server_t server;

enum { SERVER_HAS_ACL = false };

int server_setup(void **state);
int server_teardown(void **state);
void server_start(void);
void server_kill(void);
void server_pause(void);
void server_resume(void);
void server_cut(int descriptor, bool both_ways);
void pause_ms(int ms);
const char *server_output_of(const char *command);
