/* intake/cti.c - each fact of a switch once: what is sound and new is told.
 *
 * The life of a call and of a leg: cti_calls.h. Snapshots: cti_snapshot.c. */
#include "intake/cti.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "intake/cti_calls.h"

/* ---- an event made sound ---- */

struct sound {
	struct usher_switch_event e;
	char device[CTI_TEXT_MAX], target[CTI_TEXT_MAX], place[CTI_TEXT_MAX];
	char why[CTI_TEXT_MAX], instance[CTI_TEXT_MAX], action[CTI_TEXT_MAX];
	char number[CTI_CALLER_MAX + 1], name[CTI_CALLER_MAX + 1];
	char dialled[CTI_CALLER_MAX + 1], offer[CTI_TEXT_MAX];
	struct usher_attribute attribute[CTI_ATTRIBUTES_MAX];
	char value[CTI_ATTRIBUTES_MAX][CTI_VALUE_MAX + 1];
};

/* Ids become keys and are compared byte by byte: printable ASCII only. */
static bool
is_id(const char *id)
{
	size_t n = id != NULL ? strnlen(id, CTI_ID_MAX + 1) : 0;

	for (size_t i = 0; i < n; i++)
		if (id[i] <= ' ' || id[i] > '~')
			return false;
	return n > 0 && n <= CTI_ID_MAX;
}

static void
clean(struct cti *cti, const char **text, char *out, size_t room)
{
	if (!cti_clean(out, room, *text))
		cti->figures.cleaned++;
	*text = out;
}

static void
clean_attributes(struct cti *cti, struct sound *s)
{
	const struct usher_attribute *from = s->e.attributes;
	size_t n = s->e.n_attributes;

	s->e.attributes = s->attribute;
	s->e.n_attributes = 0;
	for (size_t i = 0; i < n; i++) {
		struct usher_attribute *to = &s->attribute[s->e.n_attributes];
		char *value = s->value[s->e.n_attributes];

		if (s->e.n_attributes == CTI_ATTRIBUTES_MAX ||
			from[i].kind != USHER_VALUE_TEXT || from[i].name == NULL ||
			!id_is_valid(from[i].name) ||
			!cti_clean(value, CTI_VALUE_MAX + 1, from[i].text)) {
			cti->figures.cleaned++;
			continue;
		}
		*to = (struct usher_attribute){
			.name = from[i].name, .kind = USHER_VALUE_TEXT, .text = value};
		s->e.n_attributes++;
	}
}

static bool
concerns_a_call(enum usher_switch_kind kind)
{
	return kind >= USHER_CALL_WAITING && kind <= USHER_LEG_RELEASED;
}

/* Of a caller, of which a call may hear any number. */
static bool
is_a_wish(enum usher_switch_kind kind)
{
	return kind == USHER_CALL_ASKS || kind == USHER_CALL_WANTS_CALLBACK;
}

static bool
concerns_a_leg(enum usher_switch_kind kind)
{
	/* A device that did not even ring has no leg. */
	return kind >= USHER_LEG_RINGING && kind < USHER_LEG_RELEASED;
}

/* False: it has an id that can be none. */
static bool
make_sound(struct cti *cti, struct sound *s, const struct usher_switch_event *event)
{
	struct usher_switch_event *e = &s->e;

	memset(e, 0, sizeof(*e));
	memcpy(e, event, event->size < sizeof(*e) ? event->size : sizeof(*e));
	e->size = sizeof(*e);
	if ((concerns_a_call(e->kind) || e->kind == USHER_SNAPSHOT_CALL ||
		    is_a_wish(e->kind)) &&
		!is_id(e->call))
		return false;
	if (e->kind == USHER_DEVICE_STATE && (e->device == NULL || e->device[0] == '\0'))
		return false;
	if ((concerns_a_leg(e->kind) || e->leg != NULL) && !is_id(e->leg))
		return false;
	if (e->to_leg != NULL && !is_id(e->to_leg))
		return false;
	clean(cti, &e->device, s->device, sizeof(s->device));
	clean(cti, &e->target, s->target, sizeof(s->target));
	clean(cti, &e->place, s->place, sizeof(s->place));
	clean(cti, &e->why, s->why, sizeof(s->why));
	clean(cti, &e->instance, s->instance, sizeof(s->instance));
	clean(cti, &e->action, s->action, sizeof(s->action));
	clean(cti, &e->number, s->number, sizeof(s->number));
	clean(cti, &e->name, s->name, sizeof(s->name));
	clean(cti, &e->dialled, s->dialled, sizeof(s->dialled));
	clean(cti, &e->offer, s->offer, sizeof(s->offer));
	clean_attributes(cti, s);
	return true;
}

