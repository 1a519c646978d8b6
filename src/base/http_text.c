/* base/http_text.c - paths, queries and lists as they stand in a head. Pure. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/http_parse.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Length of the UTF-8 character at s, 0 when it is none (overlong, surrogate, cut). */
static size_t
utf8_length(const unsigned char *s, size_t n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = s[0] < 0x80		? 1
			: (s[0] & 0xe0) == 0xc0 ? 2
			: (s[0] & 0xf0) == 0xe0 ? 3
			: (s[0] & 0xf8) == 0xf0 ? 4
						: 0;
	uint32_t code;

	if (length <= 1 || length > n)
		return length == 1 ? 1 : 0;
	code = s[0] & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return length;
}

static bool
is_clean_utf8(const char *s, size_t n)
{
	for (size_t i = 0, length; i < n; i += length) {
		unsigned char c = (unsigned char)s[i];

		length = utf8_length((const unsigned char *)s + i, n - i);
		if (length == 0 || c < 0x20 || c == 0x7f)
			return false;
	}
	return true;
}

/* Undoes %XX; refuses malformed ones, and with `path` hidden slashes. */
static char *
decode(const char *s, size_t n, bool path)
{
	char *out = xmalloc(n + 1);
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		int high, low;

		if (s[i] == '+' && !path) {
			out[to++] = ' ';
			continue;
		}
		if (s[i] != '%') {
			out[to++] = s[i];
			continue;
		}
		high = i + 2 < n ? hex_digit(s[i + 1]) : -1;
		low = i + 2 < n ? hex_digit(s[i + 2]) : -1;
		if (high < 0 || low < 0)
			goto fail;
		out[to] = (char)(high * 16 + low);
		if (path && (out[to] == '/' || out[to] == '\\'))
			goto fail;
		to++;
		i += 2;
	}
	if (!is_clean_utf8(out, to))
		goto fail;
	out[to] = '\0';
	return out;
fail:
	free(out);
	return NULL;
}

static bool
has_dot_segment(const char *path)
{
	for (const char *at = path; at != NULL && *at != '\0'; at = strchr(at + 1, '/')) {
		size_t n = strcspn(at + 1, "/");

		if ((n == 1 && at[1] == '.') || (n == 2 && at[1] == '.' && at[2] == '.'))
			return true;
	}
	return false;
}

char *
http_path_decode(const char *path, size_t n)
{
	char *out;

	if (n == 0 || path[0] != '/' || memchr(path, '\\', n) != NULL ||
		memchr(path, '#', n) != NULL)
		return NULL;
	out = decode(path, n, true);
	if (out != NULL && has_dot_segment(out)) {
		free(out);
		return NULL;
	}
	return out;
}

char *
http_query_decode(const char *value, size_t n)
{
	return decode(value, n, false);
}

bool
http_list_has(const char *list, const char *token)
{
	size_t n_token = strlen(token);

	while (*list != '\0') {
		size_t n;

		list += strspn(list, ", \t");
		n = strcspn(list, ",");
		while (n > 0 && (list[n - 1] == ' ' || list[n - 1] == '\t'))
			n--;
		if (n == n_token && strncasecmp(list, token, n) == 0)
			return true;
		list += strcspn(list, ",");
	}
	return false;
}
