/* history/customers_methods.c - customers over the protocol: shown, found, changed,
 * merged. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "history/customers_inner.h"

#define FOUND_MOST 100 /* customers of one customer.find */
#define HEIRS_MOST 256 /* who inherit from one and are looked at again at once */
#define CARD_ROOM (RPC_REPLY_MAX - 65536) /* bytes of a card in one answer, about */

/* ---- who may see whom ---- */

bool
may_see_customer(struct customers *c, const struct rpc_call *call, int64_t root)
{
	int agent = c->parts.people.agent(c->parts.people.owner, call);
	const struct group *g = idmap_get(&c->groups, (uint64_t)root);

	if (call->role != RPC_AGENT)
		return true;
	for (const struct live *l = g != NULL ? g->first : NULL; l != NULL; l = l->next)
		if (agent >= 0 &&
			router_contact_agent(c->parts.router, l->contact) == agent)
			return true;
	return false;
}

bool
find_customer(
	struct customers *c, const struct rpc_call *call, const char *param, int64_t *out)
{
	const char *text = rpc_text(call, param);

	*out = 0;
	if (text == NULL)
		return true;
	if (party_id_parse(text, out))
		return true;
	rpc_refuse_param(call->rpc, call->tag, param,
		"must be the id of a customer: \"k\" and 12 digits");
	return false;
}

/* ---- asked of the database ---- */

struct question {
	struct customers *c;
	struct rpc *rpc;
	uint64_t tag;
	enum rpc_role role;
	struct customer_rules *rules; /* a reference */
	int64_t party;
	struct identity identity; /* kind "": none */
	char text[256];
	int most;
	int64_t place;	/* of a card's part */
	json_t *answer; /* owned; result */
};

static void
question_destroy(struct question *q)
{
	customer_rules_unref(q->rules);
	json_decref(q->answer);
	free(q);
}

static struct question *
question_create(struct customers *c, const struct rpc_call *call)
{
	struct question *q = xcalloc(1, sizeof *q);

	q->c = c;
	q->rpc = call->rpc;
	q->tag = call->tag;
	q->role = call->role;
	q->rules = customer_rules_ref(c->rules);
	return q;
}

static void
refuse_away(struct rpc *rpc, uint64_t tag)
{
	rpc_refuse(rpc, tag, RPC_LATER, "database_away",
		"The database of customers cannot be reached now; try again later.",
		json_pack("{s:i}", "retry_ms", 1000));
}

static void
refuse_result(struct rpc *rpc, uint64_t tag, enum party_result result, int64_t other)
{
	json_t *more = NULL;
	char id[NUMBER_ID_TEXT];

	if (result == PARTY_TAKEN) {
		party_id_format(id, other);
		more = json_pack("{s:s}", "customer", id);
	}
	rpc_refuse(rpc, tag, result == PARTY_NONE ? RPC_NOT_FOUND : RPC_CONFLICT,
		party_result_name(result), party_result_text(result), more);
}

static bool
read_card(struct database_session *s, void *arg)
{
	struct question *q = arg;
	struct party_view *v = xcalloc(1, sizeof *v);

	if (party_read(s, q->party, q->rules, clock_wall_ms(), v)) {
		q->answer = party_card(s, v, q->rules);
		for (int i = 0; i < q->c->n_parts; i++)
			if (q->c->part[i].card != NULL)
				q->c->part[i].card(q->c->part[i].owner, s, v->merged,
					v->n_merged, q->answer);
		json_object_set_new(q->answer, "points", json_real(v->points));
		q->party = v->root;
	}
	party_view_finish(v);
	free(v);
	return true;
}

static void
answer_part(struct question *q)
{
	bool more = card_part(q->answer, CARD_ROOM, &q->place);
	json_t *o = json_pack("{s:O}", "customer", q->answer);
	char next[24];

	if (more) {
		snprintf(next, sizeof next, "%lld", (long long)q->place);
		json_object_set_new(o, "next", json_string(next));
	}
	rpc_answer(q->rpc, q->tag, o);
}

