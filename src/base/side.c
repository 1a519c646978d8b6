/*
 * base/side.c - see side.h.
 *
 *   AWAY --connected--> LOADING --all libraries there--> UP --connection lost--> AWAY
 */
#include "base/side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/log.h"
#include "base/text.h"

#define BACK_OFF_MS 1000
#define KEY_TEXT_MAX 512 /* bytes of a key with its prefix */

enum side_state {
	SIDE_AWAY,
	SIDE_LOADING,
	SIDE_UP,
};

struct library {
	const char *name, *code; /* borrowed */
};

struct listener {
	void (*fn)(void *owner, bool up);
	void *owner; /* borrowed */
};

/* A call on its way. */
struct asked {
	struct side *side;
	rlink_reply fn; /* NULL: nobody listens */
	void *owner;
	uint64_t tag;
};

struct side {
	struct side_settings settings; /* texts are not kept */
	struct rlink *link;	       /* owned */
	enum side_state state;
	char prefix[ID_MAX + 16];
	int loading; /* libraries whose answer is to come */
	int n_libraries, n_listeners;
	struct library library[SIDE_LIBRARIES_MAX];
	struct listener listener[SIDE_LISTENERS_MAX];
	bool told_stale;
	char told[200]; /* why it was away, as logged last; "" since it was up */
};

static void
set_up(struct side *side, bool up)
{
	bool was = side->state == SIDE_UP;

	side->state = up ? SIDE_UP : SIDE_AWAY;
	if (up)
		side->told[0] = '\0';
	if (was == up)
		return;
	for (int i = 0; i < side->n_listeners; i++)
		side->listener[i].fn(side->listener[i].owner, up);
}

/* ---- functions ---- */

static void
one_loaded(struct side *side)
{
	if (side->state == SIDE_LOADING && --side->loading == 0)
		set_up(side, true);
}

static void
on_loaded(void *owner, uint64_t i, const struct redisReply *reply)
{
	struct side *side = owner;
	char why[sizeof side->told];

	if (reply == NULL)
		return;
	if (reply->type == REDIS_REPLY_ERROR) {
		snprintf(why, sizeof why, "%s is not taken: %.120s",
			side->library[i].name, reply->str);
		rlink_drop(side->link, why);
		return;
	}
	one_loaded(side);
}

static void
on_listed(void *owner, uint64_t i, const struct redisReply *reply)
{
	struct side *side = owner;
	const char *words[] = {
		"FUNCTION", "LOAD", "REPLACE", side->library[i].code, NULL};

	if (reply == NULL)
		return;
	if (redis_library_is(reply, side->library[i].code))
		one_loaded(side);
	else if (!rlink_send_words(side->link, on_loaded, side, i, words))
		set_up(side, false);
}

static void
load(struct side *side)
{
	side->state = SIDE_LOADING;
	side->loading = side->n_libraries;
	for (int i = 0; i < side->n_libraries; i++) {
		const char *words[] = {"FUNCTION", "LIST", "LIBRARYNAME",
			side->library[i].name, "WITHCODE", NULL};

		if (!rlink_send_words(side->link, on_listed, side, (uint64_t)i, words))
			return;
	}
	if (side->n_libraries == 0)
		set_up(side, true);
}

static void
on_up(void *owner)
{
	load(owner);
}

static void
on_down(void *owner, const char *reason)
{
	struct side *side = owner;

	/* Once a reason: it is tried again and again while Redis reads its log. */
	if (strcmp(side->told, reason) != 0)
		log_warn("side: Redis is away why=\"%s\"", reason);
	snprintf(side->told, sizeof side->told, "%s", reason);
	set_up(side, false);
}

/* ---- life ---- */

struct side *
side_create(struct event_base *base, const struct side_settings *settings, char *error,
	size_t room)
{
	struct side *side = xcalloc(1, sizeof *side);
	struct rlink_settings link = {settings->address, settings->password_file,
		SIDE_DEADLINE_MS, BACK_OFF_MS};
	struct rlink_handler handler = {on_up, on_down, side};

	side->settings = *settings;
	snprintf(side->prefix, sizeof side->prefix, "usher:{%s}:", settings->centre);
	side->link = rlink_create(base, &link, &handler, error, room);
	if (side->link == NULL) {
		free(side);
		return NULL;
	}
	return side;
}

void
side_stop(struct side *side)
{
	struct rlink *link;

	if (side == NULL || side->link == NULL)
		return;
	link = side->link;
	side->link = NULL;
	side->state = SIDE_AWAY; /* who hears a NULL asks nothing anew */
	rlink_destroy(link);
}

