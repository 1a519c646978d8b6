/* base/redact_code.c - verification codes of cards, found by what people call them. */
#include <string.h>
#include <strings.h>

#include "base/redact_inner.h"

#define AFTER_BYTES 32 /* between the name of a code and the code */
#define BEFORE_BYTES 20
#define AFTER_TOKENS 6 /* between a card number and its code: dates, words for them */
#define MARKS_MAX 9    /* bytes of signs between those */
#define WORD_MAX 12    /* bytes of a word between them */
#define BARE_REST 12   /* bytes beside the digits in a message that is a code */

/* What they are called; lower case. most: digits. */
static const struct code_name {
	const char *name;
	int least, most;
} names[] = {
	{"cvv2", 3, 4},
	{"cvv", 3, 4},
	{"cvc2", 3, 4},
	{"cvc", 3, 4},
	{"cvn", 3, 4},
	{"csc", 3, 4},
	{"cid", 3, 4},
	{"cav2", 3, 4},
	{"card code", 3, 4},
	{"security code", 3, 8},
	{"security number", 3, 8},
	{"verification code", 3, 8},
	{"verification number", 3, 8},
	{"verification value", 3, 4},
	{"one-time code", 3, 8},
	{"one time code", 3, 8},
	{"one-time password", 3, 8},
	{"otp", 4, 8},
	{"tan", 6, 6},
	{"pin", 4, 4},
	{"pr\xc3\xbc"
	 "fziffer",
		3, 4},
	{"pr\xc3\xbc"
	 "fnummer",
		3, 4},
	{"kartenpr\xc3\xbc"
	 "fnummer",
		3, 4},
	{"sicherheitscode", 3, 8},
	{"cryptogramme", 3, 4},
	{"code de s\xc3\xa9"
	 "curit\xc3\xa9",
		3, 4},
	{"c\xc3\xb3"
	 "digo de seguridad",
		3, 4},
	{"codice di sicurezza", 3, 4},
};

static bool
is_letter(char c)
{
	return ((c | 32) >= 'a' && (c | 32) <= 'z') || (unsigned char)c >= 0x80;
}

static bool
is_number(char c)
{
	return c >= '0' && c <= '9';
}

/* The name that stands at text[at] as a word of its own; NULL: none. */
static const struct code_name *
name_at(const char *text, size_t n, size_t at)
{
	if (at > 0 && (is_letter(text[at - 1]) || is_number(text[at - 1])))
		return NULL;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t length = strlen(names[i].name);

		if (length <= n - at &&
			strncasecmp(text + at, names[i].name, length) == 0 &&
			(length == n - at || !is_letter(text[at + length])))
			return &names[i];
	}
	return NULL;
}

/* Digits from `at`, blanks or dashes within allowed: how many, and where they end. */
static int
digits_at(const char *text, size_t n, size_t at, size_t *end)
{
	int count = 0;

	while (at < n) {
		struct redact_char c = redact_char_at(text, n, at);

		if (c.digit >= 0) {
			count++;
			*end = at + c.n;
		} else if (count == 0 ||
			   (c.code != ' ' && c.code != '-' && c.code != 0xa0)) {
			break;
		}
		at += c.n;
	}
	return count;
}

static void
cut_code(struct redact_cuts *cuts, size_t from, size_t to)
{
	redact_cuts_add(cuts,
		(struct redact_cut){.from = from, .to = to, .code = true, .ending = -1});
}

/* "cvv is 123", "security code: 1234". */
static bool
find_after(const char *text, size_t n, size_t at, const struct code_name *name,
	struct redact_cuts *cuts)
{
	size_t stop = n - at > AFTER_BYTES ? at + AFTER_BYTES : n, end = 0;
	struct redact_char c;
	int count;

	for (; at < stop; at += c.n) {
		c = redact_char_at(text, n, at);
		if (c.digit < 0)
			continue;
		count = digits_at(text, n, at, &end);
		if (count < name->least || count > name->most ||
			(end < n && is_letter(text[end])))
			return false;
		cut_code(cuts, at, end);
		return true;
	}
	return false;
}

/* "123 is my cvv": only short words between, none of which ends a sentence. */
static bool
find_before(const char *text, size_t at, const struct code_name *name,
	struct redact_cuts *cuts)
{
	size_t stop = at > BEFORE_BYTES ? at - BEFORE_BYTES : 0, end, from;

	for (end = at; end > stop && !is_number(text[end - 1]); end--)
		if (strchr(".!?,;\n", text[end - 1]) != NULL)
			return false;
	for (from = end; from > 0 && is_number(text[from - 1]); from--)
		;
	if ((int)(end - from) < name->least || (int)(end - from) > name->most ||
		end == at ||
		(from > 0 && (is_letter(text[from - 1]) || text[from - 1] == '.')))
		return false;
	cut_code(cuts, from, end);
	return true;
}

void
redact_find_codes(const char *text, size_t n, struct redact_cuts *cuts, bool *asked)
{
	*asked = false;
	for (size_t at = 0; at < n; at++) {
		const struct code_name *name = name_at(text, n, at);
		size_t end;

		if (name == NULL)
			continue;
		end = at + strlen(name->name);
		*asked = !find_after(text, n, end, name, cuts) &&
			 !find_before(text, at, name, cuts);
		at = end - 1;
	}
}

/* "1229", "2029": when a card ends. */
static bool
is_date(const char *s)
{
	int high = (s[0] - '0') * 10 + s[1] - '0', low = (s[2] - '0') * 10 + s[3] - '0';

	return high == 20 || (high >= 1 && high <= 12 && low >= 20 && low < 50);
}

/* Where the next letter or digit stands; n: too far, or nowhere. */
static size_t
next_token(const char *text, size_t n, size_t at)
{
	size_t stop = n - at > MARKS_MAX ? at + MARKS_MAX : n;

	while (at < stop && !is_letter(text[at]) && !is_number(text[at]))
		at++;
	return at < stop ? at : n;
}

void
redact_find_code_after(const char *text, size_t n, size_t at, struct redact_cuts *cuts)
{
	size_t doubtful = n; /* a date, or a code of four digits */

	for (int token = 0; token < AFTER_TOKENS; token++) {
		size_t end = at = next_token(text, n, at);

		while (end < n && is_number(text[end]) && end - at <= 4)
			end++;
		if (end - at == 3 || (end - at == 4 && !is_date(text + at))) {
			cut_code(cuts, at, end);
			return;
		}
		if (end - at == 4 && text[at - 1] != '/')
			doubtful = at;
		if (end == at)
			while (end < n && is_letter(text[end]) && end - at <= WORD_MAX)
				end++;
		else if (end - at > 4)
			break;
		if (end == at || end - at > WORD_MAX)
			break;
		at = end;
	}
	if (doubtful < n)
		cut_code(cuts, doubtful, doubtful + 4);
}

bool
redact_find_bare_code(const char *text, size_t n, struct redact_cuts *cuts)
{
	size_t from = 0, end = 0;
	int count;

	while (from < n && !is_number(text[from]))
		from++;
	count = digits_at(text, n, from, &end);
	if (count < 3 || count > 4 || from + (n - end) > BARE_REST)
		return false;
	cut_code(cuts, from, end);
	return true;
}
