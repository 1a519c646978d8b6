/*
 * part_channels.c - plugins that bring contacts in (usher/channel.h).
 *
 * A plugin hands contacts in on any thread: they are copied, and an eventfd wakes the
 * loop, which reads them as POST /v1/contacts does and hands them to the router. What
 * became of one is told when it is committed.
 */
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "part_customers.h"
#include "usher/channel.h"

#define PLUGINS_MOST 8
#define WAITING_MOST 1000 /* contacts of all plugins on their way to the loop */
#define ASKED_AT_ONCE 64  /* contacts that plugins are asked about in one turn */

struct handed {
	struct handed *next;
	uint64_t link, tag;
	char *json; /* owned */
};

/* One open channel. Its number is never used again, so that what comes back late finds
 * nobody. */
struct channel_link {
	struct usher_channel_sink sink; /* first: the plugin hands it back */
	struct channels *owner;
	uint64_t number;
	const struct usher_channel *plugin;
	void *channel;
	char *name; /* owned */
};

struct channels {
	struct usher *usher;
	int n;
	struct channel_link *link[PLUGINS_MOST]; /* owned */
	uint64_t numbers;
	int wake;
	struct event *woken;

	pthread_mutex_t lock; /* over what follows */
	struct handed *first, **last;
	int n_handed;
};

/* ---- on any thread ---- */

static bool
take(const struct usher_channel_sink *sink, uint64_t tag, const char *json)
{
	struct channel_link *link = (struct channel_link *)(uintptr_t)sink;
	struct channels *c = link->owner;
	struct handed *h;
	uint64_t one = 1;
	bool room;

	if (strlen(json) > USHER_CONTACT_BYTES_MOST)
		return false;
	h = xcalloc(1, sizeof *h);
	h->link = link->number;
	h->tag = tag;
	h->json = xstrdup(json);
	pthread_mutex_lock(&c->lock);
	room = c->n_handed < WAITING_MOST;
	if (room) {
		*c->last = h;
		c->last = &h->next;
		c->n_handed++;
	}
	pthread_mutex_unlock(&c->lock);
	if (!room) {
		free(h->json);
		free(h);
	} else if (write(c->wake, &one, sizeof one) < 0 && errno != EAGAIN) {
		log_error("channels: cannot wake the loop: %s", strerror(errno));
	}
	return room;
}

/* ---- on the loop ---- */

static struct channel_link *
link_of(const struct channels *c, uint64_t number)
{
	for (int i = 0; i < c->n; i++)
		if (c->link[i]->number == number)
			return c->link[i];
	return NULL;
}

static void
tell(const struct channels *c, uint64_t number, uint64_t tag, enum usher_taken taken,
	uint64_t contact, const char *why)
{
	struct channel_link *link = link_of(c, number);
	char id[NUMBER_ID_TEXT] = "";

	if (link == NULL)
		return; /* closed meanwhile; it hands the contact in again */
	if (contact != 0)
		number_id_format(id, 'c', contact);
	link->plugin->taken(link->channel, tag, taken, id, why != NULL ? why : "");
}

static enum usher_taken
taken_of(const struct outcome *outcome)
{
	switch (outcome->kind) {
	case OUTCOME_OK:
		return outcome->duplicate ? USHER_TAKEN_ALREADY : USHER_TAKEN;
	case OUTCOME_QUEUE_FULL:
	case OUTCOME_WAIT_TOO_LONG:
	case OUTCOME_NO_AGENTS:
	case OUTCOME_QUEUE_CLOSED:
	case OUTCOME_STORE_AWAY:
		return USHER_NOT_NOW;
	case OUTCOME_NO_CONTACT:
	case OUTCOME_NO_AGENT:
	case OUTCOME_NO_QUEUE:
	case OUTCOME_NO_CHANNEL:
	case OUTCOME_NO_TIER:
	case OUTCOME_NO_SKILL:
	case OUTCOME_OFFER_GONE:
	case OUTCOME_NOT_YOURS:
	case OUTCOME_WRONG_STATE:
	case OUTCOME_BAD_VALUE:
	case OUTCOME_DISPOSITION:
	case OUTCOME_BLOCKED:
	case OUTCOME_KINDS:
		break;
	}
	return USHER_NOT_LIKE_THIS;
}

static void
answered(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	tell(owner, who, tag, taken_of(outcome), outcome->contact, outcome->message);
}

static void
submit(struct channels *c, const struct handed *h)
{
	struct json_problem problem;
	struct submission_error error;
	struct submission s;
	json_t *json = json_read(h->json, strlen(h->json), &problem);

	if (json == NULL) {
		tell(c, h->link, h->tag, USHER_NOT_LIKE_THIS, 0, problem.message);
		return;
	}
	if (!submission_parse(json, &s, &error)) {
		tell(c, h->link, h->tag, USHER_NOT_LIKE_THIS, 0, error.message);
	} else {
		router_submit(c->usher->router, usher_now(c->usher), &s,
			(struct reply){answered, c, h->link, h->tag});
		submission_finish(&s);
	}
	json_decref(json);
}

static struct handed *
take_handed(struct channels *c)
{
	struct handed *h;

	pthread_mutex_lock(&c->lock);
	h = c->first;
	if (h != NULL) {
		c->first = h->next;
		if (c->first == NULL)
			c->last = &c->first;
		c->n_handed--;
	}
	pthread_mutex_unlock(&c->lock);
	return h;
}

static void
on_woken(evutil_socket_t fd, short what, void *owner)
{
	struct channels *c = owner;
	struct handed *h;
	uint64_t n;

	if (read(c->wake, &n, sizeof n) < 0 && errno != EAGAIN)
		log_error("channels: cannot read the wake-up: %s", strerror(errno));
	while ((h = take_handed(c)) != NULL) {
		submit(c, h);
		free(h->json);
		free(h);
	}
}