/* ---- beginnings and ends of calls ---- */

/* What came before the beginning is told behind it, in the order of a life. */
static void
tell_early(struct cti *cti, struct call *c, int64_t now_us)
{
	for (int i = 0; i < c->n_legs; i++) {
		struct leg *leg = &c->leg[i];

		cti->figures.early++;
		c->waiting = false;
		if (leg->rang)
			call_tell_leg(cti, c, leg, false,
				(struct usher_switch_event){
					.kind = USHER_LEG_RINGING, .t_us = leg->rang_us});
		if (leg->answered)
			call_tell_leg(cti, c, leg, false,
				(struct usher_switch_event){.kind = USHER_LEG_ANSWERED,
					.t_us = leg->answered_us,
					.picked_up_us = leg->picked_up_us});
		c->talked = c->talked || (leg->answered && !leg->consult);
		if (leg->life == LEG_OVER && (leg->rang || leg->answered))
			call_release_leg(cti, c, leg, false,
				(struct usher_switch_event){.t_us = leg->ended_us,
					.reason = leg->reason,
					.why = leg->why});
	}
	if (!c->ended_early)
		return;
	cti->figures.early++;
	call_move(cti, c, CALL_GONE, now_us);
	call_tell(cti, c, false, &c->end);
}

static void
begin(struct cti_link *link, struct call *c, const struct usher_switch_event *e,
	int64_t now_us)
{
	struct cti *cti = link->cti;

	if (c == NULL)
		c = call_add(cti, link->on, e->call, CALL_ALIVE, now_us);
	else
		call_move(cti, c, CALL_ALIVE, now_us);
	if (c == NULL)
		return;
	c->waiting = e->kind == USHER_CALL_WAITING;
	c->waiting_us = e->t_us;
	call_tell(cti, c, false, e);
	tell_early(cti, c, now_us);
}

static void
on_begin(struct cti_link *link, struct call *c, const struct usher_switch_event *e,
	int64_t now_us)
{
	if (c == NULL || c->life == CALL_EARLY)
		begin(link, c, e, now_us);
	else if (c->life == CALL_GONE)
		link->cti->figures.late++;
	else
		link->cti->figures.duplicate++;
}

static void
on_waiting(struct cti_link *link, struct call *c, const struct usher_switch_event *e,
	int64_t now_us)
{
	bool again;

	if (c == NULL || c->life != CALL_ALIVE) {
		on_begin(link, c, e, now_us);
		return;
	}
	/* He waits again when something happened since; a copy of what was said before
	 * bears the same time, or no word on why. */
	again = !c->waiting &&
		(e->t_us != 0 ? e->t_us > c->waiting_us : e->why[0] != '\0');
	if (!again) {
		link->cti->figures.duplicate++;
		return;
	}
	c->waiting = true;
	c->talked = false;
	c->waiting_us = e->t_us;
	call_tell(link->cti, c, false, e);
}

static void
on_gone(struct cti_link *link, struct call *c, const struct usher_switch_event *e,
	int64_t now_us)
{
	struct cti *cti = link->cti;
	struct usher_switch_event end = {.kind = USHER_CALL_GONE,
		.t_us = e->t_us,
		.outcome = e->outcome,
		.talk_us = e->talk_us,
		.hold_us = e->hold_us,
		.why = ""};

	if (c == NULL)
		c = call_add(cti, link->on, e->call, CALL_EARLY, now_us);
	if (c == NULL)
		return;
	if (c->life == CALL_GONE || c->ended_early) {
		cti->figures.duplicate++;
		return;
	}
	if (c->talked && end.outcome == USHER_OUTCOME_ABANDONED)
		end.outcome = USHER_OUTCOME_ENDED; /* another link saw more of it */
	if (c->life == CALL_EARLY) {
		c->ended_early = true;
		c->end = end;
		return;
	}
	call_move(cti, c, CALL_GONE, now_us);
	call_tell(cti, c, false, &end);
}

