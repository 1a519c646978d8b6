/* usherctl/suggest_eval.c - measures the matcher on files: learn from one, answer the
 * other (CONTRACTS 5). Needs neither daemon nor configuration. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "suggest/gate.h"
#include "usherctl/suggest_corpus.h"
#include "usherctl/usherctl.h"

#define SEED 1
#define FOLDS 5	    /* for mails to calibrate on that were learnt from */
#define RECENT 1000 /* verdicts of the online pass that T is fitted on */

struct eval {
	struct ctl *ctl;
	struct mails train, test, calib;
	bool has_train, has_test, has_calib;
	struct corpus corpus;
	json_t *summary; /* owned */
};

/* ---- learning ---- */

/* Files are often sorted by label; traffic is not. */
static void
mix(struct learner_case *cases, int n)
{
	uint64_t random = SEED;

	for (int i = n - 1; i > 0; i--) {
		struct learner_case one = cases[i];
		int k;

		random = random * UINT64_C(6364136223846793005) +
			 UINT64_C(1442695040888963407);
		k = (int)((random >> 33) % (uint64_t)(i + 1));
		cases[i] = cases[k];
		cases[k] = one;
	}
}

static bool
is_right(const struct learner_case *c, int label)
{
	for (int k = 0; k < c->n_labels; k++)
		if (c->label[k] == label)
			return true;
	return false;
}

/* What the online pass saw before it learnt. */
struct pass {
	struct scored *log; /* owned, with each score; the latest RECENT at most */
	int n;
	int asked, right, asked_late, right_late; /* late: in the last tenth */
};

static void
log_scores(struct pass *pass, const struct learner *l, const struct learner_case *c)
{
	int n = learner_labels(l);
	float *score = xcalloc((size_t)n, sizeof *score);

	learner_score(l, c->bag, score);
	pass->log[pass->n++] = (struct scored){score, c->label, c->n_labels};
}

static void
test_then_learn(
	struct pass *pass, struct tongue *tongue, const struct learner_case *c, int at)
{
	struct proposal first;
	bool late = at >= tongue->n - (tongue->n + 9) / 10;

	if (c->label[0] != LEARNER_NONE) {
		bool right = learner_rank(tongue->learner, c->bag, NULL, &first, 1,
				     NULL) > 0 &&
			     is_right(c, first.label);

		pass->asked++;
		pass->right += right;
		pass->asked_late += late;
		pass->right_late += late && right;
	}
	if (at >= tongue->n - RECENT && at >= tongue->n / 2)
		log_scores(pass, tongue->learner, c);
	learner_learn(tongue->learner, c);
}

/* One pass, each mail answered before it is learnt from; titles were there before. */
static void
learn_online(
	struct eval *e, struct tongue *tongue, struct learner_case *cases, json_t *told)
{
	struct pass pass = {.log = xcalloc(RECENT, sizeof *pass.log)};
	int titles = 0, n = learner_labels(tongue->learner);

	while (titles < tongue->n && tongue->list[titles]->id == NULL)
		titles++;
	for (int i = 0; i < titles; i++)
		learner_learn(tongue->learner, &cases[i]);
	mix(cases + titles, tongue->n - titles);
	for (int i = titles; i < tongue->n; i++)
		test_then_learn(&pass, tongue, &cases[i], i);
	learner_set_temperature(
		tongue->learner, temperature_fit(pass.log, pass.n, n,
					 learner_temperature(tongue->learner)));
	if (pass.asked > 0)
		json_object_set_new(
			told, "running_top1", json_real((double)pass.right / pass.asked));
	if (pass.asked_late > 0)
		json_object_set_new(told, "last_tenth_top1",
			json_real((double)pass.right_late / pass.asked_late));
	for (int i = 0; i < pass.n; i++)
		free((float *)pass.log[i].score);
	free(pass.log);
}

static void
learn(struct eval *e, struct tongue *tongue)
{
	struct learner_case *cases = tongue_cases(tongue);
	json_t *told = json_object();
	double began = cpu_seconds();

	json_array_append_new(json_object_get(e->summary, "models"), told);
	json_object_set_new(told, "lang", json_string(tongue->lang));
	json_object_set_new(told, "mails", json_integer(tongue->n));
	json_object_set_new(
		told, "labels", json_integer(learner_labels(tongue->learner) - 1));
	if (option(e->ctl, "online") != NULL)
		learn_online(e, tongue, cases, told);
	else
		learner_train(tongue->learner, cases, tongue->n,
			(struct learner_training){.seed = SEED});
	json_object_set_new(
		told, "temperature", json_real(learner_temperature(tongue->learner)));
	json_object_set_new(told, "cpu_s", json_real(cpu_seconds() - began));
	free(cases);
}

