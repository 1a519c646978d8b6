/* base/redact.c - card data leaves a text; see redact.h. */
#include "base/redact.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/redact_inner.h"

#define PASSES_MAX 4   /* over what was redacted once */
#define JOINTS_MAX 8   /* characters between two groups of a number */
#define GROUPS_MAX 256 /* looked at at once; no number has more than 19 */
#define LEAD_MAX                                                                         \
	24	     /* bytes before the digits of a message that goes on with a number  \
		      */
#define REST_MAX 8   /* bytes behind the digits of a message that breaks off */
#define AGE_MAX 3    /* messages without digits over which a number is joined */
#define HEX_LEAST 24 /* characters of a hexadecimal number that is no card number */
#define UUID_LENGTH 36
#define COUNTED_MAX 3 /* digits of a number that somebody counts */

struct group {
	size_t from, to; /* bytes; both 0: of an earlier message */
	int n; /* digits; 0: more than a card number has, or marked as something else */
	uint8_t digit[REDACT_DIGITS_MAX];
	bool telephone; /* "+" stands before it */
};

struct scan {
	const char *text;
	size_t n;
	struct redact_cuts *cuts;
	struct redact_found *found;
	int n_groups;
	int n_earlier; /* of them are of earlier messages, the first ones */
	struct group group[GROUPS_MAX];
};

void
redact_cuts_add(struct redact_cuts *cuts, struct redact_cut cut)
{
	if (cuts->n == cuts->room) {
		cuts->room = cuts->room > 0 ? 2 * cuts->room : 8;
		cuts->cut = xreallocarray(cuts->cut, cuts->room, sizeof *cuts->cut);
	}
	cuts->cut[cuts->n++] = cut;
}

/* ---- numbers that are no card numbers ---- */

static bool
is_hex(char c)
{
	return isxdigit((unsigned char)c) != 0;
}

/* "41111111-1111-4111-8111-111111111111" at text[at]. */
static bool
is_uuid(const char *text, size_t n, size_t at)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (n - at < UUID_LENGTH ||
		(at > 0 && (is_hex(text[at - 1]) || text[at - 1] == '-')))
		return false;
	for (size_t i = 0; i < UUID_LENGTH; i++)
		if (form[i] == 'x' ? !is_hex(text[at + i]) : text[at + i] != '-')
			return false;
	return at + UUID_LENGTH == n || !is_hex(text[at + UUID_LENGTH]);
}

/* "0x4111...", or within a long hexadecimal number that has letters. */
static bool
is_in_hex(const char *text, size_t n, const struct group *g)
{
	size_t from = g->from, to = g->to;
	bool letters = false;

	if (from >= 2 && (text[from - 1] | 32) == 'x' && text[from - 2] == '0')
		return true;
	while (from > 0 && g->from - from < HEX_LEAST && is_hex(text[from - 1]))
		letters = isalpha((unsigned char)text[--from]) || letters;
	while (to < n && to - g->to < HEX_LEAST && is_hex(text[to]))
		letters = isalpha((unsigned char)text[to++]) || letters;
	return letters && to - from >= HEX_LEAST;
}

/* ---- candidates ---- */

/* "5", "6", ... "13": each group is one more, or one less, than the one before. A card
 * number is not typed so: digit by digit it would have to count beyond 9, and the groups
 * that are printed on it have four digits and more. Of all card numbers there are, 52 can
 * be read as such a count. */
static bool
counts(const struct scan *s, int first, int last)
{
	int before = 0, step = 0;

	for (int j = first; j <= last; j++) {
		const struct group *g = &s->group[j];
		int value = 0;

		if (g->n > COUNTED_MAX)
			return false;
		for (int k = 0; k < g->n; k++)
			value = 10 * value + g->digit[k];
		if (j == first + 1)
			step = value - before;
		if (j > first && (abs(step) != 1 || value != before + step))
			return false;
		before = value;
	}
	return last > first;
}

/* The last group of the longest card number that begins with group i; -1: none. *several:
 * shorter ones would be card numbers too. */
