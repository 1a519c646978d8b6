/* Learning, ranking, explaining, keeping: suggest/learner, suggest/model_file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "suggest/learner.h"
#include "suggest/model_file.h"

static const struct {
	const char *label, *text;
} mails[] = {
	{"card", "where is my new card"},
	{"card", "my card has not arrived yet"},
	{"card", "the card was sent weeks ago and never came"},
	{"card", "still waiting for the card you sent"},
	{"pin", "I forgot my pin"},
	{"pin", "how can I change the pin of my card"},
	{"pin", "the machine says my pin is wrong"},
	{"pin", "please send me a new pin"},
	{"fee", "why was I charged a fee"},
	{"fee", "there is a charge on my account that I do not know"},
	{"fee", "you took a fee for cash abroad"},
	{"fee", "what do you charge for a transfer"},
	{"", "do you sell bicycles"},
	{"", "the weather is fine today"},
	{"", "greetings from the sea"},
};
#define MAILS ((int)(sizeof mails / sizeof *mails))

struct mail {
	struct words words;
	struct features features;
	struct bag bag;
};

static struct words_reader *reader;

static struct mail
read_mail(const char *text)
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

/* A learner of the mails above; with_none: those without label, too. */
static struct learner *
taught(bool with_none, uint64_t seed)
{
	struct learner *l = learner_create("en");
	struct learner_case cases[MAILS];
	struct mail mail[MAILS];
	int label[MAILS], n = 0;

	for (int i = 0; i < MAILS; i++) {
		if (mails[i].label[0] == '\0' && !with_none)
			continue;
		mail[n] = read_mail(mails[i].text);
		label[n] = mails[i].label[0] == '\0'
				   ? LEARNER_NONE
				   : learner_label(l, mails[i].label, true);
		cases[n] = (struct learner_case){&mail[n].bag, &label[n], 1, 1};
		n++;
	}
	learner_train(l, cases, n, (struct learner_training){.seed = seed});
	for (int i = 0; i < n; i++)
		finish_mail(&mail[i]);
	return l;
}

static int
rank(const struct learner *l, const char *text, struct proposal out[PROPOSALS_MAX],
	double *none)
{
	struct mail m = read_mail(text);
	int n = learner_rank(l, &m.bag, NULL, out, PROPOSALS_MAX, none);

	finish_mail(&m);
	return n;
}

static void
assert_same(const struct proposal *a, const struct proposal *b, int n)
{
	for (int i = 0; i < n; i++) {
		assert_int_equal(a[i].label, b[i].label);
		assert_true(a[i].p == b[i].p);
	}
}

static const char *
first(const struct learner *l, const char *text)
{
	struct proposal out[PROPOSALS_MAX];

	return rank(l, text, out, NULL) > 0 ? learner_name(l, out[0].label) : NULL;
}

static void
learn(struct learner *l, const char *label, const char *text, float weight)
{
	int number = label != NULL ? learner_label(l, label, true) : LEARNER_NONE;
	struct mail m = read_mail(text);

	learner_learn(l, &(struct learner_case){&m.bag, &number, 1, weight});
	finish_mail(&m);
}

/* ---- ranking ---- */

static void
what_was_learnt_is_proposed_first(void **state)
{
	struct learner *l = taught(false, 1);
	struct proposal out[PROPOSALS_MAX];
	double none = -1, sum = 0;
	int n;

	assert_string_equal(first(l, "my card did not arrive"), "card");
	assert_string_equal(first(l, "pin forgotten"), "pin");
	assert_string_equal(first(l, "CHARGED twice, a fee!"), "fee");
	n = rank(l, "my card did not arrive", out, &none);
	assert_int_equal(n, 3);
	assert_true(none == 0);
	for (int i = 0; i < n; i++) {
		sum += out[i].p;
		assert_true(i == 0 || out[i].p <= out[i - 1].p);
	}
	assert_true(fabs(sum - 1) < 1e-5);
	learner_destroy(l);
}

static void
nobody_taught_proposes_nothing(void **state)
{
	struct learner *l = learner_create("en");
	struct proposal out[PROPOSALS_MAX];
	double none = -1;

	assert_int_equal(rank(l, "hello", out, &none), 0);
	assert_true(none == 0);
	assert_int_equal(learner_label(l, "card", true), 1);
	assert_int_equal(rank(l, "hello", out, &none), 0); /* no case yet */
	learner_destroy(l);
}

