/*
 * intake/callme_http.c - call-me requests over HTTP.
 *
 *   GET    /v1/callbacks            hours, topics, what a form must know
 *   POST   /v1/callbacks            asks to be called
 *   GET    /v1/callbacks/ID         state and place           by the request's token
 *   PATCH  /v1/callbacks/ID         another time
 *   DELETE /v1/callbacks/ID         never mind
 */
#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/moment.h"
#include "base/redact.h"
#include "intake/callme_inner.h"

#define PATH "/v1/callbacks"
#define FIELDS_MAX 16
#define FIELD_TEXT_MAX 512
#define HOURS_SHOWN 64 /* intervals */
#define HOURS_AHEAD_MS (INT64_C(14) * 86400000)

/* ---- answers ---- */

static void
answer(struct callme *callme, uint64_t request, int status, json_t *value)
{
	struct text body = {0};
	struct http_reply reply = {.status = status, .type = "application/json"};

	json_write(&body, value);
	text_add(&body, "\n");
	reply.body = body.s;
	reply.n_body = body.n;
	http_answer(callme->parts.http, request, &reply);
	text_finish(&body);
	json_decref(value);
}

void
callme_refuse(struct callme *callme, uint64_t request, int status, const char *type,
	const char *message, const char *field)
{
	json_t *error = json_pack("{s:s, s:s}", "type", type, "message", message);

	if (request == 0) {
		json_decref(error);
		return;
	}
	if (field != NULL)
		json_object_set_new(error, "field", json_string(field));
	answer(callme, request, status, json_pack("{s:o}", "error", error));
}

static const char *
state_of(const struct callme *callme, const struct callback *c)
{
	if (c->over)
		return c->end;
	switch (router_contact_state(callme->parts.router, c->contact)) {
	case CONTACT_SCHEDULED:
		return "scheduled";
	case CONTACT_OFFERED:
	case CONTACT_CONNECTED:
	case CONTACT_PARKED:
		return "calling";
	case CONTACT_WRAPUP:
		return "called";
	case CONTACT_NEW:
	case CONTACT_QUEUED:
	case CONTACT_PENDING:
	case CONTACT_COMPLETED:
	case CONTACT_ANSWERED:
	case CONTACT_ABANDONED:
	case CONTACT_EXPIRED:
	case CONTACT_CANCELLED:
	case CONTACT_UNREACHABLE:
	case CONTACT_LOST:
	case CONTACT_ERASED:
	case CONTACT_STATES:
		break;
	}
	return "waiting";
}

json_t *
callback_view(struct callme *callme, const struct callback *c)
{
	char phone[NUMBER_TEXT + 8], from[MOMENT_TEXT], to[MOMENT_TEXT];
	struct estimate e;
	json_t *o;

	number_mask(c->phone, phone);
	o = json_pack("{s:s, s:s, s:s}", "id", c->id, "state", state_of(callme, c),
		"phone", phone);
	if (*c->topic != '\0')
		json_object_set_new(o, "topic", json_string(c->topic));
	if (c->from_ms > 0) {
		moment_format(from, c->from_ms);
		moment_format(to, c->to_ms);
		json_object_set_new(
			o, "when", json_pack("{s:s, s:s}", "from", from, "to", to));
	}
	if (c->attempts > 0)
		json_object_set_new(o, "attempts", json_integer(c->attempts));
	if (!c->over && router_estimate(callme->parts.router, callme_now(callme),
				c->contact, &e)) {
		json_object_set_new(o, "position", json_integer((json_int_t)e.position));
		if (e.likely_ms >= 0)
			json_object_set_new(o, "estimated_wait_ms",
				json_pack("{s:I, s:I, s:I}", "low", (json_int_t)e.low_ms,
					"likely", (json_int_t)e.likely_ms, "high",
					(json_int_t)e.high_ms));
	}
	return o;
}

void
callback_answer(struct callme *callme, uint64_t request, int status,
	const struct callback *c, bool with_token)
{
	json_t *o = callback_view(callme, c);
	char token[TICKET_TEXT];

	if (with_token) {
		ticket_make(callme->parts.secret, c->id,
			callme_now(callme) + CALLME_TOKEN_LIFE_MS, token);
		json_object_set_new(o, "token", json_string(token));
	}
	answer(callme, request, status, o);
}

