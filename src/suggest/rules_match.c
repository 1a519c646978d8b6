/* suggest/rules_match.c - rules compiled for one language, and a mail held to them. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "suggest/automaton.h"
#include "suggest/rules_inner.h"
#include "suggest/stem.h"

#define SYMBOLS_MAX                                                                      \
	(8 * MAIL_WORDS_MAX) /* of one mail: its dense words count by letters */
#define PLACES_MAX 8192	     /* of phrases in one mail; further ones are left out */
#define FIELD_GAP (RULE_WITHIN_MAX + 1) /* no two fields are near each other */

/* A list of a rule as phrases of the automaton; -1: one without a word, never found. */
struct compiled_list {
	int *phrase; /* owned */
	int n;
};

struct compiled_rule {
	const struct kept_rule *rule; /* borrowed */
	struct compiled_list list[RULE_LISTS];
};

/* Where a phrase stands: from its first to its last symbol. */
struct place {
	int from, to;
	uint16_t word;
	uint16_t next; /* of the same phrase; 0: none */
	uint8_t field;
};

/* The places of one phrase, in the order of the walk; 0: none. */
struct found {
	uint16_t first, last; /* in the matcher's places, from 1 on */
};

struct rule_matcher {
	struct words_reader *reader; /* owned */
	struct stemmer *stemmer;     /* owned */
	struct automaton *automaton; /* owned */
	struct map symbols; /* words of phrases by their stem; the value is a number */
	uint32_t n_symbols;
	struct compiled_rule *rule; /* owned */
	int n;
	struct found *found; /* owned; of each phrase in the mail at hand */
	struct place *place; /* owned; PLACES_MAX of them, from 1 on */
	int *touched;	     /* owned; phrases that were found */
	int n_places, n_touched;
};

/* ---- words as symbols ---- */

struct symbol {
	const char *text; /* not terminated */
	size_t n;
	const char *type; /* "<number>" and the like; NULL: none */
	uint16_t word;
	uint8_t field;
};

struct symbols {
	struct symbol list[SYMBOLS_MAX];
	int n;
};

static size_t
character(const char *s, size_t n)
{
	size_t bytes = 1;

	while (bytes < n && ((unsigned char)s[bytes] & 0xc0) == 0x80)
		bytes++;
	return bytes;
}

/* One symbol a word, or one a character of dense words; all but the stem. */
static void
put_word(struct symbols *out, const struct words *words, int i)
{
	const struct word *w = &words->word[i];
	struct symbol one = {.word = (uint16_t)i, .field = w->field};
	const char *text = word_text(words, i);

	if (w->kind != WORD_LETTERS)
		one.type = word_type(words, i);
	for (size_t at = 0; at < w->n && out->n < SYMBOLS_MAX; at += one.n) {
		one.text = text + at;
		one.n = w->dense ? character(one.text, w->n - at) : w->n;
		out->list[out->n++] = one;
	}
}

/* The number of a symbol's text; with add it is made, else 0: no phrase has it. */
static uint32_t
number_of(struct rule_matcher *m, const char *text, size_t n, bool add)
{
	char name[WORD_BYTES_MAX + 1];
	uintptr_t number;

	if (n > WORD_BYTES_MAX)
		n = WORD_BYTES_MAX;
	memcpy(name, text, n);
	name[n] = '\0';
	number = (uintptr_t)map_get(&m->symbols, name);
	if (number == 0 && add) {
		number = ++m->n_symbols;
		map_put(&m->symbols, name, (void *)number);
	}
	return (uint32_t)number;
}

static uint32_t
stemmed_number(struct rule_matcher *m, const struct symbol *s, bool add)
{
	size_t n = s->n;
	const char *text = s->type == NULL ? stem(m->stemmer, s->text, &n) : s->text;

	return number_of(m, text, n, add);
}

/* ---- compiling ---- */

static const char *
type_of_phrase_word(const char *s, size_t n)
{
	static const char *const types[] = {"<number>", "<address>", "<link>"};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strlen(types[i]) == n && strncmp(s, types[i], n) == 0)
			return types[i];
	return NULL;
}

/* Adds what stands between two blanks of a phrase. */
static int
add_chunk(struct rule_matcher *m, enum word_field field, const char *s, size_t n,
	uint32_t *symbol, int n_symbols)
{
	const char *type = type_of_phrase_word(s, n);
	struct symbols symbols;
	struct words words = {0};

	if (type != NULL) {
		if (n_symbols < PHRASE_WORDS_MAX)
			symbol[n_symbols++] = number_of(m, type, n, true);
		return n_symbols;
	}
	symbols.n = 0;
	words_add(m->reader, &words, field, s, n);
	for (int i = 0; i < words.n; i++)
		put_word(&symbols, &words, i);
	for (int i = 0; i < symbols.n && n_symbols < PHRASE_WORDS_MAX; i++)
		symbol[n_symbols++] =
			symbols.list[i].type != NULL &&
					words.word[symbols.list[i].word].kind !=
						WORD_NUMBER
				? number_of(m, symbols.list[i].type,
					  strlen(symbols.list[i].type), true)
				: stemmed_number(m, &symbols.list[i], true);
	words_finish(&words);
	return n_symbols;
}

