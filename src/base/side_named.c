/* base/side_named.c - texts that a sorted set names, read some at a time. */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "base/side.h"
#include "base/xalloc.h"

struct reading {
	struct side *side; /* borrowed */
	char *kind;	   /* owned */
	side_value each;
	side_read_done done;
	void *owner;
	char **name; /* owned, each too */
	size_t n, next, awaited;
	bool lost;
};

static void go_on(struct reading *r);

static void
on_value(void *owner, uint64_t at, const redisReply *reply)
{
	struct reading *r = owner;

	r->awaited--;
	if (reply == NULL)
		r->lost = true;
	else if (reply->type == REDIS_REPLY_STRING)
		r->each(r->owner, r->name[at], reply->str, reply->len);
	go_on(r);
}

static bool
ask(struct reading *r, size_t at)
{
	char *key = xasprintf("%s:%s", r->kind, r->name[at]);
	bool asked = side_read(r->side, on_value, r, at, "GET", key, 0, NULL);

	free(key);
	return asked;
}

/* Asks for more; ends when nothing is to come. */
static void
go_on(struct reading *r)
{
	while (!r->lost && r->awaited < SIDE_READ_AT_ONCE && r->next < r->n) {
		if (!ask(r, r->next)) {
			r->lost = true;
			break;
		}
		r->next++;
		r->awaited++;
	}
	if (r->awaited > 0)
		return;
	r->done(r->owner, !r->lost);
	for (size_t i = 0; i < r->n; i++)
		free(r->name[i]);
	free(r->name);
	free(r->kind);
	free(r);
}

static void
on_names(void *owner, uint64_t tag, const redisReply *reply)
{
	struct reading *r = owner;

	r->lost = reply == NULL || reply->type != REDIS_REPLY_ARRAY;
	if (!r->lost && reply->elements > 0) {
		r->name = xcalloc(reply->elements, sizeof *r->name);
		for (size_t i = 0; i < reply->elements; i++)
			r->name[r->n++] = xstrdup(reply->element[i]->str);
	}
	go_on(r);
}

bool
side_read_named(struct side *side, const char *set, const char *kind, side_value each,
	side_read_done done, void *owner)
{
	static const char *const all[] = {"0", "-1"};
	struct reading *r = xcalloc(1, sizeof *r);

	*r = (struct reading){side, xstrdup(kind), each, done, owner};
	if (side_read(side, on_names, r, 0, "ZRANGE", set, 2, all))
		return true;
	free(r->kind);
	free(r);
	return false;
}