/* ---- answering ---- */

static int
answer(struct eval *e, const struct learner *l, const struct tongue *tongue,
	const struct mails *mails, int row, struct proposal out[PROPOSALS_MAX],
	double *none)
{
	struct bag bag = {0};
	int n;

	corpus_read_row(&e->corpus, tongue, mails, row, &bag);
	n = learner_rank(l, &bag, NULL, out, PROPOSALS_MAX, none);
	bag_finish(&bag);
	return n;
}

static void
write_answer(FILE *f, const struct tongue *tongue, const char *id,
	const struct proposal *out, int n)
{
	json_t *line = json_pack("{s:s, s:[]}", "id", id, "suggestions");
	char *text;

	for (int i = 0; line != NULL && i < n; i++)
		json_array_append_new(json_object_get(line, "suggestions"),
			json_pack("{s:s, s:f}", "label",
				learner_name(tongue->learner, out[i].label), "p",
				out[i].p));
	text = line != NULL ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9))
			    : NULL;
	if (text != NULL)
		fprintf(f, "%s\n", text);
	else
		complain("the id \"%s\" is not UTF-8: its row is left out", id);
	free(text);
	json_decref(line);
}

static struct verdict
judge(const struct tongue *tongue, const struct mails *mails, int row,
	const struct proposal *out, int n, double none)
{
	return (struct verdict){.p = n > 0 ? out[0].p : 0,
		.none = none,
		.right = n > 0 && mails_accept(mails, row,
					  learner_name(tongue->learner, out[0].label))};
}

/* Answers all rows of the test file; their verdicts, owned by the caller. */
static struct verdict *
answer_all(struct eval *e, FILE *f)
{
	int n_rows = e->test.csv.n_rows;
	struct verdict *verdicts = xcalloc((size_t)n_rows + 1, sizeof *verdicts);
	double began = cpu_seconds();

	for (int row = 0; row < n_rows; row++) {
		const struct tongue *tongue =
			corpus_reader_of(&e->corpus, mails_lang(&e->test, row));
		struct proposal out[PROPOSALS_MAX];
		double none = 0;
		int n = answer(e, tongue->learner, tongue, &e->test, row, out, &none);

		write_answer(f, tongue, csv_cell(&e->test.csv, row, e->test.id), out, n);
		verdicts[row] = judge(tongue, &e->test, row, out, n, none);
	}
	json_object_set_new(e->summary, "us_a_mail",
		json_real(n_rows > 0 ? (cpu_seconds() - began) * 1e6 / n_rows : 0));
	return verdicts;
}

/* ---- calibration ---- */

/* Which of the tongue's cases has this id; -1: none was learnt from. */
static int
case_of(const struct map *ids, const char *id)
{
	return (int)(intptr_t)map_get(ids, id) - 1;
}

static struct map
map_ids(const struct tongue *tongue)
{
	struct map ids = {0};

	for (int i = 0; i < tongue->n; i++)
		if (tongue->list[i]->id != NULL && tongue->list[i]->id[0] != '\0')
			map_put(&ids, tongue->list[i]->id, (void *)(intptr_t)(i + 1));
	return ids;
}

/* The tongue's learner as it would be without one fold of the cases. */
static struct learner *
learn_without(const struct tongue *tongue, int fold)
{
	struct learner *l = learner_copy(tongue->learner);
	struct learner_case *cases = tongue_cases(tongue);
	int n = 0;

	for (int i = 0; i < tongue->n; i++)
		if (tongue->list[i]->id == NULL || i % FOLDS != fold)
			cases[n++] = cases[i];
	learner_train(l, cases, n,
		(struct learner_training){.seed = SEED, .no_temperature = true});
	free(cases);
	return l;
}

struct calibration {
	struct verdict *list; /* owned */
	int n, crossed;
};

/*
 * A mail that was learnt from proves nothing, so it is answered by a learner that was
 * built without it and others of its fold.
 */