static int
compile_phrase(struct rule_matcher *m, const char *phrase, unsigned fields)
{
	enum word_field field = fields == 1u << FIELD_SENDER ? FIELD_SENDER : FIELD_BODY;
	uint32_t symbol[PHRASE_WORDS_MAX];
	int n = 0;

	while (*phrase != '\0') {
		size_t blank = strspn(phrase, " \t"), bytes;

		phrase += blank;
		bytes = strcspn(phrase, " \t");
		n = add_chunk(m, field, phrase, bytes, symbol, n);
		phrase += bytes;
	}
	return n > 0 ? automaton_add(m->automaton, symbol, n) : -1;
}

static struct compiled_list
compile_list(struct rule_matcher *m, const struct kept_list *list, unsigned fields)
{
	struct compiled_list c = {
		.n = list->n, .phrase = xcalloc((size_t)list->n + 1, sizeof(int))};

	for (int i = 0; i < list->n; i++)
		c.phrase[i] = compile_phrase(m, list->phrase[i], fields);
	return c;
}

/* Is lang one of the list with commas? "de" holds for "de-AT", too. */
static bool
holds_for(const char *list, const char *lang)
{
	while (list != NULL && *list != '\0') {
		size_t n;

		list += strspn(list, ", ");
		n = strcspn(list, ", ");
		if (n > 0 && strncmp(list, lang, n) == 0 &&
			(lang[n] == '\0' || lang[n] == '-'))
			return true;
		list += n;
	}
	return list == NULL;
}

struct rule_matcher *
rule_matcher_create(const struct rules *rules, const char *lang)
{
	struct rule_matcher *m = xcalloc(1, sizeof *m);

	m->reader = words_reader_create(lang);
	if (m->reader == NULL) {
		free(m);
		return NULL;
	}
	m->stemmer = stemmer_create(lang);
	m->automaton = automaton_create();
	m->rule = xcalloc((size_t)rules->n + 1, sizeof *m->rule);
	for (int i = 0; i < rules->n; i++) {
		const struct kept_rule *r = &rules->list[i];
		struct compiled_rule *c = &m->rule[m->n];

		if (!holds_for(r->lang, lang != NULL ? lang : ""))
			continue;
		c->rule = r;
		for (int k = 0; k < RULE_LISTS; k++)
			c->list[k] = compile_list(m, &r->list[k], r->fields);
		m->n++;
	}
	automaton_build(m->automaton);
	m->found = xcalloc((size_t)automaton_phrases(m->automaton) + 1, sizeof *m->found);
	m->place = xcalloc(PLACES_MAX + 1, sizeof *m->place);
	m->touched =
		xcalloc((size_t)automaton_phrases(m->automaton) + 1, sizeof *m->touched);
	return m;
}

void
rule_matcher_destroy(struct rule_matcher *m)
{
	if (m == NULL)
		return;
	for (int i = 0; i < m->n; i++)
		for (int k = 0; k < RULE_LISTS; k++)
			free(m->rule[i].list[k].phrase);
	free(m->rule);
	free(m->found);
	free(m->place);
	free(m->touched);
	map_finish(&m->symbols);
	automaton_destroy(m->automaton);
	stemmer_destroy(m->stemmer);
	words_reader_destroy(m->reader);
	free(m);
}

/* ---- finding ---- */

static void
keep_place(struct rule_matcher *m, int phrase, struct place place)
{
	struct found *f = &m->found[phrase];

	if (m->n_places == PLACES_MAX)
		return;
	m->place[++m->n_places] = place;
	if (f->first == 0) {
		m->touched[m->n_touched++] = phrase;
		f->first = (uint16_t)m->n_places;
	} else {
		m->place[f->last].next = (uint16_t)m->n_places;
	}
	f->last = (uint16_t)m->n_places;
}

/* Walks over the mail once; by_type: typed words stand for their type, not for what they
 * say. */
static void
walk(struct rule_matcher *m, const struct symbols *symbols, bool by_type)
{
	uint32_t state = AUTOMATON_START;
	int gap = 0;

	for (int i = 0; i < symbols->n; i++) {
		const struct symbol *s = &symbols->list[i];
		uint32_t at,
			number = by_type && s->type != NULL
					 ? number_of(m, s->type, strlen(s->type), false)
					 : stemmed_number(m, s, false);

		if (i > 0 && s->field != symbols->list[i - 1].field) {
			state = AUTOMATON_START;
			gap += FIELD_GAP;
		}
		state = at = automaton_step(m->automaton, state, number);
		for (int p = automaton_next(m->automaton, &at, -1); p >= 0;
			p = automaton_next(m->automaton, &at, p)) {
			int first = i + 1 - automaton_length(m->automaton, p);

			keep_place(m, p,
				(struct place){.from = gap + first,
					.to = gap + i,
					.word = symbols->list[first].word,
					.field = s->field});
		}
	}
}

