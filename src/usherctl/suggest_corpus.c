/* usherctl/suggest_corpus.c - from files to cases. */
#include "usherctl/suggest_corpus.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "usherctl/usherctl.h"

/* ---- files ---- */

bool
mails_read(struct mails *mails, const char *path)
{
	if (!csv_read(&mails->csv, path))
		return false;
	mails->path = path;
	mails->id = csv_column(&mails->csv, "id");
	mails->lang = csv_column(&mails->csv, "lang");
	mails->label = csv_column(&mails->csv, "label");
	mails->text = csv_column(&mails->csv, "text");
	mails->subject = csv_column(&mails->csv, "subject");
	if (mails->label >= 0 && mails->text >= 0 && mails->id >= 0)
		return true;
	complain("%s: needs the columns id, label and text (id,split,lang,label,text)",
		path);
	csv_finish(&mails->csv);
	return false;
}

void
mails_finish(struct mails *mails)
{
	csv_finish(&mails->csv);
}

bool
mails_filter(const struct mails *mails, const char *where, int *column)
{
	const char *equals = where != NULL ? strchr(where, '=') : NULL;
	char *name;

	*column = -1;
	if (where == NULL)
		return true;
	if (equals == NULL) {
		complain("--where takes COLUMN=VALUE, such as split=train");
		return false;
	}
	name = xstrndup(where, (size_t)(equals - where));
	*column = csv_column(&mails->csv, name);
	if (*column < 0)
		complain("%s: has no column \"%s\"", mails->path, name);
	free(name);
	return *column >= 0;
}

bool
mails_match(const struct mails *mails, int row, const char *where, int column)
{
	return where == NULL ||
	       strcmp(csv_cell(&mails->csv, row, column), strchr(where, '=') + 1) == 0;
}

const char *
mails_lang(const struct mails *mails, int row)
{
	return csv_cell(&mails->csv, row, mails->lang);
}

/* The next of the labels between "|"; NULL at the end. */
static const char *
next_label(const char **at, size_t *n)
{
	const char *label;

	*at += strspn(*at, "|");
	*n = strcspn(*at, "|");
	label = *at;
	*at += *n;
	return *n > 0 ? label : NULL;
}

bool
mails_accept(const struct mails *mails, int row, const char *label)
{
	const char *at = csv_cell(&mails->csv, row, mails->label), *one;
	size_t n;

	while ((one = next_label(&at, &n)) != NULL)
		if (strlen(label) == n && strncmp(one, label, n) == 0)
			return true;
	return false;
}

/* ---- languages ---- */

double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
tongue_finish(struct tongue *tongue)
{
	for (int i = 0; i < tongue->n; i++) {
		bag_finish(&tongue->list[i]->bag);
		free(tongue->list[i]);
	}
	free(tongue->list);
	learner_destroy(tongue->learner);
	words_reader_destroy(tongue->reader);
}

void
corpus_finish(struct corpus *corpus)
{
	for (int i = 0; i < corpus->n; i++)
		tongue_finish(&corpus->list[i]);
	free(corpus->list);
	words_finish(&corpus->words);
	features_finish(&corpus->features);
	*corpus = (struct corpus){0};
}

struct tongue *
corpus_tongue(struct corpus *corpus, const char *lang)
{
	struct tongue *tongue;

	for (int i = 0; i < corpus->n; i++)
		if (strncmp(corpus->list[i].lang, lang, WORD_LANG_MAX - 1) == 0)
			return &corpus->list[i];
	corpus->list =
		xreallocarray(corpus->list, (size_t)corpus->n + 1, sizeof *corpus->list);
	tongue = &corpus->list[corpus->n];
	*tongue = (struct tongue){.reader = words_reader_create(lang)};
	if (tongue->reader == NULL) {
		complain("words of the language \"%s\" cannot be read", lang);
		return NULL;
	}
	strncpy(tongue->lang, lang, sizeof tongue->lang - 1);
	tongue->learner = learner_create(tongue->lang);
	corpus->n++;
	return tongue;
}

const struct tongue *
corpus_reader_of(const struct corpus *corpus, const char *lang)
{
	const struct tongue *largest = corpus->n > 0 ? &corpus->list[0] : NULL;

	for (int i = 0; i < corpus->n; i++) {
		if (strncmp(corpus->list[i].lang, lang, WORD_LANG_MAX - 1) == 0)
			return &corpus->list[i];
		if (corpus->list[i].n > largest->n)
			largest = &corpus->list[i];
	}
	return largest;
}

/* ---- cases ---- */

void
corpus_read(struct corpus *corpus, const struct tongue *tongue, const char *subject,
	const char *text, struct bag *bag)
{
	words_clear(&corpus->words);
	words_add(
		tongue->reader, &corpus->words, FIELD_SUBJECT, subject, strlen(subject));
	words_add(tongue->reader, &corpus->words, FIELD_BODY, text, strlen(text));
	features_make(&corpus->features, &corpus->words);
	bag_make(bag, &corpus->features);
}

