/* Response files, and proposals made of learner, rules and library: suggest/library,
 * suggest/propose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suggest/propose.h"

static const char card[] = "---\n"
			   "title: Lost card\n"
			   "languages: [en]\n"
			   "keywords: [lost card, stolen card]\n"
			   "placeholders: [customer.name, case.id]\n"
			   "automatic: true\n"
			   "aim: 99.5\n"
			   "rules:\n"
			   "  - name: theft\n"
			   "    all: [card]\n"
			   "    any: [thief, stolen]\n"
			   "    not: [found]\n"
			   "    field: [subject, body]\n"
			   "    boost: 3\n"
			   "  - near: [call, police]\n"
			   "    within: 6\n"
			   "    never_automatic: true\n"
			   "---\n"
			   "Dear {{customer.name|customer}},\n"
			   "\n"
			   "your card is locked. Case {{case.id}}.\n";

/* ---- reading ---- */

static struct library *library;
static struct library_problems problems;

static int
make_library(void **state)
{
	library = library_create();
	problems = (struct library_problems){0};
	return 0;
}

static int
drop_library(void **state)
{
	library_destroy(library);
	text_finish(&problems.said);
	return 0;
}

static void
read_text(const char *file, const char *text)
{
	library_read(library, file, text, strlen(text), &problems);
}

static void
must_read(const char *file, const char *text)
{
	read_text(file, text);
	if (problems.n > 0)
		fail_msg("%s", problems.said.s);
}

static void
a_response_is_read_with_its_head(void **state)
{
	const struct response *r;

	must_read("cards/card-lost.md", card);
	r = library_find(library, "card-lost");
	assert_non_null(r);
	assert_string_equal(r->title, "Lost card");
	assert_string_equal(r->category, "cards");
	assert_string_equal(r->file, "cards/card-lost.md");
	assert_int_equal(r->languages.n, 1);
	assert_int_equal(r->keywords.n, 2);
	assert_true(r->automatic && !r->never_automatic);
	assert_true(fabs(r->aim - 0.995) < 1e-12);
	assert_int_equal(strncmp(r->body, "Dear {{customer.name", 20), 0);
	assert_int_equal(rules_count(library->rules), 3); /* the keywords are one */
	assert_null(library_find(library, "card"));
}

static void
what_is_left_out_has_its_default(void **state)
{
	const struct response *r;

	must_read("b.txt", "---\r\ntitle: B\r\n--- \r\nText\r\nmore\r\n");
	must_read("a.txt",
		"\xef\xbb\xbf---\ntitle: A\nid: c\ncategory: x/y\nlanguage: de\n"
		"never_automatic: true\n---\nText");
	must_read("d.txt", "---\ntitle: D\n---\nText\n---\nbelow a line\n");
	assert_int_equal(library->n, 3);
	assert_string_equal(library->list[0].id, "b");
	r = library_find(library, "b");
	assert_string_equal(r->body, "Text\nmore\n");
	assert_string_equal(r->category, "");
	assert_false(r->automatic || r->never_automatic);
	assert_true(fabs(r->aim - 0.98) < 1e-12);
	r = library_find(library, "c");
	assert_string_equal(r->category, "x/y");
	assert_true(r->never_automatic);
	assert_string_equal(
		library_find(library, "d")->body, "Text\n---\nbelow a line\n");
}

static void
versions_tell_texts_apart(void **state)
{
	uint64_t first;
	struct library *other = library_create();

	must_read("a.txt", "---\ntitle: A\n---\nText");
	first = library_find(library, "a")->version;
	library_read(other, "a.txt", "---\ntitle: A\n---\nTexT", 21, &problems);
	assert_true(library_find(other, "a")->version != first);
	library_destroy(other);
}

static void
languages_hold_for_their_regions(void **state)
{
	must_read("a.txt", "---\ntitle: A\nlanguages: [de, en-GB]\n---\nText");
	must_read("b.txt", "---\ntitle: B\n---\nText");
	assert_true(response_speaks(library_find(library, "a"), "de"));
	assert_true(response_speaks(library_find(library, "a"), "de-AT"));
	assert_true(response_speaks(library_find(library, "a"), "en-GB"));
	assert_true(response_speaks(library_find(library, "a"), ""));
	assert_false(response_speaks(library_find(library, "a"), "en"));
	assert_false(response_speaks(library_find(library, "a"), "den"));
	assert_true(response_speaks(library_find(library, "b"), "xx"));
}

