/*  collector_inside -- what the actor's loop and what it says of itself share. Private to
 *  collector*.c.
 */
#pragma once
#include "actors/collector/archivist.h"
#include "actors/collector/intake.h"
#include "actors/collector/lines.h"
#include "actors/collector/news.h"
#include "actors/collector/planner.h"
#include "broker/runtime/options.h"
#include "broker/site.h"

enum {
    ITEMS_MAX = 2 + LINES_ITEMS_MAX + INTAKE_ITEMS_MAX,
};

typedef struct {
    options_t options;
    settings_t *settings;
    settings_t *next_settings; // of a reload, until the plan made of them comes
    bool refused;              // the reload under way found something bad
    uint64_t edition;          // of the settings last given to the registry
    char root[SITE_PATH_MAX];  // of the stage
    char host[64], incarnation[33];
    char sources[PLANNER_SOURCES_TEXT]; // which they are, for others to compare
    int signals;
    int64_t anchor_us; // wall clock less monotonic, when we began
    lines_t *lines;
    metrics_t *metrics; // or NULL
    archivist_t *archivist;
    registry_t *registry;
    intake_t *intake;
    plan_t *plan; // came and is not staged everywhere yet
    uint64_t plan_edition;
    bool planned; // every line has a plan
    news_t *news;
    zmq_pollitem_t items[ITEMS_MAX];
    int64_t tell_us;
    int64_t drain_until_us, quiet_since_us; // 0 = in service
} collector_t;

// Tell the registry, and whoever scrapes us, how every line fares; once a second.
void collector_report(collector_t *self, moment_t now);
