/*  broker -- the place where news meets its readers.
 *
 *      actors --PUB--> [ XSUB  broker  XPUB ] --SUB--> the world
 *
 *  Actors publish at a free port, found through the registry (role "broker", field "in"); the
 *  world subscribes at listen.alerts (field "alerts"). Frames pass untouched. `hugz/` once a
 *  second tells readers that the broker lives.
 */
#pragma once

// `tidewire broker`; argv[0] is the role. Returns the exit code.
int broker_main(int argc, char **argv);
