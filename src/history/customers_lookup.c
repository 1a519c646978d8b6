/*
 * history/customers_lookup.c - one question: by identities or by number, on a reader's
 * thread, and what follows from its answer.
 *
 *   waiting --answered--> done          the contact waited for it on its way in
 *   waiting --time over--> overdue --answered--> done     it went on and is recognised
 *   while one is overdue nobody waits: a stalled disk delays nobody twice
 */
#include <event2/event.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "history/customers_inner.h"

/* ---- the list of those waiting ---- */

static void
set_timer(struct customers *c)
{
	struct timeval wait = {0};
	int64_t left_ms;

	if (c->first == NULL) {
		event_del(c->late);
		return;
	}
	left_ms = c->first->asked_ms + c->rules->wait_ms - clock_boot_ms();
	if (left_ms > 0)
		wait.tv_usec = (suseconds_t)(left_ms % 1000 * 1000);
	wait.tv_sec = left_ms > 0 ? (time_t)(left_ms / 1000) : 0;
	event_add(c->late, &wait);
}

static void
begin_wait(struct customers *c, struct lookup *l)
{
	l->waiting = true;
	l->before = c->last_one;
	*(c->last_one != NULL ? &c->last_one->next : &c->first) = l;
	c->last_one = l;
	c->figures.waiting++;
	if (c->first == l)
		set_timer(c);
}

static void
end_wait(struct customers *c, struct lookup *l)
{
	if (!l->waiting)
		return;
	*(l->before != NULL ? &l->before->next : &c->first) = l->next;
	*(l->next != NULL ? &l->next->before : &c->last_one) = l->before;
	l->before = l->next = NULL;
	l->waiting = false;
	c->figures.waiting--;
}

/* Its contact goes on without an answer. */
static void
release(struct customers *c, struct lookup *l)
{
	uint64_t ticket = l->ticket;

	end_wait(c, l);
	l->ticket = 0;
	l->overdue = true;
	c->n_overdue++;
	c->figures.late++;
	l->contact = router_identified(
		c->parts.router, c->parts.now_ms(c->parts.owner), ticket, NULL);
}

void
lookup_on_late(int fd, short what, void *owner)
{
	struct customers *c = owner;
	int64_t now_ms = clock_boot_ms();

	while (c->first != NULL && c->first->asked_ms + c->rules->wait_ms <= now_ms)
		release(c, c->first);
	set_timer(c);
}

void
lookups_release_all(struct customers *c)
{
	while (c->first != NULL)
		release(c, c->first);
}

/* ---- on a reader's thread ---- */

static bool
is_provisional(struct database_session *s, int64_t root)
{
	struct query *q = query_start(
		s, "SELECT count(*) FROM party WHERE root = $1 AND provisional = 0");
	bool provisional = false;

	query_put_int(q, 1, root);
	if (query_row(q))
		provisional = query_int(q, 0) == 0;
	query_end(q);
	return provisional;
}

static int64_t
find(struct database_session *s, struct lookup *l)
{
	int64_t first = 0, first_root = 0;

	for (int i = 0; i < l->identities.n; i++) {
		l->found[i] = l->root[i] = 0;
		if (!party_of_identity(
			    s, &l->identities.list[i], &l->found[i], &l->root[i]))
			continue;
		if (first == 0) {
			first = l->found[i];
			first_root = l->root[i];
		}
		if (l->root[i] != first_root)
			l->provisional[i] = is_provisional(s, l->root[i]);
	}
	return first;
}

/* Others whom the contact's identities name: they may be the same person. */
static void
add_doubts(const struct lookup *l, json_t *card)
{
	json_t *list = json_array();
	char id[NUMBER_ID_TEXT];

	for (int i = 0; i < l->identities.n; i++) {
		if (l->root[i] == 0 || l->root[i] == l->view->root)
			continue;
		party_id_format(id, l->root[i]);
		json_array_append_new(list, json_pack("{s:s, s:s}", "customer", id, "by",
						    l->identities.list[i].kind));
	}
	if (json_array_size(list) > 0)
		json_object_set_new(card, "maybe_also", list);
	else
		json_decref(list);
}

static void
bound_card(json_t *card)
{
	static const char *const large[] = {"links", "attributes", "identities"};

	for (size_t i = 0; i < sizeof large / sizeof large[0] &&
			   json_dumpb(card, NULL, 0, 0) > CARD_BYTES_MAX;
		i++) {
		json_object_del(card, large[i]);
		json_object_set_new(card, "truncated", json_true());
	}
}

