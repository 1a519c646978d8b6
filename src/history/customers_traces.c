/* history/customers_traces.c - by what all that is kept of a customer is found: his
 * identities, and his contacts, live ones and ended ones; and how the parts that keep
 * something are told to forget it. */
#include <stdlib.h>
#include <string.h>

#include "history/apply.h"
#include "history/customers_inner.h"

static void
add_contact(struct traces *t, uint64_t contact)
{
	if (t->n_contacts == t->room) {
		t->room = t->room != 0 ? 2 * t->room : 64;
		t->contacts = xreallocarray(t->contacts, t->room, sizeof t->contacts[0]);
	}
	t->contacts[t->n_contacts++] = contact;
}

/* ---- on a thread of the database ---- */

static void
read_contacts(struct database_session *s, struct traces *t)
{
	struct query *q = query_start(s,
		"SELECT r.contact FROM contact_person r JOIN party p ON p.id = r.party "
		"WHERE p.root = $1");
	int64_t *contacts = NULL;
	size_t n = 0, room = 0;

	query_put_int(q, 1, t->root);
	while (query_row(q)) {
		if (n == room) {
			room = room != 0 ? 2 * room : 64;
			contacts = xreallocarray(contacts, room, sizeof contacts[0]);
		}
		contacts[n++] = query_int(q, 0);
	}
	query_end(q);
	t->contacts = xcalloc(n + 1, sizeof t->contacts[0]);
	t->room = n + 1;
	t->n_contacts = apply_numbers(s, contacts, n, t->contacts);
	free(contacts);
}

static void
read_identities(struct database_session *s, struct traces *t)
{
	struct query *q = query_start(s,
		"SELECT i.kind, i.value FROM identity i JOIN party p ON p.id = i.party "
		"WHERE p.root = $1");

	query_put_int(q, 1, t->root);
	while (query_row(q)) {
		t->identities = xreallocarray(
			t->identities, t->n_identities + 1, sizeof t->identities[0]);
		t->identities[t->n_identities++] = (struct subject_identity){
			xstrdup(query_text(q, 0)), xstrdup(query_text(q, 1))};
	}
	query_end(q);
}

void
traces_read(struct database_session *s, int64_t party, struct traces *t)
{
	struct query *q;

	traces_finish(t); /* it may be another try */
	t->root = party_root(s, party);
	if (t->root == 0)
		return;
	q = query_start(s, "SELECT id FROM party WHERE root = $1");
	query_put_int(q, 1, t->root);
	while (t->n_merged < MERGED_MAX && query_row(q))
		t->merged[t->n_merged++] = query_int(q, 0);
	query_end(q);
	read_contacts(s, t);
	read_identities(s, t);
}

/* ---- on the loop ---- */

/* Contacts of his that have ended, but were not among the records that were read. */
static void
add_ended(struct traces *t, const struct idmap *ended)
{
	size_t at = 0;
	uint64_t contact;
	void *root;

	while (idmap_next(ended, &at, &contact, &root))
		for (int i = 0; i < t->n_merged; i++)
			if (t->merged[i] == (int64_t)(uintptr_t)root)
				add_contact(t, contact);
}

void
traces_settle(const struct customers *c, struct traces *t)
{
	const struct group *g = idmap_get(&c->groups, (uint64_t)t->root);

	for (const struct live *l = g != NULL ? g->first : NULL; l != NULL; l = l->next)
		add_contact(t, l->contact);
	add_ended(t, &c->ended);
	add_ended(t, &c->recorded);
	t->n_contacts = subject_sort(t->contacts, t->n_contacts);
	t->subject = (struct subject){
		t->contacts, t->n_contacts, t->identities, t->n_identities};
}

void
traces_finish(struct traces *t)
{
	free(t->contacts);
	for (size_t i = 0; i < t->n_identities; i++) {
		free((char *)(uintptr_t)t->identities[i].kind);
		free((char *)(uintptr_t)t->identities[i].value);
	}
	free(t->identities);
	*t = (struct traces){0};
}

void
traces_begin(struct customers *c)
{
	c->n_gathering++;
}

void
traces_end(struct customers *c)
{
	if (--c->n_gathering == 0)
		idmap_finish(&c->recorded);
}

/* ---- what parts keep is removed ---- */

struct forgetting {
	struct customers *c;
	const struct subject *subject;
	int part; /* the next one */
	subject_gone gone;
	void *arg;
};

static void
forget_next(void *arg, bool gone)
{
	struct forgetting *f = arg;
	const struct customers *c = f->c;

	while (gone && f->part < c->n_parts && c->part[f->part].forget == NULL)
		f->part++;
	if (gone && f->part < c->n_parts) {
		const struct customer_part *part = &c->part[f->part++];

		part->forget(part->owner, f->subject, forget_next, f);
		return;
	}
	f->gone(f->arg, gone);
	free(f);
}

void
customers_forget(
	struct customers *c, const struct subject *subject, subject_gone gone, void *arg)
{
	struct forgetting *f = xcalloc(1, sizeof *f);

	*f = (struct forgetting){c, subject, 0, gone, arg};
	forget_next(f, true);
}
