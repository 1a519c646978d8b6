/* base/redact_card.c - characters as people read them, and what numbers cards have. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/redact_inner.h"

#define TAG_MAX 128	 /* bytes of a tag; a longer one is text */
#define REFERENCE_MAX 10 /* bytes of a character reference */

/* ---- characters ---- */

/* Where the decimal digits of a script begin (Unicode, general category Nd). */
static const uint32_t zeros[] = {'0', 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6,
	0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040, 0x17e0, 0x1810,
	0xff10, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6};

static int
digit_of(uint32_t code)
{
	for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
		if (code >= zeros[i] && code < zeros[i] + 10)
			return (int)(code - zeros[i]);
	return -1;
}

/* A comma is not one of them: it divides thousands, and lists. */
static bool
is_joint(uint32_t code)
{
	if (code < 0x80)
		return code != 0 && strchr(" \t\r\n\v\f-._/\\|*>~=", (int)code) != NULL;
	return code == 0xa0 || code == 0xad || code == 0xb7 || code == 0x61c ||
	       code == 0x180e || (code >= 0x2000 && code <= 0x2015) ||
	       (code >= 0x2028 && code <= 0x202f) || code == 0x2022 || code == 0x205f ||
	       (code >= 0x2060 && code <= 0x2064) || code == 0x2212 || code == 0x3000 ||
	       code == 0xfe58 || code == 0xfe63 || code == 0xfeff || code == 0xff0d ||
	       code == 0xff0e || code == 0xff0f;
}

/* Bytes of the UTF-8 sequence; 0: not one. */
static size_t
utf8_at(const unsigned char *s, size_t n, uint32_t *code)
{
	size_t length = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : 4;

	if (length > n || (length == 4 && s[0] >> 3 != 30))
		return 0;
	*code = length == 1 ? s[0] : s[0] & (0xffU >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	return length;
}

/* "&#49;", "&#x31;", "&nbsp;"; 0: not one. */
static size_t
reference_at(const char *s, size_t n, uint32_t *code)
{
	char text[REFERENCE_MAX + 1];
	const char *end = memchr(s, ';', n < REFERENCE_MAX ? n : REFERENCE_MAX);
	char *rest;
	bool hex;

	if (end == NULL || end - s < 3)
		return 0;
	memcpy(text, s, (size_t)(end - s));
	text[end - s] = '\0';
	if (strcmp(text, "&nbsp") == 0 || strcmp(text, "&shy") == 0) {
		*code = 0xa0;
		return (size_t)(end - s) + 1;
	}
	hex = text[2] == 'x' || text[2] == 'X';
	if (text[1] != '#')
		return 0;
	*code = (uint32_t)strtoul(text + 2 + hex, &rest, hex ? 16 : 10);
	return *rest == '\0' && rest > text + 2 + hex ? (size_t)(end - s) + 1 : 0;
}

/* "<b>", "</td>", "<!-- x -->"; 0: not one. A line of a mail that quotes begins with ">".
 */
static size_t
tag_at(const char *s, size_t n)
{
	const char *end;

	if (n < 3 || (!isalpha((unsigned char)s[1]) && s[1] != '/' && s[1] != '!'))
		return 0;
	end = memchr(s, '>', n < TAG_MAX ? n : TAG_MAX);
	return end != NULL ? (size_t)(end - s) + 1 : 0;
}

struct redact_char
redact_char_at(const char *text, size_t n, size_t at)
{
	struct redact_char c = {.digit = -1};
	const char *s = text + at;
	size_t left = n - at;

	/* Nearly all of what is read. */
	if (*s >= '0' && *s <= '9')
		return (struct redact_char){1, (uint32_t)*s, *s - '0', false};
	if ((*s | 32) >= 'a' && (*s | 32) <= 'z')
		return (struct redact_char){1, (uint32_t)*s, -1, false};
	if (*s == '<' && (c.n = tag_at(s, left)) > 0) {
		c.joins = true;
		return c;
	}
	if (*s == '%' && left >= 3 && s[1] == '2' && s[2] == '0') {
		c.n = 3; /* a blank in an address */
		c.code = ' ';
	} else if (*s != '&' || (c.n = reference_at(s, left, &c.code)) == 0) {
		c.n = utf8_at((const unsigned char *)s, left, &c.code);
	}
	if (c.n == 0) {
		c.n = 1;
		return c;
	}
	c.digit = digit_of(c.code);
	c.joins = is_joint(c.code);
	return c;
}

/* ---- card numbers ---- */

/* Ranges of the first six digits, and the lengths that are issued in them (ISO/IEC 7812;
 * the schemes' published ranges). */
static const struct issuer {
	uint32_t from, to;
	int least, most;
} issuers[] = {
	{400000, 499999, 13, 19}, /* Visa */
	{510000, 559999, 16, 16}, /* Mastercard */
	{222100, 272099, 16, 16},
	{340000, 349999, 15, 15}, /* American Express */
	{370000, 379999, 15, 15},
	{300000, 305999, 14, 19}, /* Diners Club */
	{309500, 309599, 14, 19},
	{360000, 369999, 14, 19},
	{380000, 399999, 14, 19},
	{352800, 358999, 16, 19}, /* JCB */
	{601100, 601199, 16, 19}, /* Discover */
	{644000, 659999, 16, 19},
	{620000, 629999, 16, 19}, /* UnionPay */
	{810000, 829999, 16, 19}, /* UnionPay, RuPay */
	{600000, 601099, 16, 19},
	{220000, 220499, 16, 19}, /* Mir */
	{979200, 979299, 16, 16}, /* Troy */
	{500000, 509999, 13, 19}, /* Maestro, Elo, Verve */
	{560000, 589999, 13, 19},
	{630000, 639999, 13, 19},
	{660000, 699999, 13, 19},
	{501800, 501899, 12, 12},
	{502000, 502099, 12, 12},
	{503800, 503899, 12, 12},
	{675900, 675999, 12, 12},
	{676100, 676399, 12, 12},
};

static bool
luhn(const uint8_t *digit, int n)
{
	int sum = 0;

	for (int i = 0; i < n; i++) {
		int d = digit[n - 1 - i];

		if (i % 2 == 1)
			d = d > 4 ? 2 * d - 9 : 2 * d;
		sum += d;
	}
	return sum % 10 == 0;
}

/* Visa numbers have 13, 16 or 19 digits, none between. */
static bool
length_is_issued(const struct issuer *issuer, int n)
{
	if (issuer->from == 400000)
		return n == 13 || n == 16 || n == 19;
	return n >= issuer->least && n <= issuer->most;
}

bool
redact_is_card(const uint8_t *digit, int n)
{
	uint32_t first = 0;

	if (n < 12)
		return false;
	for (int i = 0; i < 6; i++)
		first = first * 10 + digit[i];
	for (size_t i = 0; i < sizeof issuers / sizeof *issuers; i++)
		if (first >= issuers[i].from && first <= issuers[i].to &&
			length_is_issued(&issuers[i], n))
			return luhn(digit, n);
	return false;
}
