/*
 * tests/fuzz/fuzz_switch.h - a switch that says anything: an adapter and the neutral set
 * behind it. Included by one target for each adapter, which gives its settings, what a
 * connection begins with, and what all that it sends looks like.
 *
 * The first byte is the size of chunks, the second one where the connection is lost and
 * made again (0: never). Whatever comes: the same events in any chunking; a call begins
 * once and ends at most once, after its beginning; a telephone is released at most once;
 * texts are sound.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/map.h"
#include "base/text.h"
#include "intake/cti.h"

extern const struct usher_plugin usher_plugin;

static void *fuzz_settings(void);
static const char *fuzz_greeting(void);
static bool fuzz_sent_is_sound(const char *bytes, size_t n);

struct play {
	struct cti *cti;
	struct cti_link *link;
	struct text told;
	struct map seen; /* facts that may come once */
};

static void
once(struct play *p, const char *what, const char *call, const char *leg)
{
	char *key = xasprintf("%s %s %s", what, call, leg);

	if (map_put(&p->seen, key, p) != NULL)
		abort();
	free(key);
}

static bool
was(const struct play *p, const char *what, const char *call)
{
	char *key = xasprintf("%s %s ", what, call);
	bool found = map_get(&p->seen, key) != NULL;

	free(key);
	return found;
}

static void
must_be_sound(const char *text)
{
	json_t *json = json_string(text);

	if (json == NULL)
		abort();
	for (const char *s = text; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20)
			abort();
	json_decref(json);
}

static void
on_told(void *context, const struct cti_event *event)
{
	struct play *p = context;
	const struct usher_switch_event *e = event->is;

	text_addf(&p->told, "%s %d %s %s %lld\n", cti_kind_name(e->kind), event->resync,
		e->call != NULL ? e->call : "", e->leg != NULL ? e->leg : "",
		(long long)e->t_us);
	must_be_sound(e->number);
	must_be_sound(e->name);
	must_be_sound(e->why);
	must_be_sound(e->device);
	for (size_t i = 0; i < e->n_attributes; i++)
		must_be_sound(e->attributes[i].text);
	if (e->kind == USHER_CALL_WAITING || e->kind == USHER_CALL_PLACED) {
		if (was(p, "gone", e->call))
			abort();
		if (!was(p, "begun", e->call))
			once(p, "begun", e->call, "");
	} else if (e->kind == USHER_CALL_GONE) {
		if (!was(p, "begun", e->call))
			abort();
		once(p, "gone", e->call, "");
	} else if (e->kind == USHER_LEG_RELEASED && e->leg != NULL) {
		once(p, "released", e->call, e->leg);
	} else if (e->kind == USHER_LEG_ANSWERED) {
		once(p, "answered", e->call, e->leg);
	}
}

static void
on_event(void *context, const struct usher_switch_event *e)
{
	struct play *p = context;

	/* One time for all: nothing may be forgotten, and so come again. */
	cti_feed(p->link, e, 1);
}

static void
on_send(void *context, const char *bytes, size_t n)
{
	(void)context;
	if (!fuzz_sent_is_sound(bytes, n))
		abort();
}

static void
receive(const struct usher_switch *adapter, void *link, const uint8_t *data, size_t n,
	size_t chunk)
{
	if (!adapter->receive(link, fuzz_greeting(), strlen(fuzz_greeting())))
		abort();
	/* It says false when it is turned away; whoever goes on does no harm. */
	for (size_t at = 0; at < n; at += chunk)
		(void)adapter->receive(
			link, (const char *)data + at, n - at < chunk ? n - at : chunk);
}

/* What was told; the caller owns it. */
static char *
play(const uint8_t *data, size_t n, size_t cut, size_t chunk, bool sends)
{
	const struct usher_switch *adapter = usher_plugin.telephony;
	struct play p = {.cti = NULL};
	struct usher_switch_sink sink = {.size = sizeof(sink),
		.context = &p,
		.event = on_event,
		.send = sends ? on_send : NULL};
	void *link = adapter->open(fuzz_settings(), &sink);

	p.cti = cti_create(on_told, &p);
	p.link = cti_link_add(p.cti, "pbx");
	receive(adapter, link, data, cut, chunk);
	if (cut < n) {
		adapter->lost(link);
		receive(adapter, link, data + cut, n - cut, chunk);
	}
	adapter->lost(link);
	adapter->close(link);
	cti_destroy(p.cti);
	map_finish(&p.seen);
	return text_take(&p.told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t chunk, cut;
	char *whole, *cut_up;

	if (n < 2)
		return 0;
	chunk = 1 + data[0] % 100;
	cut = data[1] == 0 ? n - 2 : (n - 2) * data[1] / 256;
	whole = play(data + 2, n - 2, cut, n, false);
	cut_up = play(data + 2, n - 2, cut, chunk, false);
	if (strcmp(whole, cut_up) != 0)
		abort();
	free(whole);
	free(cut_up);
	free(play(data + 2, n - 2, cut, chunk, true));
	return 0;
}
