/* intake/mail_erase.c - files first, Redis after: as long as Redis names them, an erasure
 * that was cut short can be repeated. */
#include "intake/mail_erase.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/worker.h"

#define WAITING_MAX 64 /* erasures whose files wait for the thread */

struct mail_eraser {
	struct mail_index *index;    /* borrowed */
	struct blobs *blobs;	     /* borrowed */
	struct worker_pool *workers; /* owned */
};

struct erasing {
	struct mail_eraser *eraser;
	const char **mailboxes; /* owned, with each; ends with NULL */
	uint64_t *contacts;	/* owned */
	size_t n;
	bool by_time;
	size_t n_files, room;
	char (*file)[BLOB_NAME]; /* owned */
	size_t n_left;		 /* that could not be removed */
	void (*done)(void *owner, bool gone);
	void *owner;
};

static void
end(struct erasing *e, bool gone)
{
	e->done(e->owner, gone);
	for (size_t i = 0; e->mailboxes[i] != NULL; i++)
		free((char *)(uintptr_t)e->mailboxes[i]);
	free(e->mailboxes);
	free(e->contacts);
	free(e->file);
	free(e);
}

static void
on_erased(void *owner, bool gone)
{
	struct erasing *e = owner;

	if (gone && (!e->by_time || e->n_files > 0))
		log_info("mail: erased contacts=%zu files=%zu", e->n, e->n_files);
	end(e, gone);
}

/* ---- on a worker ---- */

static void
remove_files(void *arg)
{
	struct erasing *e = arg;

	for (size_t i = 0; i < e->n_files; i++)
		e->n_left += !blob_forget(e->eraser->blobs, e->file[i]);
}

/* ---- on the loop ---- */

static struct mail_index_erasure
erasure_of(struct erasing *e, void (*file)(void *owner, const char *name),
	void (*done)(void *owner, bool gone))
{
	return (struct mail_index_erasure){
		e->contacts, e->n, e->by_time, e->mailboxes, file, done, e};
}

static void
files_removed(void *arg)
{
	struct erasing *e = arg;
	struct mail_index_erasure erasure = erasure_of(e, NULL, on_erased);

	if (e->n_left > 0) {
		log_error("mail: files of mails could not be removed n=%zu", e->n_left);
		end(e, false);
		return;
	}
	mail_index_erase(e->eraser->index, &erasure);
}

static void
on_file(void *owner, const char *name)
{
	struct erasing *e = owner;

	if (!blob_name_is_valid(name))
		return;
	if (e->n_files == e->room) {
		e->room = e->room > 0 ? 2 * e->room : 64;
		e->file = xreallocarray(e->file, e->room, sizeof e->file[0]);
	}
	memcpy(e->file[e->n_files++], name, BLOB_NAME);
}

static void
on_looked(void *owner, bool known)
{
	struct erasing *e = owner;

	if (known && e->n_files == 0)
		files_removed(e);
	else if (!known ||
		 !worker_run(e->eraser->workers, remove_files, files_removed, e))
		end(e, false);
}

void
mail_erase(struct mail_eraser *eraser, const struct mail_settings *settings,
	const struct subject *subject, void (*done)(void *owner, bool gone), void *owner)
{
	struct erasing *e = xcalloc(1, sizeof *e);
	struct mail_index_erasure look;

	*e = (struct erasing){.eraser = eraser,
		.n = subject->n_contacts,
		.by_time = subject->by_time,
		.done = done,
		.owner = owner};
	e->contacts = xcalloc(e->n + 1, sizeof *e->contacts);
	if (e->n > 0)
		memcpy(e->contacts, subject->contacts, e->n * sizeof *e->contacts);
	e->mailboxes = xcalloc((size_t)settings->n_boxes + 1, sizeof *e->mailboxes);
	for (int i = 0; i < settings->n_boxes; i++)
		e->mailboxes[i] = xstrdup(settings->boxes[i].name);
	look = erasure_of(e, on_file, on_looked);
	mail_index_look(eraser->index, &look);
}

/* ---- life ---- */

static void
drop(void *arg)
{
	end(arg, false);
}

struct mail_eraser *
mail_eraser_create(struct event_base *base, struct mail_index *index, struct blobs *blobs)
{
	struct mail_eraser *eraser = xcalloc(1, sizeof *eraser);

	eraser->index = index;
	eraser->blobs = blobs;
	eraser->workers = worker_pool_create(base, 1, WAITING_MAX);
	if (eraser->workers != NULL)
		return eraser;
	free(eraser);
	return NULL;
}

void
mail_eraser_destroy(struct mail_eraser *eraser)
{
	if (eraser == NULL)
		return;
	worker_pool_destroy(eraser->workers, drop);
	free(eraser);
}
