/* usherctl/suggest_corpus.h - mails of CSV files, and a learner for each language. */
#ifndef USHER_USHERCTL_SUGGEST_CORPUS_H
#define USHER_USHERCTL_SUGGEST_CORPUS_H

#include "suggest/learner.h"
#include "usherctl/suggest_csv.h"

#define NONE_LABEL "__oos__" /* in files: no response answers this mail */
#define CASE_LABELS_MAX 16   /* acceptable ones of a mail, separated by "|" */

/* A file of mails: columns label and text; id, split, lang and subject may be there. */
struct mails {
	struct csv csv;
	const char *path; /* borrowed */
	int id, lang, label, text, subject;
};

/* False: said why. */
bool mails_read(struct mails *mails, const char *path) USHER_MUST_CHECK;
void mails_finish(struct mails *mails);
/* Checks "COLUMN=VALUE"; NULL takes all rows. *column for mails_match. False: said why.
 */
bool mails_filter(
	const struct mails *mails, const char *where, int *column) USHER_MUST_CHECK;
bool mails_match(const struct mails *mails, int row, const char *where, int column);
const char *mails_lang(const struct mails *mails, int row);
/* Is one of the row's labels this one? */
bool mails_accept(const struct mails *mails, int row, const char *label);

/* A mail that was read, with its labels as numbers of the learner. */
struct kept_case {
	struct bag bag;
	int label[CASE_LABELS_MAX];
	int n_labels;
	const char *id; /* borrowed from the file; NULL: a title */
};

/* One language. */
struct tongue {
	char lang[WORD_LANG_MAX];
	struct words_reader *reader; /* owned */
	struct learner *learner;     /* owned */
	struct kept_case **list;     /* owned */
	int n, room;
	double cpu_s; /* of learning */
};

struct corpus {
	struct tongue *list; /* owned */
	int n;
	struct words words;
	struct features features;
};

void corpus_finish(struct corpus *corpus);
/* The tongue of a language, made if it is new; NULL: said why. */
struct tongue *corpus_tongue(struct corpus *corpus, const char *lang);
/* The one that reads mails of a language: its own, or that with the most cases. NULL:
 * there is none. */
const struct tongue *corpus_reader_of(const struct corpus *corpus, const char *lang);

/* The features of a text; *bag is empty before. */
void corpus_read(struct corpus *corpus, const struct tongue *tongue, const char *subject,
	const char *text, struct bag *bag);
void corpus_read_row(struct corpus *corpus, const struct tongue *tongue,
	const struct mails *mails, int row, struct bag *bag);

/* Takes all rows that match as cases. False: said why. */
bool corpus_add(struct corpus *corpus, const struct mails *mails,
	const char *where) USHER_MUST_CHECK;
/* Takes a file of titles (label and description, title or text) as one case a label, in
 * every language there is. False: said why. */
bool corpus_add_titles(struct corpus *corpus, const char *path) USHER_MUST_CHECK;

/* The cases as the learner takes them; owned by the caller. */
struct learner_case *tongue_cases(const struct tongue *tongue);

double cpu_seconds(void); /* of this process */

#endif
