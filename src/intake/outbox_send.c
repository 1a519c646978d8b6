/* intake/outbox_send.c - a mail on its way: tries, pauses, what each recipient got. */
#include "intake/compose.h"
#include "intake/outbox_inner.h"

#define CONFIRMED_LATE_MS 14400000 /* a confirmation that comes later says nothing */

/* Longer each time, then every four hours; soon where a contact waits for it. */
static int64_t
pause_ms(int64_t tries, bool soon)
{
	static const int64_t minutes[] = {1, 2, 5, 15, 30, 60, 120, 240};
	const int64_t n = sizeof minutes / sizeof *minutes;

	if (soon)
		return 5000 * tries;
	if (tries <= 1)
		return 15000;
	return 60000 * minutes[tries - 2 < n ? tries - 2 : n - 1];
}

void
out_say(struct item *m, int code, const char *words)
{
	out_set_number(m->record, "code", code);
	json_object_set_new(m->record, "words", json_string(words));
}

void
out_fail(struct outbox *o, struct item *m, enum out_state state)
{
	if (state == OUT_UNSURE)
		o->counts.unsure++;
	else
		o->counts.failed++;
	log_warn("mail: not sent id=%s contact=%s state=%s code=%d", m->id,
		out_text(m->record, "contact"), out_state_name[state],
		(int)out_number(m->record, "code"));
	out_move(o, m, state, 0);
}

int64_t
out_give_up_ms(const struct outbox *o, const json_t *record)
{
	const char *kind = out_text(record, "kind");

	if (kind != NULL && strcmp(kind, out_kind_name[OUT_AUTOMATIC]) == 0)
		return o->settings.give_up_automatic_ms; /* its contact waits */
	if (out_is_automatic(record) && o->settings.give_up_ms > CONFIRMED_LATE_MS)
		return CONFIRMED_LATE_MS;
	return o->settings.give_up_ms;
}

static void
try_again(struct outbox *o, struct item *m)
{
	int64_t now_ms = out_now_ms(o), tries = out_number(m->record, "tries"),
		long_ms = out_give_up_ms(o, m->record),
		next_ms = now_ms +
			  pause_ms(tries, long_ms == o->settings.give_up_automatic_ms),
		end_ms = out_number(m->record, "created_ms") + long_ms;

	if (next_ms > end_ms) {
		out_fail(o, m, OUT_FAILED);
		return;
	}
	o->counts.retried++;
	out_move(o, m, OUT_QUEUED, next_ms);
}

static bool
still_wants(const json_t *fates, const char *address)
{
	const char *fate = json_string_value(json_object_get(fates, address));

	return fate == NULL ||
	       (strcmp(fate, mailer_fate_name[MAILER_SENT]) != 0 &&
		       strcmp(fate, mailer_fate_name[MAILER_REFUSED]) != 0);
}

/* Those who have not had it yet, of to and cc. */
static int
recipients_of(const json_t *record, const char *list[MAILER_RECIPIENTS_MAX], bool all)
{
	const json_t *fates = json_object_get(record, "fates"), *address;
	int n = 0;
	size_t i;

	for (int k = 0; k < 2; k++) {
		const json_t *from = json_object_get(record, k == 0 ? "to" : "cc");

		json_array_foreach(from, i, address)
		{
			const char *text = json_string_value(address);

			if (text != NULL && n < MAILER_RECIPIENTS_MAX &&
				(all || still_wants(fates, text)))
				list[n++] = text;
		}
	}
	return n;
}

static void
remember_fates(struct item *m, const struct mailer_result *r)
{
	json_t *fates = json_object_get(m->record, "fates");
	const char *list[MAILER_RECIPIENTS_MAX];
	int n = recipients_of(m->record, list, false);

	if (fates == NULL) {
		fates = json_object();
		json_object_set_new(m->record, "fates", fates);
	}
	for (int i = 0; i < n && i < r->n_to; i++)
		json_object_set_new(
			fates, list[i], json_string(mailer_fate_name[r->each[i]]));
}

bool
out_reached_anybody(const json_t *record)
{
	const char *name;
	json_t *fate;

	json_object_foreach(json_object_get(record, "fates"), name, fate)
	{
		if (strcmp(json_string_value(fate), mailer_fate_name[MAILER_SENT]) == 0)
			return true;
	}
	return false;
}

static void
on_sent(void *owner, uint64_t tag, const struct mailer_result *r)
{
	struct outbox *o = owner;
	char id[OUT_ID_TEXT];
	struct item *m;

	snprintf(id, sizeof id, "%016" PRIx64, tag);
	m = out_find(o, id);
	if (m == NULL)
		return;
	m->on_way = false;
	remember_fates(m, r);
	out_say(m, r->code, r->words);
	out_set_number(m->record, "tries", out_number(m->record, "tries") + 1);
	switch (r->fate) {
	case MAILER_SENT:
		o->counts.sent++;
		out_set_number(m->record, "sent_ms", out_now_ms(o));
		log_info("mail: sent id=%s contact=%s kind=%s", m->id,
			out_text(m->record, "contact"), out_text(m->record, "kind"));
		out_move(o, m, OUT_SENT, 0);
		break;
	case MAILER_REFUSED:
		out_fail(o, m, OUT_FAILED);
		break;
	case MAILER_LATER:
		try_again(o, m);
		break;
	case MAILER_UNSURE:
		/* Twice is worse than not for what goes by itself. */
		if (out_is_automatic(m->record))
			out_fail(o, m, OUT_UNSURE);
		else
			try_again(o, m);
		break;
	}
	out_plan(o);
}

