/*  key_folder -- changes to the folder of keys that ring.h reads: one file at a time, each made
 *  whole or not at all, so that actors that reread it meanwhile see either.
 *
 *  What travels between hosts is one line a key, in mail or over the telephone if need be:
 *
 *      <name> <role> <public key, 40 characters of Z85> [<the one that it replaces>]
 *
 *  While a key replaces another, both are known: NAME.key and the one before, NAME.old.key.
 */
#pragma once
#include "broker/trust/ring.h"
#include "proto/buffer.h"

// Make the folder, and known/ and secret/ in it, if they are not there.
bool key_folder_make(const char *folder, fault_t *fault);

// A new pair, known and secret. Refused if the name has a known key.
bool key_folder_add(const char *folder, const char *name, role_t role, fault_t *fault);
// A new pair for a name whose pair is here; the old key stays known until it is revoked.
bool key_folder_rotate(const char *folder, const char *name, fault_t *fault);
// Take the keys of this name out: the old one alone, or all, with the secret. False with fault also
// if the folder cannot be read afterwards: actors then keep what they knew.
bool key_folder_revoke(const char *folder, const char *name, bool old_only, fault_t *fault);

// One line for the key of this name, or of all (NULL), except old ones. False: none, or fault.
bool key_folder_export(const char *folder, const char *name, buffer_t *out, fault_t *fault);
// Know the key of one line. A name that has another key keeps that as its old one, if the line says
// that it is replaced, or `replace`; else it is refused, for two hosts may have the same name.
// *fresh: it was not known before.
bool key_folder_import(const char *folder, const char *line, bool replace, bool *fresh,
                       fault_t *fault);
