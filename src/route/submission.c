/*
 * route/submission.c - reads one contact as it came in, strictly: an unknown or wrong
 * member is refused by name, so that a misspelt field never changes who is served.
 */
#include "route/submission.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/moment.h"
#include "base/redact.h"
#include "base/text.h"

#define MESSAGE_ID_MAX 250 /* bytes */
#define LIST_ITEMS_MAX 64  /* texts in one attribute */
#define LIST_TEXT_MAX 256  /* bytes of one of them */
#define POINTS_MAX 1e12	   /* of a customer, either sign */
#define DURATION_MAX_MS (INT64_C(366) * 24 * 3600 * 1000)

/* One reading: what is filled, and what is wrong. */
struct reading {
	struct submission *out;
	struct submission_error *error;
};

static bool USHER_PRINTF(3, 4)
	fail(struct reading *r, const char *field, const char *format, ...)
{
	va_list args;

	snprintf(r->error->field, sizeof r->error->field, "%s", field);
	va_start(args, format);
	vsnprintf(r->error->message, sizeof r->error->message, format, args);
	va_end(args);
	return false;
}

/* ---- kinds of values ---- */

static bool
read_id(struct reading *r, const char *field, const json_t *value, char **out)
{
	if (!json_is_string(value) || !id_is_valid(json_string_value(value)))
		return fail(r, field,
			"%s must be a name: 1 to 64 of letters, digits, \".\", \"_\", "
			"\"-\"",
			field);
	free(*out);
	*out = xstrdup(json_string_value(value));
	return true;
}

/* No C0 control, no DEL, no C1 control, no line or paragraph separator. */
static bool
is_printable(const char *text, bool spaces)
{
	for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
		if (*c < 0x20 || *c == 0x7f || (*c == ' ' && !spaces))
			return false;
		if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= (spaces ? 0x9f : 0xa0))
			return false;
		if (c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9))
			return false;
	}
	return true;
}

static bool
read_text(struct reading *r, const char *field, const json_t *value, size_t most,
	bool spaces, char **out)
{
	const char *text = json_string_value(value);

	if (text == NULL || json_string_length(value) == 0 ||
		json_string_length(value) > most || !is_printable(text, spaces))
		return fail(r, field, "%s must be 1 to %zu bytes of printable text%s",
			field, most, spaces ? "" : " without spaces");
	free(*out);
	*out = xstrdup(text);
	return true;
}

static bool
read_integer(struct reading *r, const char *field, const json_t *value, int64_t least,
	int64_t most, int64_t *out)
{
	if (!json_is_integer(value) || json_integer_value(value) < least ||
		json_integer_value(value) > most)
		return fail(r, field,
			"%s must be a whole number from %" PRId64 " to %" PRId64, field,
			least, most);
	*out = json_integer_value(value);
	return true;
}

static bool
read_moment(struct reading *r, const char *field, const json_t *value, int64_t *out)
{
	if (!json_is_string(value) || !moment_parse(json_string_value(value), out) ||
		*out <= 0)
		return fail(r, field,
			"%s must be a time like \"2026-11-22T10:00:00Z\" (RFC 3339)",
			field);
	return true;
}

/* ---- attributes ---- */

static bool
read_list(struct reading *r, const char *name, const json_t *value, struct attribute *a)
{
	size_t n = json_array_size(value), i;
	const json_t *item;

	if (n > LIST_ITEMS_MAX)
		return fail(
			r, name, "the list must have at most %d texts", LIST_ITEMS_MAX);
	a->kind = VALUE_LIST;
	a->list = xcalloc(n + 1, sizeof *a->list);
	json_array_foreach(value, i, item)
	{
		if (!json_is_string(item) || json_string_length(item) > LIST_TEXT_MAX)
			return fail(r, name,
				"the list must hold texts of at most %d bytes",
				LIST_TEXT_MAX);
		a->list[a->n_list++] = xstrdup(json_string_value(item));
	}
	return true;
}

