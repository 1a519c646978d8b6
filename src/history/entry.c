/* history/entry.c - reads entries of the event stream; see entry.h. */
#include "history/entry.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define SEQUENCE_BITS 36
#define EPOCH_MAX ((1 << 24) - 1)

/* ---- ids ---- */

void
entry_id(char out[ENTRY_ID_MAX], uint64_t op)
{
	snprintf(out, ENTRY_ID_MAX, "%" PRIu64 "-%" PRIu64, op >> SEQUENCE_BITS,
		op & ((UINT64_C(1) << SEQUENCE_BITS) - 1));
}

bool
entry_op(const char *id, uint64_t *op)
{
	char *rest;
	unsigned long long epoch = strtoull(id, &rest, 10), sequence;

	if (rest == id || *rest != '-' || epoch > EPOCH_MAX)
		return false;
	id = rest + 1;
	sequence = strtoull(id, &rest, 10);
	if (rest == id || *rest != '\0' || sequence >> SEQUENCE_BITS != 0)
		return false;
	*op = (uint64_t)epoch << SEQUENCE_BITS | sequence;
	return true;
}

/* ---- name=value ---- */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next pair, decoded where it stands. False: the end. */
static bool
next_pair(char **at, const char **name, const char **value)
{
	char *from, *to;

	while (**at == ' ')
		++*at;
	if (**at == '\0')
		return false;
	*name = *at;
	while (**at != '\0' && **at != '=' && **at != ' ')
		++*at;
	*value = "";
	if (**at != '=') {
		if (**at != '\0')
			*(*at)++ = '\0';
		return true;
	}
	*(*at)++ = '\0';
	*value = to = from = *at;
	while (*from != '\0' && *from != ' ') {
		if (from[0] == '%' && hex(from[1]) >= 0 && hex(from[2]) >= 0) {
			*to++ = (char)(hex(from[1]) << 4 | hex(from[2]));
			from += 3;
		} else {
			*to++ = *from++;
		}
	}
	*at = *from == '\0' ? from : from + 1;
	*to = '\0';
	return true;
}

char *
entry_value(const char *record, const char *name)
{
	char *copy = xstrdup(record), *at = copy, *found = NULL;
	const char *one, *value;

	while (found == NULL && at != NULL && next_pair(&at, &one, &value))
		if (strcmp(one, name) == 0)
			found = xstrdup(value);
	free(copy);
	return found;
}

/* ---- events ---- */

static bool
kind_of(const char *name, enum event_kind *kind)
{
	for (int i = 0; i < EVENT_KINDS; i++)
		if (strcmp(event_name[i], name) == 0) {
			*kind = (enum event_kind)i;
			return true;
		}
	return false;
}

static const char **
text_field(struct entry_event *e, const char *name)
{
	struct {
		const char *name;
		const char **to;
	} const fields[] = {{"a", &e->agent}, {"q", &e->queue}, {"ch", &e->channel},
		{"ti", &e->tier}, {"reason", &e->reason}, {"st", &e->state},
		{"src", &e->source}, {"dn", &e->dnis}};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].to;
	return NULL;
}

static int64_t *
number_field(struct entry_event *e, const char *name)
{
	struct {
		const char *name;
		int64_t *to;
	} const fields[] = {{"at", &e->at_ms}, {"pa", &e->party}, {"t0", &e->t0_ms},
		{"sd", &e->sl_due_ms}, {"waited_ms", &e->waited_ms},
		{"handled_ms", &e->handled_ms}, {"ivr_ms", &e->ivr_ms},
		{"queue_ms", &e->queue_ms}, {"ring_ms", &e->ring_ms},
		{"talk_ms", &e->talk_ms}, {"hold_ms", &e->hold_ms}, {"v", &e->version},
		{"al", &e->alarm}, {"rd", &e->resolve_due_ms}};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].to;
	return NULL;
}

static void
take_pair(struct entry_event *e, const char *name, const char *value)
{
	const char **text = text_field(e, name);
	int64_t *number = text == NULL ? number_field(e, name) : NULL;

	if (text != NULL)
		*text = value;
	else if (number != NULL)
		*number = strtoll(value, NULL, 10);
	else if (strcmp(name, "c") == 0 && !number_id_parse(value, 'c', &e->contact))
		e->contact = 0;
	else if (strcmp(name, "o") == 0 && !number_id_parse(value, 'o', &e->offer))
		e->offer = 0;
	else if (strcmp(name, "amount") == 0)
		e->amount = strtod(value, NULL);
	else if (strcmp(name, "satisfaction") == 0)
		e->satisfaction = strtod(value, NULL);
	else if (strcmp(name, "val") == 0)
		e->value = strtod(value, NULL);
	else if (strcmp(name, "lim") == 0)
		e->limit = strtod(value, NULL);
	else if (strcmp(name, "drain") == 0)
		e->drains = true;
}

static void
read_events(struct entry *entry)
{
	struct entry_event *e = NULL;
	char *at = entry->text;
	const char *name, *value;
	enum event_kind kind;
	int sub = -1, room = 0;

	while (next_pair(&at, &name, &value)) {
		if (strcmp(name, "e") != 0) {
			if (e != NULL)
				take_pair(e, name, value);
			continue;
		}
		e = NULL;
		if (++sub >= ENTRY_EVENTS_MAX || !kind_of(value, &kind))
			continue; /* of a later version: its names are passed over */
		if (entry->n == room) {
			room = room > 0 ? 2 * room : 2;
			entry->event = xreallocarray(
				entry->event, (size_t)room, sizeof *entry->event);
		}
		e = &entry->event[entry->n++];
		*e = (struct entry_event){.kind = kind,
			.sub = sub,
			.waited_ms = -1,
			.handled_ms = -1,
			.ivr_ms = -1,
			.queue_ms = -1,
			.ring_ms = -1,
			.talk_ms = -1,
			.hold_ms = -1,
			.amount = NAN,
			.satisfaction = NAN,
			.value = NAN,
			.limit = NAN};
	}
}

bool
entry_read(struct entry *entry, const char *id, const char *text)
{
	*entry = (struct entry){0};
	if (!entry_op(id, &entry->op))
		return false;
	if (text != NULL) {
		entry->text = xstrdup(text);
		read_events(entry);
	}
	return true;
}

void
entry_finish(struct entry *entry)
{
	free(entry->text);
	free(entry->event);
	*entry = (struct entry){0};
}
