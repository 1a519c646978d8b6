/*
 * plugins/asterisk/out.c - see out.h.
 *
 * Nothing of a value from outside may end a line: a CR or LF in one would be a header, or
 * an action, of somebody else's (CTI 3.1, 13). Such an action is not sent at all.
 */
#include "out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
out_put(struct out *o, const char *key, const char *value)
{
	size_t k = strlen(key), v = strlen(value);

	if (strpbrk(value, "\r\n") != NULL)
		o->wrong = "a value holds a line end";
	else if (k + v + 4 > ACTION_LINE_MAX)
		o->wrong = "a value is longer than a line of the switch";
	else if (o->n + k + v + 6 > sizeof(o->bytes))
		o->wrong = "the action is too long";
	if (o->wrong != NULL)
		return;
	o->n += (size_t)snprintf(
		o->bytes + o->n, sizeof(o->bytes) - o->n, "%s: %s\r\n", key, value);
}

void
out_begin(struct out *o, const char *name, const char *id)
{
	out_put(o, "Action", name);
	out_put(o, "ActionID", id);
}

void
out_end(struct out *o)
{
	if (o->wrong == NULL) {
		o->bytes[o->n++] = '\r';
		o->bytes[o->n++] = '\n';
	}
}

void
out_set(struct out *o, const char *channel, const char *variable, const char *value)
{
	out_begin(o, "Setvar", ACTION_QUIET);
	out_put(o, "Channel", channel);
	out_put(o, "Variable", variable);
	out_put(o, "Value", value);
	out_end(o);
}

void
out_set_int(struct out *o, const char *channel, const char *variable, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	out_set(o, channel, variable, text);
}

void
out_flush(struct link *l, const struct out *o)
{
	if (l->sink->send != NULL && o->wrong == NULL)
		l->sink->send(l->sink->context, o->bytes, o->n);
}