/* ---- the message, made on the sending thread ---- */

struct letter {
	json_t *record;	     /* owned, and of nobody else: jansson counts without locks */
	struct blobs *blobs; /* borrowed */
	char *text;	     /* owned; the answer and what is quoted below it */
	int n_files;
	struct outgoing_file file[COMPOSE_FILES_MAX]; /* data owned */
};

static void
letter_free(void *arg)
{
	struct letter *letter = arg;

	for (int i = 0; i < letter->n_files; i++)
		free((char *)(uintptr_t)letter->file[i].data);
	json_decref(letter->record);
	free(letter->text);
	free(letter);
}

/* The files that the record names. False: one cannot be read. */
static bool
read_files(struct letter *letter)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(letter->record, "attachments"), i, one)
	{
		const char *blob = out_text(one, "blob"), *name = out_text(one, "name"),
			   *type = out_text(one, "type");
		struct outgoing_file *file = &letter->file[letter->n_files];

		if (letter->n_files == COMPOSE_FILES_MAX || blob == NULL ||
			letter->blobs == NULL)
			return false;
		file->name = name != NULL ? name : "";
		file->type = type != NULL ? type : "";
		file->data = blob_read(letter->blobs, blob, MAILER_BYTES_MAX, &file->n);
		if (file->data == NULL)
			return false;
		letter->n_files++;
	}
	return true;
}

/* The texts of a list of the record; at most `most`. */
static int
texts_of(const json_t *record, const char *name, const char **list, int most)
{
	const json_t *item;
	size_t i;
	int n = 0;

	json_array_foreach(json_object_get(record, name), i, item)
	{
		if (n < most && json_is_string(item))
			list[n++] = json_string_value(item);
	}
	return n;
}

static char *
make_letter(void *arg, size_t *n, const char **fault)
{
	struct letter *letter = arg;
	const char *to[MAILER_RECIPIENTS_MAX], *cc[MAILER_RECIPIENTS_MAX],
		*references[COMPOSE_REFERENCES_MAX * 2];
	const json_t *record = letter->record, *from = json_object_get(record, "from");
	struct outgoing mail = {.from_name = out_text(from, "name"),
		.from = out_text(from, "address"),
		.to = to,
		.n_to = texts_of(record, "to", to, MAILER_RECIPIENTS_MAX),
		.cc = cc,
		.n_cc = texts_of(record, "cc", cc, MAILER_RECIPIENTS_MAX),
		.subject = out_text(record, "subject"),
		.text = out_text(record, "text"),
		.message_id = out_text(record, "message_id"),
		.in_reply_to = out_text(record, "in_reply_to"),
		.references = references,
		.n_references = texts_of(
			record, "references", references, COMPOSE_REFERENCES_MAX * 2),
		.files = letter->file,
		.date_ms = out_number(record, "created_ms"),
		.automatic = out_is_automatic(record)};

	*fault = "The record of the mail is broken.";
	if (mail.from == NULL || mail.text == NULL || mail.message_id == NULL)
		return NULL;
	if (out_text(record, "quote") != NULL)
		mail.text = letter->text =
			xasprintf("%s%s", mail.text, out_text(record, "quote"));
	*fault = "A file that goes with the mail cannot be read.";
	if (!read_files(letter))
		return NULL;
	mail.n_files = letter->n_files;
	return compose_mail(&mail, n, fault);
}

/* `sending` is committed: hand it over. */
void
out_hand_over(struct outbox *o, struct item *m)
{
	const char *list[MAILER_RECIPIENTS_MAX], *fault = NULL;
	struct letter *letter = xcalloc(1, sizeof *letter);
	struct mailer_mail mail = {.from = out_text(m->record, "envelope"),
		.to = list,
		.n_to = recipients_of(m->record, list, false),
		.make = make_letter,
		.drop = letter_free,
		.arg = letter};

	letter->record = json_deep_copy(m->record);
	letter->blobs = o->parts.blobs;
	if (mail.from == NULL)
		mail.from = "";
	m->on_way = mailer_send(
		o->parts.mailer, &mail, on_sent, o, strtoull(m->id, NULL, 16), &fault);
	if (m->on_way)
		return;
	letter_free(letter);
	if (!mailer_is_ready(o->parts.mailer)) {
		out_move(o, m, OUT_QUEUED, m->due_ms); /* it never left */
		return;
	}
	out_say(m, 0, fault != NULL ? fault : "The mail cannot be sent.");
	out_fail(o, m, OUT_FAILED);
}
