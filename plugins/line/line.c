/*
 * plugins/line/line.c - usher's line protocol: lines to messages, and the table of the
 * switch stage.
 *
 * A message that breaks a rule is refused, counted, and the next line is read; only a
 * connection that cannot be such a switch, or whose switch does not prove itself, ends.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"

#define SECONDS_MAX 4102444800.0 /* the year 2100: what is later is no moment */

/* ---- members ---- */

const char *
line_text(const json_t *m, const char *name)
{
	const char *text = json_string_value(json_object_get(m, name));

	return text != NULL && text[0] != '\0' ? text : NULL;
}

bool
line_is_id(const char *id)
{
	if (id == NULL || id[0] == '\0' || strlen(id) > LINE_ID_MAX)
		return false;
	for (const char *p = id; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return true;
}

const char *
line_id(const json_t *m, const char *name)
{
	const char *id = line_text(m, name);

	return line_is_id(id) ? id : NULL;
}

int64_t
line_moment(const json_t *m, const char *name)
{
	double seconds = json_number_value(json_object_get(m, name));

	if (!(seconds > 0) || seconds > SECONDS_MAX)
		return 0;
	return llround(seconds * 1e6);
}

int64_t
line_ms(const json_t *m, const char *name, int64_t none)
{
	const json_t *value = json_object_get(m, name);
	double ms = json_number_value(value);

	if (!json_is_number(value) || !(ms >= 0) || ms > 1e12)
		return none;
	return llround(ms);
}

void
line_emit(struct link *l, struct usher_switch_event *e)
{
	e->size = sizeof(*e);
	if (e->t_us == 0)
		e->t_us = l->t_us;
	l->sink->event(l->sink->context, e);
}

void
line_close(struct link *l, const char *problem)
{
	l->closed = true;
	l->problem = problem;
}

void
line_send(struct link *l, json_t *message)
{
	char *text;

	if (l->sink->send != NULL) {
		if (l->stage >= LINE_READY)
			json_object_set_new(message, "seq", json_integer(++l->sent));
		text = json_dumps(message, JSON_COMPACT | JSON_PRESERVE_ORDER);
		if (text == NULL)
			abort(); /* made of sound texts here: memory is gone */
		l->sink->send(l->sink->context, text, strlen(text));
		l->sink->send(l->sink->context, "\n", 1);
		free(text);
	}
	json_decref(message);
}

/* ---- messages ---- */

static const char *
on_up(struct link *l, const json_t *m)
{
	const char *instance = line_text(m, "instance");

	if (instance != NULL)
		snprintf(l->instance, sizeof(l->instance), "%s", instance);
	if (l->stage == LINE_UP)
		return NULL; /* said again */
	l->stage = LINE_UP;
	line_emit(l, &(struct usher_switch_event){
			     .kind = USHER_SWITCH_UP, .instance = instance});
	l->tries = 0;
	listing_ask(l, "snapshot");
	return NULL;
}

static void
tell_down(struct link *l, const char *why)
{
	if (l->stage != LINE_UP)
		return;
	l->stage = LINE_READY;
	line_emit(l, &(struct usher_switch_event){.kind = USHER_SWITCH_DOWN,
			     .why = why,
			     .t_us = l->figures.last_us});
}

static const char *
on_down(struct link *l, const json_t *m)
{
	const char *why = line_text(m, "why");

	listing_forget(l);
	tell_down(l, why != NULL ? why : "said so");
	return NULL;
}

static const char *
on_nothing(struct link *l, const json_t *m)
{
	(void)l;
	(void)m;
	return NULL;
}

struct rule {
	const char *is;
	enum line_stage from; /* what must have gone before */
	line_rule *run;	      /* NULL: a report */
	bool between;	      /* may come between the lines of a snapshot */
};

static const struct rule rules[] = {
	{"ask", LINE_UP, NULL, false},
	{"call", LINE_UP, listing_call, true},
	{"callback", LINE_UP, NULL, false},
	{"device", LINE_UP, NULL, true},
	{"down", LINE_READY, on_down, true},
	{"failed", LINE_UP, NULL, true},
	{"hello", LINE_HELLO, greet_hello, true},
	{"new-call", LINE_UP, NULL, false},
	{"pong", LINE_UP, on_nothing, true},
	{"refused", LINE_HELLO, greet_refused, true},
	{"release", LINE_UP, NULL, false},
	{"report", LINE_UP, NULL, false},
	{"snapshot-begin", LINE_UP, listing_begin, true},
	{"snapshot-end", LINE_UP, listing_end, true},
	{"up", LINE_READY, on_up, true},
	{"welcome", LINE_WELCOME, greet_welcome, true},
};

static const struct rule *
rule_of(const char *is)
{
	for (size_t i = 0; is != NULL && i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(rules[i].is, is) == 0)
			return &rules[i];
	return NULL;
}

/* A number that was heard already is a repetition; one that is missing means that
 * something was lost, which a snapshot makes good. */
static bool
is_new(struct link *l, const json_t *m)
{
	const json_t *seq = json_object_get(m, "seq");
	int64_t n = json_integer_value(seq);

	if (!json_is_integer(seq) || l->stage < LINE_READY)
		return true;
	if (n <= l->heard) {
		l->figures.late++;
		return false;
	}
	if (n != l->heard + 1 && l->stage == LINE_UP) {
		l->tries = 0;
		listing_forget(l);
		listing_ask(l, "snapshot");
	}
	l->heard = n;
	return true;
}

static void
note_time(struct link *l, const json_t *m)
{
	l->t_us = line_moment(m, "at");
	if (l->figures.first_us == 0)
		l->figures.first_us = l->t_us;
	if (l->t_us > l->figures.last_us)
		l->figures.last_us = l->t_us;
}

static const char *
take(struct link *l, const json_t *m)
{
	const char *is = line_text(m, "is");
	const struct rule *rule = rule_of(is);

	if (!json_is_object(m) || is == NULL)
		return "a message is an object whose member \"is\" says what it is";
	if (rule == NULL)
		return "there is no message of this name";
	/* A recording may begin anywhere. */
	if (l->stage < rule->from && l->sink->send != NULL)
		return "a message came before the switch said that it is up";
	note_time(l, m);
	if (!is_new(l, m))
		return NULL;
	if (l->listing && !rule->between)
		listing_disturbed(l);
	return rule->run != NULL ? rule->run(l, m) : report(l, is, m);
}

static void
refuse(struct link *l, const char *problem)
{
	l->figures.refused++;
	snprintf(l->figures.problem, sizeof(l->figures.problem), "%s", problem);
}

/* One line without its end. */
static void
take_line(struct link *l)
{
	json_error_t error;
	const char *wrong;
	json_t *m;

	if (l->n > 0 && l->line[l->n - 1] == '\r')
		l->n--;
	if (l->n == 0 && !l->too_long)
		return;
	l->figures.messages++;
	if (l->too_long) {
		refuse(l, "a line is longer than 8192 bytes");
		return;
	}
	m = json_loadb(l->line, l->n, JSON_REJECT_DUPLICATES, &error);
	if (m == NULL) {
		refuse(l, "a line is no JSON object in UTF-8");
		if (l->stage == LINE_HELLO && l->sink->send != NULL)
			line_close(l, "the first line is no hello of the line protocol; "
				      "is this the port of the switch's adapter?");
		return;
	}
	wrong = take(l, m);
	if (wrong != NULL)
		refuse(l, wrong);
	else
		l->figures.events++;
	json_decref(m);
}

/* ---- the table of the switch stage ---- */

static void *
link_open(void *state, const struct usher_switch_sink *sink)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		abort();
	l->settings = state;
	l->sink = sink;
	return l;
}

