/* usherctl/suggest_model.c - trains a model file, tries model and library on a mail,
 * checks a library. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suggest/model_file.h"
#include "suggest/propose.h"
#include "usherctl/suggest_corpus.h"
#include "usherctl/usherctl.h"

#define SEED 1
#define REASONS_SHORT 3 /* words of each proposal */
#define REASONS_LONG 20 /* when explained */

static struct library *
read_library(const char *folder)
{
	struct library_problems problems = {0};
	struct library *library = library_load(folder, &problems);

	if (library == NULL)
		complain("%s: %d problems\n%s", folder, problems.n,
			problems.said.s != NULL ? problems.said.s : "");
	text_finish(&problems.said);
	return library;
}

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

static void
tell_training(struct ctl *ctl, const struct tongue *tongue, double cpu_s)
{
	const char *path = option(ctl, "model");
	int labels = learner_labels(tongue->learner) - 1;
	double t = learner_temperature(tongue->learner);
	json_t *told;

	if (!ctl->json) {
		printf("%s: %d mails, %d labels, temperature %.3f, learnt in %.2f s\n",
			path, tongue->n, labels, t, cpu_s);
		return;
	}
	told = json_pack("{s:s, s:s, s:i, s:i, s:f, s:f}", "model", path, "lang",
		tongue->lang, "mails", tongue->n, "labels", labels, "temperature", t,
		"cpu_s", cpu_s);
	print_json(told);
	json_decref(told);
}

static bool
train(struct ctl *ctl, struct corpus *corpus, const struct library *library)
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
	if (library != NULL)
		library_seed(library, tongue->learner);
	if (!model_save(tongue->learner, path, problem)) {
		complain("%s: %s", path, problem);
		return false;
	}
	tell_training(ctl, tongue, cpu_seconds() - began);
	return true;
}

enum status
do_suggest_train(struct ctl *ctl)
{
	struct corpus corpus = {0};
	struct library *library = NULL;
	struct mails mails;
	bool ok;

	if (option(ctl, "train") == NULL || option(ctl, "model") == NULL) {
		complain("suggest train needs --train FILE and --model FILE");
		return STATUS_USAGE;
	}
	if (option(ctl, "library") != NULL &&
		(library = read_library(option(ctl, "library"))) == NULL)
		return STATUS_FAILED;
	if (!mails_read(&mails, option(ctl, "train"))) {
		library_destroy(library);
		return STATUS_FAILED;
	}
	ok = corpus_add(&corpus, &mails, option(ctl, "where")) &&
	     train(ctl, &corpus, library);
	corpus_finish(&corpus);
	library_destroy(library);
	mails_finish(&mails);
	return ok ? STATUS_OK : STATUS_FAILED;
}

/* ---- try and explain ---- */

/* One mail, and what model and library say of it. */
struct trial {
	struct ctl *ctl;
	struct learner *learner;      /* owned; NULL: no model was named */
	struct library *library;      /* owned; NULL: none was named */
	struct rule_matcher *matcher; /* owned */
	struct words_reader *reader;  /* owned */
	struct proposer proposer;
	struct words words;
	struct features features;
	struct bag bag;
	struct suggestions made;
};