static void
calibrate_fold(struct eval *e, const struct tongue *tongue, const struct map *ids,
	int fold, struct calibration *c)
{
	struct learner *without = NULL;

	for (int row = 0; row < e->calib.csv.n_rows; row++) {
		int at = case_of(ids, csv_cell(&e->calib.csv, row, e->calib.id));
		struct proposal out[PROPOSALS_MAX];
		const struct learner *l = tongue->learner;
		double none = 0;
		int n;

		if (corpus_reader_of(&e->corpus, mails_lang(&e->calib, row)) != tongue ||
			(at < 0 ? fold != 0 : at % FOLDS != fold))
			continue;
		if (at >= 0) {
			if (without == NULL)
				without = learn_without(tongue, fold);
			l = without;
			c->crossed++;
		}
		n = answer(e, l, tongue, &e->calib, row, out, &none);
		c->list[c->n++] = judge(tongue, &e->calib, row, out, n, none);
	}
	learner_destroy(without);
}

static struct calibration
calibrate(struct eval *e)
{
	struct calibration c = {
		.list = xcalloc((size_t)e->calib.csv.n_rows + 1, sizeof *c.list)};

	for (int i = 0; i < e->corpus.n; i++) {
		const struct tongue *tongue = &e->corpus.list[i];
		struct map ids = map_ids(tongue);

		for (int fold = 0; fold < FOLDS; fold++)
			calibrate_fold(e, tongue, &ids, fold, &c);
		map_finish(&ids);
	}
	return c;
}

/* What would have happened to the test file beyond the threshold. */
static json_t *
realised(const struct gate_threshold *t, const struct verdict *verdicts, int n)
{
	int answered = 0, right = 0;

	for (int i = 0; t->open && i < n; i++) {
		if (verdicts[i].p < t->p)
			continue;
		answered++;
		right += verdicts[i].right;
	}
	return json_pack("{s:i, s:i, s:i, s:o, s:f}", "rows", n, "answered", answered,
		"wrong", answered - right, "precision",
		answered > 0 ? json_real((double)right / answered) : json_null(),
		"coverage", n > 0 ? (double)answered / n : 0.0);
}

static void
aim(struct eval *e, double aimed, const struct verdict *verdicts)
{
	struct calibration c = calibrate(e);
	struct gate_threshold t = gate_find_threshold(c.list, c.n, aimed);

	json_object_set_new(e->summary, "gate",
		json_pack("{s:f, s:b, s:o, s:f, s:i, s:i, s:i, s:f, s:o}", "aim",
			aimed * 100, "open", t.open, "threshold",
			t.open ? json_real(t.p) : json_null(), "bound", t.bound,
			"calibrated_on", c.n, "cross_fitted", c.crossed, "answered",
			(int)t.n, "coverage", t.coverage, "test",
			realised(&t, verdicts, e->test.csv.n_rows)));
	free(c.list);
}

/* ---- telling ---- */

