/* history/party_card.c - what is known of a customer, read and shown. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/moment.h"
#include "history/party.h"

#define SHOWN_LINKS_MAX 50
#define SHOWN_IDENTITIES_MAX 100

/* ---- reading ---- */

static bool
read_parties(struct database_session *s, struct party_view *v)
{
	struct query *q = query_start(s,
		"SELECT id, kind, name, provisional, created_ms FROM party WHERE root = "
		"$1 ORDER BY id");

	query_put_int(q, 1, v->root);
	v->provisional = true;
	while (query_row(q) && v->n_merged < MERGED_MAX) {
		int64_t id = query_int(q, 0);
		const char *name = query_text(q, 2);

		v->merged[v->n_merged++] = id;
		v->provisional = v->provisional && query_int(q, 3) != 0;
		if (v->own.since_ms == 0 || query_int(q, 4) < v->own.since_ms)
			v->own.since_ms = query_int(q, 4);
		if (id == v->root)
			snprintf(v->kind, sizeof v->kind, "%s", query_text(q, 1));
		/* The survivor's name holds, else any of them. */
		if (name != NULL && (id == v->root || v->name[0] == '\0'))
			snprintf(v->name, sizeof v->name, "%s", name);
	}
	query_end(q);
	return v->n_merged > 0;
}

/* Of one source two merged parties may have two values: the later counts, of equally old
 * ones the survivor's. */
static void
read_figures(struct database_session *s, struct party_view *v)
{
	struct query *q = query_start(s,
		"SELECT a.name, a.source, a.value, a.at_ms FROM attribute a JOIN party p "
		"ON p.id = a.party WHERE p.root = $1 ORDER BY a.name, a.source, a.at_ms "
		"DESC, CASE WHEN a.party = p.root THEN 0 ELSE 1 END, a.party");
	struct figures *f = &v->figures;

	query_put_int(q, 1, v->root);
	while (query_row(q) && f->n < FIGURES_MAX) {
		const char *name = query_text(q, 0), *source = query_text(q, 1);

		if (f->n > 0 && strcmp(f->list[f->n - 1].name, name) == 0 &&
			strcmp(f->list[f->n - 1].source, source) == 0)
			continue;
		figures_add(f, name, source,
			json_loads(query_text(q, 2), JSON_DECODE_ANY, NULL),
			query_int(q, 3));
	}
	query_end(q);
}

