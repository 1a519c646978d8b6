/* model/mailbox.c - life of the settings of mail. */
#include "model/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "model/mailout.h"

struct mail_settings *
mail_settings_create(void)
{
	struct mail_settings *s = xcalloc(1, sizeof *s);

	s->refs = 1;
	return s;
}

struct mail_settings *
mail_settings_ref(struct mail_settings *s)
{
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

static void
texts_free(char **list, int n)
{
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void
box_finish(struct mailbox *box)
{
	free(box->name);
	texts_free(box->addresses, box->n_addresses);
	free(box->display);
	free(box->envelope);
	free(box->channel);
	free(box->queue);
	free(box->library);
	free(box->models);
	free(box->language);
	free(box->imap.url);
	free(box->imap.user);
	free(box->imap.password_file);
	free(box->imap.token_file);
	free(box->imap.ca_file);
	free(box->imap.folder);
}

void
mail_settings_unref(struct mail_settings *s)
{
	if (s == NULL || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (int i = 0; i < s->n_boxes; i++)
		box_finish(&s->boxes[i]);
	free(s->boxes);
	mailout_settings_unref(s->out);
	texts_free(s->servers, s->n_servers);
	free(s->host);
	free(s->lmtp);
	free(s);
}

const struct mailbox *
mailbox_named(const struct mail_settings *s, const char *name)
{
	for (int i = 0; i < s->n_boxes; i++)
		if (strcmp(s->boxes[i].name, name) == 0)
			return &s->boxes[i];
	return NULL;
}

bool
mailbox_feeds(const struct mail_settings *s, const char *channel)
{
	for (int i = 0; i < s->n_boxes; i++)
		if (strcmp(s->boxes[i].channel, channel) == 0)
			return true;
	return false;
}
