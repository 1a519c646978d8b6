/* base/hooks.c - plugins' hooks by stage, timed and watched. */
#include "base/hooks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

const char *const hook_stage_name[HOOK_STAGES] = {"score", "match", "offer", "complete"};

struct hooked {
	const struct usher_plugin *plugin; /* borrowed */
	void *state;			   /* borrowed */
	bool enabled;
	uint64_t faults;
	struct hook_figures figures[HOOK_STAGES];
};

struct hooks {
	int64_t (*clock_us)(void);
	int n;
	struct hooked plugins[HOOKS_PLUGINS_MAX];
	int n_listening[HOOK_STAGES];
};

struct hooks *
hooks_create(int64_t (*clock_us)(void))
{
	struct hooks *hooks = xcalloc(1, sizeof(*hooks));

	hooks->clock_us = clock_us != NULL ? clock_us : clock_boot_us;
	return hooks;
}

void
hooks_destroy(struct hooks *hooks)
{
	free(hooks);
}

static bool
listens(const struct usher_plugin *plugin, enum hook_stage stage)
{
	switch (stage) {
	case HOOK_SCORE:
		return plugin->on_score != NULL;
	case HOOK_MATCH:
		return plugin->on_match != NULL;
	case HOOK_OFFER:
		return plugin->on_offer != NULL;
	case HOOK_COMPLETE:
		return plugin->on_complete != NULL;
	case HOOK_STAGES:
		break;
	}
	return false;
}

bool
hooks_add(struct hooks *hooks, const struct usher_plugin *plugin, void *state)
{
	if (hooks->n == HOOKS_PLUGINS_MAX)
		return false;
	hooks->plugins[hooks->n++] =
		(struct hooked){.plugin = plugin, .state = state, .enabled = true};
	for (int stage = 0; stage < HOOK_STAGES; stage++)
		hooks->n_listening[stage] += listens(plugin, (enum hook_stage)stage);
	return true;
}

bool
hooks_has(const struct hooks *hooks, enum hook_stage stage)
{
	return hooks != NULL && hooks->n_listening[stage] > 0;
}

/* ---- faults ---- */

static void
disable(struct hooks *hooks, struct hooked *h)
{
	h->enabled = false;
	for (int stage = 0; stage < HOOK_STAGES; stage++)
		hooks->n_listening[stage] -= listens(h->plugin, (enum hook_stage)stage);
	log_error("plugin: disabled name=%s faults=%" PRIu64
		  " reason=\"too many faults; repair it and reload the settings\"",
		h->plugin->name, h->faults);
}

static void
fault(struct hooks *hooks, struct hooked *h, enum hook_stage stage, uint64_t contact,
	const char *what)
{
	h->faults++;
	log_warn("plugin: fault name=%s stage=%s contact=%" PRIu64 " reason=\"%s\"",
		h->plugin->name, hook_stage_name[stage], contact, what);
	if (h->enabled && h->faults >= USHER_FAULTS_MOST)
		disable(hooks, h);
}

/* Before and after a call. Returns false when the call took too long: what it said is
 * not used. */
static bool
measure(struct hooks *hooks, struct hooked *h, enum hook_stage stage, uint64_t contact,
	int64_t began_us)
{
	struct hook_figures *f = &h->figures[stage];
	int64_t us = hooks->clock_us() - began_us;
	uint64_t took_us = us > 0 ? (uint64_t)us : 0;

	f->calls++;
	f->total_us += took_us;
	if (took_us > f->longest_us)
		f->longest_us = took_us;
	if (took_us <= USHER_HOOK_LIMIT_US)
		return true;
	f->slow++;
	fault(hooks, h, stage, contact, "the call took too long");
	return false;
}

static void
wrong(struct hooks *hooks, struct hooked *h, enum hook_stage stage, uint64_t contact,
	const char *what)
{
	h->figures[stage].wrong++;
	fault(hooks, h, stage, contact, what);
}

/* The next plugin that is to be asked at the stage, from *at on; NULL: none. */
static struct hooked *
next_asked(struct hooks *hooks, enum hook_stage stage, int *at)
{
	if (hooks == NULL || hooks->n_listening[stage] == 0)
		return NULL;
	while (*at < hooks->n) {
		struct hooked *h = &hooks->plugins[(*at)++];

		if (h->enabled && listens(h->plugin, stage))
			return h;
	}
	return NULL;
}

/* Whether the verdict is one of the stage; DECLINED is counted, all others end the
 * asking. */