static bool
is_among(char *const *list, int n, const char *word)
{
	for (int i = 0; i < n; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

/* Complaints since the last disposition that closed them; rows come the latest first. */
struct complaints {
	int open;
	bool closed; /* what is older is settled */
	int64_t at_ms;
};

static void
look_for_complaint(struct complaints *found, const struct customer_rules *rules,
	const char *disposition, int64_t at_ms)
{
	if (disposition == NULL || found->closed)
		return;
	if (is_among(rules->settled, rules->n_settled, disposition)) {
		found->closed = true;
	} else if (is_among(rules->complaints, rules->n_complaints, disposition)) {
		found->at_ms = found->open++ == 0 ? at_ms : found->at_ms;
	}
}

/* His contacts that ended, as far back as anything asks. */
static void
read_contacts(struct database_session *s, const struct customer_rules *rules,
	struct party_view *v)
{
	struct query *q = query_start(s,
		"SELECT p.ended_ms, c.talk_ms + c.hold_ms + c.wrapup_ms, c.agent, "
		"c.disposition FROM party y JOIN contact_person p ON p.party = y.id JOIN "
		"contact c ON c.id = p.contact WHERE y.root = $1 AND p.ended_ms > $2 "
		"ORDER BY p.ended_ms DESC");
	int64_t now_ms = v->own.now_ms;
	int64_t longest_ms =
		rules->cost_ms > rules->repeat_ms ? rules->cost_ms : rules->repeat_ms;
	struct complaints complaints = {0};

	query_put_int(q, 1, v->root);
	query_put_int(q, 2, now_ms - longest_ms);
	while (query_row(q)) {
		int64_t ended_ms = query_int(q, 0);
		const char *agent = query_text(q, 2);

		if (ended_ms > now_ms - rules->cost_ms)
			v->own.handled_ms += (double)query_int(q, 1);
		v->own.repeat_contacts += ended_ms > now_ms - rules->repeat_ms;
		if (agent != NULL && v->last_agent[0] == '\0')
			snprintf(v->last_agent, sizeof v->last_agent, "%s", agent);
		look_for_complaint(&complaints, rules, query_text(q, 3), ended_ms);
	}
	query_end(q);
	if (complaints.open > 0)
		figures_add(&v->figures, "complaints", "usher",
			json_integer(complaints.open), complaints.at_ms);
}

/* A customer's own points: without links, so that circles of them end. */
static bool
read_own(struct database_session *s, int64_t party, const struct customer_rules *rules,
	int64_t now_ms, struct party_view *v, json_t *terms)
{
	memset(v, 0, sizeof *v);
	v->party = party;
	v->root = party_root(s, party);
	v->own.now_ms = now_ms;
	if (v->root == 0 || !read_parties(s, v))
		return false;
	read_figures(s, v);
	read_contacts(s, rules, v);
	figures_settle(&v->figures, rules);
	v->own_points = worth_of(rules, &v->figures, &v->own, terms);
	return true;
}

struct inherited {
	int64_t other;
	char kind[ID_MAX + 1];
	double weight;
};

static int
read_links(struct database_session *s, const struct customer_rules *rules,
	const struct party_view *v, struct inherited list[LINKS_MAX])
{
	struct query *q = query_start(s,
		"SELECT DISTINCT o.root, l.kind, l.weight FROM link l JOIN party p ON "
		"p.id = l.party JOIN party o ON o.id = l.other WHERE p.root = $1 AND "
		"o.root <> $2 ORDER BY o.root, l.kind");
	int n = 0;

	query_put_int(q, 1, v->root);
	query_put_int(q, 2, v->root);
	while (query_row(q) && n < LINKS_MAX) {
		struct inherited *one = &list[n++];

		one->other = query_int(q, 0);
		snprintf(one->kind, sizeof one->kind, "%s", query_text(q, 1));
		one->weight = query_is_null(q, 2) ? rules->inherit : query_number(q, 2);
	}
	query_end(q);
	return n;
}

static void
inherit(struct database_session *s, const struct customer_rules *rules,
	struct party_view *v)
{
	struct inherited list[LINKS_MAX];
	int n = read_links(s, rules, v, list);
	struct party_view *other = xcalloc(1, sizeof *other);
	char id[NUMBER_ID_TEXT];

	for (int i = 0; i < n; i++) {
		double points;

		if (!read_own(s, list[i].other, rules, v->own.now_ms, other, NULL))
			continue;
		points = round(list[i].weight * other->own_points * 1000) / 1000;
		v->points += points;
		party_id_format(id, other->root);
		if (points != 0)
			json_array_append_new(v->terms,
				json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "term",
					list[i].kind, "of", id, "of_name",
					other->name[0] != '\0' ? other->name : id,
					"value", other->own_points, "weight",
					list[i].weight, "points", points));
		party_view_finish(other);
	}
	free(other);
}

bool
party_read(struct database_session *s, int64_t party, const struct customer_rules *rules,
	int64_t now_ms, struct party_view *out)
{
	json_t *terms = json_array();

	if (!read_own(s, party, rules, now_ms, out, terms)) {
		json_decref(terms);
		return false;
	}
	out->terms = terms;
	out->points = out->own_points;
	inherit(s, rules, out);
	return true;
}

void
party_view_finish(struct party_view *view)
{
	figures_finish(&view->figures);
	json_decref(view->terms);
	view->terms = NULL;
}

/* ---- shown ---- */

static json_t *
id_json(int64_t party)
{
	char id[NUMBER_ID_TEXT];

	party_id_format(id, party);
	return json_string(id);
}

static json_t *
time_json(int64_t ms)
{
	char text[MOMENT_TEXT];

	moment_format(text, ms);
	return json_string(text);
}

static json_t *
identities_json(struct database_session *s, const struct party_view *v)
{
	struct query *q = query_start(s,
		"SELECT i.kind, i.value, i.source, i.at_ms, i.party FROM identity i JOIN "
		"party p ON p.id = i.party WHERE p.root = $1 ORDER BY i.kind, i.value");
	json_t *list = json_array();

	query_put_int(q, 1, v->root);
	while (query_row(q) && json_array_size(list) < SHOWN_IDENTITIES_MAX) {
		json_t *one = json_pack("{s:s, s:s, s:s, s:o}", "kind", query_text(q, 0),
			"value", query_text(q, 1), "source", query_text(q, 2), "at",
			time_json(query_int(q, 3)));

		if (query_int(q, 4) != v->root)
			json_object_set_new(one, "of", id_json(query_int(q, 4)));
		json_array_append_new(list, one);
	}
	query_end(q);
	return list;
}

static json_t *
figure_json(const struct figure *f)
{
	return json_pack("{s:O, s:s, s:o}", "value", f->value, "source", f->source, "at",
		time_json(f->at_ms));
}

/* What holds, and below it what does not. */
static json_t *
attributes_json(const struct figures *figures)
{
	json_t *all = json_object();

	for (int i = 0; i < figures->n; i++)
		if (figures->list[i].holds)
			json_object_set_new(all, figures->list[i].name,
				figure_json(&figures->list[i]));
	for (int i = 0; i < figures->n; i++) {
		json_t *over, *one = json_object_get(all, figures->list[i].name);

		if (figures->list[i].holds || one == NULL)
			continue;
		over = json_object_get(one, "over");
		if (over == NULL) {
			over = json_array();
			json_object_set_new(one, "over", over);
		}
		json_array_append_new(over, figure_json(&figures->list[i]));
	}
	return all;
}

static void
add_links(json_t *list, struct query *q, const char *direction)
{
	while (query_row(q) && json_array_size(list) < SHOWN_LINKS_MAX) {
		json_t *one = json_pack("{s:s, s:s, s:o, s:s}", "direction", direction,
			"kind", query_text(q, 0), "customer", id_json(query_int(q, 1)),
			"customer_kind", query_text(q, 2));

		if (!query_is_null(q, 3))
			json_object_set_new(one, "name", json_string(query_text(q, 3)));
		if (!query_is_null(q, 4))
			json_object_set_new(one, "weight", json_real(query_number(q, 4)));
		json_array_append_new(list, one);
	}
	query_end(q);
}

static json_t *
links_json(struct database_session *s, const struct party_view *v)
{
	json_t *list = json_array();
	struct query *q = query_start(s,
		"SELECT l.kind, o.root, o.kind, o.name, l.weight FROM link l JOIN party "
		"p ON p.id = l.party JOIN party o ON o.id = l.other WHERE p.root = $1 "
		"ORDER BY l.kind, o.root");

	query_put_int(q, 1, v->root);
	add_links(list, q, "to");
	q = query_start(s,
		"SELECT l.kind, p.root, p.kind, p.name, l.weight FROM link l JOIN party "
		"p ON p.id = l.party JOIN party o ON o.id = l.other WHERE o.root = $1 "
		"ORDER BY l.kind, p.root");
	query_put_int(q, 1, v->root);
	add_links(list, q, "from");
	return list;
}

json_t *
party_card(struct database_session *s, const struct party_view *v,
	const struct customer_rules *rules)
{
	json_t *card = json_object(), *merged = json_array();

	json_object_set_new(card, "id", id_json(v->root));
	json_object_set_new(card, "kind", json_string(v->kind));
	if (v->name[0] != '\0')
		json_object_set_new(card, "name", json_string(v->name));
	json_object_set_new(card, "provisional", json_boolean(v->provisional));
	json_object_set_new(card, "points", json_real(v->points));
	json_object_set(card, "why", v->terms);
	json_object_set_new(card, "identities", identities_json(s, v));
	json_object_set_new(card, "attributes", attributes_json(&v->figures));
	json_object_set_new(card, "links", links_json(s, v));
	for (int i = 0; i < v->n_merged; i++)
		if (v->merged[i] != v->root)
			json_array_append_new(merged, id_json(v->merged[i]));
	json_object_set_new(card, "merged", merged);
	json_object_set_new(card, "since", time_json(v->own.since_ms));
	json_object_set_new(
		card, "repeat_contacts", json_integer(v->own.repeat_contacts));
	json_object_set_new(card, "cost_to_serve",
		json_real(round(worth_cost(rules, &v->figures, &v->own) * 100) / 100));
	if (v->last_agent[0] != '\0')
		json_object_set_new(card, "last_agent", json_string(v->last_agent));
	return card;
}