/* ---- what a form must know ---- */

static const struct calendar *
hours_of(const struct callme *callme)
{
	int calendar = callme->settings->calendar;

	return calendar >= 0 ? router_centre(callme->parts.router)->calendars[calendar]
			     : NULL;
}

static json_t *
hours_json(const struct callme *callme)
{
	const struct calendar *hours = hours_of(callme);
	int64_t now_ms = clock_wall_ms(), at_ms = now_ms;
	char from[MOMENT_TEXT], to[MOMENT_TEXT];
	json_t *list = json_array();

	while (hours != NULL && json_array_size(list) < HOURS_SHOWN) {
		int64_t open_ms = calendar_next_open_ms(hours, at_ms), close_ms;

		if (open_ms - now_ms > HOURS_AHEAD_MS)
			break;
		close_ms = calendar_next_change_ms(hours, open_ms);
		moment_format(from, open_ms);
		moment_format(to, close_ms);
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "from", from, "to", to));
		at_ms = close_ms;
	}
	return list;
}

static bool
is_open(const struct callme *callme)
{
	const struct calendar *hours = hours_of(callme);

	return hours == NULL || calendar_is_open(hours, clock_wall_ms());
}

static void
tell_form(struct callme *callme, uint64_t request)
{
	const struct callme_settings *s = callme->settings;
	json_t *topics = json_array();

	for (int i = 0; i < s->topics.n; i++)
		json_array_append_new(topics, json_string(s->topics.text[i]));
	answer(callme, request, 200,
		json_pack("{s:b, s:b, s:b, s:o, s:I, s:I, s:o, s:b, s:s*}", "available",
			callme->loaded && callme_offers(callme), "open", is_open(callme),
			"always", hours_of(callme) == NULL, "hours", hours_json(callme),
			"window_ms", (json_int_t)s->window_least_ms, "ahead_ms",
			(json_int_t)s->ahead_most_ms, "topics", topics, "consent",
			s->consent, "country", s->plan.country));
}

/* ---- reading a request ---- */

struct asked {
	char phone[NUMBER_TEXT];
	char client[65];
	const char *topic;
	json_t *about; /* owned */
	int64_t from_ms, to_ms;
	const char *field, *type, *message; /* what is wrong */
};

static bool
wrong(struct asked *a, const char *field, const char *type, const char *message)
{
	a->field = field;
	a->type = type;
	a->message = message;
	return false;
}

static bool
is_line(const char *text)
{
	for (const unsigned char *s = (const unsigned char *)text; *s != '\0'; s++)
		if (*s < 0x20 || *s == 0x7f ||
			(s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0) ||
			(s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9)))
			return false;
	return true;
}

static bool
take_line(const json_t *body, const char *name, size_t most, struct asked *a)
{
	const json_t *value = json_object_get(body, name);

	if (value == NULL)
		return true;
	if (!json_is_string(value) || json_string_length(value) > most ||
		!is_line(json_string_value(value)))
		return wrong(a, name, "invalid_params", "must be one line of text");
	if (json_string_length(value) > 0)
		json_object_set(a->about, name, (json_t *)value);
	return true;
}

static bool
take_page(const json_t *body, struct asked *a)
{
	static const char *const names[] = {"url", "title", "referrer"};
	const json_t *page = json_object_get(body, "page");
	json_t *kept;

	if (page == NULL)
		return true;
	if (!json_is_object(page))
		return wrong(a, "page", "invalid_params", "must be an object");
	kept = json_object();
	for (int i = 0; i < 3; i++) {
		const char *text = json_string_value(json_object_get(page, names[i]));

		if (text != NULL && strlen(text) <= 2048 && is_line(text))
			json_object_set_new(kept, names[i], json_string(text));
	}
	json_object_set_new(a->about, "page", kept);
	return true;
}

