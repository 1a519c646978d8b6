/* route/store_memory.c - the store of tests and simulations: the same steps, kept in this
 * process, checked harder. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "route/store.h"

/* A contact held. All owned. */
struct kept {
	uint64_t id;
	enum contact_state state;
	char *record, *payload, *external;
	char *class; /* where it waits; NULL: it does not */
	int n_decisions;
	char **decisions;
};

/* What goes when its time has come: a finished contact, or the key of one. */
struct leaving {
	struct leaving *next;
	int64_t due_ms;
	uint64_t contact; /* 0: none */
	char *external;	  /* owned; NULL: none */
};

struct leaving_list {
	struct leaving *first, **last;
};

struct store_memory {
	struct store store; /* first: the door */
	bool later, running, at_once;
	struct step *first, **last; /* owned: waiting to be committed */
	struct idmap contacts;	    /* owned struct kept */
	struct map externals;	    /* key -> owned uint64_t */
	struct idmap not_taken;	    /* duplicates; steps that follow their add may come */
	struct map agents, queues;  /* id -> owned record */
	struct leaving_list contacts_leaving, externals_leaving;
	uint64_t last_op;
	int wrong;
	char what[200];
};

static struct store_memory *
memory_of(const struct store *store)
{
	return (struct store_memory *)(uintptr_t)store;
}

static void
kept_destroy(struct kept *c)
{
	for (int i = 0; i < c->n_decisions; i++)
		free(c->decisions[i]);
	free(c->decisions);
	free(c->record);
	free(c->payload);
	free(c->external);
	free(c->class);
	free(c);
}

static void
leaving_add(struct leaving_list *list, int64_t due_ms, uint64_t contact, char *external)
{
	struct leaving *l = xcalloc(1, sizeof *l);

	*l = (struct leaving){.due_ms = due_ms, .contact = contact, .external = external};
	*list->last = l;
	list->last = &l->next;
}

/* Takes out the first that is due, or NULL. Times of one list rise, so the first is the
 * next one. */
static struct leaving *
leaving_due(struct leaving_list *list, int64_t now_ms)
{
	struct leaving *l = list->first;

	if (l == NULL || l->due_ms > now_ms)
		return NULL;
	list->first = l->next;
	if (list->first == NULL)
		list->last = &list->first;
	return l;
}

static void
forget_due(struct store_memory *m, int64_t now_ms)
{
	struct leaving *l;

	while ((l = leaving_due(&m->contacts_leaving, now_ms)) != NULL) {
		struct kept *c = idmap_remove(&m->contacts, l->contact);

		if (c != NULL)
			kept_destroy(c);
		free(l);
	}
	while ((l = leaving_due(&m->externals_leaving, now_ms)) != NULL) {
		free(map_remove(&m->externals, l->external));
		free(l->external);
		free(l);
	}
}

/* ---- checks ---- */

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* NULL when the part fits what is held, else what is wrong with it. */
static const char *
part_fault(const struct store_memory *m, const struct step *step, int i)
{
	const struct step_part *p = &step->part[i];
	const struct kept *c = idmap_get(&m->contacts, p->contact);
	bool adds = i == 0 && (step->kind == STEP_ADD || step->kind == STEP_ADD_OFFER);

	for (int k = 0; k < i; k++)
		if (step->part[k].contact == p->contact)
			return "one contact in two parts";
	if (p->record == NULL)
		return "a part without a record";
	if (p->state <= CONTACT_NEW || p->state >= CONTACT_STATES)
		return "a state that is never stored";
	if ((p->to_class != NULL) != (p->state == CONTACT_QUEUED))
		return "waiting without a class, or a class without waiting";
	if (p->to_class != NULL && !isfinite(p->key))
		return "a deadline that is no number";
	if (contact_is_over(p->state) && step->kind != STEP_FINISH)
		return "an end outside of finish";
	if (adds) {
		if (c != NULL)
			return "the contact is there already";
		if (p->expect != 0 || p->from_class != NULL)
			return "a new contact cannot come from anywhere";
		return NULL;
	}
	if (p->payload != NULL)
		return "a payload outside of add";
	if (c == NULL)
		return "no such contact";
	if (contact_is_over(c->state))
		return "the contact is over";
	if ((p->expect & 1u << c->state) == 0)
		return "another state was expected";
	if (!same_text(c->class, p->from_class))
		return "another class was expected";
	if (p->external != NULL && !same_text(c->external, p->external))
		return "another external id";
	return NULL;
}

