/*
 * part_identify.c - plugins that know customers (usher/identify.h), asked for whom the
 * directory looks up.
 *
 * A plugin may answer on any thread: what it says is copied, and an eventfd wakes the
 * loop, which hands it to the customers.
 */
#include <errno.h>
#include <event2/event.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "part_customers.h"
#include "usher/identify.h"

#define PLUGINS_MOST 8
#define ANSWERS_MOST 10000 /* that wait for the loop; further ones are dropped */
#define TEXT_MOST 1024	   /* bytes of a value */

/* An answer on its way to the loop. */
struct found {
	struct found *next;
	uint64_t ticket;
	int source;
	char *name, *type; /* owned; NULL */
	json_t *figures;   /* owned; NULL: not known there */
};

struct source {
	struct usher_identify_sink sink; /* first: the plugin hands it back */
	struct identify *owner;
	const struct usher_identify *plugin;
	void *directory;
	char *name; /* owned */
};

struct identify {
	struct usher *usher;
	struct customers_source door;
	int n;
	struct source *source[PLUGINS_MOST]; /* owned */
	int wake;
	struct event *woken;

	pthread_mutex_t lock; /* over what follows */
	struct found *first, **last;
	int n_found;
};

/* ---- on any thread ---- */

static json_t *
value_of(const struct usher_figure *f)
{
	switch (f->kind) {
	case USHER_VALUE_BOOL:
		return json_boolean(f->boolean);
	case USHER_VALUE_NUMBER:
		return isfinite(f->number) ? json_real(f->number) : NULL;
	case USHER_VALUE_TEXT:
		return f->text != NULL && strlen(f->text) <= TEXT_MOST
			       ? json_string(f->text)
			       : NULL;
	case USHER_VALUE_NONE:
		return json_null();
	case USHER_VALUE_LIST:
		break;
	}
	return NULL;
}

static void
copy(struct found *to, const struct usher_found *from)
{
	to->figures = json_object();
	to->name = xstrdup(from->name);
	to->type = xstrdup(from->type);
	for (size_t i = 0; i < from->n_figures && i < USHER_FIGURES_MOST; i++) {
		json_t *value = value_of(&from->figures[i]);

		if (value != NULL && from->figures[i].name != NULL)
			json_object_set_new(to->figures, from->figures[i].name, value);
		else
			json_decref(value);
	}
}

static void
found_destroy(struct found *f)
{
	free(f->name);
	free(f->type);
	json_decref(f->figures);
	free(f);
}

static int
place_of(const struct identify *identify, const struct source *source)
{
	int i = 0;

	while (identify->source[i] != source)
		i++;
	return i;
}

static void
found(const struct usher_identify_sink *sink, uint64_t ticket,
	const struct usher_found *customer)
{
	struct source *source = (struct source *)(uintptr_t)sink;
	struct identify *identify = source->owner;
	struct found *f = xcalloc(1, sizeof *f);
	uint64_t one = 1;
	bool room;

	f->ticket = ticket;
	f->source = place_of(identify, source);
	if (customer != NULL)
		copy(f, customer);
	pthread_mutex_lock(&identify->lock);
	room = identify->n_found < ANSWERS_MOST;
	if (room) {
		*identify->last = f;
		identify->last = &f->next;
		identify->n_found++;
	}
	pthread_mutex_unlock(&identify->lock);
	if (!room)
		found_destroy(f);
	else if (write(identify->wake, &one, sizeof one) < 0 && errno != EAGAIN)
		log_error("identify: cannot wake the loop: %s", strerror(errno));
}

/* ---- on the loop ---- */

static struct found *
take(struct identify *identify)
{
	struct found *f;

	pthread_mutex_lock(&identify->lock);
	f = identify->first;
	if (f != NULL) {
		identify->first = f->next;
		if (identify->first == NULL)
			identify->last = &identify->first;
		identify->n_found--;
	}
	pthread_mutex_unlock(&identify->lock);
	return f;
}