static void
card_read(void *arg, enum database_result result)
{
	struct question *q = arg;
	struct identities none = {0};
	bool vip, blocked;
	double points;

	if (result != DATABASE_OK) {
		refuse_away(q->rpc, q->tag);
	} else if (q->answer == NULL) {
		refuse_result(q->rpc, q->tag, PARTY_NONE, 0);
	} else {
		points = lists_apply(q->c, &none, q->answer, q->party, &vip, &blocked);
		json_object_set_new(q->answer, "points",
			json_real(points + json_number_value(json_object_get(
						   q->answer, "points"))));
		if (q->role == RPC_AGENT)
			customers_hide(q->c, q->answer);
		answer_part(q);
	}
	question_destroy(q);
}

static void
ask(struct question *q, bool (*work)(struct database_session *s, void *arg),
	void (*done)(void *arg, enum database_result result))
{
	if (database_read(q->c->parts.database, work, done, q))
		return;
	refuse_away(q->rpc, q->tag);
	question_destroy(q);
}

static void
on_get(void *owner, const struct rpc_call *call)
{
	struct customers *c = owner;
	struct question *q;
	uint64_t contact = 0;
	int64_t party, place;

	if (!find_customer(c, call, "customer", &party))
		return;
	if (party == 0 && rpc_text(call, "contact") == NULL) {
		rpc_refuse_param(call->rpc, call->tag, "customer",
			"name a customer, or a live contact of his");
		return;
	}
	if (!card_place_read(rpc_text(call, "after"), &place)) {
		rpc_refuse_param(
			call->rpc, call->tag, "after", "is `next` of the answer before");
		return;
	}
	if (party == 0) {
		if (!c->parts.people.contact(c->parts.people.owner, call, &contact))
			return;
		party = customers_party(c, contact);
	}
	/* An agent asks about those whom he serves; by id it is checked by the root. */
	if (party == 0 || (contact == 0 && !may_see_customer(c, call, party))) {
		refuse_result(call->rpc, call->tag, PARTY_NONE, 0);
		return;
	}
	if (call->role != RPC_AGENT &&
		!c->parts.people.audit(c->parts.people.owner, call,
			rpc_text(call, contact != 0 ? "contact" : "customer"), "read"))
		return;
	q = question_create(c, call);
	q->party = party;
	q->place = place;
	ask(q, read_card, card_read);
}

/* ---- found ---- */

static json_t *
found_row(struct query *q)
{
	char id[NUMBER_ID_TEXT];
	json_t *one;

	party_id_format(id, query_int(q, 0));
	one = json_pack("{s:s, s:s, s:b}", "id", id, "kind", query_text(q, 1),
		"provisional", query_int(q, 3) != 0);
	if (!query_is_null(q, 2))
		json_object_set_new(one, "name", json_string(query_text(q, 2)));
	return one;
}

static bool
read_found(struct database_session *s, void *arg)
{
	struct question *ask = arg;
	struct query *q;

	ask->answer = json_array();
	if (ask->identity.kind[0] != '\0') {
		q = query_start(s,
			"SELECT r.id, r.kind, r.name, r.provisional FROM identity i JOIN "
			"party p ON p.id = i.party JOIN party r ON r.id = p.root WHERE "
			"i.kind = $1 AND i.value = $2");
		query_put_text(q, 1, ask->identity.kind);
		query_put_text(q, 2, ask->identity.value);
	} else {
		q = query_start(s,
			"SELECT r.id, r.kind, r.name, r.provisional FROM party r WHERE "
			"r.root = r.id AND lower(r.name) LIKE lower($1) ESCAPE '\\' "
			"ORDER BY r.name, r.id LIMIT $2");
		query_put_text(q, 1, ask->text);
		query_put_int(q, 2, ask->most);
	}
	while (query_row(q))
		json_array_append_new(ask->answer, found_row(q));
	query_end(q);
	return true;
}

