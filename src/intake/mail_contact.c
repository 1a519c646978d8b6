/* intake/mail_contact.c - what the router is told of a mail. */
#include "intake/mail_contact.h"

#include <stdlib.h>
#include <string.h>

#include "base/moment.h"

static void
put(json_t *to, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_set_new(to, name, json_string(text));
}

/* What rules may ask of a mail. */
static json_t *
attributes_of(const struct mail *mail)
{
	json_t *a = json_object();
	const char *at =
		mail->from.address != NULL ? strrchr(mail->from.address, '@') : NULL;

	put(a, "subject", mail->subject);
	put(a, "mail.from", mail->from.address);
	put(a, "mail.domain", at != NULL ? at + 1 : NULL);
	put(a, "mail.to", mail->recipient);
	put(a, "mail.mailbox", mail->mailbox);
	put(a, "mail.language", mail->language);
	put(a, "mail.kind", mail_automatic_name[mail->automatic]);
	json_object_set_new(
		a, "mail.automatic", json_boolean(mail->automatic != MAIL_BY_PERSON));
	json_object_set_new(
		a, "mail.reply", json_boolean(mail->thread != MAIL_NO_THREAD));
	json_object_set_new(a, "mail.files", json_integer(mail->n_files));
	put(a, "mail.proven", mail_proof_name[mail->proven]);
	if (mail->suggest.n > 0)
		put(a, "mail.response", mail->suggest.list[0].id);
	return a;
}

static json_t *
customer_of(const struct mail *mail)
{
	json_t *c = json_object();

	put(c, "email", mail->from.address);
	put(c, "name", mail->from.name);
	return c;
}

static void
put_require(json_t *to, const struct centre *centre, const struct mail_effects *e)
{
	json_t *require = json_object();

	for (int i = 0; i < e->n_skills; i++)
		if (centre_skill(centre, e->skill[i]) >= 0)
			json_object_set_new(require, e->skill[i], json_integer(1));
	if (json_object_size(require) > 0)
		json_object_set(to, "require", require);
	json_decref(require);
}

static bool
queue_is_there(const struct centre *centre, const char *queue)
{
	int i = queue != NULL && queue[0] != '\0' ? centre_queue(centre, queue) : -1;

	return i >= 0 && !centre->queues[i].removed;
}

static void
put_routes(json_t *to, const struct centre *centre, const struct mail *mail,
	const struct mail_copy *copy, const char *agent)
{
	int number = agent[0] != '\0' ? centre_agent(centre, agent) : -1;

	if (queue_is_there(centre, copy->effects.queue))
		put(to, "queue", copy->effects.queue);
	else if (queue_is_there(centre, copy->box->queue))
		put(to, "queue", copy->box->queue);
	put_require(to, centre, &copy->effects);
	if (mail->thread != MAIL_NO_THREAD && number >= 0 &&
		!centre->agents[number].removed)
		put(to, "last_agent", agent);
}

json_t *
mail_contact_json(const struct router *router, const struct mail_work *work, int copy,
	const char *agent)
{
	const struct mail *mail = &work->mail;
	json_t *c = json_object();
	char *name = xasprintf("mail.%.*s", ID_MAX - 5, mail->mailbox);
	char received[MOMENT_TEXT];

	put(c, "channel", work->copy[copy].box->channel);
	put(c, "source", name);
	put(c, "external_id", mail->message_id);
	put(c, "title", mail->subject);
	moment_format(received, mail->received_ms);
	put(c, "arrived_at", received);
	json_object_set_new(c, "attributes", attributes_of(mail));
	json_object_set_new(c, "customer", customer_of(mail));
	put_routes(c, router_centre(router), mail, &work->copy[copy], agent);
	json_object_set_new(c, "payload", mail_to_json(mail));
	free(name);
	return c;
}

void
mail_contact_served(
	struct router *router, struct mail_index *index, const struct event *event)
{
	const struct centre *centre = router_centre(router);
	json_t *contact = router_contact_json(
		router, event->at_ms, event->contact, DESCRIBE_BRIEF | DESCRIBE_PAYLOAD);
	const json_t *mail = json_object_get(json_object_get(contact, "payload"), "mail");
	const char *case_id;
	char id[NUMBER_ID_TEXT];

	if (mail != NULL) {
		number_id_format(id, 'c', event->contact);
		case_id = json_string_value(
			json_object_get(json_object_get(mail, "thread"), "case"));
		mail_index_served(index, case_id != NULL ? case_id : id,
			centre->agents[event->agent].id, event->contact);
	}
	json_decref(contact);
}
