/* intake/maildesk_verdict.c - verdicts: made, learnt from, built anew from, reported. */
#include <stdio.h>

#include "base/redact.h"
#include "base/worker.h"
#include "intake/maildesk_inner.h"

#define KEPT_RIGHT 0.8 /* an answer of which so much was kept was the right one */
#define CASES_LEAST 2  /* to build a learner */
#define RESPONSES_MOST 1000

static const char *const what_name[] = {[FEEDBACK_SENT] = "sent",
	[FEEDBACK_EDITED] = "edited",
	[FEEDBACK_CHOSEN] = "chosen",
	[FEEDBACK_NONE] = "none",
	[FEEDBACK_IGNORED] = "ignored",
	[FEEDBACK_AUDITED] = "audited"};

static const char *
text_of(const json_t *record, const char *name)
{
	return json_string_value(json_object_get(record, name));
}

/* ---- what an agent's verdicts are worth ---- */

/* How many of an agent's verdicts a supervisor confirmed or corrected. */
static double
trust_of(struct maildesk *d, const char *by)
{
	int64_t confirmed = 0, corrected = 0;
	const json_t *record;
	size_t at = 0;

	while (by != NULL && (record = verdicts_next(d->verdicts, &at)) != NULL) {
		const char *who = text_of(record, "by");
		const json_t *held = json_object_get(record, "upheld");

		if (who == NULL || strcmp(who, by) != 0 || !json_is_boolean(held))
			continue;
		if (json_is_true(held))
			confirmed++;
		else
			corrected++;
	}
	return feedback_trust(confirmed, corrected);
}

static json_t *
cut_text(const char *text, size_t most)
{
	struct text clean = {0};
	size_t n = text != NULL ? strlen(text) : 0;
	json_t *o;

	if (n > most) {
		n = most;
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	redact_text(text != NULL ? text : "", n, &clean, NULL);
	o = json_stringn(clean.s != NULL ? clean.s : "", clean.n);
	text_finish(&clean);
	return o != NULL ? o : json_string("");
}

static json_t *
shown_json(const struct mail *mail)
{
	json_t *list = json_array();

	for (int i = 0; i < mail->suggest.n; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:f}", "id", mail->suggest.list[i].id, "p",
				      mail->suggest.list[i].p));
	return list;
}

/* Was the first proposal right? -1: it says nothing. */
static int
first_right(
	const struct mail *mail, enum feedback what, const char *response, double kept)
{
	const char *first = mail->suggest.n > 0 ? mail->suggest.list[0].id : NULL;
	bool same = first != NULL && response != NULL && strcmp(first, response) == 0;

	switch (what) {
	case FEEDBACK_SENT:
	case FEEDBACK_CHOSEN:
	case FEEDBACK_AUDITED:
		return first == NULL ? -1 : same;
	case FEEDBACK_EDITED:
		return first == NULL ? -1 : same && kept >= KEPT_RIGHT;
	case FEEDBACK_NONE:
		return first == NULL ? -1 : 0;
	case FEEDBACK_IGNORED:
		return -1;
	}
	return -1;
}

json_t *
verdict_make(struct maildesk *d, uint64_t contact, const struct mail *mail,
	enum feedback what, const char *response, const char *base, const char *sent,
	const char *by)
{
	double kept = what == FEEDBACK_EDITED && base != NULL && sent != NULL
			      ? feedback_kept(base, sent)
			      : 1;
	int right = first_right(mail, what, response, kept);
	struct mail_note *w = work_find(d, contact);
	const char *gate =
		w != NULL ? json_string_value(json_object_get(w->note, "gate")) : NULL;
	char id[NUMBER_ID_TEXT];
	json_t *o;

	contact_text(id, contact);
	o = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s*, s:f, s:s*, s:f, s:f, s:o, s:i}",
		"contact", id, "at_ms", (json_int_t)desk_time_ms(d), "mailbox",
		mail->mailbox != NULL ? mail->mailbox : "", "language", mail->language,
		"what", what_name[what], "response", response, "kept", kept, "by", by,
		"weight", feedback_weight(what, kept, trust_of(d, by)), "none",
		mail->suggest.none, "shown", shown_json(mail), "model",
		mail->suggest.model);
	if (mail->suggest.n > 0) {
		json_object_set_new(o, "first", json_string(mail->suggest.list[0].id));
		json_object_set_new(o, "p", json_real(mail->suggest.list[0].p));
	}
	if (right >= 0)
		json_object_set_new(o, "right", json_boolean(right));
	if (w != NULL && gate != NULL &&
		strcmp(gate, gate_answer_text(GATE_AUDITED)) == 0)
		json_object_set_new(o, "audit", json_true());
	json_object_set_new(o, "subject", cut_text(mail->subject, 998));
	json_object_set_new(o, "sender",
		json_string(mail->from.address != NULL ? mail->from.address : ""));
	json_object_set_new(o, "text", cut_text(mail->text, VERDICT_TEXT_MAX));
	return o;
}

