/*  fault_point -- named places where a process of the test build can be made to die.
 *
 *  Nothing at all, unless the build says TIDEWIRE_FAULTS (preset "faults"). There, the environment
 *  TIDEWIRE_FAULT=<point>:<nth>:<action> acts at the nth passage of that point, once:
 *
 *      kill           SIGKILL, as a power cut of this process would
 *      stop           SIGSTOP, until somebody sends SIGCONT
 *      exit           _exit(1), without a word
 *      sleep:<ms>     as if the machine were busy
 *
 *  The places are chosen so that between two of them something became durable, visible or known.
 *  Names are <part>.<what has just happened>.
 */
#pragma once

#ifdef TIDEWIRE_FAULTS
void fault_point(const char *name); // from any thread
#define FAULT_POINT(name) fault_point(name)
#else
#define FAULT_POINT(name) ((void) 0)
#endif
