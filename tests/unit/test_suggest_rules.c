/* Keyword rules and the automaton below them: suggest/rules, suggest/automaton. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suggest/automaton.h"
#include "suggest/rules.h"
#include "suggest/stem.h"

/* ---- automaton ---- */

/* Against the plainest search, with few symbols, so that phrases overlap and nest. */
static void
every_phrase_is_found_wherever_it_ends(void **state)
{
	uint32_t random = 3;

	for (int round = 0; round < 200; round++) {
		struct automaton *a = automaton_create();
		uint32_t phrase[12][4], text[60], at = AUTOMATON_START;
		int length[12], number[12];

		for (int p = 0; p < 12; p++) {
			random = random * 1664525u + 1013904223u;
			length[p] = 1 + (int)(random >> 28) % 4;
			for (int i = 0; i < length[p]; i++)
				phrase[p][i] = 1 + (random >> (8 + 2 * i)) % 3;
			number[p] = automaton_add(a, phrase[p], length[p]);
			assert_int_equal(automaton_length(a, number[p]), length[p]);
		}
		automaton_build(a);
		for (int i = 0; i < 60; i++) {
			bool told[12] = {false}, there;
			uint32_t ends;

			random = random * 1664525u + 1013904223u;
			text[i] = (random >> 24) % 4; /* 0: of no phrase */
			ends = at = automaton_step(a, at, text[i]);
			for (int p = automaton_next(a, &ends, -1); p >= 0;
				p = automaton_next(a, &ends, p)) {
				assert_false(told[p]);
				told[p] = true;
			}
			for (int p = 0; p < 12; p++) {
				there = i + 1 >= length[p] &&
					memcmp(text + i + 1 - length[p], phrase[p],
						(size_t)length[p] * sizeof *text) == 0;
				assert_int_equal(told[number[p]], there);
			}
		}
		automaton_destroy(a);
	}
}

/* ---- rules ---- */

static struct rules *rules;

static int
make_rules(void **state)
{
	rules = rules_create();
	return 0;
}

static int
drop_rules(void **state)
{
	rules_destroy(rules);
	return 0;
}

static void
add(struct keyword_rule rule)
{
	char problem[RULE_PROBLEM] = "";

	if (rule.target == NULL)
		rule.effect = RULE_NEVER_AUTOMATIC;
	if (!rules_add(rules, &rule, problem))
		fail_msg("%s", problem);
}

struct mail {
	const char *lang, *sender, *subject, *body;
};

/* Which rules a mail meets: their names with "," between; owned by the caller. */
static char *
hits_of(struct mail mail)
{
	static char out[4096];
	struct rule_matcher *m = rule_matcher_create(rules, mail.lang);
	struct words_reader *reader = words_reader_create(mail.lang);
	struct words words = {0};
	struct rule_hit hits[RULE_HITS_MAX];
	size_t at = 0;
	int n;

	assert_non_null(m);
	if (mail.sender != NULL)
		words_add(reader, &words, FIELD_SENDER, mail.sender, strlen(mail.sender));
	if (mail.subject != NULL)
		words_add(reader, &words, FIELD_SUBJECT, mail.subject,
			strlen(mail.subject));
	if (mail.body != NULL)
		words_add(reader, &words, FIELD_BODY, mail.body, strlen(mail.body));
	out[0] = '\0';
	for (int round = 0; round < 2; round++) { /* nothing stays of the first */
		at = 0;
		n = rules_match(m, &words, hits);
		for (int i = 0; i < n; i++) {
			assert_true(hits[i].word < words.n);
			at += (size_t)snprintf(out + at, sizeof out - at, "%s%s",
				i > 0 ? "," : "", hits[i].name);
		}
	}
	words_finish(&words);
	words_reader_destroy(reader);
	rule_matcher_destroy(m);
	return out;
}

static void
expect(const char *lang, const char *body, const char *names)
{
	assert_string_equal(hits_of((struct mail){.lang = lang, .body = body}), names);
}

static void
all_any_and_not_are_held_to(void **state)
{
	add((struct keyword_rule){.name = "all", .all = {{"card", "lost"}, 2}});
	add((struct keyword_rule){.name = "any", .any = {{"refund", "money back"}, 2}});
	add((struct keyword_rule){.name = "not",
		.all = {{"card"}, 1},
		.none = {{"thank you", "found"}, 2}});
	add((struct keyword_rule){
		.name = "both", .all = {{"card"}, 1}, .any = {{"lost", "stolen"}, 2}});
	expect("en", "", "");
	expect("en", "nothing of this", "");
	expect("en", "I lost my card", "all,not,both");
	expect("en", "the card was found", "");
	expect("en", "my CARD is stolen!", "not,both");
	expect("en", "I want my money. Back?", "any"); /* marks are no words */
	expect("en", "money never came back", "");
	expect("en", "card, thank you", "");
	expect("en", "refund", "any");
}

