/*  roles -- the list of actors that a supervisor runs: "collector,prep=2,transform=2". Pure. */
#pragma once
#include "proto/fault.h"

enum { ROLES = 6 };

// Downstream first: everybody finds a listener. Stopping goes the other way.
extern const char *const roles_order[ROLES];

#define ROLES_API "api" // by itself only where `listen.http` says where it answers

// How many of this role does the list ask for (NULL = one of each)? -1 with fault if the list is
// bad.
int roles_count(const char *roles, const char *role, fault_t *fault);

// Role of its key: the api listens as every subscriber does.
const char *roles_key(const char *role);

// Name of the index-th (from 1) actor of a role that `up` starts on this host: "prep-1.alpha", with
// the host's name up to its first dot, as units of systemd have it.
enum { ROLES_NAME_MAX = 64 };
void roles_name(const char *role, int index, char name[ROLES_NAME_MAX]);
