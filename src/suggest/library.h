/*
 * suggest/library.h - the stored responses: a folder of files, one response each.
 *
 * A file ends in .txt or .md and begins with a head of YAML between two lines "---"; the
 * rest is the text that is sent. Subfolders are categories. A file rules.yaml at the top
 * holds rules that belong to no response. docs/suggest.md describes the keys.
 */
#ifndef USHER_SUGGEST_LIBRARY_H
#define USHER_SUGGEST_LIBRARY_H

#include "base/text.h"
#include "suggest/learner.h"
#include "suggest/rules.h"

#define LIBRARY_RESPONSES_MAX LEARNER_LABELS_MAX
#define LIBRARY_DEPTH_MAX 8	       /* subfolders within each other */
#define RESPONSE_BYTES_MAX (256 << 10) /* of a file */
#define RESPONSE_WORDS_MAX 64	       /* languages, keywords, placeholders, each */
#define RESPONSE_RULES_MAX 64
#define PLACEHOLDER_MAX 64 /* bytes of a name */

struct name_list {
	char **list; /* owned, with each */
	int n;
};

/* Texts are owned by the library. */
struct response {
	char *id;	/* [A-Za-z0-9._-]{1,64}; the label that the learner learns */
	char *title;	/* for agents */
	char *category; /* "cards/lost"; "" at the top */
	char *body;	/* with placeholders; UTF-8, lines end with LF */
	char *file;	/* path within the folder */
	struct name_list languages, keywords, placeholders;
	bool automatic;	      /* may be sent without an agent, when the gate opens */
	bool never_automatic; /* stands above `automatic`, and above rules */
	double aim;	      /* precision of automatic answers, 0.5..0.9999 */
	uint64_t version;     /* a hash of the file: two that differ are not the same */
};

struct library {
	struct response *list; /* owned; by id */
	int n;
	struct rules *rules; /* owned; of all files */
};

/* What is wrong: lines "FILE:LINE: sentence", owned. */
struct library_problems {
	struct text said;
	int n;
};

/*
 * library_load - reads and checks a folder.
 *
 * Returns  owned by the caller; NULL when there is any problem: half a library is none
 */
struct library *library_load(
	const char *folder, struct library_problems *problems) USHER_MUST_CHECK;
void library_destroy(struct library *library);

/*
 * library_read - the same for one text, n bytes, named `file` in messages: adds its
 * response and rules. For editors that check before they save, and for tests.
 */
void library_read(struct library *library, const char *file, const char *text, size_t n,
	struct library_problems *problems);
struct library *library_create(void);

/* The same in steps: what library_read() has put into a library stands above the files of
 * a folder with the same id, which is added behind it; library_check() comes last and
 * tells whether all of it is sound. */
void library_add(
	struct library *library, const char *folder, struct library_problems *problems);
bool library_check(const struct library *library,
	struct library_problems *problems) USHER_MUST_CHECK;

const struct response *library_find(const struct library *library, const char *id);
/* Has no languages, or this one ("de" holds for "de-AT"), or the mail's is "". */
bool response_speaks(const struct response *r, const char *lang);

/*
 * response_fill - the body with its placeholders filled.
 *
 * value    gives the text of a name, borrowed until the next call; NULL: it has none
 * out      the text is added
 * missing  names without value and default are added, ", " between; NULL: not wanted
 * Returns  false when there are any: such an answer is not sent automatically
 */
bool response_fill(const struct response *r,
	const char *(*value)(void *owner, const char *name), void *owner,
	struct text *out, struct text *missing);

/*
 * library_seed - teaches the learner each response that it has no case of, by title,
 * keywords and body, and takes those that are gone or speak another language off its
 * list.
 *
 * Returns  how many responses were taught
 */
int library_seed(const struct library *library, struct learner *l);

#endif