static bool
is_verdict(struct hooks *hooks, struct hooked *h, enum hook_stage stage, uint64_t contact,
	enum usher_verdict verdict)
{
	struct hook_figures *f = &h->figures[stage];

	if (verdict == USHER_DECLINED) {
		f->declined++;
		return true;
	}
	if (verdict == USHER_OK)
		return true;
	if (verdict == USHER_REFUSED && stage == HOOK_MATCH) {
		f->refused++;
		return true;
	}
	wrong(hooks, h, stage, contact, "a verdict that this stage does not have");
	return false;
}

/* ---- stages ---- */

int
hooks_score(struct hooks *hooks, const struct usher_contact *contact)
{
	struct hooked *h;
	int at = 0;

	while ((h = next_asked(hooks, HOOK_SCORE, &at)) != NULL) {
		int64_t began_us = hooks->clock_us();
		int points = 0;
		enum usher_verdict verdict =
			h->plugin->on_score(h->state, contact, &points);

		if (!measure(hooks, h, HOOK_SCORE, contact->id, began_us) ||
			!is_verdict(hooks, h, HOOK_SCORE, contact->id, verdict) ||
			verdict == USHER_DECLINED)
			continue;
		if (points >= -USHER_POINTS_MOST && points <= USHER_POINTS_MOST)
			return points;
		wrong(hooks, h, HOOK_SCORE, contact->id, "points out of range");
	}
	return 0;
}

bool
hooks_match(struct hooks *hooks, const struct usher_contact *contact,
	const struct usher_agent *agent)
{
	struct hooked *h;
	int at = 0;

	while ((h = next_asked(hooks, HOOK_MATCH, &at)) != NULL) {
		int64_t began_us = hooks->clock_us();
		enum usher_verdict verdict =
			h->plugin->on_match(h->state, contact, agent);

		if (!measure(hooks, h, HOOK_MATCH, contact->id, began_us) ||
			!is_verdict(hooks, h, HOOK_MATCH, contact->id, verdict) ||
			verdict == USHER_DECLINED)
			continue;
		return verdict == USHER_OK;
	}
	return true;
}

/* The line goes to desktops and logs: one line, whatever the plugin wrote. */
static void
tidy(char *why)
{
	for (; *why != '\0'; why++) {
		if ((unsigned char)*why < 0x20 || *why == 0x7f)
			*why = ' ';
	}
}

bool
hooks_offer(struct hooks *hooks, const struct usher_contact *contact,
	const struct usher_agent *agent, char why[USHER_WHY_MAX])
{
	struct hooked *h;
	int at = 0;

	while ((h = next_asked(hooks, HOOK_OFFER, &at)) != NULL) {
		int64_t began_us = hooks->clock_us();
		enum usher_verdict verdict;

		memset(why, 0, USHER_WHY_MAX);
		verdict =
			h->plugin->on_offer(h->state, contact, agent, why, USHER_WHY_MAX);
		if (!measure(hooks, h, HOOK_OFFER, contact->id, began_us) ||
			!is_verdict(hooks, h, HOOK_OFFER, contact->id, verdict) ||
			verdict == USHER_DECLINED)
			continue;
		if (memchr(why, '\0', USHER_WHY_MAX) == NULL) {
			wrong(hooks, h, HOOK_OFFER, contact->id, "a line without end");
			continue;
		}
		tidy(why);
		return why[0] != '\0';
	}
	why[0] = '\0';
	return false;
}

void
hooks_complete(struct hooks *hooks, const struct usher_contact *contact,
	const struct usher_completion *completion)
{
	struct hooked *h;
	int at = 0;

	while ((h = next_asked(hooks, HOOK_COMPLETE, &at)) != NULL) {
		int64_t began_us = hooks->clock_us();

		h->plugin->on_complete(h->state, contact, completion);
		measure(hooks, h, HOOK_COMPLETE, contact->id, began_us);
	}
}

/* ---- what is shown ---- */

int
hooks_count(const struct hooks *hooks)
{
	return hooks != NULL ? hooks->n : 0;
}

const char *
hooks_name(const struct hooks *hooks, int plugin)
{
	return hooks->plugins[plugin].plugin->name;
}

bool
hooks_enabled(const struct hooks *hooks, int plugin)
{
	return hooks->plugins[plugin].enabled;
}

uint64_t
hooks_faults(const struct hooks *hooks, int plugin)
{
	return hooks->plugins[plugin].faults;
}

const struct hook_figures *
hooks_figures(const struct hooks *hooks, int plugin, enum hook_stage stage)
{
	return &hooks->plugins[plugin].figures[stage];
}
