/*
 * intake/chat_forget.c - chats of a customer who is erased: out of Redis, out of memory,
 * their files off the disk (base/subject.h).
 *
 *   chats out of Redis, all at once --answered--> files, on a worker's thread --> gone
 */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/worker.h"
#include "intake/chat_inner.h"

/* One erasure on its way. */
struct forgetting {
	void (*drop)(void *job); /* first: it is a job of the workers too */
	struct blobs *blobs;
	subject_gone gone;
	void *arg;
	int asked; /* answers that are awaited; 1 more while asking */
	bool failed;
	json_t *files; /* owned; names of blobs */
};

static void
end(struct forgetting *f, bool gone)
{
	f->gone(f->arg, gone);
	json_decref(f->files);
	free(f);
}

static void
drop(void *job)
{
	end(job, false);
}

/* ---- files ---- */

static void
work(void *job)
{
	struct forgetting *f = job;
	json_t *name;
	size_t i;

	json_array_foreach(f->files, i, name)
	{
		if (!blob_forget(f->blobs, json_string_value(name)))
			f->failed = true;
	}
}

static void
done(void *job)
{
	struct forgetting *f = job;

	if (f->failed)
		log_error("chat: files of an erased customer could not be removed");
	end(f, !f->failed);
}

static void
answered(struct chats *chats, struct forgetting *f)
{
	if (--f->asked > 0)
		return;
	if (f->failed || json_array_size(f->files) == 0)
		end(f, !f->failed);
	else if (!worker_run(chats->parts.workers, work, done, f))
		end(f, false);
}

/* ---- chats ---- */

static void
on_forgotten(struct chats *chats, struct chat_op *op, struct chat *chat,
	const struct redisReply *reply)
{
	struct forgetting *f = op->data;

	if (reply == NULL) {
		f->failed = true;
	} else if (chat != NULL) {
		if (chat->blobs != NULL)
			json_array_extend(f->files, chat->blobs);
		chat_drop(chats, chat);
	}
	answered(chats, f);
}

bool
chat_names(const struct chat *chat, const struct subject *subject)
{
	const json_t *about = chat->about;
	const char *user = json_string_value(json_object_get(about, "user"));

	return subject_is_known_by(subject, "email",
		       json_string_value(json_object_get(about, "email"))) ||
	       subject_is_known_by(subject, "phone",
		       json_string_value(json_object_get(about, "phone"))) ||
	       subject_is_known_by(subject, "account", user);
}

void
chats_forget(void *owner, const struct subject *subject, subject_gone gone, void *arg)
{
	struct chats *chats = owner;
	struct forgetting *f;
	size_t at = 0;
	void *value;

	/* Until all are read back nobody knows which are his. */
	if (!chats->loaded) {
		gone(arg, false);
		return;
	}
	f = xcalloc(1, sizeof *f);
	*f = (struct forgetting){.drop = drop,
		.blobs = chats->parts.blobs,
		.gone = gone,
		.arg = arg,
		.asked = 1,
		.files = json_array()};
	while (map_next(&chats->by_id, &at, NULL, &value)) {
		struct chat *chat = value;
		bool named = subject_has_contact(subject, chat->contact);
		struct chat_op *op;

		if (!named && !chat_names(chat, subject))
			continue;
		if (!named && chat->stage != CHAT_OVER) {
			f->failed = true; /* somebody is talking under his name */
			continue;
		}
		op = chat_op_create(chat, NULL);
		op->fn = on_forgotten;
		op->data = f;
		f->asked++;
		if (!chat_call(
			    chats, op, "forget", true, 1, (const char *[]){chat->id})) {
			f->asked--;
			f->failed = true;
		}
	}
	answered(chats, f);
}
