/* base/mailer_check.c - what may leave as mail (RELIABILITY S17). Pure. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mail.h"

#define LOCAL_MAX 64 /* bytes before the @ (RFC 5321, 4.5.3.1.1) */
#define LABEL_MAX 63 /* bytes between the dots of a domain */

static bool
is_atom_byte(unsigned char c)
{
	return isalnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Atoms with single dots between them. */
static bool
is_dot_atom(const char *s, size_t n)
{
	bool after_dot = true;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.') {
			if (after_dot)
				return false;
			after_dot = true;
		} else if (is_atom_byte((unsigned char)s[i]))
			after_dot = false;
		else
			return false;
	}
	return n > 0 && !after_dot;
}

/* "any text": printable ASCII, quotes and backslashes only after a backslash. */
static bool
is_quoted(const char *s, size_t n)
{
	if (n < 3 || s[0] != '"' || s[n - 1] != '"')
		return false;
	for (size_t i = 1; i + 1 < n; i++) {
		if (s[i] < 0x20 || s[i] > 0x7e || s[i] == '"')
			return false;
		if (s[i] == '\\' && (++i + 1 >= n || s[i] < 0x20 || s[i] > 0x7e))
			return false;
	}
	return true;
}

/* Labels of letters, digits and inner hyphens; or [127.0.0.1], [IPv6:::1]. */
static bool
is_domain(const char *s, size_t n)
{
	size_t label = 0;

	if (n > 2 && s[0] == '[' && s[n - 1] == ']') {
		for (size_t i = 1; i + 1 < n; i++)
			if (!isalnum((unsigned char)s[i]) && s[i] != '.' && s[i] != ':')
				return false;
		return true;
	}
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.') {
			if (label == 0 || s[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!isalnum((unsigned char)s[i]) && (s[i] != '-' || label == 0))
			return false;
		if (++label > LABEL_MAX)
			return false;
	}
	return label > 0 && s[n - 1] != '-';
}

bool
mailer_address_valid(const char *address)
{
	const char *at;
	size_t n, local;

	if (address == NULL)
		return false;
	n = strnlen(address, MAILER_ADDRESS_MAX + 1);
	at = n > 0 && n <= MAILER_ADDRESS_MAX ? strrchr(address, '@') : NULL;
	if (at == NULL || address[0] == '-')
		return false;
	local = (size_t)(at - address);
	if (local == 0 || local > LOCAL_MAX)
		return false;
	if (!is_dot_atom(address, local) && !is_quoted(address, local))
		return false;
	return is_domain(at + 1, n - local - 1);
}

/* ---- text ---- */

/* The next character of UTF-8; *length bytes of it. 0xffffffff: broken, of one byte. */
static uint32_t
next_character(const char *s, size_t *length)
{
	const unsigned char *u = (const unsigned char *)s;
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = u[0] < 0x80 ? 1 : u[0] >> 5 == 6 ? 2 : u[0] >> 4 == 14 ? 3 : 4;
	uint32_t c = n == 1 ? u[0] : u[0] & (0xffu >> (n + 1));

	*length = 1;
	if (n == 4 && u[0] >> 3 != 30)
		return UINT32_MAX;
	for (size_t i = 1; i < n; i++) {
		if (u[i] >> 6 != 2)
			return UINT32_MAX;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return UINT32_MAX;
	*length = n;
	return c;
}

static bool
may_stand(uint32_t c)
{
	if (c == UINT32_MAX || c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	/* Line ends of Unicode, and marks that turn the direction of what follows. */
	return !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) &&
	       c != 0x200e && c != 0x200f && c != 0x061c;
}

bool
mailer_text_valid(const char *text)
{
	size_t length;

	for (; *text != '\0'; text += length)
		if (!may_stand(next_character(text, &length)))
			return false;
	return true;
}

void
mailer_text_clean(const char *text, char *out, size_t room)
{
	size_t length, n = 0;

	for (; text != NULL && *text != '\0'; text += length) {
		bool fine = may_stand(next_character(text, &length));
		size_t wanted = fine ? length : 1;

		if (n + wanted >= room)
			break;
		if (fine)
			memcpy(out + n, text, length);
		else
			out[n] = ' ';
		n += wanted;
	}
	out[n] = '\0';
}

/* ---- a message ---- */

static bool
is_field(const char *line, size_t n, const char *name)
{
	size_t length = strlen(name);

	return n > length && line[length] == ':' && strncasecmp(line, name, length) == 0;
}

/* `Name:` of printable characters without colon or blank. */
static bool
begins_field(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (line[i] == ':')
			return i > 0;
		if (line[i] <= ' ' || line[i] > '~')
			return false;
	}
	return false;
}

const char *
mailer_check(const char *text, size_t n)
{
	bool header = true, from = false, id = false, first = true;

	if (n == 0 || n > MAILER_BYTES_MAX)
		return n == 0 ? "The message is empty." : "The message is too large.";
	if (memchr(text, '\0', n) != NULL)
		return "The message holds a NUL.";
	for (size_t i = 0, end; i < n; i = end) {
		size_t length = 0;

		while (i + length < n && text[i + length] != '\n' &&
			text[i + length] != '\r')
			length++;
		end = i + length;
		if (end < n)
			end += text[end] == '\r' && end + 1 < n && text[end + 1] == '\n'
				       ? 2
				       : 1;
		if (length > MAILER_LINE_MAX)
			return "A line of the message is too long.";
		if (!header)
			continue;
		if (i > MAILER_HEADER_MAX)
			return "The message's header is too large.";
		if (length == 0) {
			header = false;
			continue;
		}
		if (text[i] == ' ' || text[i] == '\t') {
			if (first)
				return "The message begins with a continued line.";
			continue;
		}
		if (!begins_field(text + i, length))
			return "A line of the message's header is no field.";
		first = false;
		if (is_field(text + i, length, "From"))
			from = true;
		if (is_field(text + i, length, "Message-ID"))
			id = true;
		if (is_field(text + i, length, "Bcc"))
			return "The message's header names hidden recipients.";
	}
	if (header)
		return "The message has no end of its header.";
	if (!from)
		return "The message has no From.";
	return id ? NULL : "The message has no Message-ID.";
}

char *
mailer_with_crlf(const char *text, size_t n, size_t *length)
{
	char *out = xmalloc(2 * n + 3);
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] != '\r' && text[i] != '\n') {
			out[k++] = text[i];
			continue;
		}
		if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n')
			i++;
		out[k++] = '\r';
		out[k++] = '\n';
	}
	if (k < 2 || out[k - 1] != '\n') {
		out[k++] = '\r';
		out[k++] = '\n';
	}
	out[k] = '\0';
	*length = k;
	return out;
}