static const char *
step_fault(const struct store_memory *m, const struct step *step)
{
	const char *fault = NULL;

	if (step->op <= m->last_op)
		return "op ids must rise";
	if (step->n_parts < 0 || step->n_parts > STEP_PARTS_MAX || step->n_agents < 0 ||
		step->n_agents > STEP_AGENTS_MAX)
		return "too many parts or agents";
	if (step->kind == STEP_AGENT && (step->n_parts != 0 || step->n_agents == 0))
		return "an agent step has agents only";
	/* Without a queue it is an entry of the stream alone: the settings changed. */
	if (step->kind == STEP_QUEUE &&
		(step->n_parts != 0 ||
			(step->queue == NULL) != (step->queue_record == NULL)))
		return "a queue step has a queue only";
	if (step->kind < STEP_AGENT && step->n_parts == 0)
		return "no contact in a contact's step";
	if (step->kind == STEP_FINISH && !contact_is_over(step->part[0].state))
		return "finish without an end";
	for (int i = 0; i < step->n_agents; i++)
		if (step->agent[i].id == NULL || step->agent[i].record == NULL)
			return "an agent without id or record";
	for (int i = 0; fault == NULL && i < step->n_parts; i++)
		fault = part_fault(m, step, i);
	return fault;
}

static void
note_fault(struct store_memory *m, const struct step *step, const char *fault)
{
	const struct step_part *p = &step->part[0];
	const struct kept *c =
		step->n_parts > 0 ? idmap_get(&m->contacts, p->contact) : NULL;

	m->wrong++;
	snprintf(m->what, sizeof m->what,
		"%s op=%" PRIu64 " contact=%" PRIu64 " is=%s becomes=%s expected=%#x: %s",
		step_name[step->kind], step->op, step->n_parts > 0 ? p->contact : 0,
		c != NULL ? contact_state_name[c->state] : "unknown",
		step->n_parts > 0 && p->state < CONTACT_STATES
			? contact_state_name[p->state]
			: "-",
		step->n_parts > 0 ? p->expect : 0, fault);
	log_error("store: refused a wrong step: %s", m->what);
}

/* ---- writing ---- */

static void
take_text(char **to, char **from)
{
	free(*to);
	*to = *from;
	*from = NULL;
}

static void
put_text(struct map *map, const char *key, char **value)
{
	free(map_put(map, key, *value));
	*value = NULL;
}

static void
keep_decision(struct kept *c, struct step_part *p)
{
	if (p->decision == NULL || p->n_decisions <= 0)
		return;
	if (p->n_decisions > c->n_decisions) {
		c->decisions = xreallocarray(
			c->decisions, (size_t)p->n_decisions, sizeof *c->decisions);
		while (c->n_decisions < p->n_decisions)
			c->decisions[c->n_decisions++] = xstrdup("");
	}
	take_text(&c->decisions[p->n_decisions - 1], &p->decision);
}

static void
keep_external(struct store_memory *m, struct kept *c, struct step_part *p)
{
	uint64_t *id;

	if (p->external == NULL)
		return;
	id = xmalloc(sizeof *id);
	*id = c->id;
	free(map_put(&m->externals, p->external, id));
	take_text(&c->external, &p->external);
}

static void
part_end(struct store_memory *m, const struct step *step, struct kept *c)
{
	if (c->external != NULL)
		leaving_add(&m->externals_leaving, step->at_ms + step->external_ttl_ms, 0,
			xstrdup(c->external));
	leaving_add(&m->contacts_leaving, m->at_once ? 0 : step->at_ms + step->keep_ms,
		c->id, NULL);
}

static void
part_write(struct store_memory *m, const struct step *step, struct step_part *p)
{
	struct kept *c = idmap_get(&m->contacts, p->contact);

	if (c == NULL) {
		c = xcalloc(1, sizeof *c);
		c->id = p->contact;
		idmap_put(&m->contacts, c->id, c);
		take_text(&c->payload, &p->payload);
		keep_external(m, c, p);
	}
	c->state = p->state;
	take_text(&c->record, &p->record);
	take_text(&c->class, &p->to_class);
	keep_decision(c, p);
	if (contact_is_over(c->state))
		part_end(m, step, c);
}

static enum step_result
step_write(struct store_memory *m, struct step *step, uint64_t *existing)
{
	const char *fault;
	const uint64_t *known = NULL;

	forget_due(m, step->at_ms);
	if (step->n_parts > 0 &&
		idmap_get(&m->not_taken, step->part[0].contact) != NULL) {
		m->last_op = step->op;
		return STEP_REFUSED; /* nobody's fault: they were on their way already */
	}
	fault = step_fault(m, step);
	m->last_op = step->op;
	if (fault != NULL) {
		note_fault(m, step, fault);
		return STEP_REFUSED;
	}
	if ((step->kind == STEP_ADD || step->kind == STEP_ADD_OFFER) &&
		step->part[0].external != NULL)
		known = map_get(&m->externals, step->part[0].external);
	if (known != NULL) {
		*existing = *known;
		idmap_put(&m->not_taken, step->part[0].contact, m);
		return STEP_DUPLICATE;
	}
	for (int i = 0; i < step->n_parts; i++)
		part_write(m, step, &step->part[i]);
	for (int i = 0; i < step->n_agents; i++)
		put_text(&m->agents, step->agent[i].id, &step->agent[i].record);
	if (step->queue != NULL)
		put_text(&m->queues, step->queue, &step->queue_record);
	return STEP_COMMITTED;
}

