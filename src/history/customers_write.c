/* history/customers_write.c - writes that nobody waits for: customers made of contacts,
 * identities learnt, what plugins found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "history/apply.h"
#include "history/customers_inner.h"
#include "history/person.h"

/* ---- a contact whose customer was known late, or when it was over ---- */

struct over {
	struct customers *c;
	uint64_t contact;
	int64_t party;
};

/* What was written about the contact, or said of it, until then is his, too. */
static void
give_to(struct database_session *s, int64_t contact, int64_t party)
{
	static const char *const sql[] = {
		"UPDATE note SET party = $2 WHERE contact = $1 AND party IS NULL",
		"UPDATE issue SET party = $2 WHERE party IS NULL AND id IN (SELECT issue "
		"FROM issue_contact WHERE contact = $1)",
		/* satisfaction_keep() had nobody to give it to. */
		"INSERT INTO attribute (party, name, source, value, at_ms) SELECT $2, "
		"'satisfaction', source, CAST(value AS TEXT), at_ms FROM outcome WHERE "
		"contact = $1 AND kind = 'satisfaction' ON CONFLICT (party, name, "
		"source) "
		"DO UPDATE SET value = excluded.value, at_ms = excluded.at_ms WHERE "
		"excluded.at_ms > attribute.at_ms"};

	for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
		struct query *q = query_start(s, sql[i]);

		query_put_int(q, 1, contact);
		query_put_int(q, 2, party);
		query_run(q);
	}
}

static bool
join_record(struct database_session *s, void *arg)
{
	const struct over *o = arg;
	struct query *q = query_start(s, "SELECT generation FROM progress WHERE id = 1");
	int64_t generation = query_row(q) ? query_int(q, 0) : 0;

	query_end(q);
	person_note(s, apply_contact(generation, o->contact), o->party, NULL);
	if (party_root(s, o->party) != 0) /* he was not erased meanwhile */
		give_to(s, apply_contact(generation, o->contact), o->party);
	return true;
}

static void
joined(void *arg, enum database_result result)
{
	struct over *o = arg;

	if (result == DATABASE_OK && !o->c->stopped)
		customers_refresh(o->c, o->party);
	free(o);
}

void
write_over(struct customers *c, uint64_t contact, int64_t party)
{
	struct over *o = xcalloc(1, sizeof *o);

	*o = (struct over){c, contact, party};
	if (!database_write(c->parts.database, join_record, joined, o, 0))
		free(o);
}

/* ---- a provisional customer ---- */

struct provisional {
	struct customers *c;
	int64_t reserved, party; /* the number given out; whose the contact is */
	uint64_t contact;
	bool late; /* it went on unknown before */
	char source[ID_MAX + 1];
	struct identities identities;
};

/* Another contact may have made him meanwhile: then it is he. */
static bool
make(struct database_session *s, void *arg)
{
	struct provisional *p = arg;
	int64_t now_ms = clock_wall_ms(), made = 0, other = 0, root;

	for (int i = 0; i < p->identities.n && made == 0; i++)
		if (!party_of_identity(s, &p->identities.list[i], &made, &root))
			made = 0;
	if (made == 0) {
		made = p->reserved;
		if (party_root(s, made) == 0)
			party_create(s, made, NULL, NULL, true, now_ms);
	}
	for (int i = 0; i < p->identities.n; i++)
		(void)party_add_identity(
			s, made, &p->identities.list[i], p->source, now_ms, &other);
	p->party = made;
	return true;
}

static void
made(void *arg, enum database_result result)
{
	struct provisional *p = arg;

	bool lives = live_get(p->c, p->contact) != NULL;
	/* Its record would have the number given out, which is nobody's: it may end
	 * before the look-up answers. */
	bool another = p->party != p->reserved;

	if (result == DATABASE_OK && lives)
		lookup_contact(p->c, p->contact, p->party, false);
	if (result == DATABASE_OK && (!lives || p->late || another) && !p->c->stopped)
		write_over(p->c, p->contact, p->party);
	free(p);
}

void
write_provisional(struct customers *c, int64_t party, const char *source,
	const struct identities *identities, uint64_t contact, bool late)
{
	struct provisional *p = xcalloc(1, sizeof *p);

	*p = (struct provisional){.c = c,
		.reserved = party,
		.contact = contact,
		.late = late,
		.identities = *identities};
	snprintf(p->source, sizeof p->source, "%s", source);
	if (database_write(c->parts.database, make, made, p, 0))
		return;
	log_warn("customers: too many writes wait, a new customer is not kept");
	free(p);
}

/* ---- what a contact taught ---- */

struct learned {
	struct customers *c;
	struct lookup l; /* identities, found, root and provisional of it */
	int64_t party, root;
	bool known_is_provisional;
	bool learn, merge;
	int64_t touched[IDENTITIES_MAX + 1];
	int n_touched;
};

