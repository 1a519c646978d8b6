/* intake/cti_calls.c - the table of calls: finding, adding, ending, telling. */
#include "intake/cti_calls.h"

#include <stdlib.h>
#include <string.h>

/* ---- telling ---- */

static void
fill(const char **text)
{
	if (*text == NULL)
		*text = "";
}

void
call_tell(struct cti *cti, const struct call *c, bool resync,
	const struct usher_switch_event *e)
{
	struct usher_switch_event whole = *e;
	struct cti_event event = {.on = c->on->name, .resync = resync, .is = &whole};

	whole.size = sizeof(whole);
	whole.call = c->id;
	fill(&whole.device);
	fill(&whole.target);
	fill(&whole.number);
	fill(&whole.name);
	fill(&whole.dialled);
	fill(&whole.place);
	fill(&whole.why);
	fill(&whole.instance);
	fill(&whole.action);
	fill(&whole.offer);
	cti->figures.told++;
	cti->tell(cti->context, &event);
}

void
call_tell_leg(struct cti *cti, const struct call *c, const struct leg *leg, bool resync,
	struct usher_switch_event e)
{
	if (e.offer == NULL || e.offer[0] == '\0')
		e.offer = leg->offer;
	e.leg = leg->id;
	e.device = leg->device;
	e.consult = leg->consult;
	call_tell(cti, c, resync, &e);
}

/* ---- calls ---- */

static char *
make_key(const struct cti_switch *on, const char *id)
{
	/* A line end can be in neither. */
	return xasprintf("%s\n%s", on->name, id);
}

struct call *
call_find(struct cti *cti, const struct cti_switch *on, const char *id)
{
	char *key = make_key(on, id);
	struct call *c = map_get(&cti->calls, key);

	free(key);
	return c;
}

static void
enlist(struct cti *cti, struct call *c)
{
	switch (c->life) {
	case CALL_EARLY:
		TAILQ_INSERT_TAIL(&cti->early, c, next);
		break;
	case CALL_ALIVE:
		cti->figures.calls++;
		break;
	case CALL_GONE:
		TAILQ_INSERT_TAIL(&cti->gone, c, next);
		break;
	}
}

static void
delist(struct cti *cti, struct call *c)
{
	switch (c->life) {
	case CALL_EARLY:
		TAILQ_REMOVE(&cti->early, c, next);
		break;
	case CALL_ALIVE:
		cti->figures.calls--;
		break;
	case CALL_GONE:
		TAILQ_REMOVE(&cti->gone, c, next);
		break;
	}
}

void
call_move(struct cti *cti, struct call *c, enum call_life life, int64_t now_us)
{
	delist(cti, c);
	c->life = life;
	c->since_us = now_us;
	enlist(cti, c);
}

struct call *
call_add(struct cti *cti, struct cti_switch *on, const char *id, enum call_life life,
	int64_t now_us)
{
	struct call *c;

	if (cti->calls.n >= CTI_CALLS_MAX) {
		cti->figures.refused++;
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	c->key = make_key(on, id);
	c->id = c->key + strlen(on->name) + 1;
	c->on = on;
	c->life = life;
	c->since_us = now_us;
	map_put(&cti->calls, c->key, c);
	enlist(cti, c);
	return c;
}

static void
free_call(struct call *c)
{
	for (int i = 0; i < c->n_legs; i++) {
		free(c->leg[i].id);
		free(c->leg[i].device);
		free(c->leg[i].why);
		free(c->leg[i].offer);
	}
	free(c->leg);
	free(c->key);
	free(c);
}

static void
forget(struct cti *cti, struct call *c)
{
	delist(cti, c);
	map_remove(&cti->calls, c->key);
	free_call(c);
}

void
calls_finish(struct cti *cti)
{
	size_t at = 0;
	void *c;

	while (map_next(&cti->calls, &at, NULL, &c))
		free_call(c);
	map_finish(&cti->calls);
}

/* ---- legs ---- */

struct leg *
call_leg(struct call *c, const char *id)
{
	for (int i = 0; i < c->n_legs; i++)
		if (strcmp(c->leg[i].id, id) == 0)
			return &c->leg[i];
	return NULL;
}

struct leg *
call_add_leg(struct cti *cti, struct call *c, const char *id, const char *device,
	bool consult, enum leg_life life)
{
	struct leg *leg;

	if (c->n_legs == CTI_LEGS_MAX) {
		cti->figures.refused++;
		return NULL;
	}
	/* Few calls have more than one or two. */
	if ((c->n_legs & (c->n_legs - 1)) == 0)
		c->leg = xreallocarray(
			c->leg, c->n_legs > 0 ? 2 * (size_t)c->n_legs : 1, sizeof(*leg));
	leg = &c->leg[c->n_legs++];
	*leg = (struct leg){.id = xstrdup(id),
		.device = xstrdup(device),
		.consult = consult,
		.life = life};
	return leg;
}

void
call_release_leg(struct cti *cti, struct call *c, struct leg *leg, bool resync,
	struct usher_switch_event e)
{
	leg->life = LEG_OVER;
	e.kind = USHER_LEG_RELEASED;
	if (e.picked_up_us == 0)
		e.picked_up_us = leg->picked_up_us;
	call_tell_leg(cti, c, leg, resync, e);
}

void
call_lose(struct cti *cti, struct call *c, int64_t now_us)
{
	for (int i = 0; i < c->n_legs; i++)
		if (c->leg[i].life != LEG_OVER)
			call_release_leg(cti, c, &c->leg[i], true,
				(struct usher_switch_event){
					.reason = USHER_REASON_LOST, .why = ""});
	cti->figures.lost++;
	call_move(cti, c, CALL_GONE, now_us);
	call_tell(cti, c, true,
		&(struct usher_switch_event){
			.kind = USHER_CALL_GONE, .outcome = USHER_OUTCOME_LOST});
}

/* ---- time ---- */

static bool
ended(const struct call *c)
{
	for (int i = 0; i < c->n_legs; i++)
		if (c->leg[i].life == LEG_OVER)
			return true;
	return c->ended_early;
}

void
cti_expire(struct cti *cti, int64_t now_us)
{
	struct call *c;

	while ((c = TAILQ_FIRST(&cti->early)) != NULL &&
		now_us - c->since_us > CTI_EARLY_US) {
		if (ended(c))
			cti->figures.unknown_ends++;
		forget(cti, c);
	}
	while ((c = TAILQ_FIRST(&cti->gone)) != NULL &&
		now_us - c->since_us > CTI_KEEP_US) {
		/* Its end was never seen, but nobody can still talk there. */
		for (int i = 0; i < c->n_legs; i++)
			if (c->leg[i].life != LEG_OVER)
				call_release_leg(cti, c, &c->leg[i], true,
					(struct usher_switch_event){
						.reason = USHER_REASON_LOST, .why = ""});
		forget(cti, c);
	}
}