static void
found_read(void *arg, enum database_result result)
{
	struct question *q = arg;

	if (result != DATABASE_OK)
		refuse_away(q->rpc, q->tag);
	else
		rpc_answer(q->rpc, q->tag, json_pack("{s:O}", "customers", q->answer));
	question_destroy(q);
}

/* "%" and "_" of people are themselves; "*" stands for any text. */
static void
like_pattern(char *out, size_t room, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 3 < room; text++) {
		if (*text == '%' || *text == '_' || *text == '\\')
			out[n++] = '\\';
		out[n++] = *text == '*' ? '%' : *text;
	}
	out[n++] = '%';
	out[n] = '\0';
}

static void
on_find(void *owner, const struct rpc_call *call)
{
	struct customers *c = owner;
	const char *kind = rpc_text(call, "kind"), *value = rpc_text(call, "value");
	const char *name = rpc_text(call, "name"), *why;
	struct question *q;

	if ((kind == NULL) != (value == NULL) || (kind == NULL) == (name == NULL)) {
		rpc_refuse_param(call->rpc, call->tag, "name",
			"give the beginning of a name, or kind and value of an identity");
		return;
	}
	q = question_create(c, call);
	if (kind != NULL &&
		!identity_normalise(&q->identity, kind, value, c->rules->country, &why)) {
		rpc_refuse_param(call->rpc, call->tag, "value", why);
		question_destroy(q);
		return;
	}
	if (!c->parts.people.audit(
		    c->parts.people.owner, call, NULL, kind != NULL ? kind : "name")) {
		question_destroy(q);
		return;
	}
	if (name != NULL)
		like_pattern(q->text, sizeof q->text, name);
	q->most = (int)rpc_integer(call, "most", FOUND_MOST);
	ask(q, read_found, found_read);
}

/* ---- changed ---- */

enum act {
	ACT_MERGE,
	ACT_UNMERGE,
	ACT_LINK,
	ACT_UNLINK,
	ACT_SET,
	ACT_ADD_IDENTITY,
	ACT_REMOVE_IDENTITY
};

struct change {
	struct customers *c;
	struct rpc *rpc;
	uint64_t tag;
	enum act act;
	char who[128], source[ID_MAX + 1], kind[ID_MAX + 1];
	int64_t party, other;
	double weight;
	struct identity identity;
	json_t *params; /* a reference */
	enum party_result result;
	int64_t touched[3]; /* roots whose live contacts are looked at again */
	int n_heirs;
	int64_t heirs[HEIRS_MOST];
	int64_t owner; /* of an identity that is taken */
};

static enum party_result
set(struct database_session *s, struct change *w, int64_t now_ms)
{
	const char *name = json_string_value(json_object_get(w->params, "name"));
	const char *kind = json_string_value(json_object_get(w->params, "kind"));
	json_t *attributes = json_object_get(w->params, "attributes"), *value;
	int64_t root = party_root(s, w->party);

	if (root == 0)
		return PARTY_NONE;
	party_update(s, root, kind, name, now_ms);
	json_object_foreach(attributes, name, value)
		party_set_attribute(s, root, name, w->source, value, now_ms);
	return PARTY_OK;
}

static enum party_result
remove_identity(struct database_session *s, struct change *w)
{
	int64_t party = 0, root = 0;

	if (!party_of_identity(s, &w->identity, &party, &root) ||
		root != party_root(s, w->party))
		return PARTY_NONE;
	(void)party_remove_identity(s, &w->identity);
	return PARTY_OK;
}

