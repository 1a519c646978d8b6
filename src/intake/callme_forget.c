/* intake/callme_forget.c - call-me requests of a customer who is erased, out of Redis and
 * out of memory (base/subject.h). */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "intake/callme_inner.h"

/* One request of one erasure on its way; the last answer ends it. */
struct forgetting {
	struct callme *callme;
	subject_gone gone;
	void *arg;
	int asked; /* answers that are awaited; 1 more while asking */
	bool failed;
};

struct forgotten {
	struct forgetting *all;
	char id[CALLME_ID_TEXT];
};

static void
answered(struct forgetting *f)
{
	if (--f->asked > 0)
		return;
	f->gone(f->arg, !f->failed);
	free(f);
}

static void
on_forgotten(void *owner, uint64_t tag, const struct redisReply *reply)
{
	struct forgotten *one = owner;
	struct forgetting *f = one->all;
	struct callback *c = map_get(&f->callme->by_id, one->id);

	if (reply == NULL || reply->type == REDIS_REPLY_ERROR)
		f->failed = true;
	else if (c != NULL)
		callback_drop(f->callme, c);
	free(one);
	answered(f);
}

static bool
is_his(const struct callback *c, const struct subject *subject)
{
	return subject_has_contact(subject, c->contact) ||
	       subject_is_known_by(subject, "phone", c->phone) ||
	       subject_is_known_by(subject, "email",
		       json_string_value(json_object_get(c->about, "email")));
}

void
callme_forget(void *owner, const struct subject *subject, subject_gone gone, void *arg)
{
	struct callme *callme = owner;
	struct forgetting *f;
	size_t at = 0;
	void *value;

	if (!callme->loaded) {
		gone(arg, false);
		return;
	}
	f = xcalloc(1, sizeof *f);
	*f = (struct forgetting){callme, gone, arg, 1, false};
	while (map_next(&callme->by_id, &at, NULL, &value)) {
		const struct callback *c = value;
		struct forgotten *one;

		if (!is_his(c, subject))
			continue;
		if (!c->over && !subject_has_contact(subject, c->contact)) {
			f->failed = true; /* he is to be called: it is withdrawn first */
			continue;
		}
		one = xcalloc(1, sizeof *one);
		one->all = f;
		snprintf(one->id, sizeof one->id, "%s", c->id);
		f->asked++;
		if (!side_call(callme->parts.side, on_forgotten, one, 0,
			    "usher_callme_1_forget", 1, (const char *[]){"callbacks"}, 1,
			    (const char *[]){c->id}, NULL)) {
			f->asked--;
			f->failed = true;
			free(one);
		}
	}
	answered(f);
}