static int
longest_card(const struct scan *s, int i, bool *several)
{
	uint8_t digit[REDACT_DIGITS_MAX];
	int n = 0, last = -1;

	*several = false;
	for (int j = i; j < s->n_groups; j++) {
		const struct group *g = &s->group[j];

		if (g->n == 0 || n + g->n > REDACT_DIGITS_MAX)
			break;
		memcpy(digit + n, g->digit, (size_t)g->n);
		n += g->n;
		if ((s->group[i].telephone && n <= 15) || !redact_is_card(digit, n) ||
			counts(s, i, j))
			continue;
		*several = last >= 0;
		last = j;
	}
	return last;
}

static int
ending_of(const struct scan *s, int last)
{
	int value = 0, unit = 1;

	for (int j = last, left = 4; left > 0 && j >= 0; j--)
		for (int k = s->group[j].n - 1; k >= 0 && left > 0; k--, left--) {
			value += unit * s->group[j].digit[k];
			unit *= 10;
		}
	return value;
}

static void
cut_card(struct scan *s, int first, int last, bool several)
{
	int earlier = 0;

	for (int i = first; i < s->n_earlier; i++)
		earlier += s->group[i].n;
	if (last < s->n_earlier)
		return; /* what came earlier was looked at then */
	if (first < s->n_earlier)
		first = s->n_earlier;
	redact_cuts_add(s->cuts,
		(struct redact_cut){.from = s->group[first].from,
			.to = s->group[last].to,
			.ending = several || earlier > 0 ? -1 : ending_of(s, last)});
	redact_find_code_after(s->text, s->n, s->group[last].to, s->cuts);
	if (earlier > s->found->earlier_digits)
		s->found->earlier_digits = earlier;
	s->found->cards++;
}

/* Looks at candidates that begin in the first `n` groups. Returns how many were looked
 * at, which is more when a number reaches beyond. */
static int
search(struct scan *s, int n)
{
	int i = 0;

	while (i < n) {
		bool several;
		int last = longest_card(s, i, &several);

		if (last >= 0)
			cut_card(s, i, last, several);
		i = last >= s->n_earlier ? last + 1 : i + 1;
	}
	return i;
}

/* The number ends here, for whatever reason. */
static void
end_run(struct scan *s)
{
	search(s, s->n_groups);
	s->n_groups = s->n_earlier = 0;
}

static struct group *
new_group(struct scan *s, size_t from)
{
	if (s->n_groups == GROUPS_MAX) {
		int gone = search(s, GROUPS_MAX - REDACT_DIGITS_MAX);

		s->n_groups -= gone;
		memmove(s->group, s->group + gone,
			(size_t)s->n_groups * sizeof *s->group);
		s->n_earlier = 0;
	}
	s->group[s->n_groups] = (struct group){
		.from = from, .telephone = from > 0 && s->text[from - 1] == '+'};
	return &s->group[s->n_groups++];
}

/* Digits that stand together, from `at`; returns where they end. */
static size_t
read_group(struct scan *s, size_t at)
{
	struct group *g = new_group(s, at);
	int n = 0;

	while (at < s->n) {
		struct redact_char c = redact_char_at(s->text, s->n, at);

		if (c.digit < 0)
			break;
		if (n < REDACT_DIGITS_MAX)
			g->digit[n] = (uint8_t)c.digit;
		n++;
		at += c.n;
	}
	g->to = at;
	g->n = n > REDACT_DIGITS_MAX || is_in_hex(s->text, s->n, g) ? 0 : n;
	return at;
}

/* Whether the group that begins at `at` goes on with the number before it. Up to a few
 * words may stand before the rest of a number that an earlier message began. */
static bool
goes_on(const struct scan *s, size_t at, bool broken, int joints)
{
	if (s->n_groups > 0 && s->n_groups == s->n_earlier)
		return at <= LEAD_MAX;
	return !broken && joints <= JOINTS_MAX;
}

/* All of the text; the groups of its last run stay. Returns the bytes behind them. */
static size_t
scan_text(struct scan *s)
{
	bool broken = false;
	int joints = 0;
	size_t at = 0, end = 0;

	while (at < s->n) {
		struct redact_char c = redact_char_at(s->text, s->n, at);

		if (is_hex(s->text[at]) && is_uuid(s->text, s->n, at)) {
			end_run(s);
			at = end = at + UUID_LENGTH;
			broken = true;
		} else if (c.digit >= 0) {
			if (!goes_on(s, at, broken, joints))
				end_run(s);
			at = end = read_group(s, at);
			broken = false;
			joints = 0;
		} else {
			at += c.n;
			joints++;
			broken = broken || !c.joins;
		}
	}
	return s->n - end;
}

