/* intake/callme.c - call-me requests: their table, their store, and what their contacts'
 * events do to them. */
#include "intake/callme.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/moment.h"
#include "base/redact.h"
#include "intake/callme_inner.h"

extern const char callme_functions[]; /* callme_functions.lua */

int64_t
callme_now(const struct callme *callme)
{
	return centre_clock_now_ms(callme->parts.clock);
}

int
callme_channel(const struct callme *callme)
{
	const struct centre *centre = router_centre(callme->parts.router);
	int channel = centre_channel(centre, callme->settings->channel);

	return channel >= 0 && !centre->channels[channel].removed ? channel : -1;
}

bool
callme_offers(const struct callme *callme)
{
	return callme_channel(callme) >= 0 &&
	       number_plan_allows_any(&callme->settings->plan);
}

/* ---- the table ---- */

static char *
open_key(const char *phone, const char *topic)
{
	return xasprintf("%s\n%s", phone, topic);
}

struct callback *
callback_open(const struct callme *callme, const char *phone, const char *topic)
{
	char *key = open_key(phone, topic);
	struct callback *c = map_get(&callme->open, key);

	free(key);
	return c;
}

static struct callback *
enter(struct callme *callme, const char *id, const char *phone, const char *topic,
	json_t *about)
{
	struct callback *c = xcalloc(1, sizeof *c);
	char *key = open_key(phone, topic);

	snprintf(c->id, sizeof c->id, "%s", id);
	snprintf(c->phone, sizeof c->phone, "%s", phone);
	c->topic = xstrdup(topic);
	c->about = about;
	map_put(&callme->by_id, c->id, c);
	map_put(&callme->open, key, c);
	free(key);
	callme->counts.open++;
	return c;
}

struct callback *
callback_create(
	struct callme *callme, const char *phone, const char *topic, json_t *about)
{
	unsigned char random[13];
	char id[CALLME_ID_TEXT] = "r";
	struct callback *c;

	/* Who guesses the id has nothing: the token is what counts. */
	if (RAND_bytes(random, sizeof random) != 1)
		memset(random, 0, sizeof random);
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(id + 1 + 2 * i, 3, "%02x", random[i]);
	c = enter(callme, id, phone, topic, about);
	c->created_ms = callme_now(callme);
	return c;
}

void
callback_set_contact(struct callme *callme, struct callback *c, uint64_t contact)
{
	if (c->contact != 0 && idmap_get(&callme->by_contact, c->contact) == c)
		idmap_remove(&callme->by_contact, c->contact);
	c->contact = contact;
	if (contact != 0)
		idmap_put(&callme->by_contact, contact, c);
}

static void
close_request(struct callme *callme, struct callback *c)
{
	char *key = open_key(c->phone, c->topic);

	if (map_get(&callme->open, key) == c)
		map_remove(&callme->open, key);
	free(key);
	callme->counts.open--;
}

static void
callback_free(struct callback *c)
{
	json_decref(c->about);
	free(c->topic);
	free(c);
}

void
callback_drop(struct callme *callme, struct callback *c)
{
	if (!c->over)
		close_request(callme, c);
	callback_set_contact(callme, c, 0);
	map_remove(&callme->by_id, c->id);
	callback_free(c);
}

const char *
callme_limit(const struct callme *callme, const char *phone, const char *address,
	const char **why)
{
	const struct callme_settings *s = callme->settings;
	int64_t now_ms = callme_now(callme);
	int of_number = 0, of_address = 0;
	size_t at = 0;
	void *value;

	while (map_next(&callme->by_id, &at, NULL, &value)) {
		const struct callback *c = value;
		const char *from =
			json_string_value(json_object_get(c->about, "address"));

		of_number += strcmp(c->phone, phone) == 0 &&
			     now_ms - c->created_ms < CALLME_DAY_MS;
		of_address += from != NULL && strcmp(from, address) == 0 &&
			      now_ms - c->created_ms < CALLME_HOUR_MS;
	}
	*why = "As many calls to this number were asked for today as may be.";
	if (s->per_number_day > 0 && of_number >= s->per_number_day)
		return "too_many_for_number";
	*why = "As many calls were asked for from your address as may be: try again in "
	       "an hour.";
	if (s->per_address_hour > 0 && of_address >= s->per_address_hour)
		return "too_many_from_address";
	*why = "There are as many requests as there may be: try again later.";
	return callme->by_id.n >= CALLME_KEPT_MAX ? "busy" : NULL;
}

