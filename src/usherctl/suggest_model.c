/* usherctl/suggest_model.c - trains a model file, tries it on a mail, explains it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suggest/model_file.h"
#include "usherctl/suggest_corpus.h"
#include "usherctl/usherctl.h"

#define SEED 1
#define REASONS_SHORT 3 /* of each proposal, when tried */
#define REASONS_LONG 20 /* when explained */

/* ---- train ---- */

/* The only language there is, or the one that --lang names. */
static struct tongue *
choose_tongue(struct ctl *ctl, struct corpus *corpus)
{
	const char *lang = option(ctl, "lang");

	for (int i = 0; lang != NULL && i < corpus->n; i++)
		if (strcmp(corpus->list[i].lang, lang) == 0)
			return &corpus->list[i];
	if (lang != NULL)
		complain("no mail to learn from is in the language \"%s\"", lang);
	else if (corpus->n == 0)
		complain("there is no mail to learn from");
	else if (corpus->n > 1)
		complain("the mails are in %d languages: name one by --lang, a model is "
			 "for one",
			corpus->n);
	return lang == NULL && corpus->n == 1 ? &corpus->list[0] : NULL;
}

static bool
train(struct ctl *ctl, struct corpus *corpus)
{
	const char *titles = option(ctl, "titles"), *path = option(ctl, "model");
	struct learner_case *cases;
	struct tongue *tongue;
	char problem[MODEL_PROBLEM];
	double began = cpu_seconds();

	if (titles != NULL && !corpus_add_titles(corpus, titles))
		return false;
	tongue = choose_tongue(ctl, corpus);
	if (tongue == NULL)
		return false;
	cases = tongue_cases(tongue);
	learner_train(tongue->learner, cases, tongue->n,
		(struct learner_training){.seed = SEED});
	free(cases);
	if (!model_save(tongue->learner, path, problem)) {
		complain("%s: %s", path, problem);
		return false;
	}
	if (!ctl->json)
		printf("%s: %d mails, %d labels, temperature %.3f, learnt in %.2f s\n",
			path, tongue->n, learner_labels(tongue->learner) - 1,
			learner_temperature(tongue->learner), cpu_seconds() - began);
	else
		print_json(json_pack("{s:s, s:s, s:i, s:i, s:f}", "model", path, "lang",
			tongue->lang, "mails", tongue->n, "labels",
			learner_labels(tongue->learner) - 1, "temperature",
			learner_temperature(tongue->learner)));
	return true;
}

enum status
do_suggest_train(struct ctl *ctl)
{
	struct corpus corpus = {0};
	struct mails mails;
	bool ok;

	if (option(ctl, "train") == NULL || option(ctl, "model") == NULL) {
		complain("suggest train needs --train FILE and --model FILE");
		return STATUS_USAGE;
	}
	if (!mails_read(&mails, option(ctl, "train")))
		return STATUS_FAILED;
	ok = corpus_add(&corpus, &mails, option(ctl, "where")) && train(ctl, &corpus);
	corpus_finish(&corpus);
	mails_finish(&mails);
	return ok ? STATUS_OK : STATUS_FAILED;
}

/* ---- try and explain ---- */

/* One mail and what the model says of it. */
struct trial {
	struct ctl *ctl;
	struct learner *learner;     /* owned */
	struct words_reader *reader; /* owned */
	struct words words;
	struct features features;
	struct bag bag;
	struct proposal shown[PROPOSALS_MAX];
	int n;
	double none;
};

/* The text of --text, of the file named, or of standard input; owned by the caller. */
static char *
read_text(struct ctl *ctl)
{
	const char *path = ctl->n_words > 0 ? ctl->word[0] : "-";
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *text;
	size_t n;

	if (option(ctl, "text") != NULL)
		return xstrdup(option(ctl, "text"));
	if (f == NULL) {
		complain("%s: %s", path, strerror(errno));
		return NULL;
	}
	text = xmalloc(WORDS_TEXT_MAX + 1);
	n = fread(text, 1, WORDS_TEXT_MAX, f);
	text[n] = '\0';
	if (f != stdin)
		fclose(f);
	return text;
}

