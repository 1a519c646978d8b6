/* intake/mail_shelf.c - which matcher serves which mailbox. */
#include "intake/mail_shelf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct box {
	struct box *next;
	char *name, *library, *models; /* owned; what the matcher was made of */
	double floor;
	struct live *live; /* owned */
	int holders;	   /* threads that work with it */
	bool replaced;	   /* not found any more; goes with its last holder */
};

struct mail_shelf {
	char *state_dir; /* owned */
	void (*on_new)(void *owner, const char *mailbox, struct live *live);
	void *owner;
	pthread_mutex_t lock; /* over what follows */
	struct box *boxes;    /* owned */
};

static void
box_destroy(struct box *box)
{
	live_destroy(box->live);
	free(box->name);
	free(box->library);
	free(box->models);
	free(box);
}

/* With the lock held; NULL: there is none. */
static struct box *
find(struct mail_shelf *shelf, const char *name)
{
	struct box *box = shelf->boxes;

	while (box != NULL && (box->replaced || strcmp(box->name, name) != 0))
		box = box->next;
	return box;
}

/* With the lock held. */
static void
sweep(struct mail_shelf *shelf)
{
	struct box **at = &shelf->boxes, *box;

	while ((box = *at) != NULL) {
		if (box->replaced && box->holders == 0) {
			*at = box->next;
			box_destroy(box);
		} else {
			at = &box->next;
		}
	}
}

/* ---- who works with one ---- */

struct live *
mail_shelf_live(struct mail_shelf *shelf, const char *mailbox)
{
	struct box *box;

	pthread_mutex_lock(&shelf->lock);
	box = find(shelf, mailbox);
	pthread_mutex_unlock(&shelf->lock);
	return box != NULL ? box->live : NULL;
}

struct live *
mail_shelf_hold(struct mail_shelf *shelf, const char *mailbox)
{
	struct box *box;

	pthread_mutex_lock(&shelf->lock);
	box = find(shelf, mailbox);
	if (box != NULL)
		box->holders++;
	pthread_mutex_unlock(&shelf->lock);
	return box != NULL ? box->live : NULL;
}

void
mail_shelf_release(struct mail_shelf *shelf, struct live *live)
{
	if (live == NULL)
		return;
	pthread_mutex_lock(&shelf->lock);
	for (struct box *box = shelf->boxes; box != NULL; box = box->next)
		if (box->live == live)
			box->holders--;
	sweep(shelf);
	pthread_mutex_unlock(&shelf->lock);
}

/* ---- settings ---- */

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct box *
make(struct mail_shelf *shelf, const struct mailbox *m, char *models)
{
	struct box *box = xcalloc(1, sizeof *box);
	struct live_settings settings = {m->name, m->library, models, m->floor};

	box->name = xstrdup(m->name);
	box->library = xstrdup(m->library);
	box->models = models;
	box->floor = m->floor;
	box->live = live_create(&settings);
	if (shelf->on_new != NULL)
		shelf->on_new(shelf->owner, m->name, box->live);
	return box;
}

static void
load(struct box *box)
{
	struct library_problems problems = {0};

	if (!live_load(box->live, &problems))
		log_error("mail: the library of mailbox %s has mistakes and is not used: "
			  "%s",
			box->name, problems.said.n > 0 ? problems.said.s : "");
	else if (box->library != NULL)
		log_info("mail: library read mailbox=%s responses=%d", box->name,
			live_library(box->live)->n);
	text_finish(&problems.said);
}

static void
configure(struct mail_shelf *shelf, const struct mailbox *m)
{
	char *models = m->models != NULL ? xstrdup(m->models)
					 : xasprintf("%s/models", shelf->state_dir);
	struct box *box, *old;

	pthread_mutex_lock(&shelf->lock);
	old = find(shelf, m->name);
	pthread_mutex_unlock(&shelf->lock);
	if (old != NULL && same(old->library, m->library) && same(old->models, models) &&
		old->floor <= m->floor && old->floor >= m->floor) {
		free(models);
		load(old);
		return;
	}
	box = make(shelf, m, models);
	load(box);
	pthread_mutex_lock(&shelf->lock);
	if (old != NULL)
		old->replaced = true;
	box->next = shelf->boxes;
	shelf->boxes = box;
	sweep(shelf);
	pthread_mutex_unlock(&shelf->lock);
}

void
mail_shelf_configure(struct mail_shelf *shelf, const struct mail_settings *settings)
{
	for (int i = 0; i < settings->n_boxes; i++)
		configure(shelf, &settings->boxes[i]);
	pthread_mutex_lock(&shelf->lock);
	for (struct box *box = shelf->boxes; box != NULL; box = box->next)
		box->replaced |= mailbox_named(settings, box->name) == NULL;
	sweep(shelf);
	pthread_mutex_unlock(&shelf->lock);
}

/* ---- a mail ---- */

static void
take(struct live_found *found, struct mail_suggest *out)
{
	out->none = found->none;
	out->never_automatic = found->never_automatic;
	out->library = found->library[0] != '\0' ? xstrdup(found->library) : NULL;
	out->model = found->model;
	for (int i = 0; i < found->n; i++)
		out->list[out->n++] = (struct mail_proposal){xstrdup(found->list[i].id),
			xstrdup(found->list[i].title), xstrdup(found->list[i].why),
			found->list[i].p};
}

static void
take_effects(const struct live_found *found, struct mail_effects *out)
{
	if (found->queue != NULL)
		snprintf(out->queue, sizeof out->queue, "%s", found->queue);
	for (int i = 0; i < found->n_skills; i++)
		snprintf(out->skill[out->n_skills++], ID_MAX + 1, "%s", found->skill[i]);
}

void
mail_shelf_propose(struct mail_shelf *shelf, const char *mailbox, struct mail *mail,
	struct mail_effects *effects)
{
	struct live *live = mail_shelf_hold(shelf, mailbox);
	struct live_found found = {0};
	char *sender = xasprintf("%s %s", mail->from.name != NULL ? mail->from.name : "",
		mail->from.address != NULL ? mail->from.address : "");
	struct live_mail question = {mail->language, mail->subject, sender, mail->text};

	*effects = (struct mail_effects){0};
	if (live != NULL) {
		live_propose(live, &question, &found);
		take(&found, &mail->suggest);
		take_effects(&found, effects);
		live_found_finish(&found);
		mail_shelf_release(shelf, live);
	}
	free(sender);
}

/* ---- life ---- */

struct mail_shelf *
mail_shelf_create(const char *state_dir)
{
	struct mail_shelf *shelf = xcalloc(1, sizeof *shelf);

	shelf->state_dir = xstrdup(state_dir);
	pthread_mutex_init(&shelf->lock, NULL);
	return shelf;
}

void
mail_shelf_on_new(struct mail_shelf *shelf,
	void (*fn)(void *owner, const char *mailbox, struct live *live), void *owner)
{
	shelf->on_new = fn;
	shelf->owner = owner;
}

void
mail_shelf_destroy(struct mail_shelf *shelf)
{
	if (shelf == NULL)
		return;
	while (shelf->boxes != NULL) {
		struct box *box = shelf->boxes;

		shelf->boxes = box->next;
		box_destroy(box);
	}
	pthread_mutex_destroy(&shelf->lock);
	free(shelf->state_dir);
	free(shelf);
}
