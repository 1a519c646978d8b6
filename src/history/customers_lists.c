/*
 * history/customers_lists.c - VIP and block lists: in the database, and here in memory,
 * so that each look-up can ask them. Exact identities are found by a map, patterns one by
 * one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/moment.h"
#include "history/customers_inner.h"

#define LIST_PAGE_BYTES (RPC_REPLY_MAX / 2) /* of a page, about */

static char *
key_of(bool vip, const char *kind, const char *pattern)
{
	return xasprintf("%s %s %s", vip ? "vip" : "block", kind, pattern);
}

static void
listing_destroy(struct listing *listing)
{
	free(listing->reason);
	free(listing);
}

void
lists_drop(struct customers *c, bool vip, const char *kind, const char *pattern)
{
	char *key = key_of(vip, kind, pattern);

	map_remove(&c->listed, key);
	free(key);
	for (int i = 0; i < c->n_listings; i++) {
		struct listing *l = c->listing[i];

		if (l->vip != vip || strcmp(l->kind, kind) != 0 ||
			strcmp(l->pattern, pattern) != 0)
			continue;
		listing_destroy(l);
		c->listing[i] = c->listing[--c->n_listings];
		return;
	}
}

void
lists_put(struct customers *c, const struct listing *listing)
{
	struct listing *copy = xcalloc(1, sizeof *copy);
	char *key = key_of(listing->vip, listing->kind, listing->pattern);

	lists_drop(c, listing->vip, listing->kind, listing->pattern);
	*copy = *listing;
	copy->reason = xstrdup(listing->reason);
	c->listing = xreallocarray(
		c->listing, (size_t)c->n_listings + 1, sizeof c->listing[0]);
	c->listing[c->n_listings++] = copy;
	if (strchr(copy->pattern, '*') == NULL)
		map_put(&c->listed, key, copy);
	free(key);
}

static void
copy_text(char *to, size_t room, const char *from)
{
	size_t n = from != NULL ? strlen(from) : 0;

	if (n >= room)
		n = room - 1;
	memcpy(to, from != NULL ? from : "", n);
	to[n] = '\0';
}

/* A list read anew on a thread takes the place of the one in memory. */
struct reload {
	struct customers *c, read;
};

static bool
read_again(struct database_session *s, void *arg)
{
	return lists_load(s, &((struct reload *)arg)->read);
}

static void
take_again(void *arg, enum database_result result)
{
	struct reload *r = arg;

	if (result == DATABASE_OK) {
		lists_finish(r->c);
		r->c->listing = r->read.listing;
		r->c->n_listings = r->read.n_listings;
		r->c->listed = r->read.listed;
	} else {
		lists_finish(&r->read);
	}
	free(r);
}

void
lists_reload(struct customers *c)
{
	struct reload *r = xcalloc(1, sizeof *r);

	r->c = c;
	if (!database_read(c->parts.database, read_again, take_again, r))
		free(r);
}

bool
lists_load(struct database_session *s, void *customers)
{
	struct customers *c = customers;
	struct query *q = query_start(s,
		"SELECT list, kind, pattern, points, until_ms, reason FROM listing "
		"ORDER BY id");

	while (query_row(q) && c->n_listings < LISTINGS_MAX) {
		struct listing l = {.vip = strcmp(query_text(q, 0), "vip") == 0,
			.points = query_number(q, 3),
			.until_ms = query_int(q, 4)};
		char *reason = xstrdup(query_text(q, 5));

		copy_text(l.kind, sizeof l.kind, query_text(q, 1));
		copy_text(l.pattern, sizeof l.pattern, query_text(q, 2));
		l.reason = reason;
		lists_put(c, &l);
		free(reason);
	}
	query_end(q);
	return true;
}

void
lists_finish(struct customers *c)
{
	for (int i = 0; i < c->n_listings; i++)
		listing_destroy(c->listing[i]);
	free(c->listing);
	c->listing = NULL;
	c->n_listings = 0;
	map_finish(&c->listed);
}

/* ---- asked ---- */

struct asking {
	const struct customers *c;
	int64_t now_ms;
	const struct listing *vip, *block; /* the first that holds */
};

static void
take(struct asking *a, const struct listing *l)
{
	const struct listing **at;

	if (l == NULL || (l->until_ms != 0 && l->until_ms <= a->now_ms))
		return;
	at = l->vip ? &a->vip : &a->block;
	if (*at == NULL)
		*at = l;
}

