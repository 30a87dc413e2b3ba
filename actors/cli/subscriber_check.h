/*  subscriber_check -- is what a person gives of a subscriber what the notifier will take? Pure,
 *  but for the time zone database.
 */
#pragma once
#include "broker/runtime/settings.h"
#include "broker/store.h"

// Is the field a channel of this configuration?
bool subscriber_is_channel(const settings_t *settings, const char *field);

// rules: "<rule>" or "<rule>:<series>". False with fault: what is wrong.
bool subscriber_check(const settings_t *settings, const store_subscriber_t *made,
                      char *const *rules, size_t rule_count, fault_t *fault);