/* The text of --text, of the file named, or of standard input; owned by the caller. */
static char *
read_text(struct ctl *ctl)
{
	const char *path = ctl->n_words > 0 ? ctl->word[0] : "-";
	FILE *f;
	char *text;
	size_t n;

	if (option(ctl, "text") != NULL)
		return xstrdup(option(ctl, "text"));
	f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
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

static bool
open_trial(struct trial *t)
{
	const char *model = option(t->ctl, "model"), *folder = option(t->ctl, "library");
	const char *lang = option(t->ctl, "lang");
	char problem[MODEL_PROBLEM];

	if (model != NULL) {
		t->learner = model_load(model, problem);
		if (t->learner == NULL) {
			complain("%s: %s", model, problem);
			return false;
		}
		lang = learner_language(t->learner);
	}
	if (folder != NULL && (t->library = read_library(folder)) == NULL)
		return false;
	if (t->library != NULL)
		t->matcher = rule_matcher_create(t->library->rules, lang);
	t->reader = words_reader_create(lang);
	t->proposer = (struct proposer){
		.learner = t->learner, .matcher = t->matcher, .library = t->library};
	return t->reader != NULL;
}

static void
close_trial(struct trial *t)
{
	bag_finish(&t->bag);
	features_finish(&t->features);
	words_finish(&t->words);
	words_reader_destroy(t->reader);
	rule_matcher_destroy(t->matcher);
	library_destroy(t->library);
	learner_destroy(t->learner);
}

static void
make_proposals(struct trial *t, const char *text)
{
	const char *subject = option(t->ctl, "subject"),
		   *sender = option(t->ctl, "sender");

	if (sender != NULL)
		words_add(t->reader, &t->words, FIELD_SENDER, sender, strlen(sender));
	if (subject != NULL)
		words_add(t->reader, &t->words, FIELD_SUBJECT, subject, strlen(subject));
	words_add(t->reader, &t->words, FIELD_BODY, text, strlen(text));
	features_make(&t->features, &t->words);
	bag_make(&t->bag, &t->features);
	propose(&t->proposer, &t->words, &t->bag, &t->made);
}

static char *
reason_text(const struct words *words, const struct reason *why)
{
	return why->words == 2 ? xasprintf("%s %s", word_text(words, why->word),
					 word_text(words, why->word + 1))
			       : xstrdup(word_text(words, why->word));
}

/* The words that pull a label up, with how much. */
static json_t *
words_that_pull(struct trial *t, const char *label)
{
	struct reason why[REASONS_LONG];
	struct proposal shown[PROPOSALS_MAX];
	json_t *list = json_array();
	int n = 0;

	for (int i = 0; i < t->made.n; i++)
		if (t->made.list[i].learnt)
			shown[n++].label =
				learner_find(t->learner, t->made.list[i].label);
	n = learner_explain(t->learner, &t->words, &t->features, &t->bag,
		learner_find(t->learner, label), shown, n, why, REASONS_LONG);
	for (int i = 0; i < n; i++) {
		char *text = reason_text(&t->words, &why[i]);

		json_array_append_new(list, json_pack("{s:s, s:f}", "text", text, "pull",
						    (double)why[i].pull));
		free(text);
	}
	return list;
}

static json_t *
told_of(struct trial *t, int which, bool longer)
{
	const struct suggestion *one = &t->made.list[which];
	struct text why = {0};
	json_t *told;

	propose_why(&t->proposer, &t->words, &t->features, &t->bag, &t->made, which,
		REASONS_SHORT, &why);
	told = json_pack("{s:s, s:f, s:s, s:b}", "label", one->label, "p", one->p, "why",
		why.s != NULL ? why.s : "", "never_automatic",
		one->never_automatic || t->made.never_automatic);
	if (longer && one->learnt)
		json_object_set_new(told, "words", words_that_pull(t, one->label));
	text_finish(&why);
	return told;
}

static json_t *
told(struct trial *t, bool longer)
{
	const struct suggestions *made = &t->made;
	json_t *all = json_pack("{s:i, s:f, s:[], s:s?, s:[], s:[]}", "words_read",
		t->words.n, "none", made->none, "proposals", "queue", made->queue,
		"skills", "rules");

	for (int i = 0; i < made->n; i++)
		json_array_append_new(
			json_object_get(all, "proposals"), told_of(t, i, longer));
	for (int i = 0; i < made->n_skills; i++)
		json_array_append_new(
			json_object_get(all, "skills"), json_string(made->skill[i]));
	for (int i = 0; i < made->n_hits; i++)
		json_array_append_new(
			json_object_get(all, "rules"), json_string(made->hit[i].name));
	return all;
}

static void
print_trial(const json_t *all)
{
	const json_t *one, *word;
	size_t i, k;

	json_array_foreach(json_object_get(all, "proposals"), i, one)
	{
		printf("%5.1f %%  %s: %s\n",
			100 * json_number_value(json_object_get(one, "p")),
			member(one, "label"), member(one, "why"));
		json_array_foreach(json_object_get(one, "words"), k, word)
			printf("            %+6.2f  %s\n",
				json_number_value(json_object_get(word, "pull")),
				member(word, "text"));
	}
	printf("%5.1f %%  that no response answers it\n",
		100 * json_number_value(json_object_get(all, "none")));
	if (member(all, "queue") != NULL)
		printf("queue: %s\n", member(all, "queue"));
	json_array_foreach(json_object_get(all, "skills"), i, one)
		printf("skill: %s\n", json_string_value(one));
}

static enum status
try_mail(struct ctl *ctl, bool longer)
{
	struct trial t = {.ctl = ctl};
	char *text = NULL;
	bool ok;

	if (option(ctl, "model") == NULL && option(ctl, "library") == NULL) {
		complain("suggest %s needs --model FILE, --library FOLDER, or both",
			ctl->command->verb);
		return STATUS_USAGE;
	}
	ok = open_trial(&t) && (text = read_text(ctl)) != NULL;
	if (ok) {
		json_t *all;

		make_proposals(&t, text);
		all = told(&t, longer);
		if (ctl->json)
			print_json(all);
		else
			print_trial(all);
		json_decref(all);
	}
	close_trial(&t);
	free(text);
	return ok ? STATUS_OK : STATUS_FAILED;
}

enum status
do_suggest_try(struct ctl *ctl)
{
	return try_mail(ctl, false);
}

enum status
do_suggest_explain(struct ctl *ctl)
{
	return try_mail(ctl, true);
}

/* ---- check ---- */

static json_t *
names(const struct name_list *list)
{
	json_t *all = json_array();

	for (int i = 0; i < list->n; i++)
		json_array_append_new(all, json_string(list->list[i]));
	return all;
}

static void
print_library(const struct ctl *ctl, const struct library *library)
{
	struct table *t = table_create(ctl, "response|title|category|file");

	for (int i = 0; i < library->n; i++) {
		const struct response *r = &library->list[i];

		table_cell(t, r->id);
		table_cell(t, r->title);
		table_cell(t, r->category);
		table_cell(t, r->file);
	}
	table_print(t, "no responses");
	printf("%d responses, %d rules\n", library->n, rules_count(library->rules));
}

static void
print_library_json(const struct library *library)
{
	json_t *all = json_pack(
		"{s:[], s:i}", "responses", "rules", rules_count(library->rules));

	for (int i = 0; i < library->n; i++) {
		const struct response *r = &library->list[i];

		json_array_append_new(json_object_get(all, "responses"),
			json_pack("{s:s, s:s, s:s, s:s, s:o, s:b}", "id", r->id, "title",
				r->title, "category", r->category, "file", r->file,
				"languages", names(&r->languages), "automatic",
				r->automatic));
	}
	print_json(all);
	json_decref(all);
}

enum status
do_suggest_check(struct ctl *ctl)
{
	struct library *library = read_library(ctl->word[0]);

	if (library == NULL)
		return STATUS_FAILED;
	if (ctl->json)
		print_library_json(library);
	else
		print_library(ctl, library);
	library_destroy(library);
	return STATUS_OK;
}