static void
find(struct rule_matcher *m, const struct words *words)
{
	struct symbols symbols;
	bool typed = false;

	symbols.n = 0;
	for (int i = 0; i < words->n; i++) {
		put_word(&symbols, words, i);
		typed |= words->word[i].kind != WORD_LETTERS;
	}
	walk(m, &symbols, false);
	if (typed)
		walk(m, &symbols, true);
}

static void
forget(struct rule_matcher *m)
{
	for (int i = 0; i < m->n_touched; i++)
		m->found[m->touched[i]] = (struct found){0};
	m->n_touched = m->n_places = 0;
}

/* ---- judging ---- */

/* The first place of a phrase, and the one behind another; NULL: there is none. A phrase
 * that stands for a type as well as for a word may have a place twice. */
static const struct place *
first_place(const struct rule_matcher *m, int phrase)
{
	int first = phrase >= 0 ? m->found[phrase].first : 0;

	return first != 0 ? &m->place[first] : NULL;
}

static const struct place *
place_behind(const struct rule_matcher *m, const struct place *p)
{
	return p->next != 0 ? &m->place[p->next] : NULL;
}

/* The first place of a phrase in the fields; NULL: it is not there. */
static const struct place *
place_in(const struct rule_matcher *m, int phrase, unsigned fields)
{
	const struct place *p = first_place(m, phrase);

	while (p != NULL && !(fields & 1u << p->field))
		p = place_behind(m, p);
	return p;
}

/* How many phrases of a list are there; *first becomes the first place, if it is NULL. */
static int
count_found(const struct rule_matcher *m, const struct compiled_list *list,
	unsigned fields, const struct place **first)
{
	int n = 0;

	for (int i = 0; i < list->n; i++) {
		const struct place *p = place_in(m, list->phrase[i], fields);

		n += p != NULL;
		if (*first == NULL)
			*first = p;
	}
	return n;
}

/* Does the phrase lie between two symbols, both counted? */
static bool
lies_within(const struct rule_matcher *m, int phrase, int from, int to)
{
	const struct place *p = first_place(m, phrase);

	while (p != NULL && (p->from < from || p->to > to))
		p = place_behind(m, p);
	return p != NULL;
}

/* Do all lie within so many words, counted from the one that begins first? */
static bool
all_near(const struct rule_matcher *m, const struct compiled_list *list, int within,
	unsigned fields, const struct place **first)
{
	for (int i = 0; i < list->n; i++) {
		const struct place *p = first_place(m, list->phrase[i]);

		for (; p != NULL; p = place_behind(m, p)) {
			int others = 0;

			if (!(fields & 1u << p->field))
				continue;
			for (int j = 0; j < list->n; j++)
				others += lies_within(m, list->phrase[j], p->from,
					p->from + within - 1);
			if (others == list->n) {
				*first = *first != NULL ? *first : p;
				return true;
			}
		}
	}
	return list->n == 0;
}

/* The place that is told when the rule is met; NULL: it is not met. */
static const struct place *
judge(const struct rule_matcher *m, const struct compiled_rule *c)
{
	const struct place *first = NULL, *ignored = NULL;
	const struct compiled_list *all = &c->list[RULE_ALL], *any = &c->list[RULE_ANY];
	unsigned fields = c->rule->fields;

	if (count_found(m, all, fields, &first) < all->n)
		return NULL;
	if (any->n > 0 && count_found(m, any, fields, &first) == 0)
		return NULL;
	if (count_found(m, &c->list[RULE_NONE], fields, &ignored) > 0)
		return NULL;
	if (!all_near(m, &c->list[RULE_NEAR], c->rule->within, fields, &first))
		return NULL;
	return first;
}

int
rules_match(struct rule_matcher *m, const struct words *words,
	struct rule_hit hits[RULE_HITS_MAX])
{
	int n = 0;

	find(m, words);
	for (int i = 0; i < m->n && n < RULE_HITS_MAX && m->n_touched > 0; i++) {
		const struct kept_rule *r = m->rule[i].rule;
		const struct place *first = judge(m, &m->rule[i]);

		if (first == NULL)
			continue;
		hits[n++] = (struct rule_hit){.name = r->name,
			.target = r->target,
			.effect = r->effect,
			.boost = r->boost,
			.word = first->word};
	}
	forget(m);
	return n;
}