/* ---- learning ---- */

static struct live_mail
mail_of(const json_t *record)
{
	return (struct live_mail){text_of(record, "language"), text_of(record, "subject"),
		text_of(record, "sender"), text_of(record, "text")};
}

/* Which response it teaches; NULL: none fits. False: it teaches nothing, or nothing any
 * more. */
static bool
lesson_of(const json_t *record, const char **response)
{
	const char *what = text_of(record, "what");

	*response = text_of(record, "response");
	if (text_of(record, "text") == NULL)
		return false;
	if (strcmp(what, what_name[FEEDBACK_NONE]) == 0) {
		*response = NULL;
		return true;
	}
	return *response != NULL && strcmp(what, what_name[FEEDBACK_IGNORED]) != 0;
}

void
verdict_teach(struct maildesk *d, const json_t *record)
{
	struct live *live = desk_live(d, text_of(record, "mailbox"));
	struct live_mail mail = mail_of(record);
	const char *response;

	if (live != NULL && lesson_of(record, &response))
		live_learn(live, &mail, response,
			json_number_value(json_object_get(record, "weight")));
}

void
verdict_learn(struct maildesk *d, json_t *record)
{
	const char *first = text_of(record, "first");
	char response[ID_MAX + 1] = "", mailbox[ID_MAX + 1] = "";

	if (first != NULL)
		snprintf(response, sizeof response, "%s", first);
	snprintf(mailbox, sizeof mailbox, "%s", text_of(record, "mailbox"));
	log_info("suggest: verdict contact=%s what=%s right=%s",
		text_of(record, "contact"), text_of(record, "what"),
		json_is_true(json_object_get(record, "right")) ? "yes" : "no");
	verdict_teach(d, record); /* after its probabilities were written into it */
	verdicts_put(d->verdicts, record);
	if (response[0] != '\0')
		answers_judged(d, mailbox, response);
}

/* ---- building anew ---- */

struct rebuild {
	struct maildesk *d;
	struct live *live;
	json_t *records; /* owned; kept alive for the texts of cases */
	struct live_case *cases;
	int n, version;
	char language[WORD_LANG_MAX], mailbox[ID_MAX + 1], problem[MODEL_PROBLEM];
	struct rpc *rpc; /* NULL: nobody waits */
	uint64_t tag;
	int64_t began_ms;
};

void
verdict_drop_rebuild(void *arg)
{
	struct rebuild *b = arg;

	json_decref(b->records);
	free(b->cases);
	free(b);
}

static void
rebuild_work(void *arg)
{
	struct rebuild *b = arg;

	b->version = live_rebuild(b->live, b->language, b->cases, b->n, b->problem);
}

/* What came meanwhile is learnt by the new one, too. */
static void
rebuild_done(void *arg)
{
	struct rebuild *b = arg;
	struct maildesk *d = b->d;
	const json_t *record;
	size_t at = 0;

	d->rebuilding = false;
	while (b->version > 0 && (record = verdicts_next(d->verdicts, &at)) != NULL) {
		if (json_integer_value(json_object_get(record, "at_ms")) >= b->began_ms &&
			strcmp(text_of(record, "mailbox"), b->mailbox) == 0)
			verdict_teach(d, record);
	}
	log_info("suggest: rebuilt mailbox=%s language=%s cases=%d version=%d",
		b->mailbox, b->language, b->n, b->version);
	if (b->rpc != NULL && b->version > 0)
		rpc_answer(b->rpc, b->tag,
			json_pack("{s:s, s:s, s:i, s:i}", "mailbox", b->mailbox,
				"language", b->language, "version", b->version, "cases",
				b->n));
	else if (b->rpc != NULL)
		rpc_refuse(b->rpc, b->tag, RPC_CONFLICT, "not_built", b->problem, NULL);
	verdict_drop_rebuild(b);
	maildesk_rebuild(d);
}

static bool
same_language(const char *a, const char *b)
{
	size_t n = strcspn(a, "-");

	return n == strcspn(b, "-") && strncmp(a, b, n) == 0;
}

bool
verdict_start_rebuild(struct maildesk *d, const char *mailbox, const char *language,
	uint64_t tag, struct rpc *rpc)
{
	struct live *live = desk_live(d, mailbox);
	struct rebuild *b;
	const json_t *record;
	size_t at = 0;

	if (live == NULL || d->rebuilding)
		return false;
	b = xcalloc(1, sizeof *b);
	*b = (struct rebuild){.d = d,
		.live = live,
		.records = json_array(),
		.rpc = rpc,
		.tag = tag,
		.began_ms = desk_time_ms(d)};
	snprintf(b->language, sizeof b->language, "%s", language);
	snprintf(b->mailbox, sizeof b->mailbox, "%s", mailbox);
	b->cases = xcalloc(verdicts_count(d->verdicts) + 1, sizeof *b->cases);
	while ((record = verdicts_next(d->verdicts, &at)) != NULL) {
		const char *response;
		json_t *copy;

		if (strcmp(text_of(record, "mailbox"), mailbox) != 0 ||
			!same_language(text_of(record, "language"), language) ||
			!lesson_of(record, &response))
			continue;
		/* Its own copy: jansson's counts are not for two threads. */
		copy = json_deep_copy(record);
		json_array_append_new(b->records, copy);
		b->cases[b->n++] = (struct live_case){mail_of(copy),
			response != NULL ? text_of(copy, "response") : NULL,
			json_number_value(json_object_get(copy, "weight"))};
	}
	if (b->n < CASES_LEAST ||
		!worker_run(d->workers, rebuild_work, rebuild_done, b)) {
		verdict_drop_rebuild(b);
		return false;
	}
	d->rebuilding = true;
	return true;
}

