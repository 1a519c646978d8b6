/* route/ask.c - the router's view of contacts and agents for plugins. */
#include "route/ask.h"

#include <stdlib.h>
#include <string.h>

#include "base/hooks.h"

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/* attributes has room for ATTRIBUTES_MAX. queue_known: not at on_score. */
static struct usher_contact
view_contact(const struct router *r, const struct contact *c, bool placed,
	struct usher_attribute *attributes, int64_t now_ms)
{
	const struct centre *s = r->centre;

	for (int i = 0; i < c->n_attributes && i < ATTRIBUTES_MAX; i++) {
		const struct attribute *a = &c->attributes[i];

		attributes[i] = (struct usher_attribute){.name = a->name,
			.kind = (enum usher_value_kind)a->kind,
			.boolean = a->boolean,
			.number = a->number,
			.text = a->text,
			.n_list = (size_t)a->n_list,
			.list = (const char *const *)a->list};
	}
	return (struct usher_contact){.size = sizeof(struct usher_contact),
		.id = c->id,
		.channel = s->channels[c->channel].name,
		.queue = placed ? s->queues[c->queue].name : "",
		.tier = placed ? s->tiers[c->tier].name : "",
		.customer_id = or_empty(c->customer),
		.source = or_empty(c->source),
		.external_id = c->external != NULL ? strchr(c->external, ' ') + 1 : "",
		.title = or_empty(c->title),
		.value_pts = c->points,
		.now_ms = now_ms,
		.arrived_ms = placed ? c->t0_ms : now_ms,
		.due_ms = placed ? c->d_ms : 0,
		.attributes = attributes,
		.n_attributes =
			(size_t)(c->n_attributes < ATTRIBUTES_MAX ? c->n_attributes
								  : ATTRIBUTES_MAX)};
}

static struct usher_agent
view_agent(const struct router *r, const struct agent *a)
{
	const struct agent_settings *s = &r->centre->agents[a->index];

	return (struct usher_agent){.size = sizeof(struct usher_agent),
		.id = s->id,
		.name = or_empty(s->name),
		.team = s->team >= 0 ? r->centre->teams[s->team].name : "",
		.load_pts = a->load_pts,
		.capacity_pts = a->capacity_pts};
}

int
ask_points(struct router *r, const struct contact *c, int64_t now_ms)
{
	struct usher_attribute attributes[ATTRIBUTES_MAX];
	struct usher_contact view;

	if (!hooks_has(r->hooks, HOOK_SCORE))
		return 0;
	view = view_contact(r, c, false, attributes, now_ms);
	return hooks_score(r->hooks, &view);
}

bool
ask_match(
	struct router *r, const struct contact *c, const struct agent *a, int64_t now_ms)
{
	struct usher_attribute attributes[ATTRIBUTES_MAX];
	struct usher_contact view;
	struct usher_agent agent;

	if (!hooks_has(r->hooks, HOOK_MATCH))
		return true;
	view = view_contact(r, c, true, attributes, now_ms);
	agent = view_agent(r, a);
	return hooks_match(r->hooks, &view, &agent);
}

char *
ask_offer(struct router *r, const struct contact *c, const struct agent *a, char *why,
	int64_t now_ms)
{
	struct usher_attribute attributes[ATTRIBUTES_MAX];
	struct usher_contact view;
	struct usher_agent agent;
	char line[USHER_WHY_MAX], *both;

	if (!hooks_has(r->hooks, HOOK_OFFER))
		return why;
	view = view_contact(r, c, true, attributes, now_ms);
	agent = view_agent(r, a);
	if (!hooks_offer(r->hooks, &view, &agent, line))
		return why;
	both = xasprintf("%s %s", why, line);
	free(why);
	return both;
}

void
ask_complete(struct router *r, const struct contact *c, const struct agent *a,
	int64_t waited_ms, int64_t now_ms)
{
	struct usher_attribute attributes[ATTRIBUTES_MAX];
	struct usher_contact view;
	struct usher_completion completion;

	if (!hooks_has(r->hooks, HOOK_COMPLETE))
		return;
	view = view_contact(r, c, true, attributes, now_ms);
	completion = (struct usher_completion){.size = sizeof completion,
		.state = contact_state_name[c->state],
		.agent = a != NULL ? r->centre->agents[a->index].id : "",
		.waited_ms = waited_ms >= 0 ? waited_ms : 0,
		.handled_ms = c->handled_ms,
		.code = or_empty(c->disposition),
		.amount = c->amount,
		.satisfaction = c->satisfaction};
	hooks_complete(r->hooks, &view, &completion);
}
