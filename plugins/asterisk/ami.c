/* plugins/asterisk/ami.c - bytes to messages.
 *
 *   greeting line -> [line ... empty line -> message]*
 *   a wrong line: the rest up to the empty line is skipped, the message refused */
#include "ami.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Who a message is about is said in one way. A second one would be smuggled in by a line
 * end within a value, such as a caller's name. */
static const char *const once[] = {
	"Event",
	"Response",
	"ActionID",
	"Timestamp",
	"Channel",
	"Uniqueid",
	"Linkedid",
	"DestChannel",
	"DestUniqueid",
	"BridgeUniqueid",
	"DialStatus",
	"UserEvent",
};

#define ONCE (sizeof(once) / sizeof(once[0]))

void *
ami_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL) {
		fputs("asterisk: out of memory\n", stderr);
		abort();
	}
	return p;
}

/* ---- a message ---- */

const char *
ami_key(const struct ami_message *m, int i)
{
	return m->bytes + m->header[i].key;
}

const char *
ami_value(const struct ami_message *m, int i)
{
	return m->bytes + m->header[i].value;
}

const char *
ami_get(const struct ami_message *m, const char *key)
{
	for (int i = 0; i < m->n; i++)
		if (strcasecmp(ami_key(m, i), key) == 0)
			return ami_value(m, i);
	return NULL;
}

/* ---- the reader ---- */

void
ami_reader_init(struct ami_reader *r)
{
	*r = (struct ami_reader){0};
}

static void
begin_message(struct ami_reader *r)
{
	r->n = r->line = 0;
	r->n_headers = 0;
	r->wrong = NULL;
}

void
ami_reader_restart(struct ami_reader *r)
{
	begin_message(r);
	r->greeted = false;
}

void
ami_reader_finish(struct ami_reader *r)
{
	free(r->bytes);
	ami_reader_init(r);
}

/* Room for one byte more, within AMI_MESSAGE_MAX. */
static bool
make_room(struct ami_reader *r)
{
	size_t room = r->room > 0 ? r->room * 2 : 1024;
	char *bytes;

	if (r->n < r->room)
		return true;
	if (room > AMI_MESSAGE_MAX)
		return false;
	bytes = ami_alloc(room, 1);
	if (r->n > 0)
		memcpy(bytes, r->bytes, r->n);
	free(r->bytes);
	r->bytes = bytes;
	r->room = room;
	return true;
}

/* Saying the same twice does no harm: a dialplan may add what the switch adds too. */
static bool
contradicts_itself(const struct ami_message *m)
{
	const char *seen[ONCE] = {NULL};

	for (int i = 0; i < m->n; i++) {
		const char *key = ami_key(m, i), *value = ami_value(m, i);

		for (size_t k = 0; k < ONCE; k++) {
			/* Most differ in the first letter. */
			if (((key[0] ^ once[k][0]) & 0x5f) != 0 ||
				strcasecmp(key, once[k]) != 0)
				continue;
			if (seen[k] != NULL && strcmp(seen[k], value) != 0)
				return true;
			seen[k] = value;
		}
	}
	return false;
}

static void
end_message(struct ami_reader *r, void (*got)(void *context, const struct ami_message *m),
	void *context)
{
	struct ami_message m = {r->bytes, r->header, r->n_headers};

	if (r->wrong == NULL && m.n > 0 && contradicts_itself(&m))
		r->wrong = "it says in two ways what it is about";
	if (r->wrong != NULL) {
		r->refused++;
		r->problem = r->wrong;
	} else if (m.n > 0) {
		r->messages++;
		got(context, &m);
	}
	begin_message(r);
}

