/* suggest/gate.c - the conditions of answering by itself. */
#include "suggest/gate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define Z 1.959964 /* of 95 %, both sides */

/* ---- evidence ---- */

/* The ends of the interval: z is -Z or Z. n > 0. */
static double
wilson(int64_t right, int64_t n, double z)
{
	double all = (double)n, share = (double)right / all;

	return (share + z * z / (2 * all) +
		       z * sqrt(share * (1 - share) / all + z * z / (4 * all * all))) /
	       (1 + z * z / all);
}

double
wilson_lower(int64_t right, int64_t n)
{
	return n > 0 ? wilson(right, n, -Z) : 0;
}

double
wilson_upper(int64_t right, int64_t n)
{
	return n > 0 ? wilson(right, n, Z) : 1;
}

bool
gate_breaks(int64_t right, int64_t n, double aim)
{
	return wilson_upper(right, n) < aim;
}

int64_t
gate_faultless(double aim)
{
	int64_t n = (int64_t)floor(aim / (1 - aim) * Z * Z);

	while (wilson_lower(n, n) < aim)
		n++;
	return n;
}

static int
most_probable_first(const void *a, const void *b)
{
	const struct verdict *x = a, *y = b;

	return (x->p < y->p) - (x->p > y->p);
}

struct gate_threshold
gate_find_threshold(const struct verdict *list, int n, double aim)
{
	struct gate_threshold found = {.p = 1};
	struct verdict *sorted = xcalloc((size_t)n + 1, sizeof *sorted);
	int64_t right = 0;

	if (n > 0)
		memcpy(sorted, list, (size_t)n * sizeof *sorted);
	qsort(sorted, (size_t)n, sizeof *sorted, most_probable_first);
	for (int i = 0; i < n; i++) {
		double bound;

		right += sorted[i].right;
		if (i + 1 < n && sorted[i + 1].p == sorted[i].p)
			continue;
		bound = wilson_lower(right, i + 1);
		if (bound >= aim)
			found = (struct gate_threshold){.open = true,
				.p = sorted[i].p,
				.right = right,
				.n = i + 1,
				.bound = bound,
				.coverage = (double)(i + 1) / n};
	}
	free(sorted);
	return found;
}

/* ---- guards ---- */

struct gate_settings
gate_defaults(void)
{
	return (struct gate_settings){.aim = 0.98,
		.none_most = 0.05,
		.audit_share = 0.05,
		.customer_points = 80,
		.sender_most = 1,
		.response_most = 100};
}

unsigned
gate_guards(const struct gate_mail *mail, const struct gate_settings *settings)
{
	const struct {
		bool hit;
		enum gate_guard guard;
	} all[GUARDS] = {
		{mail->automatic, GUARD_AUTOMATIC},
		{mail->bulk, GUARD_BULK},
		{mail->list, GUARD_LIST},
		{mail->bounce, GUARD_BOUNCE},
		{mail->thread, GUARD_THREAD},
		{mail->attachment, GUARD_ATTACHMENT},
		{mail->questions > 1, GUARD_QUESTIONS},
		{mail->customer_points >= settings->customer_points, GUARD_CUSTOMER},
		{mail->never, GUARD_NEVER},
		{mail->sender_answers >= settings->sender_most, GUARD_SENDER},
		{mail->placeholder, GUARD_PLACEHOLDER},
		{mail->response_answers >= settings->response_most, GUARD_DAY},
		{mail->language, GUARD_LANGUAGE},
		{mail->not_to_us, GUARD_NOT_TO_US},
		{mail->unproven, GUARD_UNPROVEN},
		{mail->breaker, GUARD_BREAKER},
	};
	unsigned guards = 0;

	for (int i = 0; i < GUARDS; i++)
		if (all[i].hit)
			guards |= all[i].guard;
	return guards;
}

const char *
gate_guard_text(enum gate_guard guard)
{
	switch (guard) {
	case GUARD_AUTOMATIC:
		return "a machine sent this mail";
	case GUARD_BULK:
		return "this is bulk mail";
	case GUARD_LIST:
		return "it came through a mailing list";
	case GUARD_BOUNCE:
		return "it reports a delivery";
	case GUARD_THREAD:
		return "it replies to an earlier mail";
	case GUARD_ATTACHMENT:
		return "it has an attachment";
	case GUARD_QUESTIONS:
		return "it asks more than one question";
	case GUARD_CUSTOMER:
		return "the customer is of high value";
	case GUARD_NEVER:
		return "a rule or the response forbids it";
	case GUARD_SENDER:
		return "this sender has had an automatic answer lately";
	case GUARD_PLACEHOLDER:
		return "a placeholder of the response cannot be filled";
	case GUARD_DAY:
		return "the response has reached its daily number";
	case GUARD_LANGUAGE:
		return "the response is not in the language of the mail";
	case GUARD_NOT_TO_US:
		return "no address of ours stands in To or Cc";
	case GUARD_UNPROVEN:
		return "the sender is not proven";
	case GUARD_BREAKER:
		return "too many automatic mails lately";
	}
	return "";
}