static void
none_is_never_listed_but_lowers_the_others(void **state)
{
	struct learner *l = taught(true, 1);
	struct proposal out[PROPOSALS_MAX];
	double near, far;
	int n = rank(l, "do you sell bicycles at the sea", out, &far);

	assert_int_equal(n, 3);
	assert_true(far > 0.5);
	assert_true(out[0].p < 0.5);
	assert_true(fabs(out[0].p + out[1].p + out[2].p + far - 1) < 1e-5);
	assert_int_equal(rank(l, "the card was never sent", out, &near), 3);
	assert_true(near < far && out[0].p > 0.5);
	learner_destroy(l);
}

static void
equal_ones_are_proposed_by_their_number(void **state)
{
	struct learner *l = learner_create("en");
	int both[2] = {learner_label(l, "a", true), learner_label(l, "b", true)};
	struct mail m = read_mail("xyz");
	struct proposal out[PROPOSALS_MAX];

	learner_learn(l, &(struct learner_case){&m.bag, both, 2, 1});
	finish_mail(&m);
	assert_int_equal(rank(l, "xyz", out, NULL), 2);
	assert_true(out[0].p == out[1].p);
	assert_int_equal(out[0].label, 1);
	learner_destroy(l);
}

static void
at_most_as_many_as_wanted_are_proposed(void **state)
{
	struct learner *l = learner_create("en");
	struct proposal out[PROPOSALS_MAX + 1] = {[PROPOSALS_MAX] = {.label = -7}};
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
	struct mail m = read_mail("word");

	for (int i = 0; i < 9; i++)
		learn(l, names[i], names[i], 1);
	assert_int_equal(
		learner_rank(l, &m.bag, NULL, out, PROPOSALS_MAX, NULL), PROPOSALS_MAX);
	assert_int_equal(out[PROPOSALS_MAX].label, -7);
	finish_mail(&m);
	learner_destroy(l);
}

static void
a_label_that_is_not_listed_is_not_proposed(void **state)
{
	struct learner *l = taught(false, 1);

	learner_list(l, learner_find(l, "pin"), false);
	assert_string_not_equal(first(l, "pin forgotten"), "pin");
	learner_list(l, learner_find(l, "pin"), true);
	assert_string_equal(first(l, "pin forgotten"), "pin");
	learner_destroy(l);
}

static void
a_boost_raises_its_label(void **state)
{
	struct learner *l = taught(false, 1);
	struct mail m = read_mail("my card did not arrive");
	int fee = learner_find(l, "fee");
	struct proposal plain[PROPOSALS_MAX], raised[PROPOSALS_MAX];

	learner_rank(l, &m.bag, NULL, plain, 3, NULL);
	learner_rank(l, &m.bag, &(struct learner_boosts){1, &fee, &(double){20}}, raised,
		3, NULL);
	assert_string_equal(learner_name(l, plain[0].label), "card");
	assert_string_equal(learner_name(l, raised[0].label), "fee");
	finish_mail(&m);
	learner_destroy(l);
}

/* ---- learning ---- */

static void
verdicts_move_the_ranking_and_new_labels_need_no_training(void **state)
{
	struct learner *l = taught(false, 1);

	for (int i = 0; i < 3; i++)
		learn(l, "bicycle", "do you sell bicycles", 1);
	assert_string_equal(first(l, "I want a bicycle, do you sell it"), "bicycle");
	assert_string_equal(first(l, "my card did not arrive"), "card");
	assert_int_equal(learner_cases(l), 12 + 3);
	learner_destroy(l);
}

static void
many_new_labels_keep_what_was_learnt(void **state)
{
	struct learner *l = taught(false, 1);
	struct proposal before[PROPOSALS_MAX], after[PROPOSALS_MAX];
	char name[16];

	assert_int_equal(rank(l, "pin forgotten", before, NULL), 3);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "new-%d", i);
		assert_int_equal(learner_label(l, name, true), 4 + i);
	}
	assert_int_equal(rank(l, "pin forgotten", after, NULL), 3);
	assert_same(before, after, 3);
	learner_destroy(l);
}