/* ---- legs ---- */

static void
note_offer(struct leg *leg, const struct usher_switch_event *e)
{
	if (leg->offer == NULL && e->offer[0] != '\0')
		leg->offer = xstrdup(e->offer);
}

static void
on_ringing(struct cti *cti, struct call *c, struct leg *leg,
	const struct usher_switch_event *e)
{
	if (leg != NULL && leg->rang) {
		cti->figures.duplicate++;
		return;
	}
	if (leg != NULL && leg->life != LEG_RINGS && c->life != CALL_EARLY) {
		cti->figures.late++;
		return;
	}
	if (leg == NULL)
		leg = call_add_leg(cti, c, e->leg, e->device, e->consult, LEG_RINGS);
	if (leg == NULL)
		return;
	note_offer(leg, e);
	leg->rang = true;
	leg->rang_us = e->t_us;
	if (!e->consult)
		c->waiting = false;
	if (c->life == CALL_ALIVE)
		call_tell_leg(cti, c, leg, false, *e);
}

static void
on_answered(struct cti *cti, struct call *c, struct leg *leg,
	const struct usher_switch_event *e)
{
	if (leg != NULL && leg->answered) {
		cti->figures.duplicate++;
		return;
	}
	if (leg != NULL && leg->life == LEG_OVER && c->life != CALL_EARLY) {
		cti->figures.late++;
		return;
	}
	if (leg == NULL)
		leg = call_add_leg(cti, c, e->leg, e->device, e->consult, LEG_RINGS);
	if (leg == NULL)
		return;
	note_offer(leg, e);
	leg->answered = true;
	leg->answered_us = e->t_us;
	leg->picked_up_us = e->picked_up_us;
	if (leg->life == LEG_RINGS)
		leg->life = LEG_TALKS;
	if (!leg->consult) {
		c->waiting = false;
		c->talked = true;
	}
	if (c->life == CALL_ALIVE)
		call_tell_leg(cti, c, leg, false, *e);
}

static void
on_hold(struct cti *cti, struct call *c, struct leg *leg,
	const struct usher_switch_event *e)
{
	bool held = e->kind == USHER_LEG_HELD;

	if (leg == NULL || leg->life != LEG_TALKS) {
		cti->figures.late++;
		return;
	}
	if (leg->held == held) {
		cti->figures.duplicate++;
		return;
	}
	leg->held = held;
	if (c->life == CALL_ALIVE)
		call_tell_leg(cti, c, leg, false, *e);
}

static void
on_transferred(struct cti *cti, struct call *c, struct leg *leg,
	const struct usher_switch_event *e)
{
	struct leg *to;

	if (leg == NULL || leg->life != LEG_TALKS) {
		cti->figures.late++;
		return;
	}
	if (leg->transferred) {
		cti->figures.duplicate++;
		return;
	}
	leg->transferred = true;
	leg->held = false;
	if (c->life == CALL_ALIVE)
		call_tell_leg(cti, c, leg, false, *e);
	if (e->to_leg == NULL)
		return;
	to = call_leg(c, e->to_leg);
	if (to == NULL)
		to = call_add_leg(cti, c, e->to_leg, e->target, false, LEG_TALKS);
	if (to != NULL)
		to->consult = false;
}

static void
on_released(struct cti *cti, struct call *c, struct leg *leg,
	const struct usher_switch_event *e)
{
	if (leg != NULL && leg->life == LEG_OVER) {
		cti->figures.duplicate++;
		return;
	}
	if (leg != NULL && c->life != CALL_EARLY) {
		call_release_leg(cti, c, leg, false, *e);
		return;
	}
	/* Its beginning may follow; then it is over already. */
	if (leg == NULL)
		leg = call_add_leg(cti, c, e->leg, e->device, e->consult, LEG_OVER);
	if (leg == NULL)
		return;
	leg->life = LEG_OVER;
	leg->ended_us = e->t_us;
	leg->reason = e->reason;
	leg->why = xstrdup(e->why);
	if (c->life != CALL_EARLY)
		cti->figures.unknown_ends++;
}