#ifdef USHER_STEMMER
static void
words_are_met_by_their_stems(void **state)
{
	add((struct keyword_rule){.name = "cancel", .all = {{"cancel order"}, 1}});
	add((struct keyword_rule){
		.name = "rechnung", .all = {{"Rechnungen"}, 1}, .lang = "de"});
	add((struct keyword_rule){.name = "achat", .all = {{"achats"}, 1}, .lang = "fr"});
	expect("en", "I cancelled orders", "cancel");
	expect("en", "please do not cancel the order", "");
	expect("de", "wo ist die Rechnung", "rechnung");
	expect("de-AT", "wo ist die Rechnung", "rechnung");
	expect("en", "the Rechnung", "");
	expect("fr", "un problème d’achat", "achat");
}
#endif

static void
a_language_without_stems_takes_words_as_they_are(void **state)
{
	struct stemmer *s = stemmer_create("xx-unknown");
	size_t n = 9;

	assert_string_equal(stem(s, "cancelled", &n), "cancelled");
	assert_int_equal(n, 9);
	stemmer_destroy(s);
	add((struct keyword_rule){.name = "c", .all = {{"cancelled"}, 1}});
	expect("xx", "it was cancelled", "c");
	expect(NULL, "it was cancelled", "c");
}

static void
near_means_within_so_many_words_in_any_order(void **state)
{
	add((struct keyword_rule){
		.name = "near", .near = {"invoice", "wrong"}, .n_near = 2, .within = 4});
	add((struct keyword_rule){
		.name = "three", .near = {"a", "b c", "d"}, .n_near = 3, .within = 5});
	expect("xx", "invoice is wrong", "near");
	expect("xx", "wrong again, this invoice", "near");
	expect("xx", "invoice that we say is wrong", "");
	expect("xx", "invoice x x x x x invoice wrong", "near");
	expect("xx", "d b c a", "three");
	expect("xx", "a x b c d", "three");
	expect("xx", "a x x b c d", "");
	expect("xx", "a b x c d", "");
	assert_string_equal(hits_of((struct mail){
				    .lang = "xx", .subject = "invoice", .body = "wrong"}),
		"");
}

static void
a_field_can_be_named(void **state)
{
	struct mail mail = {.lang = "en",
		.sender = "Ann <ann@acme.example>",
		.subject = "urgent question",
		.body = "my invoice from bob@acme.example"};

	add((struct keyword_rule){.name = "subject",
		.all = {{"urgent"}, 1},
		.fields = 1u << FIELD_SUBJECT});
	add((struct keyword_rule){
		.name = "body", .all = {{"urgent"}, 1}, .fields = 1u << FIELD_BODY});
	add((struct keyword_rule){.name = "sender",
		.all = {{"acme.example"}, 1},
		.fields = 1u << FIELD_SENDER});
	add((struct keyword_rule){.name = "text", .all = {{"acme"}, 1}});
	add((struct keyword_rule){.name = "either", .all = {{"urgent", "invoice"}, 2}});
	add((struct keyword_rule){.name = "across", .all = {{"question my"}, 1}});
	assert_string_equal(hits_of(mail), "subject,sender,either");
}

static void
typed_words_are_met_by_type_and_numbers_by_what_they_say(void **state)
{
	add((struct keyword_rule){.name = "number", .all = {{"order <number>"}, 1}});
	add((struct keyword_rule){.name = "404", .all = {{"error 404"}, 1}});
	add((struct keyword_rule){.name = "link", .all = {{"<link>"}, 1}});
	add((struct keyword_rule){.name = "mail", .all = {{"write to <address>"}, 1}});
	add((struct keyword_rule){.name = "same", .all = {{"write to x@y.example"}, 1}});
	expect("en", "order 4711 and error 405", "number");
	expect("en", "error 404, order 1", "number,404");
	expect("en", "see https://example.org", "link");
	expect("en", "write to ann@acme.example", "mail,same");
	expect("en", "order number", "");
}

static void
characters_count_where_words_have_no_spaces(void **state)
{
	add((struct keyword_rule){.name = "cancel", .all = {{"取消"}, 1}, .lang = "zh"});
	add((struct keyword_rule){.name = "alarm", .all = {{"นาฬิกาปลุก"}, 1}});
	expect("zh", "我想取消订单", "cancel");
	expect("zh", "我想取订单消", "");
#ifdef USHER_ICU
	expect("th", "ยกเลิกนาฬิกาปลุกสำหรับบ่ายนี้", "alarm");
#endif
}