static void
mistakes_are_told_with_file_and_line(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{"", "a.md:1: a response begins with"},
		{"title: A\n", "a.md:1: a response begins with"},
		{"---\ntitle: A\nText", "a.md:1: a response begins with"},
		{"---\n---\nText", "a.md:2: the head is empty"},
		{"---\n- x\n---\nText", "a.md:2: the head is empty"},
		{"---\ntitle: A\n---\n \n", "a.md:4: the response has no text"},
		{"---\ntitel: A\n---\nText",
			"a.md:2: there is no key \"titel\" here; did you "
			"mean \"title\"?"},
		{"---\ncolour: red\ntitle: A\n---\nText",
			"a.md:2: there is no key \"colour\" "
			"here\n"},
		{"---\ntitle: A\ntitle: B\n---\nText",
			"a.md:3: \"title\" stands here twice"},
		{"---\ntitle: [A]\n---\nText", "a.md:2: one text is wanted"},
		{"---\nid: A\n---\nText", "needs a \"title\""},
		{"---\ntitle: A\nid: a b\n---\nText", "\"a b\" cannot be the id"},
		{"---\ntitle: \"A\n---\nText", "a.md:"},
		{"---\ntitle: A\nautomatic: yes\n---\nText",
			"a.md:3: true or false is wanted"},
		{"---\ntitle: A\naim: 0.98\n---\nText",
			"a.md:3: a number from 50 to 99.99"},
		{"---\ntitle: A\nlanguages: [\"d e\"]\n---\nText", "no language tag"},
		{"---\ntitle: &x A\n---\nText", "a.md:2: anchors"},
		{"---\ntitle: !!str A\n---\nText", "a.md:2: anchors"},
		{"---\ntitle: A\nkeywords: [\"!\"]\n---\nText",
			"a.md:3: \"!\" in \"any\" has "
			"no letters"},
		{"---\ntitle: A\n---\nText\n{{name}}",
			"a.md:5: the placeholder \"name\" is not "
			"named"},
		{"---\ntitle: A\n---\nText {{Name}}", "a.md:4: a placeholder is"},
		{"---\ntitle: A\n---\nText {{open", "a.md:4: a placeholder is"},
		{"---\ntitle: A\nplaceholders: [Name]\n---\nText",
			"a.md:3: \"Name\" cannot be"},
		{"---\ntitle: A\nrules: x\n---\nText", "a.md:3: a list is wanted"},
		{"---\ntitle: A\nrules: [x]\n---\nText", "a.md:3: a rule has keys"},
		{"---\ntitle: A\nrules:\n  - all: [x]\n---\nText",
			"a.md:4: a rule has one "
			"effect: boost, force, "
			"forbid, "
			"never_automatic, queue "
			"or skill; this one has "
			"0"},
		{"---\ntitle: A\nrules:\n  - {all: [x], boost: 1, force: "
		 "true}\n---\nText",
			"this one has 2"},
		{"---\ntitle: A\nrules:\n  - {not: [x], boost: 1}\n---\nText",
			"a.md:4: a rule "
			"needs phrases"},
		{"---\ntitle: A\nrules:\n  - {all: [x], boost: 99}\n---\nText",
			"a.md:4: a "
			"number from -20"},
		{"---\ntitle: A\nrules:\n  - {all: [x], force: false}\n---\nText",
			"is true or "
			"left out"},
		{"---\ntitle: A\nrules:\n  - {all: [x], boost: 1, field: "
		 "head}\n---\nText",
			"\"field\" is subject, body or sender"},
		{"---\ntitle: A\nrules:\n  - {all: [x], boost: 1, within: 3}\n---\nText",
			"\"within\" belongs to \"near\""},
		{"---\ntitle: A\nrules:\n  - {all: [x], boost: 1, response: "
		 "b}\n---\nText",
			"leave \"response\" out"},
		{"---\ntitle: A\nrules:\n  - {al: [x], boost: 1}\n---\nText",
			"did you mean "
			"\"all\"?"},
		{"---\ntitle: A\n---\nText \xff", "a.md:4: not UTF-8"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		make_library(NULL);
		read_text("a.md", rows[i].text);
		if (problems.n == 0 || strstr(problems.said.s, rows[i].said) == NULL)
			fail_msg("%s\n gave: %s wanted: %s", rows[i].text,
				problems.n > 0 ? problems.said.s : "nothing",
				rows[i].said);
		assert_int_equal(library->n, 0);
		drop_library(NULL);
	}
	make_library(NULL);
	library_read(library, "a.md", "---\ntitle: A\0\n---\nText", 22, &problems);
	assert_int_equal(problems.n, 1);
}

