/* sim/journal.c - decisions on their way to the store. */
#include "sim/journal.h"

#include <jansson.h>

#include "route/explain.h"

static struct journal *
journal_of(struct store *store)
{
	return (struct journal *)store;
}

static void
write_decision(FILE *out, const char *packed)
{
	json_t *json = explain_json(packed);

	if (json == NULL)
		return;
	json_dumpf(json, out, JSON_COMPACT | JSON_REAL_PRECISION(17));
	fputc('\n', out);
	json_decref(json);
}

static void
journal_commit(struct store *store, struct step *step)
{
	struct journal *j = journal_of(store);

	for (int i = 0; i < step->n_parts; i++)
		if (step->part[i].decision != NULL)
			write_decision(j->out, step->part[i].decision);
	/* The router attached itself to us; the inner store reports to it directly. */
	j->inner->done = j->store.done;
	j->inner->router = j->store.router;
	j->inner->commit(j->inner, step);
}

static void
journal_fetch(struct store *store, uint64_t contact, store_found fn, void *owner)
{
	struct journal *j = journal_of(store);

	j->inner->fetch(j->inner, contact, fn, owner);
}

struct store *
journal_init(struct journal *journal, struct store *inner, FILE *out)
{
	*journal = (struct journal){
		.store = {.commit = journal_commit, .fetch = journal_fetch},
		.inner = inner,
		.out = out};
	return &journal->store;
}
