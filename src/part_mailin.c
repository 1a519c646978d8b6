/* part_mailin.c - mail coming in: mailboxes' matchers, LMTP, and what a mail becomes. */
#include "part_mailin.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "history/customers.h"
#include "intake/imap.h"
#include "intake/lmtp_server.h"
#include "intake/mail_erase.h"
#include "intake/mail_file.h"
#include "intake/mail_tell.h"
#include "model/mailbox.h"
#include "part_mailout.h"

struct part_mailin {
	struct usher *usher; /* borrowed */
	struct mail_shelf *shelf;
	struct mail_in *in;
	struct mail_files *files;
	struct mail_eraser *eraser;
	struct imap *imap;	  /* NULL: not built in */
	struct lmtp_server *lmtp; /* NULL: off */
	char *address;		  /* that it listens on */
};

static int64_t
centre_now(void *owner)
{
	return usher_now(owner);
}

static bool
store_is_up(void *owner)
{
	const struct usher *u = owner;

	return u->serving && store_redis_is_up(u->redis);
}

/* ---- LMTP ---- */

static bool
lmtp_ready(void *owner)
{
	return mail_in_ready(((struct part_mailin *)owner)->in);
}

static bool
lmtp_knows(void *owner, const char *address)
{
	return mail_in_mailbox(((struct part_mailin *)owner)->in, address) != NULL;
}

static void
lmtp_said(void *owner, struct mail_arrival *arrival, int recipient, enum mail_taken taken,
	const char *words)
{
	static const enum lmtp_verdict verdict[] = {LMTP_OK, LMTP_LATER, LMTP_BAD};
	struct part_mailin *p = owner;

	lmtp_server_answer(p->lmtp, arrival->tag, recipient, verdict[taken], words);
}

static void
lmtp_mail(void *owner, struct lmtp_mail *mail)
{
	struct part_mailin *p = owner;
	struct mail_arrival *a = xcalloc(1, sizeof *a);

	a->content = mail->content;
	a->n = mail->n;
	a->sender = mail->sender;
	a->n_recipients = mail->n_recipients;
	memcpy(a->recipient, mail->recipient, sizeof mail->recipient);
	a->said = lmtp_said;
	a->owner = p;
	a->tag = mail->session;
	free(mail);
	mail_in_take(p->in, a);
}

static struct lmtp_server_settings
lmtp_settings(const struct mail_settings *s)
{
	struct lmtp_server_settings to = {.address = s->lmtp,
		.mode = s->lmtp_mode,
		.host = s->host,
		.most = (size_t)s->size_most,
		.connections = s->connections,
		.rate = s->rate};

	return to;
}

/* Folders are looked into as soon as contacts can be taken. */
static void
poll_folders(struct part_mailin *p, struct mail_settings *settings)
{
#ifdef USHER_IMAP
	if (p->imap == NULL)
		p->imap = imap_create(p->usher->base, p->in, p->usher->side);
	if (p->imap != NULL)
		imap_configure(p->imap, settings);
#else
	for (int i = 0; i < settings->n_boxes; i++)
		if (settings->boxes[i].polled)
			log_error("mail: mailbox %s is not fetched: usherd was built "
				  "without "
				  "libcurl",
				settings->boxes[i].name);
#endif
}

bool
part_mailin_listen(struct usher *u)
{
	struct part_mailin *p = u->mailin;
	struct lmtp_server_settings settings = lmtp_settings(u->config->mail);
	struct lmtp_server_hooks hooks = {p, lmtp_ready, lmtp_knows, lmtp_mail};

	poll_folders(p, u->config->mail);
	if (settings.address == NULL)
		return true;
	p->lmtp = lmtp_server_create(u->base, &settings, &hooks);
	if (p->lmtp != NULL)
		p->address = xstrdup(settings.address);
	return p->lmtp != NULL;
}

char *
part_mailin_lmtp(const struct usher *u)
{
	const struct part_mailin *p = u->mailin;
	const char *colon;

	if (p->lmtp == NULL)
		return NULL;
	if (lmtp_server_port(p->lmtp) == 0)
		return xstrdup(p->address);
	colon = strrchr(p->address, ':');
	return xasprintf("%.*s:%d", (int)(colon - p->address), p->address,
		lmtp_server_port(p->lmtp));
}

/* ---- export and erasure ---- */

static void
forget(void *owner, const struct subject *subject, subject_gone gone, void *arg)
{
	struct usher *u = owner;

	part_mailout_forget(u, subject);
	mail_erase(u->mailin->eraser, u->config->mail, subject, gone, arg);
}

static void
tell(void *owner, struct subject_page *page)
{
	struct usher *u = owner;

	mail_tell(mail_in_index(u->mailin->in), u->ticket_secret, usher_now(u), page);
}

/* ---- life ---- */

struct mail_in *
part_mailin_in(struct usher *u)
{
	return u->mailin->in;
}

struct mail_shelf *
part_mailin_shelf(struct usher *u)
{
	return u->mailin->shelf;
}

static bool
open_files(struct usher *u)
{
	struct part_mailin *p = u->mailin;
	struct mail_files_parts parts = {.base = u->base,
		.http = u->http,
		.router = u->router,
		.index = mail_in_index(p->in),
		.blobs = u->blobs,
		.people = &u->people,
		.secret = u->ticket_secret,
		.now = centre_now,
		.owner = u};

	p->files = mail_files_create(&parts);
	if (p->files == NULL)
		return false;
	desk_add_commands(u->desk, mail_file_commands, mail_file_n_commands, p->files);
	return true;
}

bool
part_mailin_open(struct usher *u)
{
	struct part_mailin *p = xcalloc(1, sizeof *p);
	struct mail_in_parts parts = {.base = u->base,
		.router = u->router,
		.side = u->side,
		.blobs = u->blobs,
		.people = &u->people,
		.secret = u->ticket_secret,
		.now = centre_now,
		.ready = store_is_up,
		.owner = u};

	u->mailin = p;
	p->usher = u;
	p->shelf = mail_shelf_create(u->state);
	mail_shelf_configure(p->shelf, u->config->mail);
	parts.shelf = p->shelf;
	p->in = mail_in_create(&parts, u->config->mail);
	if (p->in == NULL)
		return false;
	p->eraser = mail_eraser_create(u->base, mail_in_index(p->in), u->blobs);
	router_listen(u->router, mail_in_event, p->in);
	customers_add_part(u->customers,
		&(struct customer_part){.owner = u, .tell = tell, .forget = forget});
	return p->eraser != NULL && open_files(u);
}

void
part_mailin_configure(struct usher *u)
{
	struct part_mailin *p = u->mailin;
	const struct mail_settings *s = u->config->mail;
	struct lmtp_server_settings settings = lmtp_settings(s);

	if (p->lmtp != NULL)
		lmtp_server_configure(p->lmtp, &settings);
	mail_shelf_configure(p->shelf, s);
	mail_in_configure(p->in, u->config->mail);
	poll_folders(p, u->config->mail);
}

void
part_mailin_close(struct usher *u)
{
	struct part_mailin *p = u->mailin;

	if (p == NULL)
		return;
#ifdef USHER_IMAP
	imap_destroy(p->imap);
#endif
	lmtp_server_destroy(p->lmtp);
	mail_files_destroy(p->files);
	mail_eraser_destroy(p->eraser);
	mail_in_destroy(p->in);
	mail_shelf_destroy(p->shelf);
	free(p->address);
	free(p);
	u->mailin = NULL;
}
