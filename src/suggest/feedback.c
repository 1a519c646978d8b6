/* suggest/feedback.c - weights of verdicts. */
#include "suggest/feedback.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define BLANKS " \t\r\n"
#define PRIOR_CONFIRMED 19.0 /* an agent begins as if so many had been confirmed, */
#define PRIOR_CORRECTED 1.0  /* and so many corrected */
#define TRUST_FULL 0.95
#define TRUST_NONE 0.5
#define KEPT_LEAST 0.2 /* what keeps less is an answer of his own */

struct span {
	const char *s;
	size_t n;
};

static int
split(const char *text, struct span *out)
{
	int n = 0;

	for (;;) {
		text += strspn(text, BLANKS);
		if (*text == '\0' || n == FEEDBACK_WORDS_MAX)
			return n;
		out[n] = (struct span){text, strcspn(text, BLANKS)};
		text += out[n++].n;
	}
}

static int
larger(int a, int b)
{
	return a > b ? a : b;
}

/* Length of the longest common subsequence; one row of the table is enough. */
static int
common(const struct span *a, int n_a, const struct span *b, int n_b)
{
	int *row = xcalloc((size_t)n_b + 1, sizeof *row), found;

	for (int i = 0; i < n_a; i++) {
		int corner = 0; /* row[k] before this word of a */

		for (int k = 0; k < n_b; k++) {
			int above = row[k + 1];
			bool same =
				a[i].n == b[k].n && memcmp(a[i].s, b[k].s, a[i].n) == 0;

			row[k + 1] = same ? corner + 1 : larger(above, row[k]);
			corner = above;
		}
	}
	found = row[n_b];
	free(row);
	return found;
}

double
feedback_kept(const char *response, const char *sent)
{
	struct span *a = xcalloc(FEEDBACK_WORDS_MAX, sizeof *a);
	struct span *b = xcalloc(FEEDBACK_WORDS_MAX, sizeof *b);
	int n_a = split(response, a), n_b = split(sent, b);
	double kept = n_a + n_b > 0 ? 2.0 * common(a, n_a, b, n_b) / (n_a + n_b) : 1;

	free(a);
	free(b);
	return kept;
}

double
feedback_trust(int64_t confirmed, int64_t corrected)
{
	double share = ((double)confirmed + PRIOR_CONFIRMED) /
		       ((double)confirmed + (double)corrected + PRIOR_CONFIRMED +
			       PRIOR_CORRECTED);
	double trust = (share - TRUST_NONE) / (TRUST_FULL - TRUST_NONE);

	return trust > 1 ? 1 : trust > 0 ? trust : 0;
}

double
feedback_weight(enum feedback what, double kept, double trust)
{
	switch (what) {
	case FEEDBACK_SENT:
	case FEEDBACK_CHOSEN:
	case FEEDBACK_NONE:
		return trust;
	case FEEDBACK_EDITED:
		return kept >= KEPT_LEAST ? kept * trust : 0;
	case FEEDBACK_AUDITED:
		return 1;
	case FEEDBACK_IGNORED:
		break;
	}
	return 0;
}
