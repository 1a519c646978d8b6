/*
 * base/hooks.h - the table of plugins' hooks by stage, and calling them: DECLINED passes
 * on, time is measured, faults are counted, and a plugin with too many is asked no more.
 *
 * The table knows plugins as structs of functions only; control/plugins loads them.
 */
#ifndef USHER_BASE_HOOKS_H
#define USHER_BASE_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/xalloc.h"
#include "usher/plugin.h"

#define HOOKS_PLUGINS_MAX 64

enum hook_stage {
	HOOK_SCORE,
	HOOK_MATCH,
	HOOK_OFFER,
	HOOK_COMPLETE,
	HOOK_STAGES
};

extern const char *const hook_stage_name[HOOK_STAGES]; /* "score", ... */

/* What one plugin did at one stage since it was added. */
struct hook_figures {
	uint64_t calls, declined, refused;
	uint64_t slow;	/* faults: calls over USHER_HOOK_LIMIT_US */
	uint64_t wrong; /* faults: values out of range, unknown verdicts */
	uint64_t total_us, longest_us;
};

struct hooks; /* NULL stands for an empty table everywhere below */

/* clock_us  measures calls; NULL: the boot-time clock. */
struct hooks *hooks_create(int64_t (*clock_us)(void));
void hooks_destroy(struct hooks *hooks);

/* Adds a plugin behind those already there; both are borrowed and outlive the table.
 * False: the table is full. */
bool hooks_add(struct hooks *hooks, const struct usher_plugin *plugin,
	void *state) USHER_MUST_CHECK;

/* Whether any plugin listens at the stage: who asks may save himself the view. */
bool hooks_has(const struct hooks *hooks, enum hook_stage stage);

/* Value points to add: of the first plugin that does not decline; 0 if all do. */
int hooks_score(struct hooks *hooks, const struct usher_contact *contact);

/* False: a plugin refuses this agent for this contact. */
bool hooks_match(struct hooks *hooks, const struct usher_contact *contact,
	const struct usher_agent *agent);

/* Fills why (NUL-terminated, USHER_WHY_MAX bytes of room, control characters made spaces)
 * with a plugin's line. False: there is none. */
bool hooks_offer(struct hooks *hooks, const struct usher_contact *contact,
	const struct usher_agent *agent, char why[USHER_WHY_MAX]);

void hooks_complete(struct hooks *hooks, const struct usher_contact *contact,
	const struct usher_completion *completion);

int hooks_count(const struct hooks *hooks);
const char *hooks_name(const struct hooks *hooks, int plugin);
bool hooks_enabled(const struct hooks *hooks, int plugin); /* false: too many faults */
uint64_t hooks_faults(const struct hooks *hooks, int plugin);
const struct hook_figures *hooks_figures(
	const struct hooks *hooks, int plugin, enum hook_stage stage);

#endif