static void
an_id_is_taken_once(void **state)
{
	must_read("a.md", "---\ntitle: A\n---\nText");
	read_text("x/a.md", "---\ntitle: B\n---\nText");
	assert_int_equal(problems.n, 1);
	assert_non_null(
		strstr(problems.said.s, "x/a.md:1: the id \"a\" is taken by a.md"));
	assert_string_equal(library_find(library, "a")->title, "A");
}

/* ---- placeholders ---- */

static const char *
value_of(void *owner, const char *name)
{
	const char *const *values = owner;

	return strcmp(name, "customer.name") == 0 ? values[0]
	       : strcmp(name, "case.id") == 0	  ? values[1]
						  : NULL;
}

static void
placeholders_are_filled_or_told(void **state)
{
	static const struct {
		const char *values[2], *text, *missing;
	} rows[] = {
		{{"Ann", "C7"}, "Dear Ann,\n\nyour card is locked. Case C7.\n", ""},
		{{NULL, "C7"}, "Dear customer,\n\nyour card is locked. Case C7.\n", ""},
		{{"", "{{case.id}}"},
			"Dear customer,\n\nyour card is locked. Case {{case.id}}.\n", ""},
		{{"Ann", NULL}, "Dear Ann,\n\nyour card is locked. Case {{case.id}}.\n",
			"case.id"},
	};

	must_read("card.md", card);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct text out = {0}, missing = {0};
		bool filled = response_fill(library_find(library, "card"), value_of,
			(void *)(uintptr_t)rows[i].values, &out, &missing);

		assert_int_equal(filled, rows[i].missing[0] == '\0');
		assert_string_equal(out.s, rows[i].text);
		assert_string_equal(missing.s != NULL ? missing.s : "", rows[i].missing);
		text_finish(&out);
		text_finish(&missing);
	}
}

/* ---- folders ---- */

static char folder[64];

static void
put(const char *file, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, file);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
drop(const char *file)
{
	char path[200];

	snprintf(path, sizeof path, "%s/%s", folder, file);
	assert_int_equal(remove(path), 0);
}

static void
a_folder_is_read_whole_or_not_at_all(void **state)
{
	struct library *l;

	strcpy(folder, "/tmp/usher-library-XXXXXX");
	assert_non_null(mkdtemp(folder));
	put("card.md", card);
	put("notes.pdf", "no response");
	put(".hidden.md", "no response");
	mkdir(strcat(strcpy((char[200]){0}, folder), "/fees"), 0700);
	put("fees/fee.txt", "---\ntitle: Fee\n---\nText");
	put("rules.yaml", "- {all: [lawyer], queue: legal}\n"
			  "- {all: [fee], response: fee, boost: 2}\n");
	l = library_load(folder, &problems);
	assert_non_null(l);
	assert_int_equal(l->n, 2);
	assert_string_equal(library_find(l, "fee")->category, "fees");
	assert_int_equal(rules_count(l->rules), 5);
	library_destroy(l);

	put("rules.yaml",
		"- {all: [lawyer], queue: legal}\n- {all: [fee], response: fees, "
		"boost: 2}\n");
	assert_null(library_load(folder, &problems));
	assert_non_null(
		strstr(problems.said.s, "rules.yaml:2: there is no response \"fees\""));
	text_clear(&problems.said);
	problems.n = 0;
	put("rules.yaml", "");
	put("fees/bad.txt", "---\n---\n");
	assert_null(library_load(folder, &problems));
	assert_non_null(strstr(problems.said.s, "fees/bad.txt:2:"));
	assert_null(library_load("/nowhere/at/all", &problems));
	drop("fees/bad.txt");
	drop("fees/fee.txt");
	drop("fees");
	drop("card.md");
	drop("notes.pdf");
	drop(".hidden.md");
	drop("rules.yaml");
	assert_int_equal(rmdir(folder), 0);
}