static bool
work(struct database_session *s, void *arg)
{
	struct lookup *l = arg;
	struct customers *c = l->customers;
	int64_t party = l->party != 0 ? l->party : find(s, l);

	if (party == 0)
		return true;
	l->view = xcalloc(1, sizeof *l->view);
	if (!party_read(s, party, l->rules, clock_wall_ms(), l->view)) {
		party_view_finish(l->view);
		free(l->view);
		l->view = NULL;
		return true;
	}
	l->card = party_card(s, l->view, l->rules);
	add_doubts(l, l->card);
	for (int i = 0; i < c->n_parts; i++)
		if (c->part[i].card != NULL)
			c->part[i].card(c->part[i].owner, s, l->view->merged,
				l->view->n_merged, l->card);
	bound_card(l->card);
	return !session_failed(s);
}

/* ---- the answer ---- */

static char *
borrowed(const char *text)
{
	return (char *)(uintptr_t)text;
}

static bool
put_figure(struct attribute *a, char *name, const json_t *value)
{
	*a = (struct attribute){.name = name};
	if (json_is_number(value)) {
		a->kind = VALUE_NUMBER;
		a->number = json_number_value(value);
	} else if (json_is_boolean(value)) {
		a->kind = VALUE_BOOL;
		a->boolean = json_is_true(value);
	} else if (json_is_string(value)) {
		a->kind = VALUE_TEXT;
		a->text = borrowed(json_string_value(value));
	}
	return a->kind != VALUE_NONE;
}

/* Attributes for rules, names in `names`. Returns how many. */
static int
fill_attributes(const struct lookup *l, bool vip, bool blocked,
	struct attribute list[DIRECTORY_ATTRIBUTES_MAX],
	char names[DIRECTORY_ATTRIBUTES_MAX][FIGURE_NAME_MAX + 16])
{
	const struct party_view *v = l->view;
	int n = 0;

	if (v->name[0] != '\0')
		list[n++] = (struct attribute){.name = borrowed("customer.name"),
			.kind = VALUE_TEXT,
			.text = borrowed(v->name)};
	list[n++] = (struct attribute){.name = borrowed("customer.kind"),
		.kind = VALUE_TEXT,
		.text = borrowed(v->kind)};
	list[n++] = (struct attribute){.name = borrowed("customer.provisional"),
		.kind = VALUE_BOOL,
		.boolean = v->provisional};
	list[n++] = (struct attribute){.name = borrowed("customer.repeat_contacts"),
		.kind = VALUE_NUMBER,
		.number = v->own.repeat_contacts};
	if (vip)
		list[n++] = (struct attribute){.name = borrowed("customer.vip"),
			.kind = VALUE_BOOL,
			.boolean = true};
	if (blocked)
		list[n++] = (struct attribute){.name = borrowed("customer.blocked"),
			.kind = VALUE_BOOL,
			.boolean = true};
	for (int i = 0; i < v->figures.n && n < DIRECTORY_ATTRIBUTES_MAX; i++) {
		const struct figure *f = &v->figures.list[i];

		snprintf(names[n], sizeof names[n], "customer.%s", f->name);
		if (f->holds && put_figure(&list[n], names[n], f->value))
			n++;
	}
	return n;
}

/* What the customer's identities and the contact's own say together with the lists. */
static double
apply_lists(const struct customers *c, struct lookup *l, bool *vip, bool *blocked)
{
	double points =
		lists_apply(c, &l->identities, l->card, l->view->root, vip, blocked);

	json_object_set_new(l->card, "points", json_real(l->view->points + points));
	return l->view->points + points;
}

/* Hands the answer to the router; true: the contact is (still) live. */
static bool
tell_router(struct customers *c, struct lookup *l, const struct directory_answer *answer)
{
	int64_t now_ms = c->parts.now_ms(c->parts.owner);
	struct recognised who;

	if (l->ticket != 0) {
		uint64_t ticket = l->ticket;

		end_wait(c, l);
		l->ticket = 0;
		l->contact = router_identified(c->parts.router, now_ms, ticket, answer);
		return l->contact != 0;
	}
	if (l->contact == 0 || !router_recognised(c->parts.router, l->contact, &who))
		return false;
	c->figures.recognised++;
	router_recognise(c->parts.router, now_ms, l->contact, answer);
	return true;
}

/* Whether a later look-up of the contact has answered already: they run beside each
 * other. */
static bool
is_overtaken(const struct customers *c, const struct lookup *l)
{
	const struct live *live =
		l->ticket == 0 && l->contact != 0 ? live_get(c, l->contact) : NULL;

	return live != NULL && live->number > l->number;
}