/* A whole line lies from r->line to r->n, without its end; cuts it into key and value. */
static void
take_line(struct ami_reader *r)
{
	char *colon;

	if (r->wrong == NULL && r->n - r->line > AMI_LINE_MAX)
		r->wrong = "a line has more than 8 KiB";
	if (r->wrong == NULL && r->n_headers == AMI_HEADERS_MAX)
		r->wrong = "it has more than 256 headers";
	if (r->wrong == NULL && !make_room(r))
		r->wrong = "it has more than 256 KiB";
	if (r->wrong != NULL) {
		r->n = r->line;
		return;
	}
	colon = memchr(r->bytes + r->line, ':', r->n - r->line);
	r->bytes[r->n++] = '\0';
	if (colon == NULL || colon == r->bytes + r->line) {
		r->wrong = "a line is not \"Key: value\"";
		r->n = r->line;
		return;
	}
	*colon = '\0';
	r->header[r->n_headers++] = (struct ami_header){
		.key = (uint32_t)r->line,
		.value = (uint32_t)(colon + 1 + (colon[1] == ' ') - r->bytes),
	};
}

static bool
take_greeting(struct ami_reader *r)
{
	size_t n = r->n - r->line;

	if (r->wrong != NULL || n < strlen(AMI_GREETING) ||
		memcmp(r->bytes + r->line, AMI_GREETING, strlen(AMI_GREETING)) != 0)
		return false;
	r->greeted = true;
	begin_message(r);
	return true;
}

static bool
end_line(struct ami_reader *r, bool *is_empty)
{
	if (r->n > r->line && r->bytes[r->n - 1] == '\r')
		r->n--;
	*is_empty = false;
	if (!r->greeted)
		return take_greeting(r);
	/* An empty line ends a refused message too; one that was cut away is not empty.
	 */
	if (r->n == r->line)
		*is_empty = true;
	else
		take_line(r);
	r->line = r->n;
	return true;
}

/* One byte of a line. What is beyond a bound is not kept, but remembered. */
static void
take_byte(struct ami_reader *r, char byte)
{
	const char *wrong = NULL;

	if (byte == '\0')
		wrong = "a line holds a NUL";
	/* One byte more than the longest line: a CR may follow it. */
	if (r->n - r->line > AMI_LINE_MAX) {
		wrong = "a line has more than 8 KiB";
		r->n--;
	} else if (!make_room(r)) {
		wrong = "it has more than 256 KiB";
		r->n = r->line = 0;
		r->n_headers = 0;
		r->cut = true; /* even if nothing of this line is left, it is not empty */
	}
	if (r->wrong == NULL)
		r->wrong = wrong;
	r->bytes[r->n++] = byte;
}

bool
ami_reader_feed(struct ami_reader *r, const char *bytes, size_t n,
	void (*got)(void *context, const struct ami_message *m), void *context)
{
	for (size_t i = 0; i < n; i++) {
		bool is_empty;

		if (bytes[i] != '\n') {
			take_byte(r, bytes[i]);
			continue;
		}
		if (!end_line(r, &is_empty))
			return false;
		if (is_empty)
			end_message(r, got, context);
	}
	return true;
}

/* ---- values ---- */

int64_t
ami_time_us(const char *text)
{
	int64_t s = 0, us = 0;
	int digits = 0;

	if (text == NULL)
		return 0;
	for (; *text >= '0' && *text <= '9' && digits < 12; digits++)
		s = s * 10 + (*text++ - '0');
	if (digits == 0 || s > INT64_C(253402300799))
		return 0;
	if (*text == '.')
		text++;
	digits = 0;
	for (; *text >= '0' && *text <= '9' && digits < 6; digits++)
		us = us * 10 + (*text++ - '0');
	for (; digits < 6; digits++)
		us *= 10;
	return *text == '\0' ? s * 1000000 + us : 0;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
ami_uri_decode(char *text)
{
	char *to = text;

	for (const char *s = text; *s != '\0'; s++)
		if (*s == '%' && (hex(s[1]) < 0 || hex(s[2]) < 0 ||
					 (hex(s[1]) == 0 && hex(s[2]) == 0)))
			return false;
	for (const char *s = text; *s != '\0'; s++) {
		if (*s == '%') {
			*to++ = (char)(hex(s[1]) * 16 + hex(s[2]));
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
	return true;
}
