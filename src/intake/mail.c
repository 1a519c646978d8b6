/* intake/mail.c - a mail's life in memory, and its payload. */
#include "intake/mail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/moment.h"

const char *const mail_automatic_name[MAIL_AUTOMATICS] = {
	[MAIL_BY_PERSON] = "person",
	[MAIL_BOUNCE] = "bounce",
	[MAIL_VACATION] = "vacation",
	[MAIL_LIST] = "list",
	[MAIL_BULK] = "bulk",
	[MAIL_MACHINE] = "machine",
	[MAIL_LOOP] = "loop",
	[MAIL_SUPPRESS] = "suppress",
};
const char *const mail_thread_name[MAIL_THREADS] = {
	[MAIL_NO_THREAD] = "none",
	[MAIL_BY_REFERENCES] = "references",
	[MAIL_BY_TOKEN] = "token",
	[MAIL_BY_BOUNCE] = "bounce",
};
const char *const mail_proof_name[MAIL_PROOFS] = {
	[MAIL_UNPROVEN] = "none",
	[MAIL_PASS] = "pass",
	[MAIL_FAIL] = "fail",
};

/* ---- the end ---- */

static void
person_finish(struct mail_person *p)
{
	free(p->name);
	free(p->address);
}

static void
people_finish(struct mail_people *p)
{
	for (int i = 0; i < p->n; i++)
		person_finish(&p->list[i]);
}

static void
ids_finish(struct mail_ids *ids)
{
	for (int i = 0; i < ids->n; i++)
		free(ids->list[i]);
}

static void
suggest_finish(struct mail_suggest *s)
{
	for (int i = 0; i < s->n; i++) {
		free(s->list[i].id);
		free(s->list[i].title);
		free(s->list[i].why);
	}
	free(s->library);
}

void
mail_finish(struct mail *mail)
{
	char *const texts[] = {mail->mailbox, mail->recipient, mail->message_id,
		mail->envelope_from, mail->subject, mail->case_id, mail->answers,
		mail->text, mail->rest, mail->automatic_why, mail->bounce.of,
		mail->bounce.recipient, mail->bounce.status, mail->bounce.said};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		free(texts[i]);
	person_finish(&mail->from);
	person_finish(&mail->reply_to);
	people_finish(&mail->to);
	people_finish(&mail->cc);
	ids_finish(&mail->in_reply_to);
	ids_finish(&mail->references);
	for (int i = 0; i < mail->n_files; i++) {
		free(mail->files[i].name);
		free(mail->files[i].type);
	}
	free(mail->files);
	json_decref(mail->earlier);
	suggest_finish(&mail->suggest);
	*mail = (struct mail){0};
}

const char *
mail_answer_address(const struct mail *mail)
{
	return mail->reply_to.address != NULL ? mail->reply_to.address
					      : mail->from.address;
}

/* ---- writing ---- */

static void
put_text(json_t *to, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(to, name, json_string(text));
}

static void
put_filled(json_t *to, const char *name, const char *text)
{
	put_text(to, name, text != NULL && text[0] != '\0' ? text : NULL);
}

static void
put_int(json_t *to, const char *name, int64_t value)
{
	if (value != 0)
		json_object_set_new(to, name, json_integer(value));
}

static void
put_true(json_t *to, const char *name, bool value)
{
	if (value)
		json_object_set_new(to, name, json_true());
}

static void
put_moment(json_t *to, const char *name, int64_t ms)
{
	char text[MOMENT_TEXT];

	if (ms <= 0)
		return;
	moment_format(text, ms);
	put_text(to, name, text);
}

static json_t *
person_json(const struct mail_person *p)
{
	json_t *one = json_object();

	put_filled(one, "name", p->name);
	put_text(one, "address", p->address);
	return one;
}

static void
put_person(json_t *to, const char *name, const struct mail_person *p)
{
	if (p->address != NULL)
		json_object_set_new(to, name, person_json(p));
}

static void
put_people(json_t *to, const char *name, const struct mail_people *p)
{
	json_t *list = json_array();

	for (int i = 0; i < p->n; i++)
		json_array_append_new(list, person_json(&p->list[i]));
	if (p->n > 0)
		json_object_set(to, name, list);
	json_decref(list);
}

static void
put_ids(json_t *to, const char *name, const struct mail_ids *ids)
{
	json_t *list = json_array();

	for (int i = 0; i < ids->n; i++)
		json_array_append_new(list, json_string(ids->list[i]));
	if (ids->n > 0)
		json_object_set(to, name, list);
	json_decref(list);
}

static void
put_thread(json_t *to, const struct mail *mail)
{
	json_t *thread;

	if (mail->thread == MAIL_NO_THREAD)
		return;
	thread = json_object();
	put_text(thread, "case", mail->case_id);
	put_text(thread, "by", mail_thread_name[mail->thread]);
	put_text(thread, "answers", mail->answers);
	if (mail->earlier != NULL)
		json_object_set(thread, "earlier", mail->earlier);
	json_object_set_new(to, "thread", thread);
}

