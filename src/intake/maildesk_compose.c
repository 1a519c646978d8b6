/* intake/maildesk_compose.c - answers: texts of responses filled, records for the outbox.
 */
#include <ctype.h>
#include <stdio.h>

#include "base/redact.h"
#include "intake/compose.h"
#include "intake/maildesk_inner.h"

#define QUOTE_MAX 32768 /* bytes of the original below an answer */

/* ---- placeholders ---- */

struct values {
	const struct mail *mail;
	const char *case_id, *agent, *mailbox, *customer_name, *customer_id, *order;
	char token[CASE_TOKEN_TEXT], date[16];
	char first_name[MAIL_NAME_MAX];
};

static const char *
value_of(void *owner, const char *name)
{
	struct values *v = owner;
	const struct {
		const char *name, *value;
	} known[] = {
		{"customer.name", v->customer_name},
		{"customer.first_name", v->first_name},
		{"customer.address", mail_answer_address(v->mail)},
		{"customer.id", v->customer_id},
		{"case.id", v->case_id},
		{"case.token", v->token},
		{"case.subject", v->mail->subject},
		{"agent.name", v->agent},
		{"mailbox.name", v->mailbox},
		{"date", v->date},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].value != NULL && known[i].value[0] != '\0'
				       ? known[i].value
				       : NULL;
	return NULL;
}

static void
add_date(struct values *v, int64_t now_ms)
{
	char text[MOMENT_TEXT];

	moment_format(text, now_ms);
	snprintf(v->date, sizeof v->date, "%.10s", text);
}

bool
answer_fill(struct maildesk *d, uint64_t contact, const struct mail *mail,
	const char *case_id, const struct response *r, const char *agent,
	struct text *out, struct text *missing)
{
	json_t *o = router_contact_json(
		d->parts.router, desk_time_ms(d), contact, DESCRIBE_ATTRIBUTES);
	const json_t *attributes = json_object_get(o, "attributes");
	struct values v = {.mail = mail, .case_id = case_id, .agent = agent};
	struct maildesk_box box = {0};
	bool whole;

	v.customer_id = json_string_value(json_object_get(o, "customer"));
	v.customer_name = json_string_value(json_object_get(attributes, "customer.name"));
	if (v.customer_name == NULL)
		v.customer_name = mail->from.name;
	if (v.customer_name != NULL)
		snprintf(v.first_name, sizeof v.first_name, "%.*s",
			(int)strcspn(v.customer_name, " "), v.customer_name);
	if (mail->mailbox != NULL && d->parts.box(d->parts.owner, mail->mailbox, &box))
		v.mailbox = box.display;
	case_token_make(d->parts.ticket_secret, case_id, v.token);
	add_date(&v, desk_time_ms(d));
	whole = response_fill(r, value_of, &v, out, missing);
	json_decref(o);
	return whole;
}

/* ---- records ---- */

static json_t *
redacted(const char *text, struct redact_found *found)
{
	struct text clean = {0};
	json_t *o;

	redact_text(text, strlen(text), &clean, found);
	o = json_stringn(clean.s != NULL ? clean.s : "", clean.n);
	text_finish(&clean);
	return o;
}

/* The mail that is answered, and what that one answered. */
static json_t *
references_of(const struct mail *mail)
{
	json_t *list = json_array();

	for (int i = 0; i < mail->references.n; i++)
		json_array_append_new(list, json_string(mail->references.list[i]));
	if (mail->references.n == 0)
		for (int i = 0; i < mail->in_reply_to.n; i++)
			json_array_append_new(
				list, json_string(mail->in_reply_to.list[i]));
	if (mail->message_id != NULL)
		json_array_append_new(list, json_string(mail->message_id));
	return list;
}

static json_t *
address_list(const char *address)
{
	json_t *list = json_array();

	json_array_append_new(list, json_string(address));
	return list;
}

static bool
all_addresses(const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (!mailer_address_valid(json_string_value(one)))
			return false;
	}
	return true;
}

/* Whom it goes to: given, else who wrote; automatic ones to the envelope's sender (S18).
 */
static json_t *
recipients(const struct mail *mail, const struct answer_parts *parts)
{
	const char *address = mail_answer_address(mail);

	if (parts->to != NULL)
		return json_copy((json_t *)parts->to);
	if ((parts->kind == OUT_AUTOMATIC || parts->kind == OUT_ACKNOWLEDGEMENT) &&
		mail->envelope_from != NULL && mail->envelope_from[0] != '\0')
		address = mail->envelope_from;
	return address != NULL ? address_list(address) : json_array();
}

json_t *
files_json(const struct mail *mail)
{
	json_t *list = json_array();

	for (int i = 0; i < mail->n_files; i++) {
		const struct mail_file *f = &mail->files[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:I, s:s}", "name",
				      f->name != NULL ? f->name : "", "type",
				      f->type != NULL ? f->type : "", "bytes",
				      (json_int_t)f->bytes, "blob", f->blob));
	}
	return list;
}

static int64_t
bytes_of(const json_t *files)
{
	const json_t *one;
	int64_t bytes = 0;
	size_t i;

	json_array_foreach(files, i, one) bytes +=
		json_integer_value(json_object_get(one, "bytes"));
	return bytes;
}

