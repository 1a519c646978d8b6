/* control/config_mail.c - mailboxes and the ways by which mail comes in. */
#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/config_compile.h"
#include "control/settings_mail.h"
#include "model/mailbox.h"

#define HOST_MAX 255

static char **
texts_of(const struct slot *slot, int *n)
{
	char **list = xcalloc((size_t)slot->n + 1, sizeof list[0]);

	*n = slot->n;
	for (int i = 0; i < slot->n; i++)
		list[i] = xstrdup(slot->node->child[i]->text);
	return list;
}

/* ---- LMTP ---- */

static bool
is_loopback(const char *address)
{
	const char *colon = strrchr(address, ':');
	char host[64];
	struct in_addr v4;

	if (strncmp(address, "[::1]:", 6) == 0)
		return true;
	if (colon == NULL || colon - address >= (long)sizeof host)
		return false;
	memcpy(host, address, (size_t)(colon - address));
	host[colon - address] = '\0';
	return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

static void
compile_lmtp(struct compile *c, const struct entry *e, struct mail_settings *to)
{
	static const unsigned modes[] = {0600, 0660, 0666};
	const struct slot *address = &e->slot[LMTP_ADDRESS];
	const struct sockaddr_un *un = NULL;

	to->lmtp_mode = modes[(int)entry_number(e, LMTP_REACHED_BY)];
	to->size_most = (int64_t)entry_number(e, LMTP_SIZE);
	to->connections = (int)entry_number(e, LMTP_CONNECTIONS);
	to->rate = (int)entry_number(e, LMTP_RATE);
	if (address->text == NULL || strcmp(address->text, "off") == 0)
		return;
	if (strncmp(address->text, "unix:/", 6) == 0 &&
		strlen(address->text) - 5 < sizeof un->sun_path)
		to->lmtp = xstrdup(address->text);
	else if (is_loopback(address->text))
		to->lmtp = xstrdup(address->text);
	else
		/* LMTP knows neither passwords nor TLS: whoever reaches it is believed.
		 */
		tree_error(c->tree, address->node,
			"lmtp: \"%s\" is neither unix:/PATH (of at most %zu bytes) nor a "
			"loopback address with port: write 127.0.0.1:2424",
			address->text, sizeof un->sun_path - 1);
}

/* ---- mailboxes ---- */

static bool
is_address(const char *s)
{
	const char *at = strrchr(s, '@');

	for (const char *c = s; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || strchr("<>,;\"", *c) != NULL)
			return false;
	return at != NULL && at[1] != '\0' && strchr(at, '.') != at + 1 &&
	       strlen(s) <= 254;
}

/* The mailbox before this one that has the address; NULL: none. */
static const char *
taken_by(const struct mail_settings *s, const char *address)
{
	for (int i = 0; i < s->n_boxes; i++)
		for (int k = 0; k < s->boxes[i].n_addresses; k++)
			if (strcasecmp(s->boxes[i].addresses[k], address) == 0)
				return s->boxes[i].name;
	return NULL;
}

static void
compile_addresses(struct compile *c, const struct slot *slot,
	const struct mail_settings *all, struct mailbox *box)
{
	box->addresses = texts_of(slot, &box->n_addresses);
	if (box->n_addresses > MAILBOX_ADDRESSES_MAX)
		tree_error(c->tree, slot->node, "addresses: more than %d of one mailbox",
			MAILBOX_ADDRESSES_MAX);
	for (int i = 0; i < slot->n; i++) {
		const char *owner = taken_by(all, box->addresses[i]);

		if (!is_address(box->addresses[i]) ||
			(i == 0 && box->addresses[i][0] == '@'))
			tree_error(c->tree, slot->node->child[i],
				"addresses: \"%s\" is none: write help@example.com%s",
				box->addresses[i],
				i > 0 ? ", or @example.com for all of a domain" : "");
		else if (owner != NULL)
			tree_error(c->tree, slot->node->child[i],
				"addresses: %s is mailbox %s already", box->addresses[i],
				owner);
	}
	if (slot->node != NULL && slot->n == 0)
		tree_error(c->tree, slot->node, "addresses: name at least one");
}

static void
compile_imap(struct compile *c, const struct entry *e, struct mailbox *box)
{
	struct imap_settings *to = &box->imap;
	const struct slot *url = &e->slot[IMAP_URL];
	const char *host;
	bool local;

	if (url->text == NULL)
		return;
	box->polled = true;
	to->url = xstrdup(url->text);
	to->user = entry_text(e, IMAP_USER) != NULL
			   ? xstrdup(entry_text(e, IMAP_USER))
			   : xstrdup(box->n_addresses > 0 ? box->addresses[0] : "");
	to->password_file = compile_path(c, &e->slot[IMAP_PASSWORD_FILE]);
	to->token_file = compile_path(c, &e->slot[IMAP_TOKEN_FILE]);
	to->ca_file = compile_path(c, &e->slot[IMAP_CA_FILE]);
	to->insecure = entry_bool(e, IMAP_INSECURE);
	to->after = (enum imap_after)entry_number(e, IMAP_AFTER);
	to->folder = xstrdup(entry_text(e, IMAP_FOLDER));
	to->every_ms = llround(entry_number(e, IMAP_EVERY));
	to->back_off_ms = llround(entry_number(e, IMAP_BACK_OFF));
	host = strstr(url->text, "://");
	if ((strncmp(url->text, "imaps://", 8) != 0 &&
		    strncmp(url->text, "imap://", 7) != 0) ||
		strchr(host + 3, '/') == NULL || strpbrk(host, "@;?# ") != NULL ||
		strchr(host + 3, '/')[1] == '\0')
		tree_error(c->tree, url->node,
			"url: \"%s\" is none: write imaps://mail.example.com/INBOX, "
			"without "
			"a user (name `user` and `password_file`)",
			url->text);
	if ((to->password_file == NULL) == (to->token_file == NULL))
		tree_error(c->tree, e->node != NULL ? e->node : url->node,
			"imap: name password_file or token_file, one of the two");
	local = host != NULL && (strncmp(host, "://127.", 7) == 0 ||
					strncmp(host, "://localhost", 12) == 0 ||
					strncmp(host, "://[::1]", 8) == 0);
	if (to->insecure && !local)
		tree_warn(c->tree, url->node,
			"imap: the password and the mails cross the network in the open "
			"(insecure)");
}

static void
compile_mailbox(struct compile *c, const struct slot *slot, struct mail_settings *all)
{
	const struct entry *e = slot->entry;
	struct mailbox *box = &all->boxes[all->n_boxes];
	int channel;

	compile_addresses(c, &e->slot[MAILBOX_ADDRESSES], all, box);
	box->name = xstrdup(slot->key->text);
	all->n_boxes++;
	box->display = xstrdup(entry_text(e, MAILBOX_DISPLAY));
	box->envelope = xstrdup(entry_text(e, MAILBOX_ENVELOPE));
	if (box->envelope != NULL &&
		(!is_address(box->envelope) || box->envelope[0] == '@'))
		tree_error(c->tree, e->slot[MAILBOX_ENVELOPE].node,
			"envelope: \"%s\" is no address: write bounces@example.com",
			box->envelope);
	box->channel = xstrdup(entry_text(e, MAILBOX_CHANNEL));
	box->queue = xstrdup(entry_text(e, MAILBOX_QUEUE));
	box->library = compile_path(c, &e->slot[MAILBOX_LIBRARY]);
	box->models = compile_path(c, &e->slot[MAILBOX_MODELS]);
	box->language = xstrdup(entry_text(e, MAILBOX_LANGUAGE));
	box->floor = entry_number(e, MAILBOX_FLOOR);
	channel = compile_find(c, NAME_CHANNEL,
		e->slot[MAILBOX_CHANNEL].key != NULL ? e->slot[MAILBOX_CHANNEL].node
						     : slot->key,
		box->channel);
	(void)compile_queue(c, &e->slot[MAILBOX_QUEUE], channel);
	compile_imap(c, entry_section(e, MAILBOX_IMAP), box);
}

/* ---- the whole ---- */

static char *
own_name(struct compile *c, const struct slot *slot)
{
	char name[HOST_MAX + 1] = "";

	if (slot->text != NULL) {
		if (strspn(slot->text,
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789.-") != strlen(slot->text) ||
			strlen(slot->text) > HOST_MAX || slot->text[0] == '.' ||
			slot->text[0] == '-')
			tree_error(c->tree, slot->node,
				"host: \"%s\" is no name of a host: write "
				"desk.example.com",
				slot->text);
		return xstrdup(slot->text);
	}
	if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0')
		return xstrdup("localhost");
	return xstrdup(name);
}

struct mail_settings *
compile_mail(struct compile *c)
{
	const struct entry *e = entry_section(c->top, TOP_MAIL);
	const struct entry *boxes = entry_section(e, MAIL_MAILBOXES);
	struct mail_settings *to = mail_settings_create();

	to->host = own_name(c, &e->slot[MAIL_HOST]);
	compile_lmtp(c, entry_section(e, MAIL_LMTP), to);
	to->workers = (int)entry_number(e, MAIL_WORKERS);
	to->keep_originals = entry_bool(e, MAIL_KEEP_ORIGINALS);
	to->keep_ms = llround(entry_number(e, MAIL_KEEP_FILES));
	to->threads_ms = llround(entry_number(e, MAIL_KEEP_THREADS));
	if (to->keep_ms > to->threads_ms) {
		to->keep_ms = to->threads_ms;
		tree_warn(c->tree,
			e->slot[MAIL_KEEP_FILES].node != NULL
				? e->slot[MAIL_KEEP_FILES].node
				: e->slot[MAIL_KEEP_THREADS].node,
			"mail: files are kept as long as threads at most; raise "
			"keep_threads, or lower keep_files to it");
	}
	to->servers = texts_of(&e->slot[MAIL_BELIEVED], &to->n_servers);
	to->boxes = xcalloc((size_t)boxes->n_others + 1, sizeof to->boxes[0]);
	if (boxes->n_others > MAILBOXES_MAX)
		tree_error(c->tree, boxes->node, "more than %d mailboxes", MAILBOXES_MAX);
	for (int i = 0; i < boxes->n_others && i < MAILBOXES_MAX; i++)
		compile_mailbox(c, &boxes->other[i], to);
	to->out = compile_mailout(c, entry_section(e, MAIL_OUT));
	if (to->lmtp != NULL && to->n_boxes == 0)
		tree_error(c->tree, e->node,
			"mail: without mailboxes no mail can be taken; name one");
	return to;
}
