/* Words and features of mails: suggest/words, suggest/feature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "suggest/feature.h"
#include "suggest/words.h"
#include "suggest/words_inner.h"

/* All words with "|" between; typed ones by their type. */
static char *
joined(const char *lang, enum word_field field, const char *text, size_t n)
{
	struct words_reader *reader = words_reader_create(lang);
	struct words words = {0};
	struct text out = {0};

	assert_non_null(reader);
	words_add(reader, &words, field, text, n);
	for (int i = 0; i < words.n; i++)
		text_addf(&out, "%s%s", i > 0 ? "|" : "",
			words.word[i].kind == WORD_NUMBER ? word_text(&words, i)
							  : word_type(&words, i));
	words_finish(&words);
	words_reader_destroy(reader);
	return text_take(&out);
}

static void
expect(const char *lang, const char *text, const char *expected)
{
	char *got = joined(lang, FIELD_BODY, text, strlen(text));

	assert_string_equal(got, expected);
	free(got);
}

static void
words_are_cut_and_folded(void **state)
{
	static const struct {
		const char *lang, *text, *words;
	} rows[] = {
		{"en", "", ""},
		{"en", " \t.,!?-- ", ""},
		{"en", "My card hasn't arrived!", "my|card|hasn|t|arrived"},
		{"en", "don\u2019t DON'T dont", "don|t|don|t|dont"},
		{"en", "'quoted' rock'n'roll'", "quoted|rock|n|roll"},
		{"en", "sign.Please a_b a-b x:y", "sign|please|a|b|a|b|x|y"},
		{"en", "U.K. at 7am v1.2.3", "u|k|at|7am|v1.2.3"},
		{"en", "1,234.56 12.03.2024 5, 6 1'000", "1,234.56|12.03.2024|5|6|1000"},
		{"fr", "L'achat d\u2019une carte", "l|achat|d|une|carte"},
		{"de", "Wie geht's", "wie|geht|s"},
		{"ru", "Привет, МИР", "привет|мир"},
		{"a-language-tag-that-is-far-too-long", "Ann", "ann"},
		{NULL, "Ann", "ann"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect(rows[i].lang, rows[i].text, rows[i].words);
}

static void
addresses_and_links_become_their_type(void **state)
{
	static const char *const rows[][2] = {
		{"write to ann.lee+x@mail.example.org, please",
			"write|to|<address>|please"},
		{"<a@b.cd>", "<address>"},
		{"see https://example.org/a?b=c#d.", "see|<link>"},
		{"(www.example.org)", "<link>"},
		{"WWW.EXAMPLE.ORG and httpwww.x", "<link>|and|httpwww|x"},
		{"a@b and @ and x@.y and @@@", "a|b|and|and|x|y|and"},
		{"请发到ann@example.org谢谢", NULL},
		{"http:// and ://x and www.", "http|and|x|and|www"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i][1] != NULL)
			expect("en", rows[i][0], rows[i][1]);
	char *got = joined("zh", FIELD_BODY, rows[6][0], strlen(rows[6][0]));

	assert_non_null(strstr(got, "|<address>|"));
	free(got);
}

static void
a_sender_is_read_as_words(void **state)
{
	char *got = joined("en", FIELD_SENDER, "Ann <ann@acme.example>", 22);

	assert_string_equal(got, "ann|ann|acme|example");
	free(got);
}

#ifdef USHER_ICU
static void
icu_folds_forms_and_knows_words_without_spaces(void **state)
{
	struct words_reader *reader = words_reader_create("th");
	struct words words = {0};
	static const char thai[] = "ยกเลิกนาฬิกาปลุก"; /* "cancel the alarm" */

	expect("de", "GRÜSSE Grüße ｇｒüsse", "grüsse|grüsse|grüsse");
	expect("en", "ﬁne ４２", "fine|42");
	words_add(reader, &words, FIELD_BODY, thai, strlen(thai));
	assert_int_equal(words.n, 3);
	assert_string_equal(word_text(&words, 0), "ยกเลิก");
	assert_true(words.word[1].dense && words.word[1].joined);
	assert_false(words.word[0].joined);
	words_finish(&words);
	words_reader_destroy(reader);
}

/* ASCII takes a short way; both must say the same of any text. */
static void
the_short_way_agrees_with_icu(void **state)
{
	static const char alphabet[] = "aB9 '.,;:_-z0\n\"x7@w/";
	struct words_reader *reader = words_reader_create("en");
	struct breaker *breaker = breaker_create("en");
	struct words words = {0};
	uint32_t random = 1;

	for (int round = 0; round < 20000; round++) {
		char text[24];
		size_t n = 1 + (size_t)round % (sizeof text - 1);
		struct piece piece;
		int i = 0;

		for (size_t k = 0; k < n; k++) {
			random = random * 1664525u + 1013904223u;
			text[k] = alphabet[(random >> 16) % (sizeof alphabet - 1)];
		}
		words_clear(&words);
		words_add(reader, &words, FIELD_SENDER, text, n);
		break_start(breaker, text, n);
		while (break_next(breaker, &piece)) {
			assert_true(i < words.n);
			assert_int_equal(piece.n, words.word[i].n);
			assert_memory_equal(piece.folded, word_text(&words, i), piece.n);
			assert_int_equal(piece.start, words.word[i].start);
			assert_int_equal(piece.end, words.word[i].end);
			assert_int_equal(piece.number, words.word[i].kind == WORD_NUMBER);
			i++;
		}
		assert_int_equal(i, words.n);
	}
	words_finish(&words);
	breaker_destroy(breaker);
	words_reader_destroy(reader);
}
#endif

static void
what_is_too_much_is_not_read(void **state)
{
	struct words_reader *reader = words_reader_create("en");
	struct words words = {0};
	char *text = xmalloc(WORDS_TEXT_MAX + 100), *got;

	for (size_t i = 0; i < WORDS_TEXT_MAX + 100; i++)
		text[i] = i % 3 == 2 ? ' ' : 'a';
	words_add(reader, &words, FIELD_SUBJECT, "urgent", 6);
	words_add(reader, &words, FIELD_BODY, text, WORDS_TEXT_MAX + 100);
	assert_int_equal(words.n, MAIL_WORDS_MAX);
	assert_true(words.cut);
	assert_string_equal(word_text(&words, 0), "urgent");
	memset(text, 'b', 1000);
	got = joined("en", FIELD_BODY, text, 1000);
	assert_int_equal(strlen(got), WORD_BYTES_MAX - 1);
	free(got);
	free(text);
	words_finish(&words);
	words_reader_destroy(reader);
}

static void
wrong_bytes_separate_words(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{"card\xff lost", "card|lost"}, {"\xc3 \xe2\x82 \xf0\x9f\x92", ""},
		{"ab\xc0\x80yz", "ab|yz"},
		{"ab\xed\xa0\x80yz", "ab|yz"}, /* a surrogate */
	};
	char *got;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect("en", rows[i].text, rows[i].words);
	got = joined("en", FIELD_BODY, "a\0b", 3);
	assert_string_equal(got, "a|b");
	free(got);
}

/* ---- features ---- */

static struct features
features_of(const char *lang, const char *subject, const char *body)
{
	struct words_reader *reader = words_reader_create(lang);
	struct words words = {0};
	struct features features = {0};

	words_add(reader, &words, FIELD_SUBJECT, subject, strlen(subject));
	words_add(reader, &words, FIELD_BODY, body, strlen(body));
	features_make(&features, &words);
	words_finish(&words);
	words_reader_destroy(reader);
	return features;
}

static int
count(const struct features *f, enum feature_block block)
{
	int n = 0;

	for (int i = 0; i < f->n; i++)
		n += f->list[i].block == block;
	return n;
}

/* How many of a's features b has too. */
static int
common(const struct features *a, const struct features *b)
{
	int n = 0;

	for (int i = 0; i < a->n; i++)
		for (int k = 0; k < b->n; k++)
			if (a->list[i].hash == b->list[k].hash) {
				n++;
				break;
			}
	return n;
}

static void
words_pairs_and_grams_are_features(void **state)
{
	struct features f = features_of("en", "", "my card");

	/* ^my my$ ^my$; of ^card$ 4 + 3 + 2. */
	assert_int_equal(count(&f, BLOCK_WORDS), 2);
	assert_int_equal(count(&f, BLOCK_PAIRS), 1);
	assert_int_equal(count(&f, BLOCK_LETTERS), 3 + 9);
	assert_int_equal(count(&f, BLOCK_SUBJECT), 0);
	features_finish(&f);
	f = features_of("th", "", "กขค"); /* 3 + 2 + 1, whatever words are found */
	assert_int_equal(count(&f, BLOCK_LETTERS), 6);
	features_finish(&f);
}

static void
a_subject_counts_twice_and_no_pair_crosses_it(void **state)
{
	struct features a = features_of("en", "my", "card"),
			b = features_of("en", "", "my card");

	assert_int_equal(count(&a, BLOCK_WORDS), 2);
	assert_int_equal(count(&a, BLOCK_PAIRS), 0);
	assert_int_equal(count(&a, BLOCK_SUBJECT), 1);
	assert_int_equal(common(&a, &b), a.n - 1);
	features_finish(&a);
	features_finish(&b);
}

static void
long_numbers_count_by_their_length(void **state)
{
	struct features a = features_of("en", "", "404"),
			b = features_of("en", "", "405"),
			c = features_of("en", "", "4711081500"),
			d = features_of("en", "", "987654321098");

	assert_int_equal(a.n, 2);
	assert_int_equal(common(&a, &b), 1); /* that it is a number */
	assert_int_equal(common(&c, &d), 2);
	features_finish(&a);
	features_finish(&b);
	features_finish(&c);
	features_finish(&d);
}

/* A run longer than fits at once must give each n-gram once. */
static void
long_runs_without_spaces_lose_nothing(void **state)
{
	char text[3 * 90 + 1];
	struct features f;

	for (int i = 0; i < 90; i++)
		memcpy(text + 3 * i, "ก", 3);
	text[sizeof text - 1] = '\0';
	f = features_of("th", "", text);
	assert_in_range(count(&f, BLOCK_LETTERS), 40 + 39 + 38, 90 + 89 + 88);
#ifdef USHER_ICU
	/* The dictionary may cut it anywhere, but a word has 42 characters at most
	 * (WORD_BYTES_MAX). */
	assert_int_equal(f.list[f.n - 1].block, BLOCK_LETTERS);
#endif
	features_finish(&f);
}

static void
features_have_a_bound(void **state)
{
	struct features f;
	char *text = xmalloc(MAIL_WORDS_MAX * 50 + 1);

	for (int i = 0; i < MAIL_WORDS_MAX * 50; i++)
		text[i] = (char)(i % 50 == 49 ? ' ' : 'a' + i % 26);
	text[MAIL_WORDS_MAX * 50] = '\0';
	f = features_of("en", "", text);
	assert_int_equal(f.n, FEATURES_MAX);
	features_finish(&f);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_cut_and_folded),
		cmocka_unit_test(addresses_and_links_become_their_type),
		cmocka_unit_test(a_sender_is_read_as_words),
#ifdef USHER_ICU
		cmocka_unit_test(icu_folds_forms_and_knows_words_without_spaces),
		cmocka_unit_test(the_short_way_agrees_with_icu),
#endif
		cmocka_unit_test(what_is_too_much_is_not_read),
		cmocka_unit_test(wrong_bytes_separate_words),
		cmocka_unit_test(words_pairs_and_grams_are_features),
		cmocka_unit_test(a_subject_counts_twice_and_no_pair_crosses_it),
		cmocka_unit_test(long_numbers_count_by_their_length),
		cmocka_unit_test(long_runs_without_spaces_lose_nothing),
		cmocka_unit_test(features_have_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