/* Whether the contact has gone on without its customer. */
static bool
is_late(const struct customers *c, const struct lookup *l)
{
	struct recognised who;

	return l->ticket == 0 && l->party == 0 && l->contact != 0 &&
	       router_recognised(c->parts.router, l->contact, &who) && who.party == 0;
}

static const char *
refusal(const struct customers *c, bool blocked)
{
	return blocked && c->rules->block_refuses ? "The customer is on the block list."
						  : NULL;
}

static void
answer_known(struct customers *c, struct lookup *l)
{
	struct attribute attributes[DIRECTORY_ATTRIBUTES_MAX];
	char names[DIRECTORY_ATTRIBUTES_MAX][FIGURE_NAME_MAX + 16];
	char id[NUMBER_ID_TEXT];
	bool vip = false, blocked = false;
	struct directory_answer answer = {.party = (uint64_t)l->view->party};
	int64_t root = l->view->root;
	bool late = is_late(c, l);

	if (is_overtaken(c, l))
		return;
	answer.points = apply_lists(c, l, &vip, &blocked);
	party_id_format(id, root);
	answer.customer = id;
	answer.attributes = attributes;
	answer.n_attributes = fill_attributes(l, vip, blocked, attributes, names);
	if (l->view->last_agent[0] != '\0')
		answer.last_agent = l->view->last_agent;
	answer.refused = refusal(c, blocked);
	c->figures.known++;
	if (!tell_router(c, l, &answer)) {
		if (l->contact != 0 && l->party == 0)
			write_over(c, l->contact, l->view->party);
		return;
	}
	/* The member of the offer is asked for when that is committed: the card is there
	 * by then. */
	live_put(c, l->contact, l->view->party, root);
	live_get(c, l->contact)->number = l->number;
	live_card(c, root, l->card, l->number);
	l->card = NULL;
	if (late)
		write_over(c, l->contact, l->view->party);
	c->parts.people.changed(c->parts.people.owner, l->contact);
}

static void
fill(struct customers *c, struct lookup *l, const struct directory_question *q)
{
	snprintf(l->channel, sizeof l->channel, "%s", q->channel);
	snprintf(l->source, sizeof l->source, "%s", q->source);
	identities_of(
		&l->identities, c->rules, q->customer, q->n_attributes, q->attributes);
}

static void
fill_again(void *owner, uint64_t contact, const struct directory_question *q)
{
	struct lookup *l = owner;

	fill(l->customers, l, q);
}

/* The card to which lists may add what they say of one contact. */
static json_t *
own_card(json_t *card)
{
	json_t *own = json_copy(card);

	json_object_set_new(own, "why", json_copy(json_object_get(card, "why")));
	return own;
}

/* Some of those for whom it was asked; each with the identities that it came with. */
static void
answer_group(struct customers *c, struct lookup *l)
{
	uint64_t contacts[TOLD_AT_ONCE];
	bool again = live_again(c, l->of);
	size_t n = live_due(c, l, contacts, TOLD_AT_ONCE);
	json_t *card = l->card;

	for (size_t i = 0; i < n && l->view != NULL; i++) {
		const struct live *live = live_get(c, contacts[i]);

		if (live == NULL ||
			!router_ask_again(c->parts.router, contacts[i], fill_again, l))
			continue;
		l->contact = contacts[i];
		l->view->party = live->party;
		l->card = own_card(card);
		answer_known(c, l);
		json_decref(l->card);
	}
	l->card = card;
	/* Of those who went to another customer it was asked meanwhile, too. */
	if (again && l->view != NULL && l->view->root != l->of)
		live_refresh(c, l->view->root);
}

/* Nobody's identities: a provisional customer from now on. */
static void
answer_unknown(struct customers *c, struct lookup *l)
{
	struct directory_answer answer = {0};
	char id[NUMBER_ID_TEXT];
	bool vip = false, blocked = false, late = is_late(c, l);
	json_t *card;
	int64_t party;

	if (l->party != 0) {
		live_asked(c, l->contact);
		return; /* its writing is on its way, or it was erased */
	}
	c->figures.unknown++;
	party = customers_take_number(c);
	party_id_format(id, party);
	answer.party = (uint64_t)party;
	answer.customer = id;
	card = json_pack("{s:[]}", "why");
	answer.points = lists_apply(c, &l->identities, card, party, &vip, &blocked);
	json_decref(card);
	answer.refused = refusal(c, blocked);
	if (tell_router(c, l, &answer))
		live_put(c, l->contact, party, party);
	else if (l->contact == 0)
		return; /* it was refused at the door */
	c->figures.provisional++;
	write_provisional(c, party, l->source, &l->identities, l->contact, late);
}