static enum party_result
carry_out(struct database_session *s, struct change *w)
{
	int64_t now_ms = clock_wall_ms();

	switch (w->act) {
	case ACT_MERGE:
		return party_merge(s, w->party, w->other, w->who, now_ms);
	case ACT_UNMERGE:
		return party_unmerge(s, w->party);
	case ACT_LINK:
		return party_link(
			s, w->party, w->other, w->kind, w->weight, w->source, now_ms);
	case ACT_UNLINK:
		return party_unlink(s, w->party, w->other, w->kind) ? PARTY_OK
								    : PARTY_NONE;
	case ACT_SET:
		return set(s, w, now_ms);
	case ACT_ADD_IDENTITY:
		return party_add_identity(
			s, w->party, &w->identity, w->source, now_ms, &w->owner);
	case ACT_REMOVE_IDENTITY:
		return remove_identity(s, w);
	}
	return PARTY_BAD;
}

static bool
change(struct database_session *s, void *arg)
{
	struct change *w = arg;

	w->touched[0] = party_root(s, w->party);
	w->touched[1] = w->other != 0 ? party_root(s, w->other) : 0;
	w->result = carry_out(s, w);
	w->touched[2] = party_root(s, w->party);
	w->n_heirs = party_heirs(s, w->touched[2], w->heirs, HEIRS_MOST);
	return w->result == PARTY_OK;
}

static void
changed(void *arg, enum database_result result)
{
	struct change *w = arg;
	char id[NUMBER_ID_TEXT];

	if (result == DATABASE_AWAY) {
		refuse_away(w->rpc, w->tag);
	} else if (w->result != PARTY_OK) {
		refuse_result(w->rpc, w->tag, w->result, w->owner);
	} else if (result != DATABASE_OK) {
		refuse_result(w->rpc, w->tag, PARTY_BAD, 0);
	} else {
		for (int i = 0; i < 3; i++)
			if (w->touched[i] != 0 &&
				(i == 0 || w->touched[i] != w->touched[0]))
				live_refresh(w->c, w->touched[i]);
		for (int i = 0; i < w->n_heirs; i++)
			live_refresh(w->c, w->heirs[i]);
		party_id_format(id, w->touched[2]);
		rpc_answer(w->rpc, w->tag,
			json_pack("{s:b, s:s}", "accepted", true, "customer", id));
	}
	json_decref(w->params);
	free(w);
}

/* The change with what all have; NULL: refused already. */
static struct change *
change_create(struct customers *c, const struct rpc_call *call, enum act act,
	const char *party, const char *other)
{
	struct change *w = xcalloc(1, sizeof *w);
	const char *kind = rpc_text(call, "kind"), *value = rpc_text(call, "value"), *why;
	const struct people *people = &c->parts.people;

	w->c = c;
	w->rpc = call->rpc;
	w->tag = call->tag;
	w->act = act;
	w->weight = rpc_number(call, "weight");
	snprintf(w->who, sizeof w->who, "%s", people->who(people->owner, call));
	snprintf(w->source, sizeof w->source, "%s",
		rpc_text(call, "source") != NULL ? rpc_text(call, "source") : "staff");
	snprintf(w->kind, sizeof w->kind, "%s", kind != NULL ? kind : "");
	if (!find_customer(c, call, party, &w->party) ||
		(other != NULL && !find_customer(c, call, other, &w->other))) {
		free(w);
		return NULL;
	}
	if (value != NULL && !identity_normalise(&w->identity, w->kind, value,
				     c->rules->country, &why)) {
		rpc_refuse_param(call->rpc, call->tag, "value", why);
		free(w);
		return NULL;
	}
	if (!people->audit(people->owner, call, rpc_text(call, party),
		    other != NULL ? rpc_text(call, other) : NULL)) {
		free(w);
		return NULL;
	}
	w->params = json_incref(call->params);
	return w;
}

static void
begin(struct change *w)
{
	if (w == NULL ||
		database_write(w->c->parts.database, change, changed, w, PATIENCE_MS))
		return;
	changed(w, DATABASE_AWAY);
}

static void
on_merge(void *owner, const struct rpc_call *call)
{
	begin(change_create(owner, call, ACT_MERGE, "customer", "from"));
}

static void
on_unmerge(void *owner, const struct rpc_call *call)
{
	begin(change_create(owner, call, ACT_UNMERGE, "customer", NULL));
}