static bool
learn(struct database_session *s, void *arg)
{
	struct learned *w = arg;
	int64_t now_ms = clock_wall_ms(), other;

	w->n_touched = 0;
	for (int i = 0; i < w->l.identities.n; i++) {
		const struct identity *identity = &w->l.identities.list[i];
		bool other_provisional = w->l.provisional[i];

		if (w->l.root[i] == 0 && w->learn) {
			if (party_add_identity(s, w->party, identity, w->l.source, now_ms,
				    &other) == PARTY_OK)
				w->touched[w->n_touched++] = w->root;
		} else if (w->l.root[i] != 0 && w->l.root[i] != w->root && w->merge &&
			   (other_provisional || w->known_is_provisional)) {
			/* He who was made of contacts alone goes into the other. */
			int64_t into = other_provisional ? w->root : w->l.root[i];
			int64_t from = other_provisional ? w->l.root[i] : w->root;

			if (party_merge(s, into, from, "usher", now_ms) == PARTY_OK)
				w->touched[w->n_touched++] = from;
		}
	}
	return true;
}

static void
learned(void *arg, enum database_result result)
{
	struct learned *w = arg;

	for (int i = 0; i < w->n_touched && result == DATABASE_OK; i++)
		live_refresh(w->c, w->touched[i]);
	free(w);
}

void
write_learned(struct customers *c, const struct lookup *l)
{
	struct learned *w;
	bool any = false;

	for (int i = 0; i < l->identities.n; i++)
		any = any || (l->root[i] == 0 && c->rules->learn) ||
		      (l->root[i] != 0 && l->root[i] != l->view->root &&
			      c->rules->merge_provisional &&
			      (l->provisional[i] || l->view->provisional));
	if (!any)
		return;
	w = xcalloc(1, sizeof *w);
	*w = (struct learned){.c = c,
		.party = l->view->party,
		.root = l->view->root,
		.known_is_provisional = l->view->provisional,
		.learn = c->rules->learn,
		.merge = c->rules->merge_provisional};
	w->l.identities = l->identities;
	memcpy(w->l.root, l->root, sizeof w->l.root);
	memcpy(w->l.provisional, l->provisional, sizeof w->l.provisional);
	snprintf(w->l.source, sizeof w->l.source, "%s", l->source);
	if (!database_write(c->parts.database, learn, learned, w, 0))
		free(w);
}

/* ---- what a plugin found ---- */

struct found {
	struct customers *c;
	int64_t party, root;
	char source[ID_MAX + 1];
	char kind[16], name[PARTY_NAME_MAX + 1];
	json_t *figures; /* owned; NULL */
};

static bool
put_found(struct database_session *s, void *arg)
{
	struct found *f = arg;
	int64_t now_ms = clock_wall_ms();
	const char *name;
	json_t *value;

	f->root = party_root(s, f->party);
	if (f->root == 0)
		return true;
	if (f->name[0] != '\0' || f->kind[0] != '\0')
		party_update(s, f->root, f->kind[0] != '\0' ? f->kind : NULL,
			f->name[0] != '\0' ? f->name : NULL, now_ms);
	json_object_foreach(f->figures, name, value)
		party_set_attribute(s, f->root, name, f->source, value, now_ms);
	return true;
}

static void
found_done(void *arg, enum database_result result)
{
	struct found *f = arg;

	if (result == DATABASE_OK && f->root != 0)
		customers_refresh(f->c, f->root);
	json_decref(f->figures);
	free(f);
}

/* Only what may be an attribute is kept. */
static void
prune(json_t *figures)
{
	const char *name;
	json_t *value;
	void *next;

	json_object_foreach_safe(figures, next, name, value)
	{
		bool good = id_is_valid(name) && strlen(name) <= FIGURE_NAME_MAX &&
			    (json_is_null(value) || json_is_number(value) ||
				    json_is_boolean(value) ||
				    (json_is_string(value) &&
					    json_string_length(value) <=
						    ATTRIBUTE_JSON_MAX / 8));

		if (!good)
			json_object_del(figures, name);
	}
}

void
customers_found(struct customers *c, uint64_t ticket, const char *source,
	const char *name, const char *kind, json_t *figures)
{
	int64_t party = (int64_t)(uintptr_t)idmap_remove(&c->asked, ticket);
	struct found *f;

	if (party == 0 || c->stopped || (figures == NULL && name == NULL)) {
		json_decref(figures);
		return;
	}
	c->figures.sources_found++;
	prune(figures);
	f = xcalloc(1, sizeof *f);
	*f = (struct found){.c = c, .party = party, .figures = figures};
	snprintf(f->source, sizeof f->source, "%s", source);
	if (name != NULL)
		snprintf(f->name, sizeof f->name, "%s", name);
	if (kind != NULL &&
		(strcmp(kind, "person") == 0 || strcmp(kind, "household") == 0 ||
			strcmp(kind, "business") == 0))
		snprintf(f->kind, sizeof f->kind, "%s", kind);
	if (!database_write(c->parts.database, put_found, found_done, f, 0))
		found_done(f, DATABASE_AWAY);
}