/* Fills kind and value; the name is set by the caller. */
static bool
read_value(struct reading *r, const char *name, const json_t *value, struct attribute *a)
{
	switch (json_typeof(value)) {
	case JSON_TRUE:
	case JSON_FALSE:
		a->kind = VALUE_BOOL;
		a->boolean = json_is_true(value);
		return true;
	case JSON_INTEGER:
	case JSON_REAL:
		a->kind = VALUE_NUMBER;
		a->number = json_number_value(value);
		return isfinite(a->number) || fail(r, name, "the number is too large");
	case JSON_STRING:
		if (json_string_length(value) > ATTRIBUTE_TEXT_MAX)
			return fail(r, name, "the text must have at most %d bytes",
				ATTRIBUTE_TEXT_MAX);
		a->kind = VALUE_TEXT;
		a->text = xstrdup(json_string_value(value));
		return true;
	case JSON_ARRAY:
		return read_list(r, name, value, a);
	case JSON_OBJECT:
		return fail(r, name,
			"an attribute is text, a number, true, false or a list of "
			"texts; name inner ones \"outer.inner\"");
	case JSON_NULL:
		return fail(r, name, "leave an attribute without value out");
	}
	return false;
}

static bool
add_attribute(
	struct reading *r, const char *prefix, const char *name, const json_t *value)
{
	struct submission *s = r->out;
	struct attribute *a;
	char full[2 * ATTRIBUTE_NAME_MAX + 16];

	if (!id_is_valid(name) || strlen(prefix) + strlen(name) > ATTRIBUTE_NAME_MAX)
		return fail(r, *prefix != '\0' ? "customer" : "attributes",
			"names must be 1 to %d of letters, digits, \".\", \"_\", \"-\"",
			ATTRIBUTE_NAME_MAX - (int)strlen(prefix));
	snprintf(full, sizeof full, "%s%s", prefix, name);
	if (s->n_attributes == ATTRIBUTES_MAX)
		return fail(
			r, full, "a contact has at most %d attributes", ATTRIBUTES_MAX);
	a = &s->attributes[s->n_attributes++];
	a->name = xstrdup(full);
	return read_value(r, full, value, a);
}

static bool
read_attributes(struct reading *r, const json_t *value)
{
	const char *name;
	json_t *member;

	if (!json_is_object(value))
		return fail(r, "attributes", "attributes must be an object");
	json_object_foreach((json_t *)value, name, member)
	{
		/* These two families have sources of their own. */
		if (strncmp(name, "customer.", 9) == 0 || strncmp(name, "time.", 5) == 0)
			return fail(r, "attributes",
				"write customer.NAME as a member of `customer`; time.* "
				"is the centre's clock");
		if (!add_attribute(r, "", name, member))
			return false;
	}
	return true;
}

static bool
read_customer(struct reading *r, const json_t *value)
{
	const char *name;
	json_t *member;

	if (!json_is_object(value))
		return fail(r, "customer", "customer must be an object");
	json_object_foreach((json_t *)value, name, member)
	{
		if (strcmp(name, "id") == 0 &&
			!read_id(r, "customer.id", member, &r->out->customer))
			return false;
		if (strcmp(name, "points") == 0) {
			r->out->points = json_number_value(member);
			if (!json_is_number(member) ||
				!(fabs(r->out->points) <= POINTS_MAX))
				return fail(r, "customer.points",
					"customer.points must be a number within 1e12");
		}
		if (!add_attribute(r, "customer.", name, member))
			return false;
	}
	return true;
}

static bool
read_require(struct reading *r, const json_t *value)
{
	struct submission *s = r->out;
	const char *name;
	json_t *level;

	if (!json_is_object(value) || json_object_size(value) > REQUIRE_MAX)
		return fail(r, "require",
			"require must be an object of at most %d skills with levels",
			REQUIRE_MAX);
	json_object_foreach((json_t *)value, name, level)
	{
		if (!id_is_valid(name) || !json_is_integer(level) ||
			json_integer_value(level) < 1 ||
			json_integer_value(level) > SKILL_LEVEL_MAX)
			return fail(r, "require",
				"require must give each skill a level from 1 to %d",
				SKILL_LEVEL_MAX);
		s->require[s->n_require].skill = xstrdup(name);
		s->require[s->n_require++].level = (int)json_integer_value(level);
	}
	return true;
}

static bool
read_payload(struct reading *r, const json_t *value)
{
	struct text text = {0};

	json_write(&text, value);
	if (text.n > PAYLOAD_MAX) {
		text_finish(&text);
		return fail(r, "payload",
			"payload must have at most %d bytes; keep the rest where it is "
			"and send a link",
			PAYLOAD_MAX);
	}
	free(r->out->payload);
	r->out->payload = text_take(&text);
	return true;
}

