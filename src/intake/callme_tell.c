/* intake/callme_tell.c - call-me requests of a customer, for his export (base/subject.h):
 * one after the other by their ids; the place is the id of the last one. */
#include <stdio.h>
#include <string.h>

#include "intake/callme_inner.h"

/* A contact says whose it is; before there is one, the number does. */
static bool
is_his(const struct callback *c, const struct subject *subject)
{
	return c->contact != 0 ? subject_has_contact(subject, c->contact)
			       : subject_is_known_by(subject, "phone", c->phone);
}

static const struct callback *
callback_behind(
	const struct callme *callme, const struct subject *subject, const char *id)
{
	const struct callback *next = NULL;
	size_t at = 0;
	void *value;

	while (map_next(&callme->by_id, &at, NULL, &value)) {
		const struct callback *c = value;

		if (strcmp(c->id, id) > 0 &&
			(next == NULL || strcmp(c->id, next->id) < 0) &&
			is_his(c, subject))
			next = c;
	}
	return next;
}

static void
add_callback(struct subject_page *page, const struct callback *c)
{
	json_t *record = subject_record("callback", c->contact), *when;

	json_object_set_new(record, "request", json_string(c->id));
	json_object_set_new(record, "phone", json_string(c->phone));
	if (*c->topic != '\0')
		json_object_set_new(record, "topic", json_string(c->topic));
	json_object_set_new(record, "about", json_deep_copy(c->about));
	subject_set_moment(record, "at", c->created_ms);
	if (c->from_ms > 0) {
		when = json_object();
		subject_set_moment(when, "from", c->from_ms);
		subject_set_moment(when, "to", c->to_ms);
		json_object_set_new(record, "when", when);
	}
	json_object_set_new(record, "attempts", json_integer(c->attempts));
	if (c->over)
		subject_set_moment(record, "ended_at", c->ended_ms);
	if (c->end[0] != '\0')
		json_object_set_new(record, "end", json_string(c->end));
	subject_add(page, record);
}

void
callme_tell(void *owner, struct subject_page *page)
{
	const struct callme *callme = owner;
	const struct callback *c = NULL;

	if (!callme->loaded) {
		page->told(page, SUBJECT_LATER);
		return;
	}
	while (!subject_is_full(page) &&
		(c = callback_behind(callme, page->subject, page->place)) != NULL) {
		add_callback(page, c);
		snprintf(page->place, sizeof page->place, "%s", c->id);
	}
	page->told(page, c != NULL ? SUBJECT_MORE : SUBJECT_ALL);
}
