/* intake/mime_report.c - reading delivery reports. */
#include "intake/mime_report.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "intake/mime_text.h"

#define VALUE_MAX 500 /* bytes of a field that are kept */

/* The value of a field with its folded lines, within [s, end). */
static char *
value_at(const char *s, const char *end)
{
	char raw[VALUE_MAX + 1];
	size_t n = 0;

	while (s < end && n < VALUE_MAX) {
		if (*s == '\n' && (s + 1 == end || (s[1] != ' ' && s[1] != '\t')))
			break;
		/* Folded lines are one, with one blank between. */
		if (strchr(" \t\r\n", *s) == NULL)
			raw[n++] = *s;
		else if (n > 0 && raw[n - 1] != ' ')
			raw[n++] = ' ';
		s++;
	}
	raw[n] = '\0';
	return mime_clean_line(raw, VALUE_MAX);
}

/* What follows the type in "rfc822; z@x.example". */
static void
take_typed(char **to, const char *value)
{
	const char *semicolon = strchr(value, ';');
	const char *text = semicolon != NULL ? semicolon + 1 : value;

	if (*to != NULL)
		return;
	text += strspn(text, " <");
	if (*text == '\0')
		return;
	*to = xstrdup(text);
	if (strlen(*to) > 0 && (*to)[strlen(*to) - 1] == '>')
		(*to)[strlen(*to) - 1] = '\0';
}

static void
take_id(char **to, const char *value)
{
	const char *from = strchr(value, '<');
	size_t n;

	if (*to != NULL)
		return;
	from = from != NULL ? from + 1 : value + strspn(value, " ");
	n = strcspn(from, "> ");
	if (n > 0 && n <= MAIL_MESSAGE_ID_MAX)
		*to = xstrndup(from, n);
}

static void
take_status(char **to, const char *value)
{
	size_t n;

	value += strspn(value, " ");
	n = strspn(value, "0123456789.");
	if (*to == NULL && n >= 5 && n <= 12)
		*to = xstrndup(value, n);
}

static bool
is_field(const char *line, const char *end, const char *name, const char **value)
{
	size_t n = strlen(name);

	if ((size_t)(end - line) <= n || strncasecmp(line, name, n) != 0 ||
		line[n] != ':')
		return false;
	*value = line + n + 1;
	return true;
}

static void
read_line(struct mail_bounce *out, const char *line, const char *end, bool head)
{
	const char *at = NULL;
	char *value;

	if (head) {
		if (is_field(line, end, "message-id", &at)) {
			value = value_at(at, end);
			take_id(&out->of, value);
			free(value);
		}
		return;
	}
	if (is_field(line, end, "final-recipient", &at) ||
		is_field(line, end, "original-recipient", &at)) {
		value = value_at(at, end);
		take_typed(&out->recipient, value);
		free(value);
	} else if (is_field(line, end, "status", &at)) {
		value = value_at(at, end);
		take_status(&out->status, value);
		free(value);
	} else if (is_field(line, end, "diagnostic-code", &at)) {
		value = value_at(at, end);
		take_typed(&out->said, value);
		free(value);
	}
}

void
report_read(struct mail_bounce *out, const char *text, size_t n, bool head)
{
	const char *end = text + n;

	for (const char *line = text; line < end;) {
		const char *lf = memchr(line, '\n', (size_t)(end - line));

		if (head && (*line == '\n' || (*line == '\r' && line + 1 == lf)))
			return; /* the head is over */
		read_line(out, line, end, head);
		line = lf != NULL ? lf + 1 : end;
	}
}

void
report_guess(struct mail_bounce *out, const char *text)
{
	const char *line = text;

	while (line != NULL && out->of == NULL) {
		const char *s = line + strspn(line, "> \t");
		const char *at;

		if (is_field(s, s + strlen(s), "message-id", &at)) {
			char *value = value_at(at, at + strlen(at));

			take_id(&out->of, value);
			free(value);
		}
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
}