/* The question marks of Latin, full-width, Arabic, Armenian and Ethiopic writing. The
 * Greek one is a semicolon and cannot be told. Returns its bytes; 0: none is here. */
static size_t
question_mark(const char *s, size_t n)
{
	static const char *const marks[] = {"?", "\xef\xbc\x9f", "\xd8\x9f", "\xd5\x9e",
		"\xe1\x8d\xa7", "\xe2\x81\x87", "\xe2\x81\x88", "\xe2\x81\x89"};

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		size_t bytes = strlen(marks[i]);

		if (n >= bytes && memcmp(s, marks[i], bytes) == 0)
			return bytes;
	}
	return 0;
}

/* A plain "?" within a link is followed by what is asked for there. */
static bool
ends_a_word(const char *s, size_t n)
{
	return n == 0 || (unsigned char)s[0] <= ' ' || (unsigned char)s[0] >= 0x80 ||
	       strchr("\"')]}>!.,;:*_-", s[0]) != NULL;
}

int
gate_questions(const char *text, size_t n)
{
	int questions = 0;

	for (size_t i = 0; i < n;) {
		size_t bytes = question_mark(text + i, n - i);
		bool plain = bytes == 1;

		if (bytes == 0) {
			i++;
			continue;
		}
		i += bytes;
		while (i < n && (text[i] == '!' || text[i] == ' ' ||
					question_mark(text + i, n - i) > 0)) {
			bytes = question_mark(text + i, n - i);
			i += bytes > 0 ? bytes : 1;
		}
		questions += !plain || ends_a_word(text + i, n - i) || text[i - 1] == ' ';
	}
	return questions;
}

/* ---- audit ---- */

bool
gate_is_audited(const char *contact_id, double share)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (const char *c = contact_id; *c != '\0'; c++)
		h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
	/* The last bytes of an id must reach the high bits. */
	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return (double)(h >> 11) < share * 0x1p53;
}

/* ---- all together ---- */

enum gate_answer
gate_decide(const struct gate_settings *settings, const struct gate_threshold *threshold,
	double p, double none, unsigned guards, const char *contact_id)
{
	if (!settings->on)
		return GATE_OFF;
	if (guards != 0)
		return GATE_GUARDED;
	if (!threshold->open)
		return GATE_UNPROVEN;
	/* Written so that a NaN is refused, too. */
	if (!(p >= threshold->p))
		return GATE_UNSURE;
	if (!(none <= settings->none_most))
		return GATE_NONE;
	if (gate_is_audited(contact_id, settings->audit_share))
		return GATE_AUDITED;
	return GATE_OPEN;
}

const char *
gate_answer_text(enum gate_answer answer)
{
	switch (answer) {
	case GATE_OPEN:
		return "answered by itself";
	case GATE_OFF:
		return "automatic answers are off for this response";
	case GATE_GUARDED:
		return "a guard holds it";
	case GATE_UNPROVEN:
		return "too few verdicts prove the precision aimed at";
	case GATE_UNSURE:
		return "its probability is below the threshold";
	case GATE_NONE:
		return "perhaps no response fits";
	case GATE_AUDITED:
		return "it is one of those that an agent checks";
	}
	return "";
}

/* ---- calibration ---- */

double
calibration_error(
	const struct verdict *list, int n, struct calibration_bin bins[CALIBRATION_BINS])
{
	struct calibration_bin own[CALIBRATION_BINS] = {0};
	double distance = 0;

	for (int i = 0; i < n; i++) {
		int b = (int)(list[i].p * CALIBRATION_BINS);
		struct calibration_bin *bin =
			&own[b < CALIBRATION_BINS ? b : CALIBRATION_BINS - 1];

		bin->n++;
		bin->right += list[i].right;
		bin->p += list[i].p;
	}
	for (int b = 0; b < CALIBRATION_BINS; b++) {
		distance += fabs(own[b].p - own[b].right);
		own[b].p /= own[b].n > 0 ? own[b].n : 1;
	}
	if (bins != NULL)
		memcpy(bins, own, sizeof own);
	return n > 0 ? distance / n : 0;
}