/* ---- the store ---- */

static char *
request_text(const struct callback *c)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:O, s:I, s:I, s:I, s:I, s:i, s:i, s:b, "
			      "s:b, s:I, s:s}",
		"phone", c->phone, "topic", c->topic, "client", c->client, "about",
		c->about, "contact", (json_int_t)c->contact, "created_ms",
		(json_int_t)c->created_ms, "from_ms", (json_int_t)c->from_ms, "to_ms",
		(json_int_t)c->to_ms, "moves", c->moves, "attempts", c->attempts,
		"adopted", c->adopted, "over", c->over, "ended_ms",
		(json_int_t)c->ended_ms, "end", c->end);
	struct text text = {0};

	json_write(&text, o);
	json_decref(o);
	return text_take(&text);
}

bool
callback_save(struct callme *callme, const struct callback *c, struct callme_wait *wait,
	rlink_reply fn)
{
	const char *keys[] = {"callbacks"};
	char *text = request_text(c);
	const char *args[] = {c->id, text};
	uint64_t number = 0;
	bool sent;

	if (wait != NULL) {
		number = ++callme->last_wait;
		idmap_put(&callme->waits, number, wait);
	}
	sent = side_call(callme->parts.side, wait != NULL ? fn : NULL, callme, number,
		"usher_callme_1_put", 1, keys, 2, args, NULL);
	free(text);
	if (!sent && wait != NULL) {
		idmap_remove(&callme->waits, number);
		callme_refuse(callme, wait->request, 503, "store_away",
			"Redis is away; try again in a moment.", NULL);
		free(wait);
	}
	return sent;
}

static void
save(struct callme *callme, const struct callback *c)
{
	if (!callback_save(callme, c, NULL, NULL))
		log_debug("callme: not written, Redis is away request=%s", c->id);
}

static int64_t
number_of(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static const char *
text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text != NULL ? text : "";
}

static void
restore(struct callme *callme, const char *id, const json_t *o)
{
	json_t *about = json_object_get(o, "about");
	struct callback *c = enter(callme, id, text_of(o, "phone"), text_of(o, "topic"),
		about != NULL ? json_incref(about) : json_object());

	snprintf(c->client, sizeof c->client, "%s", text_of(o, "client"));
	snprintf(c->end, sizeof c->end, "%s", text_of(o, "end"));
	c->created_ms = number_of(o, "created_ms");
	c->from_ms = number_of(o, "from_ms");
	c->to_ms = number_of(o, "to_ms");
	c->ended_ms = number_of(o, "ended_ms");
	c->moves = (int)number_of(o, "moves");
	c->attempts = (int)number_of(o, "attempts");
	c->adopted = json_is_true(json_object_get(o, "adopted"));
	callback_set_contact(callme, c, (uint64_t)number_of(o, "contact"));
	if (json_is_true(json_object_get(o, "over"))) {
		close_request(callme, c);
		c->over = true;
	} else if (c->contact == 0) {
		callback_submit(callme, c, NULL);
	} else if (router_contact_state(callme->parts.router, c->contact) ==
		   CONTACT_STATES) {
		callback_end(callme, c, "ended");
	}
}

static void
on_loaded(void *owner, uint64_t tag, const struct redisReply *reply)
{
	struct callme *callme = owner;

	callme->loading = false;
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || callme->loaded)
		return;
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		const struct redisReply *id = reply->element[i],
					*text = reply->element[i + 1];
		json_t *o = json_loadb(text->str, text->len, 0, NULL);

		if (o != NULL && id->len < CALLME_ID_TEXT)
			restore(callme, id->str, o);
		else
			log_error(
				"callme: unreadable, left as it is request=%s", id->str);
		json_decref(o);
	}
	callme->loaded = true;
	log_info("callme: loaded requests=%zu open=%d", callme->by_id.n,
		callme->counts.open);
}

