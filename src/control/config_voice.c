/* control/config_voice.c - switches, calls and dialling, compiled. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_compile.h"
#include "control/settings_voice.h"

/* "host:port" */
static bool
is_address(const char *text)
{
	const char *colon = strrchr(text, ':');

	return colon != NULL && colon != text && strlen(text) < 256 && colon[1] != '\0' &&
	       strlen(colon + 1) <= 5 &&
	       colon[1 + strspn(colon + 1, "0123456789")] == '\0' &&
	       atoi(colon + 1) > 0 && atoi(colon + 1) <= 65535;
}

static void
fill_addresses(struct compile *c, struct switch_settings *s, const struct slot *slot)
{
	s->addresses = xcalloc((size_t)slot->n + 1, sizeof s->addresses[0]);
	for (int i = 0; i < slot->n; i++) {
		const struct node *at = slot->node->child[i];

		if (!is_address(at->text))
			tree_error(c->tree, at,
				"address: \"%s\" is none: write host:port", at->text);
		else if (i == SWITCH_ADDRESSES_MAX)
			tree_error(c->tree, at, "address: a switch has %d links at most",
				SWITCH_ADDRESSES_MAX);
		else if (i < SWITCH_ADDRESSES_MAX)
			s->addresses[s->n_addresses++] = xstrdup(at->text);
	}
}

static void
fill_switch(struct compile *c, struct switch_settings *s, const struct slot *slot)
{
	const struct entry *e = slot->entry;

	s->name = xstrdup(slot->key->text);
	s->line = slot->key->line;
	s->plugin = xstrdup(entry_text(e, SWITCH_PLUGIN));
	if (e->slot[SWITCH_ADDRESS].node != NULL)
		fill_addresses(c, s, &e->slot[SWITCH_ADDRESS]);
	s->tls = entry_bool(e, SWITCH_TLS);
	s->ca_file = compile_path(c, &e->slot[SWITCH_CA_FILE]);
	s->cert_file = compile_path(c, &e->slot[SWITCH_CERT_FILE]);
	s->key_file = compile_path(c, &e->slot[SWITCH_KEY_FILE]);
	s->tls_name = xstrdup(entry_text(e, SWITCH_TLS_NAME));
	s->secret_file = compile_path(c, &e->slot[SWITCH_SECRET_FILE]);
	if ((s->cert_file == NULL) != (s->key_file == NULL))
		tree_error(c->tree, e->node,
			"cert_file and key_file belong together: name both or none");
	s->channel = xstrdup(entry_text(e, SWITCH_CHANNEL));
	(void)compile_channel(c, &e->slot[SWITCH_CHANNEL]);
	s->count_ivr = entry_bool(e, SWITCH_COUNT_IVR);
	s->answer = entry_number(e, SWITCH_ANSWER) > 0;
	s->keys = xcalloc((size_t)e->n_others + 1, sizeof s->keys[0]);
	s->values = xcalloc((size_t)e->n_others + 1, sizeof s->values[0]);
	if (e->n_others > SWITCH_SETTINGS_MAX)
		tree_error(c->tree, e->node, "more than %d settings of the plugin",
			SWITCH_SETTINGS_MAX);
	for (int i = 0; i < e->n_others && i < SWITCH_SETTINGS_MAX; i++) {
		if (e->other[i].text == NULL)
			continue;
		s->keys[s->n_settings] = xstrdup(e->other[i].key->text);
		s->values[s->n_settings++] = xstrdup(e->other[i].text);
	}
}

/* "08:30" as minutes of the day; 24:00 is its end. */
static int
minutes_of(struct compile *c, const struct slot *slot)
{
	int hour = -1, minute = -1;
	char more;

	if (sscanf(slot->text, "%2d:%2d%c", &hour, &minute, &more) != 2 || hour < 0 ||
		hour > 24 || minute < 0 || minute > 59 || (hour == 24 && minute > 0)) {
		tree_error(c->tree, slot->node,
			"%s: \"%s\" is no time of day: write \"08:30\" in quotes",
			slot->setting->name, slot->text);
		return 0;
	}
	return hour * 60 + minute;
}