/* ---- over the joins of messages ---- */

static void
take_tail(struct scan *s, const struct redact_tail *tail)
{
	for (int i = 0; i < tail->n; i++) {
		struct group *g = &s->group[s->n_groups++];

		*g = (struct group){.n = tail->group[i].n};
		memcpy(g->digit, tail->group[i].digit, sizeof g->digit);
	}
	s->n_earlier = s->n_groups;
}

/* The groups that may be the beginning of a number which the next message ends. */
static void
leave_tail(const struct scan *s, struct redact_tail *tail, size_t rest, bool had_digits)
{
	int digits = 0, first = s->n_groups;

	if (!had_digits && tail->n > 0 && tail->age < AGE_MAX) {
		tail->age++;
		return;
	}
	*tail = (struct redact_tail){0};
	if (rest > REST_MAX)
		return;
	while (first > 0 && s->group[first - 1].n > 0 &&
		digits + s->group[first - 1].n < REDACT_DIGITS_MAX &&
		s->n_groups - first < REDACT_DIGITS_MAX)
		digits += s->group[--first].n;
	for (; first < s->n_groups; first++) {
		tail->group[tail->n].n = (uint8_t)s->group[first].n;
		memcpy(tail->group[tail->n++].digit, s->group[first].digit,
			sizeof s->group[first].digit);
	}
}

/* ---- the copy ---- */

static int
by_place(const void *a, const void *b)
{
	const struct redact_cut *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to > y->to ? -1 : x->to < y->to;
}

static void
write_copy(const char *text, size_t n, struct redact_cuts *cuts, struct text *out)
{
	size_t at = 0;

	if (cuts->n > 0)
		qsort(cuts->cut, cuts->n, sizeof *cuts->cut, by_place);
	for (size_t i = 0; i < cuts->n; i++) {
		const struct redact_cut *c = &cuts->cut[i];

		if (c->from < at) {
			/* It overlaps what was taken out: its end goes too. */
			at = c->to > at ? c->to : at;
			continue;
		}
		text_add_n(out, text + at, c->from - at);
		if (c->code)
			text_add(out, "[code removed]");
		else if (c->ending >= 0)
			text_addf(out, "[card number ending %04d]", c->ending);
		else
			text_add(out, "[card number removed]");
		at = c->to;
	}
	text_add_n(out, text + at, n - at);
}

static bool
has_digits(const char *text, size_t n)
{
	for (size_t at = 0; at < n;) {
		struct redact_char c = redact_char_at(text, n, at);

		if (c.digit >= 0)
			return true;
		at += c.n;
	}
	return false;
}

static bool
redact(struct redact_join *join, int side, const char *text, size_t n, struct text *out,
	struct redact_found *found)
{
	struct redact_cuts cuts = {0};
	struct redact_found mine = {0};
	struct scan s; /* not zeroed: most of it is room for groups */
	bool digits = has_digits(text, n), was_asked = join != NULL && join->code_asked;
	bool asked;
	size_t rest = n;

	s.text = text;
	s.n = n;
	s.cuts = &cuts;
	s.found = &mine;
	s.n_groups = s.n_earlier = 0;
	if (digits && join != NULL)
		take_tail(&s, &join->side[side]);
	if (digits)
		rest = scan_text(&s);
	search(&s, s.n_groups);
	if (join != NULL)
		leave_tail(&s, &join->side[side], rest, digits);
	redact_find_codes(text, n, &cuts, &asked);
	if (was_asked && redact_find_bare_code(text, n, &cuts))
		was_asked = false;
	else if (was_asked && !digits)
		asked = true; /* "just a moment" is no answer yet */
	if (join != NULL)
		join->code_asked = asked;
	mine.codes = (int)cuts.n - mine.cards;
	write_copy(text, n, &cuts, out);
	free(cuts.cut);
	if (found != NULL) {
		found->cards += mine.cards;
		found->codes += mine.codes;
		found->earlier_digits = mine.earlier_digits;
	}
	return mine.cards + mine.codes > 0;
}