static char *
subject_of(struct maildesk *d, const struct mail *mail, const char *case_id,
	const struct answer_parts *parts)
{
	char token[CASE_TOKEN_TEXT];

	case_token_make(d->parts.ticket_secret, case_id, token);
	if (parts->subject != NULL)
		return xstrdup(parts->subject);
	return compose_reply_subject(mail->subject,
		parts->kind == OUT_FORWARD ? "Fwd: " : "Re: ",
		parts->kind == OUT_FORWARD ? "" : token);
}

static char *
quotation(const struct mail *mail, const struct answer_parts *parts)
{
	const char *who = mail->from.name != NULL && mail->from.name[0] != '\0'
				  ? mail->from.name
				  : mail->from.address;
	char *quote, *whole;

	if (!parts->quote || mail->text == NULL || mail->text[0] == '\0')
		return NULL;
	quote = compose_quote(mail->text, who != NULL ? who : "the sender",
		mail->date_ms > 0 ? mail->date_ms : mail->received_ms, QUOTE_MAX);
	whole = xasprintf("\n\n%s", quote);
	free(quote);
	return whole;
}

/* As they stand in the record: their senders' ids are of no use there. */
static json_t *
files_sent(const json_t *files)
{
	json_t *list = json_deep_copy(files), *one;
	size_t i;

	json_array_foreach(list, i, one) json_object_del(one, "id");
	return list;
}

json_t *
answer_record(struct maildesk *d, uint64_t contact, const struct mail *mail,
	const char *case_id, const struct answer_parts *parts, const char **fault)
{
	bool automatic =
		parts->kind == OUT_AUTOMATIC || parts->kind == OUT_ACKNOWLEDGEMENT;
	char id[OUT_ID_TEXT], contact_id[NUMBER_ID_TEXT], *subject, *quote, *message_id;
	struct redact_found found = {0};
	struct maildesk_box box;
	json_t *record, *to = recipients(mail, parts);

	*fault = NULL;
	if (mail->mailbox == NULL || !d->parts.box(d->parts.owner, mail->mailbox, &box))
		*fault = "The mailbox is not in the settings any more.";
	else if (json_array_size(to) == 0)
		*fault = "There is no address to answer to; name one in `to`.";
	else if (!all_addresses(to) || !all_addresses(parts->cc))
		*fault = "A recipient is no address; write name@example.com.";
	else if (json_array_size(to) + json_array_size(parts->cc) > MAILER_RECIPIENTS_MAX)
		*fault = "A mail has at most 50 recipients.";
	else if (strlen(parts->text) > OUTBOX_TEXT_MAX - QUOTE_MAX)
		*fault = "The text is too long.";
	else if (bytes_of(parts->files) > ATTACHED_BYTES_MAX)
		*fault = "The files are larger than a mail may be (18 MiB); send them on "
			 "in parts, or forward without them.";
	if (*fault != NULL) {
		json_decref(to);
		return NULL;
	}
	if (parts->name != NULL)
		snprintf(id, sizeof id, "%s", parts->name);
	else
		outbox_name(id, NULL);
	contact_text(contact_id, contact);
	subject = subject_of(d, mail, case_id, parts);
	quote = quotation(mail, parts);
	message_id = message_id_make(case_id, id, box.domain);
	record = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:I}", "id", id,
		"kind", out_kind_name[parts->kind], "state", out_state_name[OUT_QUEUED],
		"contact", contact_id, "case", case_id, "mailbox", mail->mailbox, "to",
		to, "message_id", message_id, "created_ms", (json_int_t)desk_time_ms(d));
	json_object_set_new(record, "from",
		json_pack("{s:s, s:s*}", "address", box.address, "name", box.display));
	/* Automatic mail has the null path: nothing comes back to answer to. */
	if (box.envelope == NULL)
		box.envelope = d->settings->envelope != NULL ? d->settings->envelope
							     : box.address;
	json_object_set_new(
		record, "envelope", json_string(automatic ? "" : box.envelope));
	json_object_set_new(record, "subject", redacted(subject, &found));
	json_object_set_new(record, "text", redacted(parts->text, &found));
	if (quote != NULL)
		json_object_set_new(record, "quote", redacted(quote, &found));
	json_object_set_new(record, "references", references_of(mail));
	if (mail->message_id != NULL && parts->kind != OUT_FORWARD)
		json_object_set_new(record, "in_reply_to", json_string(mail->message_id));
	if (parts->cc != NULL)
		json_object_set_new(record, "cc", json_copy((json_t *)parts->cc));
	if (json_array_size(parts->files) > 0)
		json_object_set_new(record, "attachments", files_sent(parts->files));
	if (parts->by != NULL)
		json_object_set_new(record, "by", json_string(parts->by));
	if (parts->response != NULL)
		json_object_set_new(record, "response", json_string(parts->response));
	if (found.cards + found.codes > 0)
		json_object_set_new(
			record, "redacted", json_integer(found.cards + found.codes));
	free(subject);
	free(quote);
	free(message_id);
	return record;
}
