/* base/subject.c - see subject.h. */
#include "base/subject.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/moment.h"
#include "base/text.h"

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

size_t
subject_sort(uint64_t *contacts, size_t n)
{
	size_t kept = 0;

	if (n > 0)
		qsort(contacts, n, sizeof contacts[0], by_number);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || contacts[kept - 1] != contacts[i])
			contacts[kept++] = contacts[i];
	return kept;
}

size_t
subject_behind(const struct subject *s, uint64_t contact)
{
	size_t from = 0, to = s->n_contacts;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (s->contacts[middle] <= contact)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

bool
subject_has_contact(const struct subject *s, uint64_t contact)
{
	size_t behind = subject_behind(s, contact);

	return behind > 0 && s->contacts[behind - 1] == contact;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "+44 1632 960-001" and "+441632960001" are one number. */
static bool
same_phone(const char *a, const char *b)
{
	if (*a != '+' || *b != '+')
		return strcmp(a, b) == 0;
	for (;;) {
		while (*a != '\0' && !is_digit(*a))
			a++;
		while (*b != '\0' && !is_digit(*b))
			b++;
		if (*a != *b)
			return false;
		if (*a == '\0')
			return true;
		a++;
		b++;
	}
}

bool
subject_is_known_by(const struct subject *s, const char *kind, const char *value)
{
	if (value == NULL)
		return false;
	for (size_t i = 0; i < s->n_identities; i++) {
		const struct subject_identity *known = &s->identities[i];

		if (strcmp(known->kind, kind) != 0)
			continue;
		if (strcmp(kind, "email") == 0 ? strcasecmp(known->value, value) == 0
			: strcmp(kind, "phone") == 0 ? same_phone(known->value, value)
						     : strcmp(known->value, value) == 0)
			return true;
	}
	return false;
}

/* ---- what is told of him ---- */

void
subject_add(struct subject_page *page, json_t *record)
{
	page->used += json_dumpb(record, NULL, 0, JSON_COMPACT);
	json_array_append_new(page->records, record);
}

/* Bytes of the text that begins here and end with a whole character, SUBJECT_PIECE at
 * most. */
static size_t
piece_of(const char *text)
{
	size_t n = strlen(text);

	if (n <= SUBJECT_PIECE)
		return n;
	for (n = SUBJECT_PIECE; ((unsigned char)text[n] & 0xc0) == 0x80;)
		n--;
	return n;
}

static void
add_piece(struct subject_page *page, const json_t *record, unsigned number,
	const char *text, size_t n)
{
	json_t *piece = json_pack("{s:s, s:O, s:i, s:s%}", "kind", "piece", "of",
		json_object_get(record, "kind"), "n", (int)number, "text", text, n);

	if (json_object_get(record, "contact") != NULL)
		json_object_set(piece, "contact", json_object_get(record, "contact"));
	if (text[n] == '\0')
		json_object_set_new(piece, "last", json_true());
	subject_add(page, piece);
}

bool
subject_add_long(struct subject_page *page, json_t *record, unsigned *pieces)
{
	char *json;
	const char *at;
	unsigned told = *pieces;
	bool all;

	*pieces = 0;
	if (json_dumpb(record, NULL, 0, JSON_COMPACT) <= SUBJECT_RECORD_MAX) {
		subject_add(page, record);
		return true;
	}
	/* The same each time that it is read. */
	json = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
	at = json;
	for (unsigned i = 0; *at != '\0' && !subject_is_full(page); i++) {
		size_t n = piece_of(at);

		if (i >= told)
			add_piece(page, record, told++, at, n);
		at += n;
	}
	all = *at == '\0';
	*pieces = all ? 0 : told;
	json_decref(record);
	free(json);
	return all;
}

bool
subject_is_full(const struct subject_page *page)
{
	return page->used >= page->room;
}

void
subject_set_moment(json_t *record, const char *name, int64_t ms)
{
	char text[MOMENT_TEXT];

	if (ms == 0)
		return;
	moment_format(text, ms);
	json_object_set_new(record, name, json_string(text));
}

json_t *
subject_record(const char *kind, uint64_t contact)
{
	json_t *record = json_pack("{s:s}", "kind", kind);
	char id[NUMBER_ID_TEXT];

	if (contact != 0) {
		number_id_format(id, 'c', contact);
		json_object_set_new(record, "contact", json_string(id));
	}
	return record;
}