static void
put_files(json_t *to, const struct mail *mail)
{
	json_t *list;

	if (mail->n_files == 0)
		return;
	list = json_array();
	for (int i = 0; i < mail->n_files; i++) {
		const struct mail_file *f = &mail->files[i];
		json_t *one = json_object();

		put_text(one, "name", f->name);
		put_text(one, "type", f->type);
		json_object_set_new(one, "bytes", json_integer(f->bytes));
		put_filled(one, "blob", f->blob);
		json_array_append_new(list, one);
	}
	json_object_set_new(to, "attachments", list);
}

static void
put_automatic(json_t *to, const struct mail *mail)
{
	const struct mail_bounce *b = &mail->bounce;
	json_t *one;

	if (mail->automatic == MAIL_BY_PERSON)
		return;
	one = json_object();
	put_text(one, "kind", mail_automatic_name[mail->automatic]);
	put_text(one, "why", mail->automatic_why);
	json_object_set_new(to, "automatic", one);
	if (mail->automatic != MAIL_BOUNCE)
		return;
	one = json_object();
	put_text(one, "of", b->of);
	put_text(one, "recipient", b->recipient);
	put_text(one, "status", b->status);
	put_text(one, "said", b->said);
	json_object_set_new(to, "bounce", one);
}

static double
four_digits(double p)
{
	return round(p * 10000) / 10000;
}

static void
put_suggest(json_t *to, const struct mail_suggest *s)
{
	json_t *list, *one;

	if (s->library == NULL && s->model == 0)
		return;
	list = json_array();
	for (int i = 0; i < s->n; i++) {
		one = json_object();
		put_text(one, "id", s->list[i].id);
		put_text(one, "title", s->list[i].title);
		json_object_set_new(one, "p", json_real(four_digits(s->list[i].p)));
		put_filled(one, "why", s->list[i].why);
		json_array_append_new(list, one);
	}
	one = json_object();
	json_object_set_new(one, "proposals", list);
	json_object_set_new(one, "none", json_real(four_digits(s->none)));
	put_true(one, "never_automatic", s->never_automatic);
	put_text(one, "library", s->library);
	put_int(one, "model", s->model);
	json_object_set_new(to, "suggest", one);
}

void
mail_put_cut(json_t *to, const char *name, const char *text, size_t most)
{
	size_t n = text != NULL ? strlen(text) : 0;

	if (n > most)
		for (n = most; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
			;
	if (n > 0)
		json_object_set_new(to, name, json_stringn(text, n));
}

json_t *
mail_brief(const char *at, const char *from, const char *subject, const char *text)
{
	json_t *one = json_object();

	put_text(one, "at", at);
	put_text(one, "from", from);
	put_text(one, "subject", subject);
	mail_put_cut(one, "text", text, MAIL_BRIEF_TEXT);
	return one;
}

json_t *
mail_to_json(const struct mail *mail)
{
	json_t *m = json_object(), *payload = json_object();

	put_text(m, "mailbox", mail->mailbox);
	put_text(m, "recipient", mail->recipient);
	put_text(m, "message_id", mail->message_id);
	put_text(m, "envelope_from", mail->envelope_from);
	put_person(m, "from", &mail->from);
	put_person(m, "reply_to", &mail->reply_to);
	put_people(m, "to", &mail->to);
	put_people(m, "cc", &mail->cc);
	put_text(m, "subject", mail->subject);
	put_moment(m, "date", mail->date_ms);
	put_moment(m, "received", mail->received_ms);
	put_ids(m, "in_reply_to", &mail->in_reply_to);
	put_ids(m, "references", &mail->references);
	put_thread(m, mail);
	put_text(m, "text", mail->text != NULL ? mail->text : "");
	put_filled(m, "rest", mail->rest);
	put_true(m, "html", mail->html);
	put_true(m, "cut", mail->cut);
	put_filled(m, "whole", mail->whole);
	put_filled(m, "original", mail->original);
	put_int(m, "redacted", mail->redacted);
	put_files(m, mail);
	put_filled(m, "language", mail->language);
	put_int(m, "questions", mail->questions);
	put_automatic(m, mail);
	put_true(m, "to_us", mail->to_us);
	if (mail->proven != MAIL_UNPROVEN)
		put_text(m, "proven", mail_proof_name[mail->proven]);
	put_int(m, "hops", mail->hops);
	put_suggest(m, &mail->suggest);
	json_object_set_new(payload, "mail", m);
	return payload;
}

/* ---- reading ---- */

static char *
take_text(const json_t *from, const char *name)
{
	return xstrdup(json_string_value(json_object_get(from, name)));
}

static int64_t
take_int(const json_t *from, const char *name)
{
	return json_integer_value(json_object_get(from, name));
}

static bool
take_true(const json_t *from, const char *name)
{
	return json_is_true(json_object_get(from, name));
}

static int64_t
take_moment(const json_t *from, const char *name)
{
	const char *text = json_string_value(json_object_get(from, name));
	int64_t ms;

	return text != NULL && moment_parse(text, &ms) ? ms : 0;
}

static struct mail_person
take_person(const json_t *from)
{
	struct mail_person p = {take_text(from, "name"), take_text(from, "address")};

	return p;
}

static void
take_people(const json_t *from, const char *name, struct mail_people *out)
{
	const json_t *list = json_object_get(from, name), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (out->n < MAIL_PEOPLE_MAX)
			out->list[out->n++] = take_person(one);
	}
}