/* ---- the members ---- */

struct member {
	const char *name;
	bool (*read)(struct reading *r, const char *name, const json_t *value);
};

static bool
member_name(struct reading *r, const char *name, const json_t *value)
{
	struct submission *s = r->out;
	struct {
		const char *name;
		char **at;
	} names[] = {{"channel", &s->channel}, {"source", &s->source},
		{"queue", &s->queue}, {"tier", &s->tier}, {"agent", &s->agent},
		{"last_agent", &s->last_agent}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i].name, name) == 0)
			return read_id(r, name, value, names[i].at);
	return false;
}

static bool
member_text(struct reading *r, const char *name, const json_t *value)
{
	if (strcmp(name, "title") == 0)
		return read_text(
			r, name, value, SUBMISSION_TITLE_MAX, true, &r->out->title);
	return read_text(r, name, value, SUBMISSION_KEY_MAX, false, &r->out->external_id);
}

static bool
member_moment(struct reading *r, const char *name, const json_t *value)
{
	struct submission *s = r->out;

	return read_moment(r, name, value,
		strcmp(name, "not_before") == 0	  ? &s->not_before_ms
		: strcmp(name, "held_until") == 0 ? &s->held_until_ms
		: strcmp(name, "deadline") == 0	  ? &s->deadline_ms
						  : &s->arrived_ms);
}

static bool
member_duration(struct reading *r, const char *name, const json_t *value)
{
	struct submission *s = r->out;

	return read_integer(r, name, value, 0, DURATION_MAX_MS,
		strcmp(name, "sla_ms") == 0 ? &s->sla_ms : &s->window_ms);
}

static bool
member_object(struct reading *r, const char *name, const json_t *value)
{
	if (strcmp(name, "require") == 0)
		return read_require(r, value);
	if (strcmp(name, "customer") == 0)
		return read_customer(r, value);
	if (strcmp(name, "attributes") == 0)
		return read_attributes(r, value);
	return read_payload(r, value);
}

static const struct member members[] = {
	{"channel", member_name},
	{"source", member_name},
	{"external_id", member_text},
	{"queue", member_name},
	{"tier", member_name},
	{"require", member_object},
	{"agent", member_name},
	{"last_agent", member_name},
	{"customer", member_object},
	{"title", member_text},
	{"attributes", member_object},
	{"not_before", member_moment},
	{"held_until", member_moment},
	{"window_ms", member_duration},
	{"deadline", member_moment},
	{"sla_ms", member_duration},
	{"arrived_at", member_moment},
	{"payload", member_object},
};

#define N_MEMBERS (sizeof members / sizeof *members)

static bool
fail_unknown(struct reading *r, const char *name)
{
	const char *near = NULL;
	int best = 3; /* more edits than that are another word */
	char shown[32];
	size_t n = 0;

	for (size_t i = 0; i < N_MEMBERS; i++) {
		int distance = text_distance(name, members[i].name);

		if (distance < best) {
			best = distance;
			near = members[i].name;
		}
	}
	/* It is text from outside: only what a name may hold is repeated. */
	for (; name[n] != '\0' && n < sizeof shown - 1; n++)
		shown[n] = name[n] > 0x20 && name[n] < 0x7f && name[n] != '"' ? name[n]
									      : '?';
	shown[n] = '\0';
	if (near != NULL)
		return fail(r, shown, "there is no member \"%s\"; did you mean \"%s\"?",
			shown, near);
	return fail(r, shown,
		"there is no member \"%s\"; put what only rules read into attributes",
		shown);
}

static bool
read_member(struct reading *r, const char *name, const json_t *value)
{
	for (size_t i = 0; i < N_MEMBERS; i++)
		if (strcmp(members[i].name, name) == 0)
			return members[i].read(r, name, value);
	return fail_unknown(r, name);
}

/* What people and machines say freely, and may say a card number in. */
static const char *const free_text[] = {"title", "attributes", "payload"};