static void
labels_have_bounds(void **state)
{
	struct learner *l = learner_create("en");
	char name[LEARNER_LABEL_BYTES + 1];

	memset(name, 'x', sizeof name);
	name[LEARNER_LABEL_BYTES] = '\0';
	assert_int_equal(learner_label(l, name, true), -1);
	assert_int_equal(learner_label(l, "", true), -1);
	for (int i = 1; i <= LEARNER_LABELS_MAX; i++) {
		snprintf(name, sizeof name, "%d", i);
		assert_int_equal(learner_label(l, name, true), i);
	}
	assert_int_equal(learner_label(l, "one more", true), -1);
	assert_int_equal(learner_label(l, "7", true), 7);
	learner_destroy(l);
}

static void
a_verdict_without_weight_teaches_nothing(void **state)
{
	struct learner *l = taught(false, 1);
	struct proposal before[PROPOSALS_MAX], after[PROPOSALS_MAX];

	assert_int_equal(rank(l, "pin forgotten", before, NULL), 3);
	learn(l, "fee", "pin forgotten", 0);
	assert_int_equal(rank(l, "pin forgotten", after, NULL), 3);
	for (int i = 0; i < 3; i++)
		assert_true(before[i].p == after[i].p);
	learn(l, "fee", "pin forgotten", 0.3f);
	rank(l, "pin forgotten", after, NULL);
	assert_true(after[0].p < before[0].p);
	learner_destroy(l);
}

static void
rejections_are_learnt_online(void **state)
{
	struct learner *l = taught(false, 1);
	struct proposal before[PROPOSALS_MAX], after[PROPOSALS_MAX];
	double none;

	rank(l, "do you sell bicycles", before, NULL);
	for (int i = 0; i < 4; i++)
		learn(l, NULL, "do you sell bicycles", 1);
	assert_true(learner_knows_none(l));
	assert_int_equal(rank(l, "do you sell bicycles", after, &none), 3);
	assert_true(after[0].p < before[0].p);
	assert_true(none > 0.5);
	learner_destroy(l);
}

static void
one_of_several_right_labels_is_enough(void **state)
{
	struct learner *l = learner_create("en");
	int both[2] = {learner_label(l, "a", true), learner_label(l, "b", true)};
	int other = learner_label(l, "c", true);
	struct mail x = read_mail("alpha"), y = read_mail("omega");
	struct proposal out[3];

	for (int i = 0; i < 20; i++) {
		learner_learn(l, &(struct learner_case){&x.bag, both, 2, 1});
		learner_learn(l, &(struct learner_case){&y.bag, &other, 1, 1});
	}
	learner_rank(l, &x.bag, NULL, out, 3, NULL);
	assert_int_equal(out[2].label, other);
	assert_true(fabs(out[0].p - out[1].p) < 0.05 && out[1].p > 0.3);
	finish_mail(&x);
	finish_mail(&y);
	learner_destroy(l);
}

static void
same_cases_and_seed_give_the_same_weights(void **state)
{
	struct learner *a = taught(true, 7), *b = taught(true, 7);
	struct proposal pa[PROPOSALS_MAX], pb[PROPOSALS_MAX];

	rank(a, "the pin of my card", pa, NULL);
	rank(b, "the pin of my card", pb, NULL);
	assert_same(pa, pb, 3);
	learner_destroy(a);
	learner_destroy(b);
}

static void
a_copy_learns_for_itself(void **state)
{
	struct learner *l = taught(false, 1), *copy = learner_copy(l);
	struct proposal before[PROPOSALS_MAX], after[PROPOSALS_MAX];

	rank(l, "pin forgotten", before, NULL);
	learn(copy, "fee", "pin forgotten", 0.3f);
	rank(l, "pin forgotten", after, NULL);
	assert_same(before, after, 3);
	rank(copy, "pin forgotten", after, NULL);
	assert_true(after[0].p < before[0].p);
	learner_destroy(l);
	learner_destroy(copy);
}

/* ---- probability ---- */

/* Verdicts of which a share s is right at a score distance of 1: then p(right) =
 * 1 / (1 + exp(-1 / T)) must be s. */
static void
the_temperature_makes_probabilities_true(void **state)
{
	static const float score[2] = {1, 0};
	static const int label[2] = {0, 1};
	struct scored list[1000];

	for (int percent = 60; percent <= 95; percent += 5) {
		double t, p;

		for (int i = 0; i < 1000; i++)
			list[i] = (struct scored){score, &label[i % 100 >= percent], 1};
		t = temperature_fit(list, 1000, 2, 1);
		p = 1 / (1 + exp(-1 / t));
		assert_true(fabs(p - percent / 100.0) < 0.005);
	}
	assert_true(temperature_fit(list, TEMPERATURE_LEAST - 1, 2, 3.5) == 3.5);
}