static double
real_of(const json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

static void
print_models(const json_t *summary)
{
	const json_t *model;
	size_t i;

	json_array_foreach(json_object_get(summary, "models"), i, model)
	{
		printf("%s: %" PRId64 " mails, %" PRId64
		       " labels, temperature %.3f, learnt in %.2f s\n",
			member(model, "lang"), member_int(model, "mails"),
			member_int(model, "labels"), real_of(model, "temperature"),
			real_of(model, "cpu_s"));
		if (json_object_get(model, "running_top1") != NULL)
			printf("%s: one pass, each mail answered before it was learnt: "
			       "first proposal right %.2f %%, in the last tenth %.2f "
			       "%%\n",
				member(model, "lang"),
				100 * real_of(model, "running_top1"),
				100 * real_of(model, "last_tenth_top1"));
	}
}

static void
print_gate(const json_t *gate)
{
	const json_t *test = json_object_get(gate, "test");

	if (!json_is_true(json_object_get(gate, "open"))) {
		printf("aim %g %%: off: no threshold proves it (lower Wilson bound on "
		       "%" PRId64 " mails); without an error it takes %" PRId64
		       " mails\n",
			real_of(gate, "aim"), member_int(gate, "calibrated_on"),
			gate_faultless(real_of(gate, "aim") / 100));
		return;
	}
	printf("aim %g %%: threshold %.6f (lower Wilson bound %.4f on %" PRId64
	       " of %" PRId64 " mails)\n",
		real_of(gate, "aim"), real_of(gate, "threshold"), real_of(gate, "bound"),
		member_int(gate, "answered"), member_int(gate, "calibrated_on"));
	printf("aim %g %%: realised precision %.4f, coverage %.4f, wrong %" PRId64
	       " of %" PRId64 " answered\n",
		real_of(gate, "aim"), real_of(test, "precision"),
		real_of(test, "coverage"), member_int(test, "wrong"),
		member_int(test, "answered"));
}

static void
tell(const struct eval *e)
{
	if (e->ctl->json) {
		print_json(e->summary);
		return;
	}
	print_models(e->summary);
	printf("%" PRId64 " mails answered, %.0f us each\n",
		member_int(e->summary, "rows"), real_of(e->summary, "us_a_mail"));
	if (json_object_get(e->summary, "gate") != NULL)
		print_gate(json_object_get(e->summary, "gate"));
}

/* ---- the command ---- */

static bool
read_aim(const struct ctl *ctl, double *aimed)
{
	const char *text = option(ctl, "aim"), *calib = option(ctl, "calib");
	char *end = NULL;

	*aimed = 0;
	if ((text == NULL) != (calib == NULL)) {
		complain("--aim and --calib go together: thresholds are chosen on the "
			 "mails "
			 "of --calib");
		return false;
	}
	if (text == NULL)
		return true;
	*aimed = strtod(text, &end) / 100;
	if (end != text && *end == '\0' && *aimed >= 0.5 && *aimed < 1)
		return true;
	complain("--aim takes per cent, from 50 to below 100, such as 98 or 99.5");
	return false;
}

static bool
read_files(struct eval *e)
{
	const struct ctl *ctl = e->ctl;
	const char *calib = option(ctl, "calib");

	e->has_train = mails_read(&e->train, option(ctl, "train"));
	e->has_test = e->has_train && mails_read(&e->test, option(ctl, "test"));
	e->has_calib = e->has_test && calib != NULL && mails_read(&e->calib, calib);
	return e->has_test && (calib == NULL || e->has_calib);
}

/* Titles come first, so that they are known before the first mail of an online pass; so
 * the languages must be known before them. */
static bool
collect(struct eval *e)
{
	const char *where = option(e->ctl, "where"), *titles = option(e->ctl, "titles");
	int column;

	if (!mails_filter(&e->train, where, &column))
		return false;
	for (int row = 0; row < e->train.csv.n_rows; row++)
		if (mails_match(&e->train, row, where, column) &&
			corpus_tongue(&e->corpus, mails_lang(&e->train, row)) == NULL)
			return false;
	for (int row = 0; e->corpus.n == 0 && row < e->test.csv.n_rows; row++)
		if (corpus_tongue(&e->corpus, mails_lang(&e->test, row)) == NULL)
			return false;
	if (titles != NULL && !corpus_add_titles(&e->corpus, titles))
		return false;
	return corpus_add(&e->corpus, &e->train, where);
}

static bool
run(struct eval *e, double aimed)
{
	const char *path = option(e->ctl, "out");
	struct verdict *verdicts;
	FILE *f;
	bool ok;

	if (!read_files(e) || !collect(e))
		return false;
	f = fopen(path, "we");
	if (f == NULL) {
		complain("%s: %s", path, strerror(errno));
		return false;
	}
	for (int i = 0; i < e->corpus.n; i++)
		learn(e, &e->corpus.list[i]);
	verdicts = answer_all(e, f);
	ok = fflush(f) == 0 && !ferror(f);
	ok = fclose(f) == 0 && ok;
	if (!ok)
		complain("%s: %s", path, strerror(errno));
	else if (aimed > 0)
		aim(e, aimed, verdicts);
	free(verdicts);
	return ok;
}

enum status
do_suggest_eval(struct ctl *ctl)
{
	struct eval e = {.ctl = ctl};
	double aimed;
	bool ok;

	if (option(ctl, "train") == NULL || option(ctl, "test") == NULL ||
		option(ctl, "out") == NULL) {
		complain("suggest eval needs --train FILE, --test FILE and --out FILE");
		return STATUS_USAGE;
	}
	if (!read_aim(ctl, &aimed))
		return STATUS_USAGE;
	e.summary = json_pack("{s:[]}", "models");
	ok = run(&e, aimed);
	if (ok) {
		json_object_set_new(e.summary, "rows", json_integer(e.test.csv.n_rows));
		tell(&e);
	}
	json_decref(e.summary);
	corpus_finish(&e.corpus);
	if (e.has_train)
		mails_finish(&e.train);
	if (e.has_test)
		mails_finish(&e.test);
	if (e.has_calib)
		mails_finish(&e.calib);
	return ok ? STATUS_OK : STATUS_FAILED;
}