/* A Message-ID, and nothing else: "1795986.4086726962392381694@cust.example". */
static bool
is_message_id(const json_t *value)
{
	const char *s = json_string_value(value);

	return s != NULL && strchr(s, '@') != NULL && strlen(s) <= MESSAGE_ID_MAX &&
	       strpbrk(s, " \t\r\n<>\"") == NULL;
}

/* Puts back what a list or a member held before, where that was Message-IDs alone. */
static void
put_back(json_t *to, const char *name, const json_t *before)
{
	const json_t *one;
	size_t i;
	bool all = is_message_id(before) || json_array_size(before) > 0;

	json_array_foreach(before, i, one) all &= is_message_id(one);
	if (all && json_is_object(to))
		json_object_set(to, name, (json_t *)before);
}

/* Random digits of a Message-ID may look like a card's number; answers are threaded by
 * them, so they stay as they are. */
static void
redact_free_text(json_t *json)
{
	static const char *const ids[] = {"message_id", "in_reply_to", "references"};
	const json_t *payload = json_object_get(json, "payload");
	json_t *before = json_deep_copy(json_object_get(payload, "mail")), *mail;

	for (size_t i = 0; i < sizeof free_text / sizeof *free_text; i++)
		redact_member(json, free_text[i], NULL);
	mail = json_object_get(json_object_get(json, "payload"), "mail");
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		put_back(mail, ids[i], json_object_get(before, ids[i]));
	put_back(json_object_get(mail, "thread"), "answers",
		json_object_get(json_object_get(before, "thread"), "answers"));
	put_back(json_object_get(mail, "bounce"), "of",
		json_object_get(json_object_get(before, "bounce"), "of"));
	json_decref(before);
}

/* What no single member can tell. */
static bool
agrees(struct reading *r)
{
	const struct submission *s = r->out;

	if (s->channel == NULL)
		return fail(r, "channel", "channel is required");
	if (s->held_until_ms != 0 && s->not_before_ms != 0)
		return fail(r, "held_until", "give not_before or held_until, not both");
	if (s->window_ms > 0 && s->not_before_ms == 0)
		return fail(r, "window_ms", "a window needs its beginning: not_before");
	if ((s->deadline_ms != 0) + (s->sla_ms >= 0) + (s->window_ms > 0) > 1)
		return fail(r, "deadline",
			"give one of deadline, sla_ms and window_ms, not several");
	return true;
}

bool
submission_parse(json_t *json, struct submission *out, struct submission_error *error)
{
	struct reading r = {.out = out, .error = error};
	struct text text = {0};
	const char *name;
	json_t *value;

	*out = (struct submission){.points = NAN, .sla_ms = -1};
	if (!json_is_object(json)) {
		fail(&r, "", "a contact is a JSON object with at least a channel");
		goto fail_empty;
	}
	/* Card data is not written anywhere, so it leaves here, before the first write.
	 */
	redact_free_text(json);
	json_object_foreach(json, name, value)
	{
		if (!read_member(&r, name, value))
			goto fail_empty;
	}
	if (!agrees(&r))
		goto fail_empty;
	if (out->source == NULL)
		out->source = xstrdup("api");
	/* Exact: what is read again after a restart is the same number. */
	json_write(&text, json);
	out->text = text_take(&text);
	return true;
fail_empty:
	submission_finish(out);
	return false;
}

void
submission_copy(struct submission *to, const struct submission *from)
{
	char **const owned[] = {&to->channel, &to->source, &to->external_id, &to->queue,
		&to->tier, &to->agent, &to->last_agent, &to->customer, &to->title,
		&to->payload, &to->text};

	*to = *from;
	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		*owned[i] = xstrdup(*owned[i]);
	for (int i = 0; i < from->n_require; i++)
		to->require[i].skill = xstrdup(from->require[i].skill);
	for (int i = 0; i < from->n_attributes; i++)
		attribute_copy(&to->attributes[i], &from->attributes[i]);
}

void
submission_finish(struct submission *s)
{
	char *const owned[] = {s->channel, s->source, s->external_id, s->queue, s->tier,
		s->agent, s->last_agent, s->customer, s->title, s->payload, s->text};

	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		free(owned[i]);
	for (int i = 0; i < s->n_require; i++)
		free(s->require[i].skill);
	for (int i = 0; i < s->n_attributes; i++)
		attribute_finish(&s->attributes[i]);
	memset(s, 0, sizeof *s);
}
