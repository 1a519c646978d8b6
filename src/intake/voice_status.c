/* intake/voice_status.c - how switches and their links stand, for people. */
#include <inttypes.h>

#include "intake/voice_inner.h"

static json_t *
wire_json(const struct cti_wire *wire, int64_t boot_ms)
{
	struct cti_wire_figures f;

	cti_wire_figures(wire, boot_ms, &f);
	return json_pack(
		"{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}",
		"address", f.address, "state", cti_wire_state_name[f.state], "since_ms",
		(json_int_t)f.since_ms, "connected", (json_int_t)f.connected, "lag_us",
		(json_int_t)f.lag_us, "lag_most_us", (json_int_t)f.lag_most_us, "bytes",
		(json_int_t)f.adapter.bytes, "events", (json_int_t)f.adapter.events,
		"refused", (json_int_t)f.adapter.refused, "orders", (json_int_t)f.orders,
		"orders_failed", (json_int_t)f.failed, "unread_bytes",
		(json_int_t)f.unread_bytes, "problem",
		f.problem[0] != '\0' ? f.problem : f.adapter.problem);
}

static json_t *
switch_json(const struct voice *v, const struct voice_switch *s, int64_t boot_ms)
{
	json_t *links = json_array();
	size_t at = 0;
	int calls = 0, waiting = 0;
	void *value;

	for (int i = 0; i < s->n_wires; i++)
		json_array_append_new(links, wire_json(s->wire[i], boot_ms));
	while (map_next(&v->calls, &at, NULL, &value)) {
		const struct voice_call *c = value;

		calls += c->on == s;
		waiting += c->on == s && c->waits;
	}
	return json_pack("{s:s, s:s, s:b, s:i, s:i, s:o}", "name", s->name, "plugin",
		s->settings != NULL ? s->settings->plugin : "", "up", s->up, "calls",
		calls, "waiting", waiting, "links", links);
}

json_t *
voice_json(const struct voice *v)
{
	struct cti_figures f = cti_figures(v->cti);
	const struct voice_counts *n = &v->counts;
	int64_t boot_ms = clock_boot_ms();
	json_t *switches = json_array(), *calls, *events;

	for (const struct voice_switch *s = v->switches; s != NULL; s = s->next)
		if (!s->removed)
			json_array_append_new(switches, switch_json(v, s, boot_ms));
	events = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "taken",
		(json_int_t)f.events, "told", (json_int_t)f.told, "duplicate",
		(json_int_t)f.duplicate, "late", (json_int_t)f.late, "early",
		(json_int_t)f.early, "unknown_ends", (json_int_t)f.unknown_ends,
		"refused", (json_int_t)f.refused, "cleaned", (json_int_t)f.cleaned);
	calls = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:I, s:I}",
		"taken", (json_int_t)n->calls, "refused", (json_int_t)n->refused,
		"abandoned", (json_int_t)n->abandoned, "short_abandoned",
		(json_int_t)n->short_abandoned, "lost", (json_int_t)n->lost, "resumed",
		(json_int_t)n->resumed, "connects", (json_int_t)n->connects, "answered",
		(json_int_t)n->answered, "no_answer", (json_int_t)n->no_answer, "busy",
		(json_int_t)n->busy, "unavailable", (json_int_t)n->unavailable,
		"withdrawn", (json_int_t)n->withdrawn, "announced",
		(json_int_t)n->announced, "callbacks", (json_int_t)n->callbacks,
		"dialled", (json_int_t)n->dialled, "ignored", (json_int_t)n->ignored);
	return json_pack("{s:o, s:o, s:o}", "switches", switches, "calls", calls,
		"events", events);
}