static void
ask_one(struct asking *a, const char *kind, const char *value)
{
	for (int vip = 0; vip < 2; vip++) {
		char *key = key_of(vip, kind, value);

		take(a, map_get(&a->c->listed, key));
		free(key);
	}
	for (int i = 0; i < a->c->n_listings; i++) {
		const struct listing *l = a->c->listing[i];

		if (strcmp(l->kind, kind) == 0 && strchr(l->pattern, '*') != NULL &&
			identity_fits(l->pattern, value))
			take(a, l);
	}
}

static double
add_term(const struct customers *c, json_t *card, const struct listing *l)
{
	double points = isnan(l->points)
				? (l->vip ? c->rules->vip_points : c->rules->block_points)
				: l->points;
	json_t *one = json_pack("{s:s, s:s, s:s, s:f}", "term",
		l->vip ? "vip list" : "block list", "kind", l->kind, "pattern",
		l->pattern, "points", points);
	char until[MOMENT_TEXT];

	if (l->reason != NULL)
		json_object_set_new(one, "reason", json_string(l->reason));
	if (l->until_ms != 0) {
		moment_format(until, l->until_ms);
		json_object_set_new(one, "until", json_string(until));
	}
	json_array_append_new(json_object_get(card, "why"), one);
	return points;
}

double
lists_apply(const struct customers *c, const struct identities *identities, json_t *card,
	int64_t root, bool *vip, bool *blocked)
{
	struct asking a = {.c = c, .now_ms = clock_wall_ms()};
	json_t *list = json_object_get(card, "identities"), *one;
	char id[NUMBER_ID_TEXT];
	double points = 0;
	size_t at;

	if (c->n_listings == 0)
		return 0;
	party_id_format(id, root);
	ask_one(&a, "customer", id);
	for (int i = 0; i < identities->n; i++)
		ask_one(&a, identities->list[i].kind, identities->list[i].value);
	json_array_foreach(list, at, one)
		ask_one(&a, json_string_value(json_object_get(one, "kind")),
			json_string_value(json_object_get(one, "value")));
	*vip = a.vip != NULL;
	*blocked = a.block != NULL;
	if (a.vip != NULL)
		points += add_term(c, card, a.vip);
	if (a.block != NULL)
		points += add_term(c, card, a.block);
	return points;
}

/* ---- shown ---- */

static json_t *
listing_json(const struct listing *l)
{
	json_t *one = json_pack("{s:s, s:s, s:s}", "list", l->vip ? "vip" : "block",
		"kind", l->kind, "pattern", l->pattern);
	char until[MOMENT_TEXT];

	if (!isnan(l->points))
		json_object_set_new(one, "points", json_real(l->points));
	if (l->reason != NULL)
		json_object_set_new(one, "reason", json_string(l->reason));
	if (l->until_ms != 0) {
		moment_format(until, l->until_ms);
		json_object_set_new(one, "until", json_string(until));
	}
	return one;
}

struct listed {
	char *key; /* owned */
	const struct listing *listing;
};

static int
by_key(const void *a, const void *b)
{
	return strcmp(((const struct listed *)a)->key, ((const struct listed *)b)->key);
}

/* Those that hold, behind the key `after`, in order; the caller frees list and keys. */
static size_t
sort_listings(const struct customers *c, const char *after, struct listed **out)
{
	struct listed *list = xcalloc((size_t)c->n_listings + 1, sizeof *list);
	int64_t now_ms = clock_wall_ms();
	size_t n = 0;

	for (int i = 0; i < c->n_listings; i++) {
		const struct listing *l = c->listing[i];
		char *key = key_of(l->vip, l->kind, l->pattern);

		if ((l->until_ms == 0 || l->until_ms > now_ms) && strcmp(key, after) > 0)
			list[n++] = (struct listed){key, l};
		else
			free(key);
	}
	qsort(list, n, sizeof *list, by_key);
	*out = list;
	return n;
}

json_t *
lists_json(const struct customers *c, const char *after)
{
	struct listed *listed;
	size_t n = sort_listings(c, after != NULL ? after : "", &listed), bytes = 0, i;
	json_t *list = json_array(), *out = json_pack("{s:o}", "lists", list);

	for (i = 0; i < n && bytes < LIST_PAGE_BYTES; i++) {
		json_t *one = listing_json(listed[i].listing);

		bytes += json_dumpb(one, NULL, 0, 0);
		json_array_append_new(list, one);
	}
	if (i < n)
		json_object_set_new(out, "next", json_string(listed[i - 1].key));
	for (size_t k = 0; k < n; k++)
		free(listed[k].key);
	free(listed);
	return out;
}
