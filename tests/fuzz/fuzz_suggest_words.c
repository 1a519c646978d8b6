/*
 * tests/fuzz/fuzz_suggest_words.c - any bytes as a mail: words and features keep their
 * bounds, places lie within the text, ASCII and the breaker agree, rules and ranking
 * hold. The first byte chooses the language and where the subject ends.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "suggest/gate.h"
#include "suggest/propose.h"

static const char *const langs[] = {"en", "de", "fr", "th", "zh", "ja", "ko", "ar"};
#define LANGS 8

static struct words_reader *reader[LANGS];
static struct rule_matcher *matcher[LANGS];
static struct learner *learner;
static struct rules *rules;

static void
add_rule(struct keyword_rule rule)
{
	char problem[RULE_PROBLEM];

	if (!rules_add(rules, &rule, problem))
		abort();
}

static void
prepare(void)
{
	rules = rules_create();
	add_rule((struct keyword_rule){.all = {{"a", "b c", "<number>"}, 3},
		.effect = RULE_BOOST,
		.boost = 2,
		.target = "x"});
	add_rule((struct keyword_rule){.near = {"a", "b", "<link>"},
		.n_near = 3,
		.within = 5,
		.effect = RULE_FORCE,
		.target = "y"});
	add_rule((struct keyword_rule){.any = {{"取消", "ยก", "404", "é"}, 4},
		.none = {{"no"}, 1},
		.effect = RULE_NEVER_AUTOMATIC});
	for (int i = 0; i < LANGS; i++) {
		reader[i] = words_reader_create(langs[i]);
		matcher[i] = rule_matcher_create(rules, langs[i]);
		if (reader[i] == NULL || matcher[i] == NULL)
			abort();
	}
	learner = learner_create("en");
}

static void
check_words(const struct words *words, size_t n_subject, size_t n_body)
{
	for (int i = 0; i < words->n; i++) {
		const struct word *w = &words->word[i];
		size_t n = w->field == FIELD_SUBJECT ? n_subject : n_body;

		if (w->start >= w->end || w->end > n || w->n == 0 ||
			w->n >= WORD_BYTES_MAX || strlen(word_text(words, i)) != w->n)
			abort();
		if (i > 0 && w->field == w[-1].field && w->start < w[-1].end)
			abort();
	}
}

static void
check_proposals(const struct suggestions *made)
{
	double last = 1;

	for (int i = 0; i < made->n; i++) {
		double p = made->list[i].p;

		if (!(p >= 0 && p <= last))
			abort();
		last = p;
	}
	if (!(made->none >= 0 && made->none <= 1))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data + 1;
	struct words words = {0};
	struct features features = {0};
	struct bag bag = {0};
	struct suggestions made;
	struct text why = {0};
	size_t subject;
	int lang, label;

	if (learner == NULL)
		prepare();
	if (n < 1)
		return 0;
	n--;
	lang = data[0] % LANGS;
	subject = n < data[0] / LANGS ? n : data[0] / LANGS;
	words_add(reader[lang], &words, FIELD_SUBJECT, text, subject);
	words_add(reader[lang], &words, FIELD_BODY, text + subject, n - subject);
	check_words(&words, subject, n - subject);
	features_make(&features, &words);
	bag_make(&bag, &features);
	if (features.n > FEATURES_MAX || bag.n > features.n ||
		gate_questions(text, n) > (int)n)
		abort();
	label = learner_label(learner, words.n % 2 ? "x" : "y", true);
	learner_learn(learner, &(struct learner_case){&bag, &label, 1, 0.5f});
	struct proposer p = {.learner = learner, .matcher = matcher[lang]};
	propose(&p, &words, &bag, &made);
	check_proposals(&made);
	for (int i = 0; i < made.n; i++)
		propose_why(&p, &words, &features, &bag, &made, i, 5, &why);
	text_finish(&why);
	bag_finish(&bag);
	features_finish(&features);
	words_finish(&words);
	return 0;
}
