/* base/text.c - growing text, ids, name checks. */
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDF_GUESS 80  /* bytes that a formatted piece rarely exceeds */
#define TEXT_FIRST 256 /* bytes; most texts here are records of about that */

void
text_grow(struct text *t, size_t more)
{
	size_t room = t->room != 0 ? t->room : TEXT_FIRST;

	if (t->n + more + 1 <= t->room)
		return;
	while (room < t->n + more + 1)
		room *= 2;
	t->s = xreallocarray(t->s, room, 1);
	t->room = room;
}

void
text_addf(struct text *t, const char *format, ...)
{
	va_list args, again;
	int n;

	text_grow(t, ADDF_GUESS);
	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(t->s + t->n, t->room - t->n, format, args);
	va_end(args);
	if (n > 0 && (size_t)n >= t->room - t->n) {
		text_grow(t, (size_t)n);
		vsnprintf(t->s + t->n, (size_t)n + 1, format, again);
	}
	if (n > 0)
		t->n += (size_t)n;
	va_end(again);
}

/* How many decimal digits the number has. */
static unsigned
digits_of(uint64_t number)
{
	static const uint64_t powers[] = {0, 10, 100, 1000, 10000, 100000, 1000000,
		10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
		10000000000000, 100000000000000, 1000000000000000, 10000000000000000,
		100000000000000000, 1000000000000000000, 10000000000000000000u};
	/* 1233 / 4096 is a little less than log10(2): one digit more, or not. */
	unsigned n = (64 - (unsigned)__builtin_clzll(number | 1)) * 1233 >> 12;

	return n + (number >= powers[n]);
}

void
text_add_int(struct text *t, int64_t value)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	unsigned n = digits_of(rest);
	char *to;

	if (t->n + n + 2 > t->room)
		text_grow(t, n + 1);
	to = t->s + t->n;
	if (value < 0)
		*to++ = '-';
	to += n;
	*to = '\0';
	t->n = (size_t)(to - t->s);
	for (; n >= 2; n -= 2, rest /= 100) {
		to -= 2;
		memcpy(to, pairs + rest % 100 * 2, 2);
	}
	if (n > 0)
		*--to = (char)('0' + rest);
}

void
text_add_number(struct text *t, double value)
{
	double size = value < 0 ? -value : value,
	       whole = (double)(int64_t)(size < 1e15 ? size : 0);
	int64_t rest;
	char digits[12];
	int n = size < 1000 ? 12 : 9;
	double unit = n == 12 ? 1e12 : 1e9;

	if (size >= 1e15 || (size > 0 && size < 1e-6)) {
		text_addf(t, "%.17g", value);
		return;
	}
	rest = (int64_t)((size - whole) * unit + 0.5);
	if (rest == (int64_t)unit) {
		rest = 0;
		whole += 1;
	}
	if (value < 0)
		text_add_n(t, "-", 1);
	text_add_int(t, (int64_t)whole);
	if (rest == 0)
		return;
	for (int i = n - 1; i >= 0; i--, rest /= 10)
		digits[i] = (char)('0' + rest % 10);
	while (digits[n - 1] == '0')
		n--;
	text_add_n(t, ".", 1);
	text_add_n(t, digits, (size_t)n);
}

uint32_t
text_digest(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return h;
}

void
text_clear(struct text *t)
{
	t->n = 0;
	if (t->s != NULL)
		t->s[0] = '\0';
}

void
text_finish(struct text *t)
{
	free(t->s);
	*t = (struct text){0};
}

char *
text_take(struct text *t)
{
	char *s = t->s != NULL ? t->s : xstrdup("");

	*t = (struct text){0};
	return s;
}

bool
id_is_valid(const char *s)
{
	size_t n = 0;

	for (; s[n] != '\0'; n++) {
		char c = s[n];
		bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			  (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';

		if (!ok || n >= ID_MAX)
			return false;
	}
	return n > 0;
}

bool
id_numbered(char out[ID_MAX + 1], const char *form, int64_t number)
{
	const char *mark = strstr(form, "%d");
	char text[256];

	if (mark == NULL)
		snprintf(text, sizeof text, "%.200s", form);
	else
		snprintf(text, sizeof text, "%.*s%" PRId64 "%.100s", (int)(mark - form),
			form, number, mark + 2);
	if (strlen(text) > ID_MAX || !id_is_valid(text))
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static const char base32[] = "0123456789abcdefghjkmnpqrstvwxyz";

void
number_id_format(char out[NUMBER_ID_TEXT], char letter, uint64_t number)
{
	out[0] = letter;
	for (int i = 12; i >= 1; i--) {
		out[i] = base32[number & 31];
		number >>= 5;
	}
	out[13] = '\0';
}

bool
number_id_parse(const char *s, char letter, uint64_t *number)
{
	uint64_t value = 0;

	if (s[0] != letter || strlen(s) != 13)
		return false;
	for (int i = 1; i < 13; i++) {
		const char *digit = strchr(base32, s[i]);

		if (digit == NULL)
			return false;
		value = value << 5 | (uint64_t)(digit - base32);
	}
	*number = value;
	return value != 0;
}

int
text_distance(const char *a, const char *b)
{
	enum {
		MOST = 32,
		FAR = 99
	};
	int row[3][MOST + 1];
	int na = (int)strlen(a), nb = (int)strlen(b);

	if (na > MOST || nb > MOST)
		return FAR;
	for (int j = 0; j <= nb; j++)
		row[0][j] = j;
	for (int i = 1; i <= na; i++) {
		int *cur = row[i % 3], *prev = row[(i + 2) % 3],
		    *prev2 = row[(i + 1) % 3];

		cur[0] = i;
		for (int j = 1; j <= nb; j++) {
			int best = prev[j - 1] + (a[i - 1] != b[j - 1]);

			if (prev[j] + 1 < best)
				best = prev[j] + 1;
			if (cur[j - 1] + 1 < best)
				best = cur[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				a[i - 2] == b[j - 1] && prev2[j - 2] + 1 < best)
				best = prev2[j - 2] + 1;
			cur[j] = best;
		}
	}
	return row[na % 3][nb];
}