static void
on_side(void *owner, bool up)
{
	struct callme *callme = owner;
	size_t at = 0;
	void *value;

	if (up && !callme->loaded && !callme->loading)
		callme->loading = side_read(callme->parts.side, on_loaded, callme, 0,
			"HGETALL", "callbacks", 0, NULL);
	while (up && callme->loaded && map_next(&callme->by_id, &at, NULL, &value)) {
		struct callback *c = value;

		if (!c->over && c->contact == 0)
			callback_submit(callme, c, NULL);
	}
}

/* ---- the contact ---- */

static void
copy(json_t *to, const char *name, const json_t *from, const char *member)
{
	json_t *value = json_object_get(from, member);

	if (json_is_string(value) && json_string_length(value) > 0)
		json_object_set(to, name, value);
}

static json_t *
submission_json(const struct callme *callme, const struct callback *c)
{
	const json_t *page = json_object_get(c->about, "page");
	const json_t *fields = json_object_get(c->about, "fields");
	json_t *attributes = json_object(), *customer = json_object(), *value, *o;
	char external[CALLME_ID_TEXT + 16], from[MOMENT_TEXT];
	const char *name;

	json_object_set_new(customer, "phone", json_string(c->phone));
	copy(customer, "name", c->about, "name");
	copy(customer, "email", c->about, "email");
	json_object_set_new(attributes, "callback.number", json_string(c->phone));
	copy(attributes, "callback.timezone", c->about, "timezone");
	copy(attributes, "language", c->about, "language");
	copy(attributes, "page.url", page, "url");
	copy(attributes, "page.title", page, "title");
	copy(attributes, "page.referrer", page, "referrer");
	if (*c->topic != '\0')
		json_object_set_new(attributes, "topic", json_string(c->topic));
	json_object_foreach((json_t *)fields, name, value)
	{
		char full[ATTRIBUTE_NAME_MAX + 8];

		snprintf(full, sizeof full, "site.%s", name);
		json_object_set(attributes, full, value);
	}
	snprintf(external, sizeof external, "%s.%d", c->id, c->moves);
	o = json_pack("{s:s, s:s, s:s, s:o, s:o}", "channel", callme->settings->channel,
		"source", CALLME_SOURCE, "external_id", external, "customer", customer,
		"attributes", attributes);
	if (*c->topic != '\0')
		json_object_set_new(o, "title", json_string(c->topic));
	if (callme->settings->queue != NULL)
		json_object_set_new(o, "queue", json_string(callme->settings->queue));
	if (c->from_ms > 0) {
		moment_format(from, c->from_ms);
		json_object_set_new(o, "not_before", json_string(from));
		json_object_set_new(o, "window_ms", json_integer(c->to_ms - c->from_ms));
	}
	return o;
}

static void
refused(struct callme *callme, struct callback *c, const struct callme_wait *wait,
	const struct outcome *outcome)
{
	callme->counts.refused++;
	if (wait != NULL && wait->request != 0)
		callme_refuse(callme, wait->request,
			outcome->kind == OUTCOME_BAD_VALUE ? 422 : 503,
			outcome_name(outcome->kind),
			outcome->message != NULL ? outcome->message
						 : "No calls can be asked for now.",
			NULL);
	if (c == NULL)
		return;
	log_info("callme: refused request=%s why=%s", c->id, outcome_name(outcome->kind));
	if (!side_call(callme->parts.side, NULL, callme, 0, "usher_callme_1_forget", 1,
		    (const char *[]){"callbacks"}, 1, (const char *[]){c->id}, NULL))
		log_debug("callme: not forgotten, Redis is away request=%s", c->id);
	callback_drop(callme, c);
}