void
side_destroy(struct side *side)
{
	side_stop(side);
	free(side);
}

void
side_add_library(struct side *side, const char *name, const char *code)
{
	if (side->n_libraries == SIDE_LIBRARIES_MAX) {
		log_error("side: too many libraries library=%s", name);
		return;
	}
	side->library[side->n_libraries++] = (struct library){name, code};
}

void
side_listen(struct side *side, void (*fn)(void *owner, bool up), void *owner)
{
	if (side->n_listeners == SIDE_LISTENERS_MAX) {
		log_error("side: too many listeners");
		return;
	}
	side->listener[side->n_listeners++] = (struct listener){fn, owner};
}

bool
side_is_up(const struct side *side)
{
	return side->state == SIDE_UP;
}

/* ---- calls ---- */

static void
on_answer(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct asked *asked = owner;
	struct side *side = asked->side;

	if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
		if (strncmp(reply->str, "STALE", 5) == 0 && !side->told_stale) {
			side->told_stale = true;
			side->settings.stale(side->settings.owner);
		}
		log_warn("side: refused why=\"%.200s\"", reply->str);
	}
	if (asked->fn != NULL)
		asked->fn(asked->owner, asked->tag, reply);
	free(asked);
}

static bool
may_ask(const struct side *side)
{
	return side->state == SIDE_UP &&
	       rlink_unanswered(side->link) < SIDE_UNANSWERED_MAX;
}

static bool
send_words(struct side *side, rlink_reply fn, void *owner, uint64_t tag, int n,
	const char *const *words, const size_t *length)
{
	struct asked *asked = xcalloc(1, sizeof *asked);

	*asked = (struct asked){side, fn, owner, tag};
	if (rlink_send(side->link, on_answer, asked, 0, n, words, length))
		return true;
	free(asked);
	return false;
}

bool
side_call(struct side *side, rlink_reply fn, void *owner, uint64_t tag,
	const char *function, int n_keys, const char *const *keys, int n_args,
	const char *const *args, const size_t *length)
{
	const char *words[SIDE_WORDS_MAX + 5];
	size_t size[SIDE_WORDS_MAX + 5];
	char count[12];
	struct text names = {0};
	size_t at[SIDE_WORDS_MAX + 1];
	bool sent;
	int n = 0;

	if (!may_ask(side) || n_keys + n_args > SIDE_WORDS_MAX)
		return false;
	/* Names one behind the other, each with its NUL; they stay put once all are. */
	for (int i = 0; i <= n_keys; i++) {
		at[i] = names.n;
		text_add(&names, side->prefix);
		text_add(&names, i == 0 ? "owner" : keys[i - 1]);
		text_add_n(&names, "", 1);
	}
	snprintf(count, sizeof count, "%d", n_keys + 1);
	words[n++] = "FCALL";
	words[n++] = function;
	words[n++] = count;
	for (int i = 0; i <= n_keys; i++)
		words[n++] = names.s + at[i];
	words[n++] = side->settings.token(side->settings.owner);
	for (int i = 0; i < n; i++)
		size[i] = strlen(words[i]);
	for (int i = 0; i < n_args; i++) {
		size[n] = length != NULL ? length[i] : strlen(args[i]);
		words[n++] = args[i];
	}
	sent = send_words(side, fn, owner, tag, n, words, size);
	text_finish(&names);
	return sent;
}

bool
side_read(struct side *side, rlink_reply fn, void *owner, uint64_t tag,
	const char *command, const char *key, int n_args, const char *const *args)
{
	const char *words[SIDE_WORDS_MAX + 2];
	size_t size[SIDE_WORDS_MAX + 2];
	char name[KEY_TEXT_MAX];
	int n = 0;

	if (!may_ask(side) || n_args > SIDE_WORDS_MAX ||
		snprintf(name, sizeof name, "%s%s", side->prefix, key) >=
			(int)sizeof name)
		return false;
	words[n++] = command;
	words[n++] = name;
	for (int i = 0; i < n_args; i++)
		words[n++] = args[i];
	for (int i = 0; i < n; i++)
		size[i] = strlen(words[i]);
	return send_words(side, fn, owner, tag, n, words, size);
}

bool
side_rewrite(struct side *side, rlink_reply fn, void *owner, uint64_t tag)
{
	const char *words[] = {"BGREWRITEAOF"};
	size_t size = strlen(words[0]);

	return may_ask(side) && send_words(side, fn, owner, tag, 1, words, &size);
}
