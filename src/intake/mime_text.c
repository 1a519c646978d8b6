/* intake/mime_text.c - charsets and control characters. */
#include "intake/mime_text.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define CHARSET_NAME_MAX 40

/* Bytes of the UTF-8 character at s (n > 0 there), *c its number; 0: it is none. */
static size_t
utf8_at(const unsigned char *s, size_t n, uint32_t *c)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = s[0] < 0x80   ? 1
		      : s[0] < 0xc2 ? 0
		      : s[0] < 0xe0 ? 2
		      : s[0] < 0xf0 ? 3
		      : s[0] < 0xf5 ? 4
				    : 0;

	if (size == 0 || size > n)
		return 0;
	*c = size == 1 ? s[0] : s[0] & (0xffu >> (size + 1));
	for (size_t i = 1; i < size; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s[i] & 0x3f);
	}
	if (*c < least[size] || (*c >= 0xd800 && *c < 0xe000) || *c > 0x10ffff)
		return 0;
	return size;
}

static bool
is_utf8(const char *s, size_t n)
{
	uint32_t c;

	for (size_t i = 0, size; i < n; i += size) {
		size = utf8_at((const unsigned char *)s + i, n - i, &c);
		if (size == 0)
			return false;
	}
	return true;
}

/* What iconv is asked for; NULL: judge by the bytes. */
static const char *
iconv_name(const char *charset, char room[CHARSET_NAME_MAX + 1])
{
	static const struct {
		const char *said, *meant;
	} known[] = {{"iso-8859-1", "windows-1252"}, {"latin1", "windows-1252"},
		{"iso8859-1", "windows-1252"}, {"cp1252", "windows-1252"},
		{"iso-8859-9", "windows-1254"}, {"gb2312", "gb18030"}, {"gbk", "gb18030"},
		{"ks_c_5601-1987", "cp949"}, {"euc-kr", "cp949"}, {"x-sjis", "cp932"},
		{"shift_jis", "cp932"}, {"shift-jis", "cp932"}, {"big5", "big5-hkscs"},
		{"tis-620", "cp874"}, {"unicode-1-1-utf-8", "utf-8"},
		{"iso-8859-8-i", "iso-8859-8"}, {"utf8", "utf-8"}};
	size_t n = charset != NULL ? strlen(charset) : 0;

	/* UTF-7 hides what it says from everybody who looks before it is decoded. */
	if (n == 0 || n > CHARSET_NAME_MAX || strncasecmp(charset, "utf-7", 5) == 0 ||
		strncasecmp(charset, "utf7", 4) == 0 ||
		strncasecmp(charset, "unicode-1-1-utf-7", 17) == 0 ||
		strspn(charset, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789._:+-") != n ||
		strcasecmp(charset, "us-ascii") == 0 || strcasecmp(charset, "ascii") == 0)
		return NULL;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcasecmp(known[i].said, charset) == 0)
			return known[i].meant;
	memcpy(room, charset, n + 1);
	return room;
}

/* False: iconv does not know the charset; nothing was added. */
static bool
convert(struct text *out, const char *name, const char *data, size_t n)
{
	iconv_t cd = iconv_open("UTF-8", name);
	char *in = (char *)(uintptr_t)data, piece[4096];

	if (cd == (iconv_t)-1)
		return false;
	while (n > 0) {
		char *to = piece;
		size_t room = sizeof piece;
		size_t done = iconv(cd, &in, &n, &to, &room);

		text_add_n(out, piece, (size_t)(to - piece));
		if (done != (size_t)-1 || (errno == E2BIG && to != piece))
			continue;
		text_add(out, REPLACEMENT);
		in++;
		n--;
		iconv(cd, NULL, NULL, NULL, NULL);
	}
	iconv_close(cd);
	return true;
}

void
mime_decode(struct text *out, const char *charset, const char *data, size_t n)
{
	char room[CHARSET_NAME_MAX + 1];
	const char *name = iconv_name(charset, room);

	bool said_utf8 = name != NULL && strcasecmp(name, "utf-8") == 0;

	text_add_n(out, "", 0); /* never NULL */
	if (name != NULL && !said_utf8 && convert(out, name, data, n))
		return;
	if (said_utf8 || is_utf8(data, n) || !convert(out, "windows-1252", data, n))
		text_add_n(out, data, n);
}

/* ---- cleaning ---- */

static bool
turns_direction(uint32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0x200e || c == 0x200f || c == 0x061c;
}

/* Adds one character, or leaves it out. */
static void
add_clean(struct text *out, const char *s, size_t size, uint32_t c, bool line)
{
	if (c == 0x2028 || c == 0x2029 || c == '\n')
		text_add(out, line ? " " : "\n");
	else if (c == '\t')
		text_add(out, line ? " " : "\t");
	else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfeff ||
		 (line && turns_direction(c)) || (c & 0xfffe) == 0xfffe ||
		 (c >= 0xfdd0 && c <= 0xfdef))
		return;
	else
		text_add_n(out, s, size);
}

static bool
clean(struct text *out, const char *s, size_t n, size_t most, bool line)
{
	size_t before = out->n;
	uint32_t c;

	text_add_n(out, "", 0);
	for (size_t i = 0, size; i < n; i += size) {
		size = utf8_at((const unsigned char *)s + i, n - i, &c);
		if (out->n - before + 4 > most)
			return false;
		if (size == 0) {
			text_add(out, REPLACEMENT);
			size = 1;
		} else if (c == '\r') {
			/* CRLF is one line end, and so is CR alone. */
			if (i + 1 >= n || s[i + 1] != '\n')
				add_clean(out, "\n", 1, '\n', line);
		} else {
			add_clean(out, s + i, size, c, line);
		}
	}
	return true;
}

bool
mime_clean(struct text *out, const char *s, size_t n, size_t most)
{
	return clean(out, s, n, most, false);
}

char *
mime_clean_line(const char *s, size_t most)
{
	struct text t = {0};
	size_t from = 0;
	char *line;

	(void)clean(&t, s, strlen(s), most + 4, true);
	while (t.n > 0 && t.s[t.n - 1] == ' ')
		t.s[--t.n] = '\0';
	while (t.s[from] == ' ')
		from++;
	line = xstrdup(t.s + from);
	text_finish(&t);
	return line;
}

/* ---- format=flowed ---- */

void
mime_unflow(struct text *out, const char *s, bool del_space)
{
	int open_depth = -1; /* of a line that goes on; -1: none does */

	text_add_n(out, "", 0);
	while (*s != '\0') {
		size_t n = strcspn(s, "\n"), depth = strspn(s, ">");
		const char *line = s + depth;
		size_t n_line = n - (depth < n ? depth : n);
		bool signature, flowed;

		if (n_line > 0 && line[0] == ' ') { /* space stuffing */
			line++;
			n_line--;
		}
		signature = n_line == 3 && memcmp(line, "-- ", 3) == 0;
		flowed = !signature && n_line > 0 && line[n_line - 1] == ' ';
		if (open_depth != (int)depth || signature) {
			if (open_depth >= 0)
				text_add(out, "\n");
			for (size_t i = 0; i < depth; i++)
				text_add(out, ">");
			if (depth > 0)
				text_add(out, " ");
		}
		text_add_n(out, line, n_line - (flowed && del_space));
		open_depth = flowed ? (int)depth : -1;
		if (!flowed)
			text_add(out, "\n");
		s += n + (s[n] == '\n');
	}
	if (open_depth >= 0)
		text_add(out, "\n");
}