static void
effects_and_reasons_come_with_the_hit(void **state)
{
	struct rule_matcher *m;
	struct words_reader *reader = words_reader_create("en");
	struct words words = {0};
	struct rule_hit hits[RULE_HITS_MAX];

	add((struct keyword_rule){.all = {{"lost", "my card"}, 2},
		.any = {{"today", "now"}, 2},
		.effect = RULE_BOOST,
		.boost = 2.5,
		.target = "card-lost"});
	add((struct keyword_rule){.name = "q",
		.all = {{"card"}, 1},
		.effect = RULE_QUEUE,
		.target = "cards"});
	m = rule_matcher_create(rules, "en");
	words_add(reader, &words, FIELD_BODY, "today I lost my card", 20);
	assert_int_equal(rules_match(m, &words, hits), 2);
	assert_string_equal(hits[0].name, "lost and my card, today or now");
	assert_string_equal(hits[0].target, "card-lost");
	assert_int_equal(hits[0].effect, RULE_BOOST);
	assert_true(hits[0].boost == 2.5);
	assert_int_equal(hits[0].word, 2);
	assert_int_equal(hits[1].effect, RULE_QUEUE);
	assert_string_equal(hits[1].target, "cards");
	words_finish(&words);
	words_reader_destroy(reader);
	rule_matcher_destroy(m);
}

static void
wrong_rules_are_refused_with_what_to_do(void **state)
{
	char longer[300], many[100] = "";
	char problem[RULE_PROBLEM];

	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	for (int i = 0; i < PHRASE_WORDS_MAX + 1; i++)
		strcat(many, "ab ");
	const struct {
		struct keyword_rule rule;
		const char *problem;
	} rows[] = {
		{{.effect = RULE_NEVER_AUTOMATIC}, "needs phrases"},
		{{.none = {{"x"}, 1}, .effect = RULE_NEVER_AUTOMATIC}, "needs phrases"},
		{{.all = {{"  "}, 1}, .effect = RULE_NEVER_AUTOMATIC}, "no letters"},
		{{.any = {{"?!"}, 1}, .effect = RULE_NEVER_AUTOMATIC}, "no letters"},
		{{.all = {{longer}, 1}, .effect = RULE_NEVER_AUTOMATIC}, "shorten it"},
		{{.all = {{many}, 1}, .effect = RULE_NEVER_AUTOMATIC}, "17 words"},
		{{.all = {{"取消取消取消取消取消取消取消取消取"}, 1},
			 .effect = RULE_NEVER_AUTOMATIC},
			"17 words"},
		{{.near = {"x"},
			 .n_near = 1,
			 .within = 5,
			 .effect = RULE_NEVER_AUTOMATIC},
			"2 to 4 phrases"},
		{{.near = {"x", "y"},
			 .n_near = 2,
			 .within = 1,
			 .effect = RULE_NEVER_AUTOMATIC},
			"2 to 100 words"},
		{{.all = {{"x"}, 1}, .effect = RULE_BOOST, .target = "a"}, "boost"},
		{{.all = {{"x"}, 1}, .effect = RULE_BOOST, .boost = 21, .target = "a"},
			"boost"},
		{{.all = {{"x"}, 1}, .effect = RULE_FORCE}, "names no response"},
		{{.all = {{"x"}, 1}, .effect = RULE_QUEUE, .target = "a b"},
			"names no response"},
		{{.all = {{"x"}, 1}, .name = "", .effect = RULE_NEVER_AUTOMATIC}, "name"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		problem[0] = '\0';
		assert_false(rules_add(rules, &rows[i].rule, problem));
		if (strstr(problem, rows[i].problem) == NULL)
			fail_msg("%s: without \"%s\"", problem, rows[i].problem);
	}
	assert_int_equal(rules_count(rules), 0);
}

static void
many_rules_and_a_mail_of_one_word_again_and_again_have_bounds(void **state)
{
	char name[20], body[2 * MAIL_WORDS_MAX + 1];

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof name, "r%d", i);
		add((struct keyword_rule){.name = name,
			.all = {{"a", "a a", "a a a"}, 3},
			.near = {"a", "a a", "a a a", "a a a a"},
			.n_near = 4,
			.within = 100});
	}
	for (int i = 0; i < MAIL_WORDS_MAX; i++)
		memcpy(body + 2 * i, "a ", 2);
	body[sizeof body - 1] = '\0';
	hits_of((struct mail){.lang = "xx", .body = body});
	assert_string_equal(
		strrchr(hits_of((struct mail){.lang = "xx", .body = body}), ','), ",r63");
}

#define RULE_TEST(test) cmocka_unit_test_setup_teardown(test, make_rules, drop_rules)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_phrase_is_found_wherever_it_ends),
		RULE_TEST(all_any_and_not_are_held_to),
#ifdef USHER_STEMMER
		RULE_TEST(words_are_met_by_their_stems),
#endif
		RULE_TEST(a_language_without_stems_takes_words_as_they_are),
		RULE_TEST(near_means_within_so_many_words_in_any_order),
		RULE_TEST(a_field_can_be_named),
		RULE_TEST(typed_words_are_met_by_type_and_numbers_by_what_they_say),
		RULE_TEST(characters_count_where_words_have_no_spaces),
		RULE_TEST(effects_and_reasons_come_with_the_hit),
		RULE_TEST(wrong_rules_are_refused_with_what_to_do),
		RULE_TEST(many_rules_and_a_mail_of_one_word_again_and_again_have_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
