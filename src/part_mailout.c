/* part_mailout.c - the mail desk, wired to the mailboxes, to mail coming in, and to the
 * desk. */
#include "part_mailout.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/moment.h"
#include "model/mailbox.h"
#include "part_mailin.h"

struct part_mailout {
	struct maildesk *desk;
};

static int64_t
centre_now(void *owner)
{
	return usher_now(owner);
}

/* ---- mailboxes ---- */

static struct live *
live_of(void *owner, const char *mailbox)
{
	return mail_shelf_live(part_mailin_shelf(owner), mailbox);
}

static const char *
mailbox_at(void *owner, int i)
{
	const struct usher *u = owner;

	return i < u->config->mail->n_boxes ? u->config->mail->boxes[i].name : NULL;
}

static bool
box_of(void *owner, const char *name, struct maildesk_box *out)
{
	const struct usher *u = owner;
	const struct mailbox *box = mailbox_named(u->config->mail, name);

	if (box == NULL || box->n_addresses == 0)
		return false;
	*out = (struct maildesk_box){
		box->addresses[0], box->display, u->config->mail->host, box->envelope};
	return true;
}

static bool
is_mail(void *owner, int channel)
{
	const struct usher *u = owner;
	const struct centre *centre = router_centre(u->router);

	return channel >= 0 &&
	       mailbox_feeds(u->config->mail, centre->channels[channel].name);
}

static bool
is_ours(void *owner, const char *address)
{
	return mail_in_mailbox(part_mailin_in(owner), address) != NULL;
}

/* ---- mail that comes in ---- */

/* One that may be answered without an agent is not offered meanwhile. */
static void
on_submit(void *owner, const struct mail *mail, json_t *contact)
{
	struct usher *u = owner;
	int64_t hold_ms = maildesk_hold_ms(u->mailout->desk, mail);
	char until[MOMENT_TEXT];

	if (hold_ms == 0)
		return;
	moment_format(until, usher_now(u) + hold_ms);
	json_object_set_new(contact, "held_until", json_string(until));
}

static void
on_bounce(void *owner, const struct mail *mail)
{
	const struct usher *u = owner;
	const struct mail_bounce *b = &mail->bounce;

	if (b->of != NULL)
		maildesk_bounced(u->mailout->desk, b->of, b->said);
}

static void
on_join(void *owner, const struct mail *mail, uint64_t contact)
{
	maildesk_joined(((struct usher *)owner)->mailout->desk, mail, contact);
}

static void
on_new_live(void *owner, const char *mailbox, struct live *live)
{
	const struct usher *u = owner;

	maildesk_new_live(u->mailout->desk, mailbox, live);
}

/* ---- life ---- */

static bool
configure(struct usher *u)
{
	char error[512] = "";
	bool done = maildesk_configure(
		u->mailout->desk, u->config->mail->out, error, sizeof error);

	if (!done)
		log_error("mail: the relay cannot be used: %s", error);
	return done;
}

bool
part_mailout_prepare(
	struct usher *u, const struct config *config, struct config_problems *problems)
{
	char error[400];
	bool good = maildesk_check(config->mail->out, error, sizeof error);

	if (!good)
		config_problems_add(problems, false, u->options.config, 1,
			"mail: the relay cannot be used: %s", error);
	return good;
}

bool
part_mailout_open(struct usher *u)
{
	struct maildesk_parts parts = {.base = u->base,
		.side = u->side,
		.router = u->router,
		.blobs = u->blobs,
		.people = &u->people,
		.live = live_of,
		.mailbox = mailbox_at,
		.now = centre_now,
		.box = box_of,
		.is_mail = is_mail,
		.is_ours = is_ours,
		.owner = u,
		.ticket_secret = u->ticket_secret};

	u->mailout = xcalloc(1, sizeof *u->mailout);
	u->mailout->desk = maildesk_create(&parts);
	if (u->mailout->desk == NULL || !configure(u))
		return false;
	mail_in_on_submit(part_mailin_in(u), on_submit, u);
	mail_in_on_bounce(part_mailin_in(u), on_bounce, u);
	mail_in_on_join(part_mailin_in(u), on_join, u);
	mail_shelf_on_new(part_mailin_shelf(u), on_new_live, u);
	desk_add_commands(
		u->desk, maildesk_commands, maildesk_n_commands, u->mailout->desk);
	router_listen(u->router, maildesk_event, u->mailout->desk);
	return true;
}

void
part_mailout_configure(struct usher *u)
{
	if (!configure(u))
		log_error("mail: the relay of before stays in use");
}

void
part_mailout_forget(struct usher *u, const struct subject *subject)
{
	if (u->mailout != NULL)
		maildesk_forget(u->mailout->desk, subject);
}

struct outbox *
part_mailout_outbox(struct usher *u)
{
	return maildesk_outbox(u->mailout->desk);
}

void
part_mailout_close(struct usher *u)
{
	if (u->mailout == NULL)
		return;
	maildesk_destroy(u->mailout->desk);
	free(u->mailout);
	u->mailout = NULL;
}