/* Whether plugins know more; what they find comes by customers_found(). */
static void
ask_source(struct customers *c, const struct lookup *l)
{
	uint64_t ticket;
	int64_t party = customers_party(c, l->contact);

	if (c->source == NULL || l->party != 0 || l->contact == 0 || party == 0 ||
		l->identities.n == 0)
		return;
	ticket = ++c->n_tickets;
	idmap_put(&c->asked, ticket, (void *)(uintptr_t)party);
	if (c->source->ask(c->source->owner, ticket, l->channel, &l->identities))
		c->figures.sources_asked++;
	else
		idmap_remove(&c->asked, ticket);
}

void
lookups_erased(struct customers *c)
{
	if (c->n_lookups == 0 && c->n_gathering == 0)
		idmap_finish(&c->erased);
}

static void
forget_view(struct lookup *l)
{
	if (l->view != NULL)
		party_view_finish(l->view);
	free(l->view);
	json_decref(l->card);
	l->view = NULL;
	l->card = NULL;
}

/* Its thread read him before he was erased: he is nobody now. */
static bool
names_erased(const struct customers *c, const struct lookup *l)
{
	return l->view != NULL && idmap_get(&c->erased, (uint64_t)l->view->root) != NULL;
}

static void
destroy(struct lookup *l)
{
	struct customers *c = l->customers;

	end_wait(c, l);
	if (l->overdue)
		c->n_overdue--;
	c->n_lookups--;
	if (l->walk)
		c->walking--;
	lookups_erased(c);
	forget_view(l);
	customer_rules_unref(l->rules);
	free(l);
}

static void
done(void *arg, enum database_result result)
{
	struct lookup *l = arg;
	struct customers *c = l->customers;
	bool walk = l->walk;
	int64_t of = l->of;
	uint64_t number = l->number;

	if (l->arrives)
		c->took_us[c->n_took++ % LATENCIES] =
			(uint32_t)(clock_boot_us() - l->asked_us);
	if (c->stopped) {
		destroy(l);
		return;
	}
	if (names_erased(c, l))
		forget_view(l);
	if (result != DATABASE_OK) {
		c->figures.failed++;
		if (l->ticket != 0)
			release(c, l);
	} else if (of != 0) {
		answer_group(c, l);
	} else if (l->view != NULL) {
		answer_known(c, l);
		if (l->party == 0)
			write_learned(c, l);
	} else {
		answer_unknown(c, l);
	}
	if (result == DATABASE_OK)
		ask_source(c, l);
	destroy(l);
	set_timer(c);
	if (walk)
		live_walk_on(c);
	if (of != 0)
		live_looked(c, of, number, result == DATABASE_OK);
}

/* ---- the question ---- */

static struct lookup *
lookup_create(struct customers *c)
{
	struct lookup *l = xcalloc(1, sizeof *l);

	l->customers = c;
	l->rules = customer_rules_ref(c->rules);
	l->asked_ms = clock_boot_ms();
	l->asked_us = clock_boot_us();
	c->n_lookups++;
	l->number = ++c->figures.asked;
	return l;
}

bool
lookup_ask(void *owner, uint64_t ticket, const struct directory_question *q)
{
	struct customers *c = owner;
	struct lookup *l;

	if (c->stopped || c->n_lookups >= LOOKUPS_MOST)
		return false;
	/* Nothing that anybody could be known by. */
	if (q->customer == NULL && q->n_attributes == 0)
		return false;
	l = lookup_create(c);
	fill(c, l, q);
	if (l->identities.n == 0 || !database_read(c->parts.database, work, done, l)) {
		destroy(l);
		return false;
	}
	l->ticket = ticket;
	l->arrives = true;
	if (c->rules->wait_ms == 0 || c->n_overdue > 0)
		release(c, l);
	else
		begin_wait(c, l);
	return true;
}

void
lookup_contact(struct customers *c, uint64_t contact, int64_t party, bool walk)
{
	struct lookup *l;

	if (c->stopped)
		return;
	l = lookup_create(c);
	l->contact = contact;
	l->party = party;
	l->walk = walk;
	c->walking += walk;
	if (!router_ask_again(c->parts.router, contact, fill_again, l) ||
		(party == 0 && l->identities.n == 0) ||
		!database_read(c->parts.database, work, done, l))
		destroy(l);
}

uint64_t
lookup_group(struct customers *c, int64_t root, int64_t party)
{
	struct lookup *l;

	if (c->stopped)
		return 0;
	l = lookup_create(c);
	l->party = party;
	l->of = root;
	if (database_read(c->parts.database, work, done, l))
		return l->number;
	destroy(l);
	return 0;
}