static void
take_ids(const json_t *from, const char *name, struct mail_ids *out)
{
	const json_t *list = json_object_get(from, name), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (out->n < MAIL_REFERENCES_MAX && json_is_string(one))
			out->list[out->n++] = xstrdup(json_string_value(one));
	}
}

static int
take_choice(const json_t *from, const char *name, const char *const *names, int n_names)
{
	const char *text = json_string_value(json_object_get(from, name));

	for (int i = 0; text != NULL && i < n_names; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	return 0;
}

static void
take_blob(const json_t *from, const char *name, char out[BLOB_NAME])
{
	const char *text = json_string_value(json_object_get(from, name));

	out[0] = '\0';
	if (text != NULL && blob_name_is_valid(text))
		memcpy(out, text, BLOB_NAME);
}

static void
take_files(const json_t *from, struct mail *out)
{
	const json_t *list = json_object_get(from, "attachments"), *one;
	size_t i, n = json_array_size(list);

	if (n > MAIL_FILES_MAX)
		n = MAIL_FILES_MAX;
	out->files = n > 0 ? xcalloc(n, sizeof out->files[0]) : NULL;
	for (i = 0; i < n; i++) {
		struct mail_file *f = &out->files[out->n_files++];

		one = json_array_get(list, i);
		f->name = take_text(one, "name");
		f->type = take_text(one, "type");
		f->bytes = take_int(one, "bytes");
		take_blob(one, "blob", f->blob);
	}
}

static void
take_suggest(const json_t *from, struct mail_suggest *out)
{
	const json_t *list = json_object_get(from, "proposals"), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (out->n < PROPOSALS_MAX)
			out->list[out->n++] = (struct mail_proposal){take_text(one, "id"),
				take_text(one, "title"), take_text(one, "why"),
				json_number_value(json_object_get(one, "p"))};
	}
	out->none = json_number_value(json_object_get(from, "none"));
	out->never_automatic = take_true(from, "never_automatic");
	out->library = take_text(from, "library");
	out->model = (int)take_int(from, "model");
}

static void
take_thread(const json_t *from, struct mail *out)
{
	out->thread =
		(enum mail_thread)take_choice(from, "by", mail_thread_name, MAIL_THREADS);
	out->case_id = take_text(from, "case");
	out->answers = take_text(from, "answers");
	out->earlier = json_incref(json_object_get(from, "earlier"));
}

static void
take_automatic(const json_t *m, struct mail *out)
{
	const json_t *one = json_object_get(m, "automatic");

	out->automatic = (enum mail_automatic)take_choice(
		one, "kind", mail_automatic_name, MAIL_AUTOMATICS);
	out->automatic_why = take_text(one, "why");
	one = json_object_get(m, "bounce");
	out->bounce =
		(struct mail_bounce){take_text(one, "of"), take_text(one, "recipient"),
			take_text(one, "status"), take_text(one, "said")};
}

bool
mail_from_json(const json_t *payload, struct mail *out)
{
	const json_t *m = json_object_get(payload, "mail");
	char *language;

	*out = (struct mail){0};
	if (!json_is_object(m) || !json_is_string(json_object_get(m, "message_id")))
		return false;
	out->mailbox = take_text(m, "mailbox");
	out->recipient = take_text(m, "recipient");
	out->message_id = take_text(m, "message_id");
	out->envelope_from = take_text(m, "envelope_from");
	out->from = take_person(json_object_get(m, "from"));
	out->reply_to = take_person(json_object_get(m, "reply_to"));
	take_people(m, "to", &out->to);
	take_people(m, "cc", &out->cc);
	out->subject = take_text(m, "subject");
	out->date_ms = take_moment(m, "date");
	out->received_ms = take_moment(m, "received");
	take_ids(m, "in_reply_to", &out->in_reply_to);
	take_ids(m, "references", &out->references);
	take_thread(json_object_get(m, "thread"), out);
	out->text = take_text(m, "text");
	out->rest = take_text(m, "rest");
	out->html = take_true(m, "html");
	out->cut = take_true(m, "cut");
	take_blob(m, "whole", out->whole);
	take_blob(m, "original", out->original);
	out->redacted = (int)take_int(m, "redacted");
	take_files(m, out);
	language = take_text(m, "language");
	if (language != NULL && strlen(language) < sizeof out->language)
		strcpy(out->language, language);
	free(language);
	out->questions = (int)take_int(m, "questions");
	take_automatic(m, out);
	out->to_us = take_true(m, "to_us");
	out->proven =
		(enum mail_proof)take_choice(m, "proven", mail_proof_name, MAIL_PROOFS);
	out->hops = (int)take_int(m, "hops");
	take_suggest(json_object_get(m, "suggest"), &out->suggest);
	return true;
}