/* ---- export and erasure ---- */

/* A function that came to struct usher_channel later: one that was built before keeps
 * nothing that it tells of. */
#define HAS(plugin, member)                                                              \
	((plugin)->size >= offsetof(struct usher_channel, member) +                      \
				   sizeof(plugin)->member &&                             \
		(plugin)->member != NULL)

static bool
link_forgets(const struct channel_link *link, const char *id)
{
	const struct usher_channel *plugin = link->plugin;

	return !HAS(plugin, forget) || plugin->forget(link->channel, id);
}

/* What one keeps of a contact, as its own object tells it. */
static void
link_tells(const struct channel_link *link, uint64_t contact, struct subject_page *page)
{
	const struct usher_channel *plugin = link->plugin;
	char id[NUMBER_ID_TEXT], *json;
	struct json_problem problem;
	json_t *kept, *record;

	if (!HAS(plugin, tell))
		return;
	json = xcalloc(1, USHER_TOLD_BYTES_MOST);
	number_id_format(id, 'c', contact);
	if (plugin->tell(link->channel, id, json, USHER_TOLD_BYTES_MOST)) {
		kept = json_read(
			json, strnlen(json, USHER_TOLD_BYTES_MOST - 1), &problem);
		if (kept != NULL) {
			record = subject_record("kept", contact);
			json_object_set_new(record, "plugin", json_string(link->name));
			json_object_set_new(record, "what", kept);
			subject_add(page, record);
		} else {
			log_error("channels: plugin=%s told what is no JSON contact=%s",
				link->name, id);
		}
	}
	free(json);
}

/* For customer_part.tell; the place is the contact that was asked about last. */
static void
tell_kept(void *owner, struct subject_page *page)
{
	const struct channels *c = owner;
	const struct subject *subject = page->subject;
	size_t at = subject_behind(subject, strtoull(page->place, NULL, 10));

	if (c->n == 0)
		at = subject->n_contacts;
	for (int i = 0; i < ASKED_AT_ONCE && at < subject->n_contacts; i++, at++) {
		if (subject_is_full(page))
			break;
		for (int k = 0; k < c->n; k++)
			link_tells(c->link[k], subject->contacts[at], page);
		snprintf(page->place, sizeof page->place, "%" PRIu64,
			subject->contacts[at]);
	}
	page->told(page, at < subject->n_contacts ? SUBJECT_MORE : SUBJECT_ALL);
}

/* For customer_part.forget. */
static void
forget(void *owner, const struct subject *subject, subject_gone gone, void *arg)
{
	const struct channels *c = owner;
	char id[NUMBER_ID_TEXT];
	bool all = true;

	for (size_t i = 0; i < subject->n_contacts; i++) {
		number_id_format(id, 'c', subject->contacts[i]);
		for (int k = 0; k < c->n; k++)
			all = link_forgets(c->link[k], id) && all;
	}
	gone(arg, all);
}

/* ---- life ---- */

static void
close_links(struct channels *c)
{
	struct handed *h;

	for (int i = 0; i < c->n; i++)
		c->link[i]->plugin->close(c->link[i]->channel);
	/* What is still on its way is handed in again by whoever is open next. */
	while ((h = take_handed(c)) != NULL) {
		free(h->json);
		free(h);
	}
	for (int i = 0; i < c->n; i++) {
		free(c->link[i]->name);
		free(c->link[i]);
	}
	c->n = 0;
}

static void
open_links(struct channels *c)
{
	const struct usher_channel *plugin;
	const char *name;
	void *state;

	for (int i = 0;
		c->n < PLUGINS_MOST &&
		(plugin = plugins_channel(c->usher->plugins, i, &state, &name)) != NULL;
		i++) {
		struct channel_link *link = xcalloc(1, sizeof *link);
		char problem[200] = "";

		*link = (struct channel_link){
			.sink = {USHER_CHANNEL_ABI, sizeof link->sink, take},
			.owner = c,
			.number = ++c->numbers,
			.plugin = plugin,
			.name = xstrdup(name)};
		link->channel = plugin->open(state, &link->sink, problem, sizeof problem);
		if (link->channel != NULL) {
			c->link[c->n++] = link;
			continue;
		}
		log_error("channels: plugin=%s cannot be used: %s", name, problem);
		free(link->name);
		free(link);
	}
}

bool
part_channels_open(struct usher *u)
{
	struct channels *c = xcalloc(1, sizeof *c);

	c->usher = u;
	c->last = &c->first;
	pthread_mutex_init(&c->lock, NULL);
	u->channels = c;
	c->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->wake < 0) {
		log_error("channels: no eventfd: %s", strerror(errno));
		return false;
	}
	c->woken = event_new(u->base, c->wake, EV_READ | EV_PERSIST, on_woken, c);
	event_add(c->woken, NULL);
	open_links(c);
	customers_add_part(u->customers,
		&(struct customer_part){.owner = c, .tell = tell_kept, .forget = forget});
	return true;
}

void
part_channels_configure(struct usher *u)
{
	if (u->channels == NULL)
		return;
	close_links(u->channels);
	open_links(u->channels);
}

void
part_channels_close(struct usher *u)
{
	struct channels *c = u->channels;

	if (c == NULL)
		return;
	close_links(c);
	if (c->woken != NULL)
		event_free(c->woken);
	if (c->wake >= 0)
		close(c->wake);
	pthread_mutex_destroy(&c->lock);
	free(c);
	u->channels = NULL;
}