bool
redact_text(const char *text, size_t n, struct text *out, struct redact_found *found)
{
	return redact(NULL, 0, text, n, out, found);
}

bool
redact_message(struct redact_join *join, int side, const char *text, size_t n,
	struct text *out, struct redact_found *found)
{
	return redact(join, side, text, n, out, found);
}

int
redact_ending(const char *text, size_t n, int digits, struct text *out)
{
	int all = 0, seen = 0;

	for (size_t at = 0; at < n;) {
		struct redact_char c = redact_char_at(text, n, at);

		all += c.digit >= 0;
		at += c.n;
	}
	for (size_t at = 0; at < n;) {
		struct redact_char c = redact_char_at(text, n, at);

		if (c.digit >= 0 && seen++ >= all - digits)
			text_add_n(out, "*", 1);
		else
			text_add_n(out, text + at, c.n);
		at += c.n;
	}
	return all < digits ? all : digits;
}

/* ---- JSON ---- */

/* Whether one of eight bytes may be (of) a digit: "0" to "9", "&", or not ASCII. */
static bool
may_have_digit(const char *text)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t word, from_0, to_9, entity;

	memcpy(&word, text, 8);
	/* Of ASCII alone no byte carries into the next one; entity may say too much. */
	from_0 = word + ones * (0x80 - '0');
	to_9 = ones * (0x80 + '9') - word;
	entity = word ^ ones * '&';
	return ((word | (from_0 & to_9) | ((entity - ones) & ~entity)) & high) != 0;
}

/* Three characters that may be digits: fewer are neither a number nor a code. Most texts
 * of a contact are done with that. */
static bool
may_have_numbers(const char *text, size_t n)
{
	int digits = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c;

		/* Letters and blanks are most of it. */
		while (i + 8 <= n && !may_have_digit(text + i))
			i += 8;
		if (i == n)
			break;
		c = (unsigned char)text[i];
		if (c < 0x80 && (c > '9' || c < '&'))
			continue;
		digits += c >= '0' || c == '&';
		if (digits == 3)
			return true;
	}
	return false;
}

/* What a mark leaves beside it may look like a number or a code in its turn: until there
 * is nothing more, and the text would be kept as it is if it came again. */
static void
redact_rest(struct text *out, struct redact_found *found)
{
	for (int pass = 0; pass < PASSES_MAX; pass++) {
		struct text next = {0};

		if (!redact_text(out->s, out->n, &next, found)) {
			text_finish(&next);
			return;
		}
		text_finish(out);
		*out = next;
	}
}

/* The copy of a text or integer in *value without card data; NULL: it has none. */
static json_t *
redacted_scalar(const json_t *value, struct redact_found *found)
{
	struct text out = {0};
	char number[24];
	json_t *copy = NULL;
	const char *text = json_string_value(value);
	size_t n = text != NULL ? json_string_length(value) : 0;

	if (json_is_integer(value)) {
		n = (size_t)snprintf(number, sizeof number, "%lld",
			(long long)json_integer_value(value));
		text = number;
	}
	if (text != NULL && may_have_numbers(text, n) &&
		redact_text(text, n, &out, found)) {
		redact_rest(&out, found);
		copy = json_stringn(out.s, out.n);
	}
	text_finish(&out);
	return copy;
}

bool
redact_json(json_t *value, struct redact_found *found)
{
	bool any = false;
	const char *name;
	json_t *member;
	void *next;
	size_t i;

	if (json_is_array(value)) {
		json_array_foreach(value, i, member)
		{
			json_t *copy = redacted_scalar(member, found);

			if (copy != NULL)
				json_array_set_new(value, i, copy);
			any = copy != NULL || redact_json(member, found) || any;
		}
	}
	json_object_foreach_safe(value, next, name, member)
	{
		json_t *copy = redacted_scalar(member, found);

		if (copy != NULL)
			json_object_set_new_nocheck(value, name, copy);
		any = copy != NULL || redact_json(member, found) || any;
	}
	return any;
}

bool
redact_member(json_t *object, const char *name, struct redact_found *found)
{
	json_t *value = json_object_get(object, name);
	json_t *copy = value != NULL ? redacted_scalar(value, found) : NULL;

	if (copy != NULL)
		json_object_set_new(object, name, copy);
	return copy != NULL || (value != NULL && redact_json(value, found));
}
