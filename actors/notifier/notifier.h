/*  notifier -- alerts to people: the alert socket, the alert log, webhooks.
 *
 *      transform --outbox in Redis--> [ notifier ] --PUB--> broker --> the world
 *                                          |--------webhooks--------> subscribers
 *
 *  One notifier works; more stand by and take over within LEASE_MS when it is gone.
 */
#pragma once

// `tidewire notifier`; argv[0] is the role. Returns the exit code.
int notifier_main(int argc, char **argv);