void
corpus_read_row(struct corpus *corpus, const struct tongue *tongue,
	const struct mails *mails, int row, struct bag *bag)
{
	corpus_read(corpus, tongue, csv_cell(&mails->csv, row, mails->subject),
		csv_cell(&mails->csv, row, mails->text), bag);
}

static struct kept_case *
new_case(struct tongue *tongue)
{
	struct kept_case *kept = xcalloc(1, sizeof *kept);

	if (tongue->n == tongue->room) {
		tongue->room = tongue->room != 0 ? 2 * tongue->room : 256;
		tongue->list = xreallocarray(
			tongue->list, (size_t)tongue->room, sizeof *tongue->list);
	}
	tongue->list[tongue->n++] = kept;
	return kept;
}

/* The labels of a mail; NONE_LABEL counts only when it stands alone. */
static bool
take_labels(struct tongue *tongue, struct kept_case *kept, const char *labels)
{
	const char *at = labels, *one;
	bool none = false;
	size_t n;

	while ((one = next_label(&at, &n)) != NULL) {
		char name[LEARNER_LABEL_BYTES];
		int label;

		if (n >= sizeof name || kept->n_labels == CASE_LABELS_MAX)
			return false;
		memcpy(name, one, n);
		name[n] = '\0';
		if (strcmp(name, NONE_LABEL) == 0) {
			none = true;
			continue;
		}
		label = learner_label(tongue->learner, name, true);
		if (label < 0)
			return false;
		kept->label[kept->n_labels++] = label;
	}
	if (kept->n_labels == 0 && none)
		kept->label[kept->n_labels++] = LEARNER_NONE;
	return kept->n_labels > 0;
}

static bool
add_row(struct corpus *corpus, const struct mails *mails, int row)
{
	const char *labels = csv_cell(&mails->csv, row, mails->label);
	struct tongue *tongue = corpus_tongue(corpus, mails_lang(mails, row));
	struct kept_case *kept;

	if (tongue == NULL)
		return false;
	kept = new_case(tongue);
	kept->id = csv_cell(&mails->csv, row, mails->id);
	corpus_read_row(corpus, tongue, mails, row, &kept->bag);
	if (take_labels(tongue, kept, labels))
		return true;
	complain(
		"%s line %d: the label \"%s\" is empty or longer than %d bytes, or there "
		"are more than %d labels in the file or %d in the row",
		mails->path, mails->csv.line[row], labels, LEARNER_LABEL_BYTES - 1,
		LEARNER_LABELS_MAX, CASE_LABELS_MAX);
	return false;
}

bool
corpus_add(struct corpus *corpus, const struct mails *mails, const char *where)
{
	int column;

	if (!mails_filter(mails, where, &column))
		return false;
	for (int row = 0; row < mails->csv.n_rows; row++)
		if (mails_match(mails, row, where, column) &&
			!add_row(corpus, mails, row))
			return false;
	return true;
}

static bool
add_title(
	struct corpus *corpus, const struct csv *csv, const char *path, int row, int text)
{
	const char *label = csv_cell(csv, row, csv_column(csv, "label"));

	for (int i = 0; i < corpus->n; i++) {
		struct tongue *tongue = &corpus->list[i];
		struct kept_case *kept = new_case(tongue);

		corpus_read(corpus, tongue, "", csv_cell(csv, row, text), &kept->bag);
		if (!take_labels(tongue, kept, label)) {
			complain("%s line %d: the label \"%s\" is empty or too long",
				path, csv->line[row], label);
			return false;
		}
	}
	return true;
}

bool
corpus_add_titles(struct corpus *corpus, const char *path)
{
	static const char *const names[] = {"description", "title", "text"};
	struct csv csv;
	int text = -1;
	bool ok = true;

	if (!csv_read(&csv, path))
		return false;
	for (size_t i = 0; text < 0 && i < sizeof names / sizeof *names; i++)
		text = csv_column(&csv, names[i]);
	if (text < 0 || csv_column(&csv, "label") < 0) {
		complain(
			"%s: needs the columns label and description (or title, or text)",
			path);
		ok = false;
	}
	for (int row = 0; ok && row < csv.n_rows; row++)
		ok = add_title(corpus, &csv, path, row, text);
	csv_finish(&csv);
	return ok;
}

struct learner_case *
tongue_cases(const struct tongue *tongue)
{
	struct learner_case *cases = xcalloc((size_t)tongue->n + 1, sizeof *cases);

	for (int i = 0; i < tongue->n; i++)
		cases[i] = (struct learner_case){&tongue->list[i]->bag,
			tongue->list[i]->label, tongue->list[i]->n_labels, 1};
	return cases;
}