/* A device that could not even ring; it has no id of its own. */
static void
on_fault(struct cti *cti, struct call *c, const struct usher_switch_event *e)
{
	if (c == NULL || c->life != CALL_ALIVE) {
		cti->figures.late++;
		return;
	}
	if (e->t_us != 0 && e->t_us <= c->fault_us) {
		cti->figures.duplicate++;
		return;
	}
	c->fault_us = e->t_us;
	c->waiting = false;
	call_tell(cti, c, false, e);
}

static void
on_leg(struct cti_link *link, struct call *c, const struct usher_switch_event *e,
	int64_t now_us)
{
	struct cti *cti = link->cti;
	struct leg *leg;

	if (c == NULL)
		c = call_add(cti, link->on, e->call, CALL_EARLY, now_us);
	if (c == NULL)
		return;
	/* A call that is over can only have telephones that are freed behind it. */
	if (c->life == CALL_GONE && e->kind != USHER_LEG_RELEASED) {
		cti->figures.late++;
		return;
	}
	leg = call_leg(c, e->leg);
	if (e->kind == USHER_LEG_RINGING)
		on_ringing(cti, c, leg, e);
	else if (e->kind == USHER_LEG_ANSWERED)
		on_answered(cti, c, leg, e);
	else if (e->kind == USHER_LEG_TRANSFERRED)
		on_transferred(cti, c, leg, e);
	else if (e->kind == USHER_LEG_RELEASED)
		on_released(cti, c, leg, e);
	else
		on_hold(cti, c, leg, e);
}

/* ---- the switch ---- */

static void
tell_switch(struct cti_link *link, const struct usher_switch_event *e)
{
	struct cti_event event = {.on = link->on->name, .is = e};

	link->cti->figures.told++;
	link->cti->tell(link->cti->context, &event);
}

/* With several links to it, it is up while one says so. */
static void
on_up_or_down(struct cti_link *link, const struct usher_switch_event *e, int64_t now_us)
{
	bool up = e->kind == USHER_SWITCH_UP;

	if (link->up == up) {
		link->cti->figures.duplicate++;
		return;
	}
	link->up = up;
	link->up_us = now_us;
	link->on->n_up += up ? 1 : -1;
	if (up && link->on->n_up == 1)
		link->on->up_us = now_us;
	if (link->on->n_up == (up ? 1 : 0))
		tell_switch(link, e);
}

/* A menu may ask before its call waits; who is gone wants nothing any more. */
static void
on_wish(struct cti_link *link, const struct usher_switch_event *e)
{
	struct call *c = call_find(link->cti, link->on, e->call);

	if ((c != NULL && c->life == CALL_GONE) ||
		(e->kind == USHER_CALL_WANTS_CALLBACK &&
			(c == NULL || c->life != CALL_ALIVE))) {
		link->cti->figures.late++;
		return;
	}
	tell_switch(link, e);
}

/* c: of the event; NULL: none, or it is not known. */
static void
take(struct cti_link *link, struct call *c, const struct usher_switch_event *e,
	int64_t now_us)
{
	struct cti *cti = link->cti;

	switch (e->kind) {
	case USHER_SWITCH_UP:
	case USHER_SWITCH_DOWN:
		on_up_or_down(link, e, now_us);
		return;
	case USHER_CALL_WAITING:
		on_waiting(link, c, e, now_us);
		return;
	case USHER_CALL_PLACED:
		on_begin(link, c, e, now_us);
		return;
	case USHER_CALL_GONE:
		on_gone(link, c, e, now_us);
		return;
	case USHER_LEG_RELEASED:
		if (e->leg == NULL) {
			on_fault(cti, c, e);
			return;
		}
		on_leg(link, c, e, now_us);
		return;
	case USHER_LEG_RINGING:
	case USHER_LEG_ANSWERED:
	case USHER_LEG_HELD:
	case USHER_LEG_RETRIEVED:
	case USHER_LEG_TRANSFERRED:
		on_leg(link, c, e, now_us);
		return;
	case USHER_SNAPSHOT_BEGIN:
		snapshot_begin(cti, link->on, e->instance, now_us);
		return;
	case USHER_SNAPSHOT_CALL:
		snapshot_call(cti, link->on, e, now_us);
		return;
	case USHER_SNAPSHOT_END:
		snapshot_end(link, e, now_us);
		return;
	case USHER_ACTION_FAILED:
	case USHER_DEVICE_STATE:
		tell_switch(link, e);
		return;
	case USHER_CALL_ASKS:
	case USHER_CALL_WANTS_CALLBACK:
		on_wish(link, e);
		return;
	}
	cti->figures.refused++; /* of an adapter younger than this */
}