static void
rank(struct trial *t, const char *text)
{
	const char *subject = option(t->ctl, "subject");

	if (subject != NULL)
		words_add(t->reader, &t->words, FIELD_SUBJECT, subject, strlen(subject));
	words_add(t->reader, &t->words, FIELD_BODY, text, strlen(text));
	features_make(&t->features, &t->words);
	bag_make(&t->bag, &t->features);
	t->n = learner_rank(t->learner, &t->bag, NULL, t->shown, PROPOSALS_MAX, &t->none);
}

static char *
reason_text(const struct words *words, const struct reason *why)
{
	return why->words == 2 ? xasprintf("%s %s", word_text(words, why->word),
					 word_text(words, why->word + 1))
			       : xstrdup(word_text(words, why->word));
}

static json_t *
reasons(struct trial *t, int label, int most)
{
	struct reason why[REASONS_LONG];
	json_t *list = json_array();
	int n = learner_explain(t->learner, &t->words, &t->features, &t->bag, label,
		t->shown, t->n, why, most);

	for (int i = 0; i < n; i++) {
		char *text = reason_text(&t->words, &why[i]);

		json_array_append_new(list, json_pack("{s:s, s:f}", "text", text, "pull",
						    (double)why[i].pull));
		free(text);
	}
	return list;
}

static json_t *
told(struct trial *t, int reasons_most)
{
	json_t *list = json_array();

	for (int i = 0; i < t->n; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:f, s:o}", "label",
				      learner_name(t->learner, t->shown[i].label), "p",
				      t->shown[i].p, "why",
				      reasons(t, t->shown[i].label, reasons_most)));
	return json_pack("{s:s, s:i, s:f, s:o}", "lang", learner_language(t->learner),
		"words", t->words.n, "none", t->none, "proposals", list);
}

static void
print_reasons(const json_t *why, const char *between)
{
	const json_t *one;
	size_t i;

	json_array_foreach(why, i, one) printf("%s%s (%+.2f)", i > 0 ? between : "",
		member(one, "text"), json_number_value(json_object_get(one, "pull")));
}

static void
print_trial(const json_t *all, bool longer)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(all, "proposals"), i, one)
	{
		printf("%5.1f %%  %s%s",
			100 * json_number_value(json_object_get(one, "p")),
			member(one, "label"), longer ? "\n            " : "   ");
		print_reasons(
			json_object_get(one, "why"), longer ? "\n            " : ", ");
		putchar('\n');
	}
	printf("%5.1f %%  that no response answers it\n",
		100 * json_number_value(json_object_get(all, "none")));
}

static enum status
try_model(struct ctl *ctl, bool longer)
{
	struct trial t = {.ctl = ctl};
	const char *path = option(ctl, "model");
	char problem[MODEL_PROBLEM], *text;
	json_t *all;

	if (path == NULL) {
		complain("suggest %s needs --model FILE", ctl->command->verb);
		return STATUS_USAGE;
	}
	t.learner = model_load(path, problem);
	if (t.learner == NULL) {
		complain("%s: %s", path, problem);
		return STATUS_FAILED;
	}
	t.reader = words_reader_create(learner_language(t.learner));
	text = t.reader != NULL ? read_text(ctl) : NULL;
	if (text != NULL) {
		rank(&t, text);
		all = told(&t, longer ? REASONS_LONG : REASONS_SHORT);
		if (ctl->json)
			print_json(all);
		else
			print_trial(all, longer);
		json_decref(all);
	}
	bag_finish(&t.bag);
	features_finish(&t.features);
	words_finish(&t.words);
	words_reader_destroy(t.reader);
	learner_destroy(t.learner);
	free(text);
	return text != NULL ? STATUS_OK : STATUS_FAILED;
}

enum status
do_suggest_try(struct ctl *ctl)
{
	return try_model(ctl, false);
}

enum status
do_suggest_explain(struct ctl *ctl)
{
	return try_model(ctl, true);
}