static void
fill_dialling(struct compile *c, struct voice_settings *v, const struct entry *e)
{
	struct dial_settings *d = &v->dialling;
	const struct slot *on = &e->slot[DIALLING_SWITCH];
	const struct slot *hours = &e->slot[DIALLING_HOURS];
	bool known = on->text == NULL;

	d->channel = xstrdup(entry_text(e, DIALLING_CHANNEL));
	(void)compile_channel(c, &e->slot[DIALLING_CHANNEL]);
	d->on = xstrdup(on->text);
	for (int i = 0; i < v->n_switches; i++)
		known = known || strcmp(v->switches[i].name, on->text) == 0;
	if (!known)
		tree_error(c->tree, on->node, "switch: \"%s\" is not one of switches",
			on->text);
	d->number = xstrdup(entry_text(e, DIALLING_NUMBER));
	if (d->number != NULL && d->number[strspn(d->number, "+0123456789*#")] != '\0')
		tree_error(c->tree, e->slot[DIALLING_NUMBER].node,
			"number: digits, +, * and # only");
	d->customer_first = entry_number(e, DIALLING_MODE) > 0;
	/* Of a channel whose customers are dialled first nothing is offered before one is
	 * on the line. */
	for (int i = 0; i < c->centre->n_channels; i++)
		c->centre->channels[i].dial_first =
			d->customer_first && v->n_switches > 0 &&
			strcmp(c->centre->channels[i].name, d->channel) == 0;
	d->attempts = (int)entry_number(e, DIALLING_ATTEMPTS);
	d->gap_ms = compile_ms(c, entry_number(e, DIALLING_GAP));
	d->delay_ms = compile_ms(c, entry_number(e, DIALLING_DELAY));
	d->ring_ms = compile_ms(c, entry_number(e, DIALLING_RING));
	d->calendar = hours->text != NULL
			      ? compile_find(c, NAME_CALENDAR, hours->node, hours->text)
			      : -1;
	d->earliest_min = minutes_of(c, &e->slot[DIALLING_EARLIEST]);
	d->latest_min = minutes_of(c, &e->slot[DIALLING_LATEST]);
	if (d->latest_min <= d->earliest_min)
		tree_error(c->tree, e->node,
			"latest must be later in the day than earliest");
}

/* Numbers of all callbacks are read under the plan of call-me requests (toll fraud). */
static void
check_plan(struct compile *c, const struct config *config)
{
	const struct dial_settings *d = &config->voice->dialling;

	if (config->voice->n_switches > 0 &&
		!number_plan_allows_any(&config->callme.plan) &&
		map_get(&c->names[NAME_CHANNEL].index, d->channel) != NULL)
		tree_warn(c->tree, c->top->slot[TOP_SWITCHES].key,
			"switches: the number plan allows no number, so that each %s is "
			"unreachable: say which may be called, for example callme: "
			"{country: \"44\"}, or callme: {allow: [\"+44\", \"+353\"]}",
			d->channel);
}

void
compile_voice(struct compile *c, struct config *config)
{
	const struct entry *switches = entry_section(c->top, TOP_SWITCHES);
	const struct entry *calls = entry_section(c->top, TOP_CALLS);
	struct voice_settings *v = xcalloc(1, sizeof *v);

	config->voice = v;
	v->switches = xcalloc((size_t)switches->n_others + 1, sizeof v->switches[0]);
	if (switches->n_others > SWITCHES_MAX)
		tree_error(
			c->tree, switches->node, "more than %d switches", SWITCHES_MAX);
	for (int i = 0; i < switches->n_others && i < SWITCHES_MAX; i++)
		if (switches->other[i].entry != NULL)
			fill_switch(
				c, &v->switches[v->n_switches++], &switches->other[i]);
	v->calls = (struct call_settings){
		.announce_ms = compile_ms(c, entry_number(calls, CALLS_ANNOUNCE)),
		.resume_ms = compile_ms(c, entry_number(calls, CALLS_RESUME)),
		.short_ms = compile_ms(c, entry_number(calls, CALLS_SHORT)),
		.link_grace_ms = llround(entry_number(calls, CALLS_LINK_GRACE)),
		.lag_ms = llround(entry_number(calls, CALLS_LAG)),
		.silence_ms = llround(entry_number(calls, CALLS_SILENCE)),
	};
	fill_dialling(c, v, entry_section(c->top, TOP_DIALLING));
	check_plan(c, config);
}
