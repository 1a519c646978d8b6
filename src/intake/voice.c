/* intake/voice.c - switches and their links, the beat, life. */
#include "intake/voice_inner.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/tls.h"

const struct reply voice_no_reply = {0};

int64_t
voice_now_ms(const struct voice *v)
{
	return centre_clock_now_ms(v->parts.clock);
}

static int64_t
wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct voice_switch *
voice_switch_of(const struct voice *v, const char *name)
{
	struct voice_switch *s = v->switches;

	while (s != NULL && strcmp(s->name, name) != 0)
		s = s->next;
	return s;
}

/* ---- orders ---- */

static struct cti_wire *
wire_that_is_up(const struct voice_switch *s)
{
	for (int i = 0; i < s->n_wires; i++)
		if (cti_wire_state(s->wire[i]) == WIRE_UP)
			return s->wire[i];
	return NULL;
}

bool
voice_link_is_up(const struct voice_switch *s)
{
	return wire_that_is_up(s) != NULL;
}

bool
voice_is_behind(const struct voice_switch *s)
{
	int64_t boot_ms = clock_boot_ms();

	for (int i = 0; i < s->n_wires; i++)
		if (cti_wire_is_behind(s->wire[i], boot_ms))
			return true;
	return false;
}

struct usher_switch_action
voice_action(enum usher_action_kind kind, const struct voice_call *c)
{
	return (struct usher_switch_action){.size = sizeof(struct usher_switch_action),
		.kind = kind,
		.call = c != NULL ? c->id : NULL,
		.position = -1,
		.wait_ms = -1};
}

bool
voice_order(
	struct voice *v, const struct voice_switch *s, struct usher_switch_action *action)
{
	struct cti_wire *wire = wire_that_is_up(s);
	char id[32];

	v->n_orders++;
	if (action->action == NULL) {
		snprintf(id, sizeof id, "u%" PRIu64, v->n_orders);
		action->action = id;
	}
	if (wire != NULL)
		cti_wire_order(wire, action);
	if (action->action == id)
		action->action = NULL; /* its text ends here */
	return wire != NULL;
}

struct voice_call *
voice_call_of(const struct voice *v, uint64_t contact)
{
	return contact != 0 ? idmap_get(&v->by_contact, contact) : NULL;
}

/* ---- the beat ---- */

static void
on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct voice *v = arg;
	int64_t boot_ms = clock_boot_ms();

	for (struct voice_switch *s = v->switches; s != NULL; s = s->next) {
		for (int i = 0; i < s->n_wires; i++)
			cti_wire_beat(s->wire[i], boot_ms);
		if (!s->up && s->down_ms != 0 &&
			boot_ms - s->down_ms >= v->settings->calls.link_grace_ms)
			voice_switch_lost(v, s);
	}
	cti_expire(v->cti, wall_us());
	voice_calls_beat(v, boot_ms);
	voice_agents_beat(v);
	voice_callers_beat(v, boot_ms);
	voice_places_beat(v);
	voice_dial_beat(v, boot_ms);
}

/* ---- switches ---- */

static void
close_wires(struct voice_switch *s)
{
	for (int i = 0; i < s->n_wires; i++)
		cti_wire_destroy(s->wire[i]);
	s->n_wires = 0;
}

static bool
open_wires(struct voice *v, struct voice_switch *s, const struct voice_switch_wish *wish)
{
	const struct switch_settings *set = wish->settings;
	struct cti_wire_parts parts = {v->parts.base, &v->dns, v->cti};
	char error[256];

	for (int i = 0; i < set->n_addresses; i++) {
		struct cti_wire_settings wire = {.on = s->name,
			.address = set->addresses[i],
			.tls_name = set->tls_name,
			.adapter = wish->adapter,
			.adapter_state = wish->adapter_state,
			.lag_ms = v->settings->calls.lag_ms,
			.silence_ms = v->settings->calls.silence_ms};

		if (set->tls)
			wire.tls = tls_client_create(set->ca_file, set->cert_file,
				set->key_file, error, sizeof error);
		if (set->tls && wire.tls == NULL) {
			log_error("cti: no link switch=%s why=\"%s\"", s->name, error);
			return false;
		}
		s->wire[s->n_wires++] = cti_wire_create(&parts, &wire);
	}
	return true;
}

static struct voice_switch *
add_switch(struct voice *v, const char *name)
{
	struct voice_switch *s = xcalloc(1, sizeof *s);

	s->name = xstrdup(name);
	s->down_ms = clock_boot_ms();
	s->next = v->switches;
	v->switches = s;
	return s;
}

bool
voice_configure(struct voice *v, const struct voice_settings *settings,
	const struct voice_switch_wish *wishes)
{
	bool good = true;

	v->settings = settings;
	for (struct voice_switch *s = v->switches; s != NULL; s = s->next) {
		bool keep = false;

		for (int i = 0; i < settings->n_switches; i++)
			if (strcmp(settings->switches[i].name, s->name) == 0)
				keep = wishes[i].keep;
		s->removed = true;
		s->settings = NULL;
		if (!keep)
			close_wires(s);
	}
	for (int i = 0; i < settings->n_switches; i++) {
		struct voice_switch *s = voice_switch_of(v, settings->switches[i].name);

		if (s == NULL)
			s = add_switch(v, settings->switches[i].name);
		s->removed = false;
		s->settings = wishes[i].settings;
		for (int w = 0; w < s->n_wires; w++)
			cti_wire_set_bounds(s->wire[w], settings->calls.lag_ms,
				settings->calls.silence_ms);
		if (s->n_wires == 0)
			good = open_wires(v, s, &wishes[i]) && good;
	}
	voice_agents_configure(v);
	voice_dial_configure(v);
	voice_callers_configure(v);
	return good;
}

/* ---- life ---- */

struct voice *
voice_create(const struct voice_parts *parts)
{
	struct carrier ours = {
		voice_overdue, voice_measures_now, voice_dial_opens_ms, NULL};
	struct timeval every = {.tv_usec = VOICE_BEAT_MS * 1000};
	struct voice *v = xcalloc(1, sizeof *v);

	v->parts = *parts;
	v->cti = cti_create(voice_told, v);
	TAILQ_INIT(&v->saying);
	voice_places_begin(v);
	v->beat = event_new(parts->base, -1, EV_PERSIST, on_beat, v);
	event_add(v->beat, &every);
	ours.owner = v;
	router_use_carrier(parts->router, &ours);
	return v;
}

void
voice_destroy(struct voice *v)
{
	if (v == NULL)
		return;
	v->dying = true;
	router_use_carrier(v->parts.router, &(struct carrier){0});
	while (v->switches != NULL) {
		struct voice_switch *s = v->switches;

		v->switches = s->next;
		close_wires(s);
		free(s->name);
		free(s);
	}
	voice_calls_finish(v);
	voice_agents_finish(v);
	voice_places_finish(v);
	voice_dial_finish(v);
	cti_destroy(v->cti);
	idmap_finish(&v->by_contact);
	event_free(v->beat);
	if (v->dns != NULL)
		evdns_base_free(v->dns, 0);
	free(v);
}
