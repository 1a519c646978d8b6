/*
 * intake/voice_agents.c - whose telephone a device is, and calls outside usher: an agent
 * whose telephone is in use for none of his contacts is busy all the same.
 */
#include <stdlib.h>
#include <string.h>

#include "intake/voice_inner.h"

#define HELD_LOOKED_AT 16 /* contacts of an agent */

/* ---- whose device ---- */

/* "PJSIP/1001" and "Local/1001@phones" to "1001". */
static char *
extension_of(const char *device)
{
	const char *slash = strrchr(device, '/');
	const char *from = slash != NULL ? slash + 1 : device;

	return xstrndup(from, slash != NULL ? strcspn(from, "@;") : strlen(from));
}

static void
forget_device(struct voice *v, int agent)
{
	struct voice_agent *a = &v->agents[agent];
	void *mark = (void *)(uintptr_t)(agent + 1);

	if (a->device != NULL && map_get(&v->by_device, a->device) == mark)
		(void)map_remove(&v->by_device, a->device);
	if (a->extension != NULL && map_get(&v->by_device, a->extension) == mark)
		(void)map_remove(&v->by_device, a->extension);
	free(a->device);
	free(a->extension);
	a->device = a->extension = NULL;
}

void
voice_agent_changed(struct voice *v, int agent)
{
	const char *device = router_agent_device(v->parts.router, agent);
	struct voice_agent *a;
	void *mark = (void *)(uintptr_t)(agent + 1);

	if (agent >= v->n_agents)
		return;
	a = &v->agents[agent];
	if (device == NULL || device[0] == '\0') {
		forget_device(v, agent);
		return;
	}
	if (a->device != NULL && strcmp(a->device, device) == 0)
		return;
	forget_device(v, agent);
	a->device = xstrdup(device);
	a->extension = extension_of(device);
	map_put(&v->by_device, a->device, mark);
	map_put(&v->by_device, a->extension, mark);
}

int
voice_agent_of(const struct voice *v, const char *device)
{
	void *mark = device != NULL && device[0] != '\0' ? map_get(&v->by_device, device)
							 : NULL;
	char *extension;

	if (mark == NULL && device != NULL && device[0] != '\0') {
		extension = extension_of(device);
		mark = map_get(&v->by_device, extension);
		free(extension);
	}
	return mark != NULL ? (int)(uintptr_t)mark - 1 : -1;
}

void
voice_agents_configure(struct voice *v)
{
	int n = router_centre(v->parts.router)->n_agents;

	if (n > v->n_agents) {
		v->agents = xreallocarray(v->agents, (size_t)n, sizeof v->agents[0]);
		memset(&v->agents[v->n_agents], 0,
			(size_t)(n - v->n_agents) * sizeof v->agents[0]);
		v->n_agents = n;
	}
	for (int i = 0; i < n; i++)
		voice_agent_changed(v, i);
}

void
voice_agents_finish(struct voice *v)
{
	for (int i = 0; i < v->n_agents; i++)
		forget_device(v, i);
	free(v->agents);
	map_finish(&v->by_device);
}

/* ---- calls outside ---- */

void
voice_agent_look(struct voice *v, int agent)
{
	if (agent >= 0 && agent < v->n_agents)
		v->agents[agent].look = true;
}

void
voice_device_state(struct voice *v, const struct usher_switch_event *e)
{
	int agent = voice_agent_of(v, e->device);

	if (agent < 0)
		return;
	v->agents[agent].device_state = e->device_state;
	v->agents[agent].look = true;
}

/* A call of ours is with him: offered, or in his hands. */
static bool
has_call_of_ours(struct voice *v, int agent)
{
	uint64_t held[HELD_LOOKED_AT];
	int n = router_agent_held(v->parts.router, agent, held, HELD_LOOKED_AT);

	for (int i = 0; i < n && i < HELD_LOOKED_AT; i++) {
		enum contact_state state = router_contact_state(v->parts.router, held[i]);

		if (voice_call_of(v, held[i]) != NULL &&
			(state == CONTACT_OFFERED || state == CONTACT_CONNECTED))
			return true;
	}
	return false;
}

/* He is asked by another agent, or has a call that is no contact. */
static bool
has_leg(struct voice *v, int agent)
{
	size_t at = 0;
	void *value;

	while (map_next(&v->calls, &at, NULL, &value)) {
		const struct voice_call *c = value;

		for (int i = 0; i < c->n_legs; i++)
			if (c->leg[i].agent == agent &&
				c->leg[i].state == VOICE_LEG_TALKS)
				return true;
	}
	return false;
}

static int
voice_cost(const struct voice *v, int agent)
{
	const struct centre *c = router_centre(v->parts.router);
	int channel = v->settings->n_switches > 0
			      ? centre_channel(c, v->settings->switches[0].channel)
			      : -1;

	return channel >= 0 ? c->channels[channel].cost_pts
			    : c->agents[agent].capacity_pts;
}

static void
look_at(struct voice *v, int agent)
{
	struct voice_agent *a = &v->agents[agent];
	bool outside = (a->device_state == USHER_DEVICE_IN_USE || has_leg(v, agent)) &&
		       !has_call_of_ours(v, agent);

	/* Once more behind the end of a call: the telephone is a little later free. */
	if (outside && !a->outside && a->look) {
		a->outside = true;
		a->look = true;
		return;
	}
	a->look = false;
	a->outside = outside;
	router_occupy(v->parts.router, voice_now_ms(v), agent,
		outside ? voice_cost(v, agent) : 0);
}

void
voice_agents_beat(struct voice *v)
{
	for (int i = 0; i < v->n_agents; i++)
		if (v->agents[i].look)
			look_at(v, i);
}