static void
on_woken(evutil_socket_t fd, short what, void *owner)
{
	struct identify *identify = owner;
	struct found *f;
	uint64_t n;

	if (read(identify->wake, &n, sizeof n) < 0 && errno != EAGAIN)
		log_error("identify: cannot read the wake-up: %s", strerror(errno));
	while ((f = take(identify)) != NULL) {
		customers_found(identify->usher->customers, f->ticket,
			identify->source[f->source]->name, f->name, f->type, f->figures);
		f->figures = NULL;
		found_destroy(f);
	}
}

/* The first plugin that takes the question has it. */
static bool
ask(void *owner, uint64_t ticket, const char *channel,
	const struct identities *identities)
{
	struct identify *identify = owner;
	struct usher_identity list[IDENTITIES_MAX];
	struct usher_question q = {.size = sizeof q,
		.ticket = ticket,
		.channel = channel,
		.identities = list,
		.n_identities = (size_t)identities->n};

	for (int i = 0; i < identities->n; i++)
		list[i] = (struct usher_identity){
			identities->list[i].kind, identities->list[i].value};
	for (int i = 0; i < identify->n; i++)
		if (identify->source[i]->plugin->ask(identify->source[i]->directory, &q))
			return true;
	return false;
}

/* ---- life ---- */

static void
close_sources(struct identify *identify)
{
	struct found *f;

	for (int i = 0; i < identify->n; i++)
		identify->source[i]->plugin->close(identify->source[i]->directory);
	/* No thread of theirs runs any more. */
	while ((f = take(identify)) != NULL)
		found_destroy(f);
	for (int i = 0; i < identify->n; i++) {
		free(identify->source[i]->name);
		free(identify->source[i]);
	}
	identify->n = 0;
}

static void
open_sources(struct identify *identify)
{
	const struct usher_identify *plugin;
	const char *name;
	void *state;

	for (int i = 0; identify->n < PLUGINS_MOST &&
			(plugin = plugins_identify(
				 identify->usher->plugins, i, &state, &name)) != NULL;
		i++) {
		struct source *source = xcalloc(1, sizeof *source);
		char problem[200] = "";

		source->sink = (struct usher_identify_sink){
			USHER_IDENTIFY_ABI, sizeof source->sink, found};
		source->owner = identify;
		source->plugin = plugin;
		source->name = xstrdup(name);
		/* It may answer as soon as it is open. */
		identify->source[identify->n] = source;
		source->directory =
			plugin->open(state, &source->sink, problem, sizeof problem);
		if (source->directory != NULL) {
			identify->n++;
			continue;
		}
		log_error("identify: plugin=%s cannot be used: %s", name, problem);
		free(source->name);
		free(source);
	}
	customers_use_source(
		identify->usher->customers, identify->n > 0 ? &identify->door : NULL);
}

bool
part_identify_open(struct usher *u)
{
	struct identify *identify = xcalloc(1, sizeof *identify);

	identify->usher = u;
	identify->door = (struct customers_source){ask, identify};
	identify->last = &identify->first;
	pthread_mutex_init(&identify->lock, NULL);
	u->identify = identify;
	identify->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (identify->wake < 0) {
		log_error("identify: no eventfd: %s", strerror(errno));
		return false;
	}
	identify->woken = event_new(
		u->base, identify->wake, EV_READ | EV_PERSIST, on_woken, identify);
	event_add(identify->woken, NULL);
	open_sources(identify);
	return true;
}

void
part_identify_configure(struct usher *u)
{
	if (u->identify == NULL)
		return;
	close_sources(u->identify);
	open_sources(u->identify);
}

void
part_identify_close(struct usher *u)
{
	struct identify *identify = u->identify;

	if (identify == NULL)
		return;
	close_sources(identify);
	if (identify->woken != NULL)
		event_free(identify->woken);
	if (identify->wake >= 0)
		close(identify->wake);
	pthread_mutex_destroy(&identify->lock);
	free(identify);
	u->identify = NULL;
}