/* ---- proposals ---- */

struct mail {
	struct words words;
	struct features features;
	struct bag bag;
};

static struct words_reader *reader;

static struct mail
mail_of(const char *text)
{
	struct mail m = {0};

	words_add(reader, &m.words, FIELD_BODY, text, strlen(text));
	features_make(&m.features, &m.words);
	bag_make(&m.bag, &m.features);
	return m;
}

static void
finish_mail(struct mail *m)
{
	words_finish(&m->words);
	features_finish(&m->features);
	bag_finish(&m->bag);
}

static struct suggestions made;
static char *why;

/* Proposes; the labels with "," between. The reasons of the first one are left in why. */
static const char *
labels_for(const struct proposer *p, const char *text)
{
	static char out[400];
	struct mail m = mail_of(text);
	struct text reasons = {0};

	propose(p, &m.words, &m.bag, &made);
	out[0] = '\0';
	for (int i = 0; i < made.n; i++) {
		assert_true(made.list[i].p >= 0 && made.list[i].p <= 1);
		assert_true(i == 0 || made.list[i].p <= made.list[i - 1].p);
		strcat(strcat(out, i > 0 ? "," : ""), made.list[i].label);
	}
	if (made.n > 0)
		propose_why(p, &m.words, &m.features, &m.bag, &made, 0, 2, &reasons);
	free(why);
	why = text_take(&reasons);
	finish_mail(&m);
	return out;
}

static void
learn(struct learner *l, const char *label, const char *text)
{
	int number = label != NULL ? learner_label(l, label, true) : LEARNER_NONE;
	struct mail m = mail_of(text);

	learner_learn(l, &(struct learner_case){&m.bag, &number, 1, 1});
	finish_mail(&m);
}

static void
read_responses(void)
{
	must_read("card.md", card);
	must_read("fee.md", "---\ntitle: Fee\nkeywords: [fee, charge]\n---\nText");
	must_read("pin.md", "---\ntitle: Pin\nnever_automatic: true\n---\nText");
	must_read("karte.md",
		"---\ntitle: Karte\nlanguages: [de]\nkeywords: [card]\n---\nText");
	must_read("rules.yaml",
		"- {name: law, any: [lawyer, court], queue: legal}\n"
		"- {all: [court], queue: second}\n"
		"- {all: [lawyer], skill: law}\n"
		"- {all: [secret number], response: pin, force: true}\n"
		"- {all: [library card], response: card, forbid: true}\n");
}

static void
rules_propose_with_nothing_learnt(void **state)
{
	struct proposer p = {.library = library};

	read_responses();
	p.matcher = rule_matcher_create(library->rules, "en");
	assert_string_equal(labels_for(&p, "hello there"), "");
	assert_string_equal(
		labels_for(&p, "my card was stolen, I saw the thief"), "card");
	assert_non_null(strstr(why, "rule \"theft\""));
	assert_true(made.list[0].p > 0.8 && !made.list[0].learnt);
	assert_string_equal(labels_for(&p, "a stolen card and a fee"), "card,fee");
	assert_string_equal(labels_for(&p, "secret number and a fee"), "pin,fee");
	assert_true(made.list[0].forced && made.list[0].never_automatic);
	assert_true(made.list[0].p == made.list[1].p);
	assert_string_equal(labels_for(&p, "stolen library card"), "");
	rule_matcher_destroy(p.matcher);
}

static void
rules_tell_queue_skill_and_never_automatic(void **state)
{
	struct proposer p = {.library = library};

	read_responses();
	p.matcher = rule_matcher_create(library->rules, "en");
	labels_for(&p, "my lawyer goes to court");
	assert_string_equal(made.queue, "legal"); /* the first one named stands */
	assert_int_equal(made.n_skills, 1);
	assert_string_equal(made.skill[0], "law");
	assert_false(made.never_automatic);
	labels_for(&p, "call the police");
	assert_true(made.never_automatic && made.queue == NULL);
	rule_matcher_destroy(p.matcher);
}