/* Of a call, by which link and when: what one has told is newer than an older list of
 * another. */
static void
take_of_call(struct cti_link *link, const struct usher_switch_event *e, int64_t now_us)
{
	struct call *c = call_find(link->cti, link->on, e->call);

	take(link, c, e, now_us);
	if (c == NULL)
		c = call_find(link->cti, link->on, e->call);
	if (c == NULL)
		return;
	if (c->last_link != link->number)
		c->other_us = c->last_us;
	c->last_link = link->number;
	c->last_us = now_us;
}

/* ---- the set ---- */

struct cti *
cti_create(void (*tell)(void *context, const struct cti_event *event), void *context)
{
	struct cti *cti = xcalloc(1, sizeof(*cti));

	cti->tell = tell;
	cti->context = context;
	TAILQ_INIT(&cti->early);
	TAILQ_INIT(&cti->gone);
	return cti;
}

void
cti_destroy(struct cti *cti)
{
	if (cti == NULL)
		return;
	calls_finish(cti);
	for (struct cti_link *l = cti->links, *next; l != NULL; l = next) {
		next = l->next;
		free(l);
	}
	for (struct cti_switch *s = cti->switches, *next; s != NULL; s = next) {
		next = s->next;
		free(s->name);
		free(s->instance);
		free(s);
	}
	free(cti);
}

struct cti_link *
cti_link_add(struct cti *cti, const char *on)
{
	struct cti_link *link = xcalloc(1, sizeof(*link));
	struct cti_switch *s = cti->switches;

	while (s != NULL && strcmp(s->name, on) != 0)
		s = s->next;
	if (s == NULL) {
		s = xcalloc(1, sizeof(*s));
		s->name = xstrdup(on);
		s->next = cti->switches;
		cti->switches = s;
	}
	link->cti = cti;
	link->on = s;
	link->number = ++cti->n_links;
	link->next = cti->links;
	cti->links = link;
	return link;
}

void
cti_link_remove(struct cti_link *link)
{
	struct cti_link **at;

	if (link == NULL)
		return;
	for (at = &link->cti->links; *at != link; at = &(*at)->next)
		;
	*at = link->next;
	if (link->up)
		link->on->n_up--;
	free(link);
}

void
cti_lose_switch(struct cti *cti, const char *on, int64_t now_us)
{
	for (struct cti_switch *s = cti->switches; s != NULL; s = s->next)
		if (strcmp(s->name, on) == 0)
			snapshot_lose(cti, s, now_us);
}

static void
measure_lag(struct cti *cti, const struct usher_switch_event *e, int64_t now_us)
{
	/* The end of a connection bears the time of what was heard last. */
	if (e->t_us == 0 || e->kind == USHER_SWITCH_DOWN)
		return;
	cti->figures.lag_us = now_us - e->t_us;
	if (cti->figures.lag_us > cti->figures.lag_most_us)
		cti->figures.lag_most_us = cti->figures.lag_us;
}

void
cti_feed(struct cti_link *link, const struct usher_switch_event *event, int64_t now_us)
{
	struct cti *cti = link->cti;
	struct sound s;

	cti_expire(cti, now_us);
	cti->figures.events++;
	if (!make_sound(cti, &s, event)) {
		cti->figures.refused++;
		return;
	}
	measure_lag(cti, &s.e, now_us);
	if (concerns_a_call(s.e.kind))
		take_of_call(link, &s.e, now_us);
	else
		take(link, NULL, &s.e, now_us);
}

struct cti_figures
cti_figures(const struct cti *cti)
{
	return cti->figures;
}