static void
on_submitted(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct callme *callme = owner;
	struct callme_wait *wait = idmap_remove(&callme->waits, tag);
	struct callback *c = wait != NULL ? map_get(&callme->by_id, wait->id) : NULL;

	if (c == NULL) {
		free(wait);
		return;
	}
	if (outcome->kind != OUTCOME_OK) {
		/* One that was taken in before stays, and is tried when the store is
		 * back. */
		if (outcome->kind != OUTCOME_STORE_AWAY || wait->request != 0)
			refused(callme, c, wait, outcome);
		free(wait);
		return;
	}
	callback_set_contact(callme, c, outcome->contact);
	save(callme, c);
	if (wait->request != 0)
		callback_answer(callme, wait->request, wait->status, c, true);
	free(wait);
}

void
callback_submit(struct callme *callme, struct callback *c, struct callme_wait *wait)
{
	json_t *json = submission_json(callme, c);
	struct submission submission;
	struct submission_error error;
	struct reply reply = {.fn = on_submitted, .owner = callme};

	if (wait == NULL) {
		wait = xcalloc(1, sizeof *wait);
		memcpy(wait->id, c->id, sizeof wait->id);
	}
	if (!submission_parse(json, &submission, &error)) {
		struct outcome outcome = {
			.kind = OUTCOME_BAD_VALUE, .message = error.message};

		refused(callme, c, wait, &outcome);
		free(wait);
		json_decref(json);
		return;
	}
	reply.tag = ++callme->last_wait;
	idmap_put(&callme->waits, reply.tag, wait);
	router_submit(callme->parts.router, callme_now(callme), &submission, reply);
	submission_finish(&submission);
	json_decref(json);
}

/* ---- events and time ---- */

void
callback_end(struct callme *callme, struct callback *c, const char *how)
{
	if (c->over)
		return;
	close_request(callme, c);
	c->over = true;
	c->ended_ms = callme_now(callme);
	if (c->end[0] == '\0') /* who caused it has said why */
		snprintf(c->end, sizeof c->end, "%s", how);
	save(callme, c);
	log_info("callme: over request=%s how=%s", c->id, how);
}

uint64_t
callme_open_for(const struct callme *callme, const char *phone)
{
	char number[NUMBER_TEXT];
	size_t at = 0;
	void *value;

	if (number_read(&callme->settings->plan, phone, number) != NULL)
		return 0;
	while (map_next(&callme->open, &at, NULL, &value)) {
		const struct callback *c = value;

		if (strcmp(c->phone, number) == 0)
			return c->contact;
	}
	return 0;
}

/* A caller who asked to be called has rung himself and is talking: that was it. */
static void
rang_in(struct callme *callme, uint64_t contact)
{
	struct router *router = callme->parts.router;
	const char *phone = router_contact_text(router, contact, "ani");
	struct reply none = {0};
	struct callback *c;
	uint64_t open;

	if (callme->counts.open == 0 || phone == NULL)
		return;
	open = callme_open_for(callme, phone);
	c = open != 0 && open != contact ? idmap_get(&callme->by_contact, open) : NULL;
	if (c == NULL)
		return;
	callback_end(callme, c, "rang_in");
	callme->counts.joined++;
	router_cancel(router, callme_now(callme), open, "rang_in", none);
}

void
callme_event(void *owner, const struct event *e)
{
	struct callme *callme = owner;
	struct callback *c;

	if (e->kind == EVENT_CONTACT_CONNECTED)
		rang_in(callme, e->contact);
	c = e->contact != 0 ? idmap_get(&callme->by_contact, e->contact) : NULL;
	if (c == NULL || c->over)
		return;
	if (e->kind == EVENT_CONTACT_COMPLETED)
		callback_end(callme, c, "called");
	else if (e->kind == EVENT_CONTACT_CANCELLED)
		callback_end(callme, c, "cancelled");
	else if (e->kind == EVENT_CONTACT_ABANDONED)
		callback_end(callme, c, "cancelled");
	else if (e->kind == EVENT_CONTACT_EXPIRED)
		callback_end(callme, c, "expired");
	else if (e->kind == EVENT_CONTACT_LOST)
		callback_end(callme, c, "lost");
}

