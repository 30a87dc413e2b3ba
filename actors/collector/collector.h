/*  collector -- the program at the head of the pipeline: stages what sources send, then passes it
 *  on.
 */
#pragma once

int collector_main(int argc, char **argv);
