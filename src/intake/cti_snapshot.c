/* intake/cti_snapshot.c - what a switch says of all its calls, against what is known of
 * them (CTI 3.2): differences are told as if they had just happened. */
#include <stdlib.h>
#include <string.h>

#include "intake/cti_calls.h"

/* Each living call of the switch; the callback may end it. */
static void
each_call(struct cti *cti, const struct cti_switch *on, int64_t now_us,
	void (*run)(struct cti *cti, struct call *c, int64_t now_us))
{
	size_t at = 0;
	void *value;

	while (map_next(&cti->calls, &at, NULL, &value)) {
		struct call *c = value;

		if (c->on == on && c->life == CALL_ALIVE)
			run(cti, c, now_us);
	}
}

static void
unlist(struct cti *cti, struct call *c, int64_t now_us)
{
	(void)cti;
	(void)now_us;
	c->listed = false;
	for (int i = 0; i < c->n_legs; i++)
		c->leg[i].listed = false;
}

/* Started anew: no call can have outlived it. What was said since it is up is of its new
 * life: a caller may come before the first snapshot does. */
static void
lose_older(struct cti *cti, struct call *c, int64_t now_us)
{
	if (c->on->n_up == 0 || c->last_us < c->on->up_us)
		call_lose(cti, c, now_us);
}

void
snapshot_begin(
	struct cti *cti, struct cti_switch *on, const char *instance, int64_t now_us)
{
	if (instance[0] != '\0' && on->instance != NULL &&
		strcmp(instance, on->instance) != 0)
		each_call(cti, on, now_us, lose_older);
	if (instance[0] != '\0') {
		free(on->instance);
		on->instance = xstrdup(instance);
	}
	on->listing = true;
	each_call(cti, on, now_us, unlist);
}

void
snapshot_lose(struct cti *cti, const struct cti_switch *on, int64_t now_us)
{
	each_call(cti, on, now_us, call_lose);
}

static void
list_leg(struct cti *cti, struct call *c, const struct usher_switch_event *e)
{
	bool talks = e->state == USHER_STATE_TALKING;
	struct leg *leg = call_leg(c, e->leg);
	struct usher_switch_event new = {
		.kind = talks ? USHER_LEG_ANSWERED : USHER_LEG_RINGING};
	bool known = leg != NULL &&
		     (leg->life == LEG_TALKS || (leg->life == LEG_RINGS && !talks));

	if (leg == NULL)
		leg = call_add_leg(cti, c, e->leg, e->device, e->consult, LEG_RINGS);
	if (leg == NULL || leg->life == LEG_OVER)
		return;
	leg->listed = true;
	if (!leg->consult) {
		c->waiting = false;
		c->talked = c->talked || talks;
	}
	if (known)
		return;
	leg->life = talks ? LEG_TALKS : LEG_RINGS;
	leg->answered = talks;
	leg->rang = leg->rang || !talks;
	call_tell_leg(cti, c, leg, true, new);
}

/* A call may be listed several times, once for each leg. */
void
snapshot_call(struct cti *cti, struct cti_switch *on, const struct usher_switch_event *e,
	int64_t now_us)
{
	struct call *c = call_find(cti, on, e->call);

	if (!on->listing || (c != NULL && c->life == CALL_GONE)) {
		cti->figures.late++;
		return;
	}
	if (c == NULL || c->life == CALL_EARLY) {
		struct usher_switch_event begin = *e;

		if (c == NULL)
			c = call_add(cti, on, e->call, CALL_ALIVE, now_us);
		else
			call_move(cti, c, CALL_ALIVE, now_us);
		if (c == NULL)
			return;
		c->waiting = e->state == USHER_STATE_WAITING;
		c->talked = e->state == USHER_STATE_TALKING;
		begin.kind = USHER_CALL_WAITING;
		begin.leg = NULL;
		begin.device = "";
		call_tell(cti, c, true, &begin);
	}
	if (!c->listed)
		c->listed_as = e->state; /* the others are of its further legs */
	c->listed = true;
	if (e->leg != NULL)
		list_leg(cti, c, e);
}

static void
free_leg(struct cti *cti, struct call *c, struct leg *leg)
{
	if (leg->life != LEG_OVER)
		call_release_leg(cti, c, leg, true,
			(struct usher_switch_event){
				.reason = USHER_REASON_LOST, .why = ""});
}

/* Another link has said something of it since this one came up: its list may be older. */
static bool
is_newer(const struct call *c, const struct cti_link *lists)
{
	int64_t said_us = c->last_link != lists->number ? c->last_us : c->other_us;

	return lists->up && said_us != 0 && said_us >= lists->up_us;
}

static void
settle(struct cti *cti, struct call *c, int64_t now_us)
{
	bool any = false;

	if (!c->listed) {
		call_lose(cti, c, now_us);
		return;
	}
	for (int i = 0; i < c->n_legs; i++)
		any = any || c->leg[i].listed;
	/* A list that names no telephone of a call that is served just does not know. */
	if (!any && c->listed_as != USHER_STATE_WAITING)
		return;
	for (int i = 0; i < c->n_legs; i++)
		if (!c->leg[i].listed)
			free_leg(cti, c, &c->leg[i]);
	if (c->listed_as != USHER_STATE_WAITING || c->waiting)
		return;
	c->waiting = true;
	c->talked = false;
	call_tell(cti, c, true,
		&(struct usher_switch_event){.kind = USHER_CALL_WAITING,
			.why = "lost",
			.state = USHER_STATE_WAITING,
			.age_us = -1});
}

void
snapshot_end(struct cti_link *link, const struct usher_switch_event *e, int64_t now_us)
{
	struct cti *cti = link->cti;
	struct cti_event event = {.on = link->on->name, .resync = true, .is = e};
	size_t at = 0;
	void *value;

	if (!link->on->listing) {
		cti->figures.late++;
		return;
	}
	link->on->listing = false;
	while (map_next(&cti->calls, &at, NULL, &value)) {
		struct call *c = value;

		if (c->on == link->on && c->life == CALL_ALIVE && !is_newer(c, link))
			settle(cti, c, now_us);
	}
	cti->figures.told++;
	cti->tell(cti->context, &event);
}