static bool
take_fields(const json_t *body, struct asked *a)
{
	const json_t *fields = json_object_get(body, "fields");
	const char *name;
	json_t *value;

	if (fields == NULL)
		return true;
	if (!json_is_object(fields) || json_object_size(fields) > FIELDS_MAX)
		return wrong(a, "fields", "invalid_params",
			"must be an object of at most 16 members");
	json_object_foreach((json_t *)fields, name, value)
	{
		if (!id_is_valid(name) || strlen(name) > ATTRIBUTE_NAME_MAX - 5 ||
			(!json_is_number(value) && !json_is_boolean(value) &&
				!(json_is_string(value) &&
					json_string_length(value) <= FIELD_TEXT_MAX)))
			return wrong(a, "fields", "invalid_params",
				"must be texts of at most 512 bytes, numbers, true or "
				"false under plain names");
	}
	json_object_set_new(a->about, "fields", json_deep_copy(fields));
	return true;
}

/* Moments in a window within the hours; "now" is no window. */
static bool
take_when(struct callme *callme, const json_t *body, struct asked *a)
{
	const struct calendar *hours = hours_of(callme);
	const json_t *when = json_object_get(body, "when");
	const char *from = json_string_value(json_object_get(when, "from"));
	const char *to = json_string_value(json_object_get(when, "to"));
	int64_t now_ms = clock_wall_ms();

	if (when == NULL ||
		(json_is_string(when) && strcmp(json_string_value(when), "now") == 0)) {
		if (is_open(callme))
			return true;
		return wrong(a, "when", "closed",
			"Nobody calls at this time: choose another one.");
	}
	if (from == NULL || to == NULL || !moment_parse(from, &a->from_ms) ||
		!moment_parse(to, &a->to_ms))
		return wrong(a, "when", "invalid_params",
			"must be \"now\", or from and to like 2026-11-22T10:00:00Z");
	if (a->to_ms - a->from_ms < callme->settings->window_least_ms ||
		a->to_ms - a->from_ms > CALLME_DAY_MS)
		return wrong(a, "when", "window_wrong",
			"That window is too short or too long.");
	if (a->from_ms < now_ms - CALLME_HOUR_MS || a->to_ms <= now_ms ||
		a->from_ms > now_ms + callme->settings->ahead_most_ms)
		return wrong(a, "when", "window_wrong",
			"That time is past, or too far ahead.");
	if (hours != NULL &&
		calendar_between_ms(hours, a->from_ms, a->to_ms) != a->to_ms - a->from_ms)
		return wrong(a, "when", "closed",
			"Nobody calls at that time: choose one within the hours.");
	return true;
}

static void
digest_client(const char *text, char out[65])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	EVP_Digest(text, strlen(text), hash, &n, EVP_sha256(), NULL);
	for (unsigned i = 0; i < 32; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", hash[i]);
}

static bool
known_members(const json_t *body, struct asked *a)
{
	static const char *const names[] = {"phone", "name", "email", "topic", "language",
		"timezone", "when", "page", "fields", "consent", "client_id"};
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)body, name, value)
	{
		bool known = false;

		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			known = known || strcmp(names[i], name) == 0;
		if (!known)
			return wrong(a, "body", "invalid_params",
				"There is a member that is not known here.");
	}
	return true;
}

static bool
read_request(struct callme *callme, const json_t *body, struct asked *a)
{
	const char *phone = json_string_value(json_object_get(body, "phone"));
	const char *client = json_string_value(json_object_get(body, "client_id"));
	const char *why;

	a->about = json_object();
	if (!known_members(body, a) || !take_line(body, "name", 128, a) ||
		!take_line(body, "email", 254, a) || !take_line(body, "topic", 128, a) ||
		!take_line(body, "language", 16, a) ||
		!take_line(body, "timezone", 64, a) || !take_page(body, a) ||
		!take_fields(body, a))
		return false;
	if (phone == NULL)
		return wrong(a, "phone", "invalid_params", "must be a telephone number");
	why = number_read(&callme->settings->plan, phone, a->phone);
	if (why != NULL)
		return wrong(a, "phone", "number_wrong", why);
	if (client != NULL && strlen(client) >= 22 && strlen(client) <= 64)
		digest_client(client, a->client);
	if (callme->settings->consent && !json_is_true(json_object_get(body, "consent")))
		return wrong(a, "consent", "consent_missing",
			"Agree to be called under this number.");
	if (!take_when(callme, body, a))
		return false;
	(void)redact_json(a->about, NULL);
	a->topic = json_string_value(json_object_get(a->about, "topic"));
	if (a->topic == NULL)
		a->topic = "";
	return true;
}

/* ---- asking ---- */