/* ---- the report ---- */

struct tally {
	char id[ID_MAX + 1];
	struct verdict *list;
	int n, right, answered;
};

static json_t *
calibration_json(const struct verdict *list, int n)
{
	struct calibration_bin bins[CALIBRATION_BINS];
	double error = calibration_error(list, n, bins);
	json_t *table = json_array();

	for (int i = 0; i < CALIBRATION_BINS; i++)
		if (bins[i].n > 0)
			json_array_append_new(
				table, json_pack("{s:f, s:f, s:i, s:f}", "from",
					       (double)i / CALIBRATION_BINS, "p",
					       bins[i].p, "n", bins[i].n, "right",
					       (double)bins[i].right / bins[i].n));
	return json_pack("{s:f, s:o}", "ece", error, "table", table);
}

static int
right_of(const struct verdict *list, int n)
{
	int right = 0;

	for (int i = 0; i < n; i++)
		right += list[i].right;
	return right;
}

static json_t *
response_report(struct maildesk *d, const char *mailbox, const struct response *r)
{
	struct verdict *list;
	int n = verdicts_evidence(d->verdicts, mailbox, r->id, &list);
	int right = right_of(list, n);
	json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:o, s:o}", "response", r->id,
		"title", r->title, "verdicts", n, "right", right, "calibration",
		calibration_json(list, n), "gate", answers_gate_json(d, mailbox, r));

	if (n > 0)
		json_object_set_new(o, "precision", json_real((double)right / n));
	free(list);
	return o;
}

static json_t *
languages_json(const struct live *live)
{
	struct live_state states[LIVE_LANGUAGES_MAX];
	int n = live_states(live, states, LIVE_LANGUAGES_MAX);
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:i, s:I, s:f, s:i}", "language",
				      states[i].language, "version", states[i].version,
				      "cases", (json_int_t)states[i].cases, "temperature",
				      states[i].temperature, "labels", states[i].labels));
	return list;
}

/* All mails of the mailbox on which something was said of the first proposal. */
static json_t *
whole_report(struct maildesk *d, const char *mailbox)
{
	struct verdict *list = xcalloc(verdicts_count(d->verdicts) + 1, sizeof *list);
	const json_t *record;
	size_t at = 0;
	int n = 0, all = 0, proposed = 0, right = 0, among = 0;
	json_t *o;

	while ((record = verdicts_next(d->verdicts, &at)) != NULL) {
		const json_t *shown = json_object_get(record, "shown"), *one;
		const char *response = text_of(record, "response");
		size_t i;

		if (strcmp(text_of(record, "mailbox"), mailbox) != 0)
			continue;
		all++;
		proposed += text_of(record, "first") != NULL;
		if (!json_is_boolean(json_object_get(record, "right")))
			continue;
		list[n++] = (struct verdict){
			.p = json_number_value(json_object_get(record, "p")),
			.right = json_is_true(json_object_get(record, "right"))};
		json_array_foreach(shown, i, one)
		{
			if (response != NULL && strcmp(text_of(one, "id"), response) == 0)
				among++;
		}
	}
	right = right_of(list, n);
	o = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:o}", "mailbox", mailbox,
		"verdicts", all, "proposed", proposed, "judged", n, "right", right,
		"among_shown", among, "calibration", calibration_json(list, n));
	if (n > 0)
		json_object_set_new(o, "precision", json_real((double)right / n));
	if (all > 0)
		json_object_set_new(o, "coverage", json_real((double)proposed / all));
	free(list);
	return o;
}

json_t *
verdict_report(struct maildesk *d, const char *mailbox, const char *response)
{
	struct live *live = desk_live(d, mailbox);
	const struct library *library = live != NULL ? live_library(live) : NULL;
	json_t *o, *list = json_array();

	if (live == NULL) {
		json_decref(list);
		return NULL;
	}
	o = whole_report(d, mailbox);
	json_object_set_new(o, "languages", languages_json(live));
	for (int i = 0; library != NULL && i < library->n && i < RESPONSES_MOST; i++)
		if (response == NULL || strcmp(library->list[i].id, response) == 0)
			json_array_append_new(
				list, response_report(d, mailbox, &library->list[i]));
	json_object_set_new(o, "responses", list);
	return o;
}