static void
on_link(void *owner, const struct rpc_call *call)
{
	begin(change_create(owner, call, ACT_LINK, "customer", "other"));
}

static void
on_unlink(void *owner, const struct rpc_call *call)
{
	begin(change_create(owner, call, ACT_UNLINK, "customer", "other"));
}

static void
on_add_identity(void *owner, const struct rpc_call *call)
{
	begin(change_create(owner, call, ACT_ADD_IDENTITY, "customer", NULL));
}

static void
on_remove_identity(void *owner, const struct rpc_call *call)
{
	begin(change_create(owner, call, ACT_REMOVE_IDENTITY, "customer", NULL));
}

/* Attributes that may be kept; false: refused already. */
static bool
attributes_fit(const struct rpc_call *call)
{
	const json_t *attributes = json_object_get(call->params, "attributes");
	const char *name;
	json_t *value;

	if (attributes != NULL &&
		(!json_is_object(attributes) ||
			json_object_size(attributes) > DIRECTORY_ATTRIBUTES_MAX)) {
		rpc_refuse_param(call->rpc, call->tag, "attributes",
			"must be an object of at most 32 values");
		return false;
	}
	json_object_foreach((json_t *)(uintptr_t)attributes, name, value)
	{
		if (id_is_valid(name) && !json_is_object(value) &&
			!json_is_array(value) &&
			json_string_length(value) <= ATTRIBUTE_JSON_MAX / 8)
			continue;
		rpc_refuse_param(call->rpc, call->tag, "attributes",
			"each is a name with a text of at most 1024 bytes, a number, "
			"true, false, or null to remove it");
		return false;
	}
	return true;
}

static void
on_set(void *owner, const struct rpc_call *call)
{
	if (attributes_fit(call))
		begin(change_create(owner, call, ACT_SET, "customer", NULL));
}

/* ---- the table ---- */

#define CUSTOMER(name, must)                                                             \
	{                                                                                \
		name, RPC_TEXT, must, 0, 64, NULL                                        \
	}
#define KINDS "person|household|business"

static const struct rpc_param get_params[] = {
	CUSTOMER("customer", false),
	{"contact", RPC_CONTACT, false, 0, 0, NULL},
	{"after", RPC_TEXT, false, 0, 32, NULL},
	{0},
};
static const struct rpc_param find_params[] = {
	{"kind", RPC_NAME, false, 0, 0, NULL},
	{"value", RPC_TEXT, false, 0, 254, NULL},
	{"name", RPC_TEXT, false, 0, 120, NULL},
	{"most", RPC_INTEGER, false, 1, FOUND_MOST, NULL},
	{0},
};
static const struct rpc_param merge_params[] = {
	CUSTOMER("customer", true), CUSTOMER("from", true), {0}};