static void
on_written(void *owner, uint64_t number, const struct redisReply *reply)
{
	struct callme *callme = owner;
	struct callme_wait *wait = idmap_remove(&callme->waits, number);
	struct callback *c = wait != NULL ? map_get(&callme->by_id, wait->id) : NULL;

	if (c == NULL || reply == NULL || reply->type == REDIS_REPLY_ERROR) {
		if (wait != NULL)
			callme_refuse(callme, wait->request, 503, "store_away",
				"Redis is away; try again in a moment.", NULL);
		if (c != NULL && c->contact == 0)
			callback_drop(callme, c);
		free(wait);
		return;
	}
	callback_submit(callme, c, wait);
}

/* One who asks again is told how it stands; the token only the same page gets, or
 * everybody who knows a number could take its request away. */
static void
join(struct callme *callme, uint64_t request, const struct callback *c,
	const struct asked *a)
{
	bool same = a->client[0] != '\0' && strcmp(a->client, c->client) == 0;
	json_t *o;

	callme->counts.joined++;
	if (same) {
		callback_answer(callme, request, 200, c, true);
		return;
	}
	o = callback_view(callme, c);
	json_object_del(o, "id");
	json_object_set_new(o, "joined", json_true());
	answer(callme, request, 200, o);
}

static void
ask(struct callme *callme, const struct http_request *request, struct asked *a)
{
	struct callback *c = callback_open(callme, a->phone, a->topic);
	const char *why, *type;
	struct callme_wait *wait;

	if (c != NULL) {
		join(callme, request->id, c, a);
		return;
	}
	type = callme_limit(callme, a->phone, request->peer_address, &why);
	if (type != NULL) {
		callme->counts.refused++;
		callme_refuse(callme, request->id, 429, type, why, NULL);
		return;
	}
	json_object_set_new(a->about, "address", json_string(request->peer_address));
	c = callback_create(callme, a->phone, a->topic, json_incref(a->about));
	memcpy(c->client, a->client, sizeof c->client);
	c->from_ms = a->from_ms;
	c->to_ms = a->to_ms;
	callme->counts.taken++;
	wait = xcalloc(1, sizeof *wait);
	wait->request = request->id;
	wait->status = 201;
	memcpy(wait->id, c->id, sizeof wait->id);
	if (!callback_save(callme, c, wait, on_written))
		callback_drop(callme, c);
}

static json_t *
body_of(struct callme *callme, const struct http_request *request)
{
	struct json_problem problem;
	json_t *body = json_read(request->body, request->n_body, &problem);

	if (body == NULL || !json_is_object(body)) {
		callme_refuse(callme, request->id, 400, "parse_error",
			body == NULL ? problem.message : "Send one object.", NULL);
		json_decref(body);
		return NULL;
	}
	return body;
}

static void
on_all(void *owner, const struct http_request *request)
{
	struct callme *callme = owner;
	struct asked a = {0};
	json_t *body;

	if (strcmp(request->method, "POST") != 0) {
		tell_form(callme, request->id);
		return;
	}
	if (!callme->loaded || callme_channel(callme) < 0) {
		callme_refuse(callme, request->id, 503,
			callme->loaded ? "no_channel" : "store_away",
			callme->loaded ? "This centre calls nobody back."
				       : "Redis is away; try again in a moment.",
			NULL);
		return;
	}
	body = body_of(callme, request);
	if (body == NULL)
		return;
	if (read_request(callme, body, &a)) {
		ask(callme, request, &a);
	} else {
		callme->counts.refused++;
		callme_refuse(callme, request->id, 422, a.type, a.message, a.field);
	}
	json_decref(a.about);
	json_decref(body);
}

/* ---- one request, by its token ---- */

static void
on_withdrawn(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct callme *callme = owner;
	struct callme_wait *wait = idmap_remove(&callme->waits, tag);
	struct callback *c = wait != NULL ? map_get(&callme->by_id, wait->id) : NULL;

	if (c != NULL &&
		(outcome->kind == OUTCOME_OK || outcome->kind == OUTCOME_NO_CONTACT)) {
		callback_end(callme, c, "cancelled");
		callback_answer(callme, wait->request, 200, c, false);
	} else if (wait != NULL) {
		callme_refuse(callme, wait->request,
			outcome->kind == OUTCOME_STORE_AWAY ? 503 : 409,
			outcome_name(outcome->kind),
			outcome->kind == OUTCOME_STORE_AWAY
				? "Redis is away; try again in a moment."
				: "You are being called already.",
			NULL);
	}
	free(wait);
}