static void
run(struct store_memory *m)
{
	struct step *step;

	if (m->running)
		return;
	m->running = true;
	while ((step = m->first) != NULL) {
		uint64_t existing = 0;
		enum step_result result;

		m->first = step->next;
		if (m->first == NULL)
			m->last = &m->first;
		step->next = NULL;
		result = step_write(m, step, &existing);
		m->store.done(m->store.router, step, result, existing);
		step_destroy(step);
	}
	m->running = false;
}

/* ---- the door ---- */

static void
memory_commit(struct store *store, struct step *step)
{
	struct store_memory *m = memory_of(store);

	step->next = NULL;
	*m->last = step;
	m->last = &step->next;
	if (!m->later)
		run(m);
}

static struct stored_contact
stored_of(const struct kept *c)
{
	return (struct stored_contact){
		.contact = c->id,
		.state = c->state,
		.record = c->record,
		.payload = c->payload,
		.class_key = c->class,
		.n_decisions = c->n_decisions,
		.decisions = (const char *const *)c->decisions,
	};
}

static void
memory_fetch(struct store *store, uint64_t contact, store_found fn, void *owner)
{
	const struct kept *c = idmap_get(&memory_of(store)->contacts, contact);
	struct stored_contact found;

	if (c == NULL) {
		fn(owner, NULL, false);
		return;
	}
	found = stored_of(c);
	fn(owner, &found, false);
}

struct store *
store_memory_create(bool later)
{
	struct store_memory *m = xcalloc(1, sizeof *m);

	m->store.commit = memory_commit;
	m->store.fetch = memory_fetch;
	m->later = later;
	m->last = &m->first;
	m->contacts_leaving.last = &m->contacts_leaving.first;
	m->externals_leaving.last = &m->externals_leaving.first;
	return &m->store;
}

void
store_memory_run(struct store *store)
{
	run(memory_of(store));
}

void
store_memory_forget(struct store *store, bool at_once)
{
	memory_of(store)->at_once = at_once;
}

int
store_memory_wrong(const struct store *store, const char **what)
{
	const struct store_memory *m = memory_of(store);

	if (what != NULL)
		*what = m->what;
	return m->wrong;
}

const char *
store_memory_class(const struct store *store, uint64_t contact)
{
	const struct kept *c = idmap_get(&memory_of(store)->contacts, contact);

	return c != NULL ? c->class : NULL;
}

static int64_t
load_records(const struct map *map, bool (*fn)(void *, const char *, const char *),
	void *owner, int64_t *unreadable)
{
	size_t at = 0;
	const char *key;
	void *value;
	int64_t n = 0;

	while (map_next(map, &at, &key, &value)) {
		n++;
		if (!fn(owner, key, value))
			++*unreadable;
	}
	return n;
}

void
store_memory_load(
	struct store *store, const struct store_load *load, struct store_loaded *out)
{
	struct store_memory *m = memory_of(store);
	size_t at = 0;
	void *value;

	*out = (struct store_loaded){0};
	out->agents =
		load_records(&m->agents, load->agent, load->owner, &out->unreadable);
	out->queues =
		load_records(&m->queues, load->queue, load->owner, &out->unreadable);
	while (idmap_next(&m->contacts, &at, NULL, &value)) {
		struct stored_contact found = stored_of(value);

		if (contact_is_over(found.state))
			continue;
		out->contacts++;
		if (!load->contact(load->owner, &found))
			out->unreadable++;
	}
	m->last_op = 0; /* the next router counts from 1 again */
}

void
store_memory_crash(struct store *store)
{
	struct store_memory *m = memory_of(store);
	struct step *step;

	while ((step = m->first) != NULL) {
		m->first = step->next;
		step_destroy(step);
	}
	m->last = &m->first;
}

static void
leaving_finish(struct leaving_list *list)
{
	struct leaving *l;

	while ((l = leaving_due(list, INT64_MAX)) != NULL) {
		free(l->external);
		free(l);
	}
}

static void
values_finish(struct map *map)
{
	size_t at = 0;
	void *value;

	while (map_next(map, &at, NULL, &value))
		free(value);
	map_finish(map);
}

void
store_memory_destroy(struct store *store)
{
	struct store_memory *m;
	size_t at = 0;
	void *value;

	if (store == NULL)
		return;
	m = memory_of(store);
	store_memory_crash(store);
	while (idmap_next(&m->contacts, &at, NULL, &value))
		kept_destroy(value);
	idmap_finish(&m->contacts);
	idmap_finish(&m->not_taken);
	values_finish(&m->externals);
	values_finish(&m->agents);
	values_finish(&m->queues);
	leaving_finish(&m->contacts_leaving);
	leaving_finish(&m->externals_leaving);
	free(m);
}
