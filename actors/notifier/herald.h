/*  herald -- says on the alert socket that the watch is degraded, or back.
 *
 *  By cause, as subscribers are told (watchman.h), and by whoever has the role of the notifier; the
 *  body is degraded_health's. A socket is lossy and readers come when they like, so `degraded` is
 *  said again for as long as it lasts, under the same id; when no room is left for it, or for
 *  `restored`, nothing waits: what is not said any more is over.
 */
#pragma once
#include "actors/notifier/publisher.h"
#include "actors/notifier/vigil.h"
#include "broker/runtime/settings.h"

enum { HERALD_AGAIN_US = 10 * 1000 * 1000 }; // from one `degraded` to the next

// The state is one that is being told, VIGIL_TELLING or VIGIL_RESTORING; whose tables it reaches is
// said by the settings. False: out of memory.
bool herald_say(publisher_t *publisher, const settings_t *settings, const vigil_state_t *state);