static struct callme_wait *
wait_for(struct callme *callme, const struct callback *c, uint64_t request, uint64_t *tag)
{
	struct callme_wait *wait = xcalloc(1, sizeof *wait);

	wait->request = request;
	wait->status = 200;
	memcpy(wait->id, c->id, sizeof wait->id);
	*tag = ++callme->last_wait;
	idmap_put(&callme->waits, *tag, wait);
	return wait;
}

static void
withdraw(struct callme *callme, struct callback *c, uint64_t request)
{
	struct reply reply = {.fn = on_withdrawn, .owner = callme};

	wait_for(callme, c, request, &reply.tag);
	router_cancel(callme->parts.router, callme_now(callme), c->contact, "by_customer",
		reply);
}

static void
on_moved(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct callme *callme = owner;
	struct callme_wait *wait = idmap_remove(&callme->waits, tag);
	struct callback *c = wait != NULL ? map_get(&callme->by_id, wait->id) : NULL;

	if (c != NULL && outcome->kind == OUTCOME_OK) {
		if (!callback_save(callme, c, NULL, NULL))
			log_debug("callme: not written, Redis is away request=%s", c->id);
		callback_answer(callme, wait->request, 200, c, false);
	} else if (wait != NULL) {
		callme_refuse(callme, wait->request,
			outcome->kind == OUTCOME_STORE_AWAY ? 503 : 409,
			outcome_name(outcome->kind),
			"It cannot be moved now: you may be being called already.", NULL);
	}
	free(wait);
}

/* Its contact waits for the new time, at the place that its age gives it. */
static void
move(struct callme *callme, struct callback *c, const struct http_request *request)
{
	struct reply reply = {.fn = on_moved, .owner = callme};
	struct pass_on how = {.channel = -1, .by_agent = -1, .reason = "moved"};
	enum contact_state state = router_contact_state(callme->parts.router, c->contact);
	json_t *body = body_of(callme, request);
	struct asked a = {0};

	if (body == NULL)
		return;
	if (!take_when(callme, body, &a)) {
		callme_refuse(callme, request->id, 422, a.type, a.message, a.field);
	} else if (state != CONTACT_QUEUED && state != CONTACT_SCHEDULED) {
		callme_refuse(callme, request->id, 409, "wrong_state",
			"You are being called already.", NULL);
	} else {
		c->from_ms = a.from_ms;
		c->to_ms = a.to_ms;
		how.until_ms = a.from_ms;
		how.due_ms = a.to_ms > 0 ? a.to_ms : -1;
		wait_for(callme, c, request->id, &reply.tag);
		router_pass_on(callme->parts.router, callme_now(callme), c->contact, &how,
			reply);
	}
	json_decref(body);
}

static void
on_one(void *owner, const struct http_request *request)
{
	struct callme *callme = owner;
	const char *id = request->path + strlen(PATH "/");
	const char *token = http_field(request, "x-usher-token");
	struct callback *c;

	if (token == NULL || strlen(id) >= CALLME_ID_TEXT ||
		!ticket_is_valid(callme->parts.secret, id, callme_now(callme), token)) {
		callme_refuse(callme, request->id, 401, "not_authorized",
			"Send X-Usher-Token with the token of this request.", NULL);
		return;
	}
	c = map_get(&callme->by_id, id);
	if (c == NULL)
		callme_refuse(callme, request->id, callme->loaded ? 404 : 503,
			callme->loaded ? "no_request" : "store_away",
			callme->loaded ? "This request is no longer kept."
				       : "Redis is away; try again in a moment.",
			NULL);
	else if (strcmp(request->method, "GET") == 0 || c->over)
		callback_answer(callme, request->id, 200, c, false);
	else if (strcmp(request->method, "DELETE") == 0)
		withdraw(callme, c, request->id);
	else
		move(callme, c, request);
}

void
callme_serve(struct callme *callme)
{
	http_route(callme->parts.http, "GET,POST", PATH, on_all, callme);
	http_route(callme->parts.http, "GET,PATCH,DELETE", PATH "/", on_one, callme);
}