/* ---- why ---- */

static void
the_words_that_made_a_proposal_are_told(void **state)
{
	struct learner *l = taught(false, 1);
	struct mail m = read_mail("Hello there, the PIN, my pin, is wrong. Regards");
	struct proposal out[3];
	struct reason why[4];
	int n = learner_rank(l, &m.bag, NULL, out, 3, NULL);

	n = learner_explain(
		l, &m.words, &m.features, &m.bag, out[0].label, out, n, why, 4);
	assert_int_equal(n, 4);
	assert_string_equal(word_text(&m.words, why[0].word), "pin");
	assert_int_equal(why[0].word, 3); /* where it stands first */
	for (int i = 0; i < n; i++) {
		assert_true(why[i].pull > 0);
		assert_true(i == 0 || why[i].pull <= why[i - 1].pull);
		assert_true(i == 0 ||
			    strcmp(word_text(&m.words, why[i].word), "pin") != 0 ||
			    why[i].words == 2);
	}
	finish_mail(&m);
	learner_destroy(l);
}

/* The reasons are shares of the distance between scores, so over all words and pairs they
 * must add up to it. */
static void
reasons_add_up_to_the_distance_of_scores(void **state)
{
	struct learner *l = taught(false, 1);
	struct mail m = read_mail("the card pin");
	struct proposal out[2];
	struct reason why[16];
	double toward = 0, away = 0;

	assert_int_equal(learner_rank(l, &m.bag, NULL, out, 2, NULL), 2);
	for (int i = learner_explain(
		     l, &m.words, &m.features, &m.bag, out[0].label, out, 2, why, 16);
		i > 0; i--)
		toward += (double)why[i - 1].pull;
	for (int i = learner_explain(
		     l, &m.words, &m.features, &m.bag, out[1].label, out, 2, why, 16);
		i > 0; i--)
		away += (double)why[i - 1].pull;
	/* Both shown alone: one's pull is the other's, negative; the bias is no word. */
	assert_true(fabs(toward - away - log(out[0].p / out[1].p)) < 0.1);
	finish_mail(&m);
	learner_destroy(l);
}

/* ---- keeping ---- */

static char folder[64];

static int
make_folder(void **state)
{
	strcpy(folder, "/tmp/usher-model-XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int
remove_folder(void **state)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	char path[512];

	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	closedir(dir);
	return rmdir(folder);
}

static void
a_saved_learner_is_the_same_and_learns_on(void **state)
{
	struct learner *l = taught(true, 1), *back;
	struct proposal a[PROPOSALS_MAX], b[PROPOSALS_MAX];
	char path[128], problem[MODEL_PROBLEM];

	learner_list(l, learner_find(l, "fee"), false);
	snprintf(path, sizeof path, "%s/one", folder);
	assert_true(model_save(l, path, problem));
	back = model_load(path, problem);
	assert_non_null(back);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(rank(l, "card fee pin", a, NULL), 2);
		assert_int_equal(rank(back, "card fee pin", b, NULL), 2);
		assert_int_equal(a[0].label, b[0].label);
		assert_true(a[0].p == b[0].p && a[1].p == b[1].p);
		learn(l, "more", "card fee", 1);
		learn(back, "more", "card fee", 1);
		learner_list(l, learner_find(l, "pin"), false);
		learner_list(back, learner_find(back, "pin"), false);
	}
	assert_int_equal(learner_cases(l), learner_cases(back));
	assert_string_equal(learner_language(back), "en");
	learner_destroy(l);
	learner_destroy(back);
}

static void
a_torn_or_damaged_file_is_never_loaded(void **state)
{
	struct learner *l = taught(true, 1);
	char *bytes = NULL, problem[MODEL_PROBLEM];
	size_t n = 0;
	FILE *f = open_memstream(&bytes, &n);

	assert_true(model_write(l, f));
	fclose(f);
	for (size_t k = 0; k <= 600; k++) {
		size_t cut = k < 300 ? k : n - 1 - (600 - k) * (n / 400);

		f = fmemopen(bytes, cut > 0 ? cut : 1, "rb");
		assert_null(model_read(f, problem));
		fclose(f);
	}
	for (size_t k = 0; k < 300; k++) {
		size_t at = k < 200 ? k : (k - 200) * (n / 100) + 5;

		bytes[at] ^= 1;
		f = fmemopen(bytes, n, "rb");
		problem[0] = '\0';
		assert_null(model_read(f, problem));
		assert_true(problem[0] != '\0');
		fclose(f);
		bytes[at] ^= 1;
	}
	f = fmemopen(bytes, n, "rb");
	learner_destroy(l);
	l = model_read(f, problem);
	assert_non_null(l);
	fclose(f);
	learner_destroy(l);
	free(bytes);
}