static void
link_close(void *link)
{
	struct link *l = link;

	listing_forget(l);
	times_finish(&l->calls);
	free(l);
}

static bool
link_receive(void *link, const char *bytes, size_t n)
{
	struct link *l = link;

	l->figures.bytes += n;
	for (size_t i = 0; i < n && !l->closed; i++) {
		if (bytes[i] == '\n') {
			take_line(l);
			l->n = 0;
			l->too_long = false;
		} else if (l->n < sizeof(l->line)) {
			l->line[l->n++] = bytes[i];
		} else {
			l->too_long = true;
		}
	}
	return !l->closed;
}

static void
link_lost(void *link)
{
	struct link *l = link;

	tell_down(l, "closed");
	listing_forget(l);
	l->stage = LINE_HELLO;
	l->closed = l->too_long = false;
	l->n = 0;
	l->heard = l->sent = 0;
}

static void
link_figures(const void *link, struct usher_switch_figures *out)
{
	const struct link *l = link;
	struct usher_switch_figures f = l->figures;
	uint32_t size = out->size < sizeof(f) ? out->size : (uint32_t)sizeof(f);

	f.size = size;
	if (l->problem != NULL)
		snprintf(f.problem, sizeof(f.problem), "%s", l->problem);
	memcpy(out, &f, size);
}

static const struct usher_switch telephony = {
	.abi = USHER_SWITCH_ABI,
	.size = sizeof(struct usher_switch),
	.open = link_open,
	.close = link_close,
	.receive = link_receive,
	.lost = link_lost,
	.act = line_act,
	.figures = link_figures,
};

static const struct usher_setting settings[] = {
	USHER_SETTING(TEXT, struct line_settings, user, 1, 64, "usher",
		"the name that usher logs in with"),
	USHER_SETTING(TEXT, struct line_settings, secret, 0, 256, "",
		"the shared secret, 16 bytes or more; both sides prove that they know "
		"it"),
	USHER_SETTING(TEXT, struct line_settings, auth, 1, 8, "hmac",
		"hmac: by the secret; tls: the certificates of both sides are enough"),
};

extern const struct usher_plugin usher_plugin;
__attribute__((visibility("default"))) const struct usher_plugin usher_plugin = {
	.abi = USHER_PLUGIN_ABI,
	.size = sizeof(struct usher_plugin),
	.name = "line",
	.version = "1.0",
	.help = "Speaks to any switch by usher's own line protocol.",
	.state_size = sizeof(struct line_settings),
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.telephony = &telephony,
};