static void
on_tick(evutil_socket_t fd, short what, void *owner)
{
	struct callme *callme = owner;
	int64_t now_ms = callme_now(callme);
	size_t at = 0;
	void *value;

	if (!callme->loaded || !side_is_up(callme->parts.side))
		return;
	while (map_next(&callme->by_id, &at, NULL, &value)) {
		struct callback *c = value;

		/* A day: the limits count it so long. */
		if (!c->over || now_ms - c->ended_ms < CALLME_DAY_MS)
			continue;
		if (side_call(callme->parts.side, NULL, callme, 0,
			    "usher_callme_1_forget", 1, (const char *[]){"callbacks"}, 1,
			    (const char *[]){c->id}, NULL))
			callback_drop(callme, c);
	}
}

/* ---- a chat that becomes one ---- */

bool
callme_adopt(struct callme *callme, const struct callme_adopted *adopted,
	const char **type, const char **why, char token[TICKET_TEXT], char id[33])
{
	const char *topic = text_of(adopted->about, "topic");
	char number[NUMBER_TEXT];
	struct callback *c;
	json_t *about;

	*type = "number_wrong";
	if (adopted->phone == NULL) {
		*why = "Say under which number you want to be called.";
		return false;
	}
	*why = number_read(&callme->settings->plan, adopted->phone, number);
	if (*why != NULL)
		return false;
	*type = callme_limit(callme, number, adopted->address, why);
	if (*type != NULL)
		return false;
	*type = "exists";
	*why = "You have asked for this call already.";
	if (callback_open(callme, number, topic) != NULL)
		return false;
	about = json_deep_copy(adopted->about);
	json_object_del(about, "question");
	c = callback_create(callme, number, topic, about);
	c->adopted = true;
	callback_set_contact(callme, c, adopted->contact);
	save(callme, c);
	callme->counts.taken++;
	ticket_make(callme->parts.secret, c->id,
		callme_now(callme) + CALLME_TOKEN_LIFE_MS, token);
	snprintf(id, 33, "%s", c->id);
	return true;
}

void
callme_abandon(struct callme *callme, const char *id)
{
	struct callback *c = map_get(&callme->by_id, id);

	if (c == NULL)
		return;
	if (!side_call(callme->parts.side, NULL, callme, 0, "usher_callme_1_forget", 1,
		    (const char *[]){"callbacks"}, 1, (const char *[]){c->id}, NULL))
		log_debug("callme: not forgotten, Redis is away request=%s", c->id);
	callback_drop(callme, c);
}

/* ---- life ---- */

void
callme_configure(struct callme *callme, const struct callme_settings *settings,
	const struct dial_settings *dialling)
{
	callme->settings = settings;
	callme->dialling = dialling;
}

struct callme *
callme_create(const struct callme_parts *parts, const struct callme_settings *settings,
	const struct dial_settings *dialling)
{
	const struct timeval every = {60, 0};
	struct callme *callme = xcalloc(1, sizeof *callme);

	callme->parts = *parts;
	callme_configure(callme, settings, dialling);
	side_add_library(parts->side, "usher_callme_1", callme_functions);
	side_listen(parts->side, on_side, callme);
	parts->people->enrich(parts->people->owner, "callback", callback_member, callme);
	callme->tick = event_new(parts->base, -1, EV_PERSIST, on_tick, callme);
	event_add(callme->tick, &every);
	callme_serve(callme);
	return callme;
}

void
callme_destroy(struct callme *callme)
{
	size_t at = 0;
	void *value;

	if (callme == NULL)
		return;
	event_free(callme->tick);
	while (map_next(&callme->by_id, &at, NULL, &value))
		callback_free(value);
	map_finish(&callme->by_id);
	map_finish(&callme->open);
	idmap_finish(&callme->by_contact);
	for (at = 0; idmap_next(&callme->waits, &at, NULL, &value);)
		free(value);
	idmap_finish(&callme->waits);
	free(callme);
}

void
callme_counts(const struct callme *callme, struct callme_counts *out)
{
	*out = callme->counts;
}