static void
what_was_learnt_and_what_rules_say_add_up(void **state)
{
	struct learner *l = learner_create("en");
	struct proposer p = {.library = library, .learner = l};
	double before;

	read_responses();
	p.matcher = rule_matcher_create(library->rules, "en");
	for (int i = 0; i < 5; i++) {
		learn(l, "fee", "why did you charge me");
		learn(l, "pin", "I forgot my number");
		learn(l, "gone", "why did you charge me at all");
		learn(l, NULL, "do you sell bicycles");
	}
	assert_string_equal(labels_for(&p, "why did they charge me"), "fee,pin");
	before = made.none;
	assert_true(before > 0 && before < 0.5);
	assert_non_null(strstr(why, "rule \"fee or charge\", "));
	assert_non_null(strstr(why, "\", charge"));
	/* Nobody has learnt "card": a rule brings it in. */
	assert_non_null(strstr(labels_for(&p, "I forgot my stolen card"), "card"));
	assert_null(strstr(labels_for(&p, "I forgot my number"), "card"));
	labels_for(&p, "do you sell bicycles");
	assert_true(made.none > before && made.list[0].p < 0.5);
	p.floor = 0.9999;
	assert_string_equal(
		labels_for(&p, "I forgot my number, do you sell bicycles"), "");
	rule_matcher_destroy(p.matcher);
	learner_destroy(l);
}

static void
without_a_library_every_label_may_be_proposed(void **state)
{
	struct learner *l = learner_create("en");
	struct proposer p = {.learner = l};

	learn(l, "a", "alpha");
	learn(l, "b", "omega");
	assert_string_equal(labels_for(&p, "alpha"), "a,b");
	learner_destroy(l);
	assert_string_equal(labels_for(&(struct proposer){0}, "alpha"), "");
}

static void
the_library_seeds_what_nobody_has_learnt(void **state)
{
	struct learner *l = learner_create("en");
	struct proposer p = {.library = library, .learner = l};

	read_responses();
	learn(l, "gone", "what is no more");
	learn(l, "fee", "what do you charge");
	assert_int_equal(library_seed(library, l), 2); /* card and pin; karte is German */
	assert_int_equal(library_seed(library, l), 0);
	assert_false(learner_is_listed(l, learner_find(l, "gone")));
	assert_int_equal(learner_find(l, "karte"), -1);
	assert_int_equal(strncmp(labels_for(&p, "I have lost the card"), "card", 4), 0);
	learner_destroy(l);
}

static int
open_reader(void **state)
{
	reader = words_reader_create("en");
	return reader != NULL ? 0 : -1;
}

static int
close_reader(void **state)
{
	words_reader_destroy(reader);
	free(why);
	return 0;
}

#define LIBRARY_TEST(test)                                                               \
	cmocka_unit_test_setup_teardown(test, make_library, drop_library)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LIBRARY_TEST(a_response_is_read_with_its_head),
		LIBRARY_TEST(what_is_left_out_has_its_default),
		LIBRARY_TEST(versions_tell_texts_apart),
		LIBRARY_TEST(languages_hold_for_their_regions),
		cmocka_unit_test_teardown(
			mistakes_are_told_with_file_and_line, drop_library),
		LIBRARY_TEST(an_id_is_taken_once),
		LIBRARY_TEST(placeholders_are_filled_or_told),
		LIBRARY_TEST(a_folder_is_read_whole_or_not_at_all),
		LIBRARY_TEST(rules_propose_with_nothing_learnt),
		LIBRARY_TEST(rules_tell_queue_skill_and_never_automatic),
		LIBRARY_TEST(what_was_learnt_and_what_rules_say_add_up),
		LIBRARY_TEST(without_a_library_every_label_may_be_proposed),
		LIBRARY_TEST(the_library_seeds_what_nobody_has_learnt),
	};

	return cmocka_run_group_tests(tests, open_reader, close_reader);
}