static const struct rpc_param one_params[] = {CUSTOMER("customer", true), {0}};
static const struct rpc_param export_params[] = {
	CUSTOMER("customer", true),
	{"after", RPC_TEXT, false, 0, 96, NULL},
	{0},
};
static const struct rpc_param link_params[] = {
	CUSTOMER("customer", true),
	CUSTOMER("other", true),
	{"kind", RPC_NAME, true, 0, 0, NULL},
	{"weight", RPC_NUMBER, false, -10, 10, NULL},
	{0},
};
static const struct rpc_param unlink_params[] = {
	CUSTOMER("customer", true),
	CUSTOMER("other", true),
	{"kind", RPC_NAME, true, 0, 0, NULL},
	{0},
};
static const struct rpc_param identity_params[] = {
	CUSTOMER("customer", true),
	{"kind", RPC_NAME, true, 0, 0, NULL},
	{"value", RPC_TEXT, true, 0, 254, NULL},
	{0},
};
static const struct rpc_param set_params[] = {
	CUSTOMER("customer", true),
	{"name", RPC_TEXT, false, 0, PARTY_NAME_MAX, NULL},
	{"kind", RPC_WORD, false, 0, 0, KINDS},
	{"source", RPC_NAME, false, 0, 0, NULL},
	{"attributes", RPC_ANY, false, 0, 0, NULL},
	{0},
};
static const struct rpc_param import_params[] = {
	{"rows", RPC_TEXT, true, 0, 65536, NULL},
	{"source", RPC_NAME, false, 0, 0, NULL},
	{"line", RPC_INTEGER, false, 1, INT64_C(1) << 40, NULL},
	{"dry_run", RPC_BOOLEAN, false, 0, 0, NULL},
	{0},
};
static const struct rpc_param listing_params[] = {
	{"list", RPC_WORD, true, 0, 0, "vip|block"},
	{"kind", RPC_NAME, true, 0, 0, NULL},
	{"pattern", RPC_TEXT, true, 0, 254, NULL},
	{"points", RPC_NUMBER, false, -1000000, 1000000, NULL},
	{"reason", RPC_TEXT, false, 0, 200, NULL},
	{"until", RPC_TIME, false, 0, 0, NULL},
	{0},
};
static const struct rpc_param unlisting_params[] = {
	{"list", RPC_WORD, true, 0, 0, "vip|block"},
	{"kind", RPC_NAME, true, 0, 0, NULL},
	{"pattern", RPC_TEXT, true, 0, 254, NULL},
	{0},
};
static const struct rpc_param lists_params[] = {
	{"after", RPC_TEXT, false, 0, 300, NULL},
	{0},
};
static const struct rpc_param no_params[] = {{0}};

const struct rpc_command customers_commands[] = {
	{"customer.get", RPC_STAFF | RPC_MAY(RPC_AGENT) | RPC_MAY(RPC_AUDITOR),
		get_params, on_get,
		"A customer's card; an agent's only while he serves him."},
	{"customer.find", RPC_STAFF, find_params, on_find,
		"Customers by an identity, or by the beginning of their name."},
	{"customer.set", RPC_STAFF, set_params, on_set,
		"Changes name, kind and attributes of a customer."},
	{"customer.merge", RPC_STAFF, merge_params, on_merge,
		"Makes two customers one; what waits of either is scored again."},
	{"customer.unmerge", RPC_STAFF, one_params, on_unmerge,
		"Takes a merged customer out again, with all that is his."},
	{"customer.link", RPC_STAFF, link_params, on_link,
		"Links a customer to a household or business whose value he inherits."},
	{"customer.unlink", RPC_STAFF, unlink_params, on_unlink, "Removes a link."},
	{"customer.add_identity", RPC_STAFF, identity_params, on_add_identity,
		"Adds what a customer is known by; refused when it is another's."},
	{"customer.remove_identity", RPC_STAFF, identity_params, on_remove_identity,
		"Removes what a customer is known by."},
	{"customer.import", RPC_MAY(RPC_ADMINISTRATOR), import_params, on_customer_import,
		"Takes in customers, a JSON object a line; a known one is updated."},
	{"customer.export", RPC_MAY(RPC_ADMINISTRATOR), export_params, on_customer_export,
		"All that is kept about a customer."},
	{"customer.erase", RPC_MAY(RPC_ADMINISTRATOR), one_params, on_customer_erase,
		"Removes all that is kept about a customer, everywhere."},
	{"customer.list_add", RPC_STAFF, listing_params, on_customer_list_add,
		"Puts an identity, a pattern of them or a customer on a list."},
	{"customer.list_remove", RPC_STAFF, unlisting_params, on_customer_list_remove,
		"Takes it off the list."},
	{"customer.status", RPC_STAFF | RPC_MAY(RPC_AUDITOR), no_params,
		on_customer_status, "How the directory and its database stand."},
	{"customer.lists", RPC_STAFF, lists_params, on_customer_lists,
		"Who is on the VIP and block lists."},
};
const int customers_n_commands =
	(int)(sizeof customers_commands / sizeof customers_commands[0]);