static void
damage(const char *file)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, file);
	assert_int_equal(truncate(path, 1000), 0);
	f = fopen(path, "r");
	assert_non_null(f);
	fclose(f);
}

static void
versions_are_counted_kept_and_rolled_back(void **state)
{
	char problem[MODEL_PROBLEM];
	struct learner *l = learner_create("en"), *back;
	int version;

	assert_null(shelf_load(folder, "box.en", &version));
	for (int i = 1; i <= MODEL_VERSIONS_KEPT + 2; i++) {
		learn(l, "a", "word", 1);
		assert_int_equal(shelf_save(l, folder, "box.en", problem), i);
	}
	assert_int_equal(shelf_save(l, folder, "box", problem), 1); /* another name */
	back = shelf_load(folder, "box.en", &version);
	assert_int_equal(version, 7);
	assert_int_equal(learner_cases(back), 7);
	learner_destroy(back);
	assert_int_equal(shelf_roll_back(folder, "box.en"), 6);
	damage("box.en.000006.model");
	log_set_level(LOG_LEVEL_ERROR); /* that it is left out is a warning */
	back = shelf_load(folder, "box.en", &version);
	assert_int_equal(version, 5);
	assert_int_equal(learner_cases(back), 5);
	learner_destroy(back);
	/* 1 and 2 are gone; the rejected number is not used again. */
	assert_int_equal(access(folder, W_OK), 0);
	assert_int_equal(shelf_save(l, folder, "box.en", problem), 8);
	for (int i = 0; i < 4; i++)
		assert_int_equal(shelf_roll_back(folder, "box.en"), i == 0   ? 6
								    : i == 1 ? 5
								    : i == 2 ? 4
									     : 3);
	assert_int_equal(shelf_roll_back(folder, "box.en"), 0); /* the last one stays */
	assert_int_equal(shelf_save(l, folder, "../x", problem), 0);
	learner_destroy(l);
}

static void
what_cannot_be_written_is_said(void **state)
{
	struct learner *l = learner_create("en");
	char problem[MODEL_PROBLEM] = "";

	assert_false(model_save(l, "/nowhere/at/all", problem));
	assert_string_equal(problem, "No such file or directory");
	assert_null(model_load("/nowhere/at/all", problem));
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
	return 0;
}

#define KEEPING(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_learnt_is_proposed_first),
		cmocka_unit_test(nobody_taught_proposes_nothing),
		cmocka_unit_test(none_is_never_listed_but_lowers_the_others),
		cmocka_unit_test(equal_ones_are_proposed_by_their_number),
		cmocka_unit_test(at_most_as_many_as_wanted_are_proposed),
		cmocka_unit_test(a_label_that_is_not_listed_is_not_proposed),
		cmocka_unit_test(a_boost_raises_its_label),
		cmocka_unit_test(
			verdicts_move_the_ranking_and_new_labels_need_no_training),
		cmocka_unit_test(many_new_labels_keep_what_was_learnt),
		cmocka_unit_test(labels_have_bounds),
		cmocka_unit_test(a_verdict_without_weight_teaches_nothing),
		cmocka_unit_test(rejections_are_learnt_online),
		cmocka_unit_test(one_of_several_right_labels_is_enough),
		cmocka_unit_test(same_cases_and_seed_give_the_same_weights),
		cmocka_unit_test(a_copy_learns_for_itself),
		cmocka_unit_test(the_temperature_makes_probabilities_true),
		cmocka_unit_test(the_words_that_made_a_proposal_are_told),
		cmocka_unit_test(reasons_add_up_to_the_distance_of_scores),
		KEEPING(a_saved_learner_is_the_same_and_learns_on),
		cmocka_unit_test(a_torn_or_damaged_file_is_never_loaded),
		KEEPING(versions_are_counted_kept_and_rolled_back),
		cmocka_unit_test(what_cannot_be_written_is_said),
	};

	return cmocka_run_group_tests(tests, open_reader, close_reader);
}
