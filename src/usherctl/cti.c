/* usherctl/cti.c - recordings of a switch to neutral events. */
#include "usherctl/cti.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/json.h"
#include "control/plugins.h"
#include "intake/cti.h"

#define CHUNK_MAX 65536
#define CHUNK_RANDOM 0 /* each of another size, up to CHUNK_RANDOM_MAX */
#define CHUNK_RANDOM_MAX 2000
/* Lines that are kept while no channel has appeared, after which time is counted. */
#define LINES_KEPT_MAX 100000

const struct option_spec cti_replay_options[] = {
	{"plugin", "NAME", "the switch's adapter; default asterisk"},
	{"chunk", "N", "bytes at a time, 1 to 65536, or random; default 65536"},
	{0},
};

struct line {
	int64_t t_us;
	json_t *event; /* owned */
};

struct replay {
	const struct usher_switch *adapter;
	void *link; /* the adapter's; owned */
	struct cti *cti;
	struct cti_link *cti_link;
	int64_t chunk;
	int64_t now_us;	   /* the switch's clock stands for ours */
	int64_t zero_us;   /* moment of the first channel; 0: none appeared yet */
	struct line *kept; /* owned */
	size_t n_kept;
};

/* ---- lines ---- */

static void
put_text(json_t *o, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_set_new(o, name, json_string(text));
}

static void
put_seconds(json_t *o, const char *name, int64_t us)
{
	json_object_set_new(o, name, json_real((double)us / 1e6));
}

static void
put_attributes(json_t *o, const struct usher_switch_event *e)
{
	json_t *list;

	if (e->n_attributes == 0)
		return;
	list = json_object();
	for (size_t i = 0; i < e->n_attributes; i++)
		json_object_set_new(
			list, e->attributes[i].name, json_string(e->attributes[i].text));
	json_object_set_new(o, "attributes", list);
}

static const char *
state_name(enum usher_call_state state)
{
	switch (state) {
	case USHER_STATE_NONE:
		return "";
	case USHER_STATE_WAITING:
		return "waiting";
	case USHER_STATE_RINGING:
		return "ringing";
	case USHER_STATE_TALKING:
		return "talking";
	}
	return "";
}

static void
put_by_kind(json_t *o, const struct usher_switch_event *e, bool resync)
{
	if (e->kind == USHER_CALL_GONE) {
		put_text(o, "outcome", cti_outcome_name(e->outcome));
		if (!resync) {
			put_seconds(o, "talk", e->talk_us);
			put_seconds(o, "hold", e->hold_us);
		}
	}
	if (e->kind == USHER_CALL_WAITING && resync && e->age_us >= 0)
		put_seconds(o, "age", e->age_us);
	if (e->kind == USHER_LEG_TRANSFERRED)
		put_text(o, "by", e->by == USHER_TRANSFER_BLIND ? "blind" : "attended");
	if (e->kind == USHER_LEG_RELEASED || e->kind == USHER_ACTION_FAILED)
		put_text(o, "reason", cti_reason_name(e->reason));
	if (e->consult)
		json_object_set_new(o, "consult", json_true());
	if (resync)
		json_object_set_new(o, "resync", json_true());
}

/* All but the time. */
static json_t *
event_json(const struct cti_event *event)
{
	const struct usher_switch_event *e = event->is;
	json_t *o = json_object();

	/* Its place is the first one. */
	json_object_set_new(o, "t", json_null());
	put_text(o, "event", cti_kind_name(e->kind));
	put_text(o, "call", e->call);
	put_text(o, "leg", e->leg);
	put_text(o, "device", e->device);
	put_text(o, "to_leg", e->to_leg);
	put_text(o, "target", e->target);
	put_text(o, "number", e->number);
	put_text(o, "name", e->name);
	put_text(o, "dialled", e->dialled);
	put_text(o, "place", e->place);
	put_text(o, "why", e->why);
	put_text(o, "action", e->action);
	put_text(o, "instance", e->instance);
	put_text(o, "state", state_name(e->state));
	put_attributes(o, e);
	put_by_kind(o, e, event->resync);
	return o;
}

static void
print_line(const struct replay *r, const struct line *line)
{
	struct text text = {0};

	if (line->t_us != 0)
		put_seconds(line->event, "t", line->t_us - r->zero_us);
	json_write(&text, line->event);
	puts(text.s);
	text_finish(&text);
	json_decref(line->event);
}

static void
print_kept(struct replay *r)
{
	for (size_t i = 0; i < r->n_kept; i++)
		print_line(r, &r->kept[i]);
	r->n_kept = 0;
}

static struct usher_switch_figures
figures_of(const struct replay *r)
{
	struct usher_switch_figures f = {.size = sizeof(f)};

	r->adapter->figures(r->link, &f);
	return f;
}

/* What came before the first channel waits for it, since its time is counted from
 * there. */
static void
on_told(void *context, const struct cti_event *event)
{
	struct replay *r = context;
	struct line line = {.t_us = event->is->t_us, .event = event_json(event)};

	if (r->zero_us == 0)
		r->zero_us = figures_of(r).first_channel_us;
	if (r->zero_us != 0 && event->is->picked_up_us != 0 &&
		event->is->kind == USHER_LEG_ANSWERED)
		put_seconds(
			line.event, "picked_up", event->is->picked_up_us - r->zero_us);
	if (r->zero_us == 0 && r->n_kept < LINES_KEPT_MAX) {
		if ((r->n_kept & (r->n_kept - 1)) == 0)
			r->kept = xreallocarray(r->kept,
				r->n_kept > 0 ? 2 * r->n_kept : 1, sizeof(*r->kept));
		r->kept[r->n_kept++] = line;
		return;
	}
	if (r->zero_us == 0)
		r->zero_us = figures_of(r).first_us;
	print_kept(r);
	print_line(r, &line);
}

static void
on_event(void *context, const struct usher_switch_event *event)
{
	struct replay *r = context;

	if (event->t_us > r->now_us)
		r->now_us = event->t_us;
	cti_feed(r->cti_link, event, r->now_us);
}

/* ---- bytes ---- */

static size_t
next_chunk(const struct replay *r, size_t left)
{
	size_t n = (size_t)r->chunk;
	uint32_t random = 0;

	if (r->chunk == CHUNK_RANDOM) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			random = 7; /* any size will do */
		n = 1 + random % CHUNK_RANDOM_MAX;
	}
	return n < left ? n : left;
}

static bool
play_bytes(struct replay *r, const char *bytes, size_t n)
{
	for (size_t at = 0; at < n;) {
		size_t chunk = next_chunk(r, n - at);

		if (!r->adapter->receive(r->link, bytes + at, chunk))
			return false;
		at += chunk;
	}
	return true;
}

static bool
play_file(struct replay *r, const char *path)
{
	char buffer[CHUNK_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	bool good = fd >= 0;

	while (good && (n = read(fd, buffer, sizeof(buffer))) > 0) {
		good = play_bytes(r, buffer, (size_t)n);
		if (!good)
			complain("%s: %s", path, figures_of(r).problem);
	}
	if (fd < 0 || (good && n < 0)) {
		complain("%s: %s", path, strerror(errno));
		good = false;
	}
	if (fd >= 0)
		close(fd);
	r->adapter->lost(r->link);
	return good;
}

/* ---- the command ---- */

static bool
read_chunk(const struct ctl *ctl, int64_t *chunk)
{
	const char *text = option(ctl, "chunk");

	*chunk = CHUNK_RANDOM;
	if (text != NULL && strcmp(text, "random") == 0)
		return true;
	return option_number(ctl, "chunk", 1, CHUNK_MAX, CHUNK_MAX, chunk);
}

/* The plugin alone, with the defaults of its settings. */
static struct plugins *
load(const char *name)
{
	struct config_plugin plugin = {.name = (char *)(uintptr_t)name};
	struct config config = {.n_plugins = 1, .plugins = &plugin};
	struct config_problems problems = {0};
	char *folder = plugins_folder();
	struct plugins *plugins = plugins_load(folder, &config, "", &problems);

	if (plugins == NULL)
		complain("%s", problems.list[0].message);
	config_problems_finish(&problems);
	free(folder);
	return plugins;
}

static void
print_figures(const struct replay *r)
{
	struct usher_switch_figures f = figures_of(r);
	struct cti_figures c = cti_figures(r->cti);

	fprintf(stderr,
		"bytes=%" PRIu64 " messages=%" PRIu64 " refused=%" PRIu64 " told=%" PRIu64
		" duplicate=%" PRIu64 " late=%" PRIu64 " unknown_ends=%" PRIu64
		" cleaned=%" PRIu64 " calls=%zu%s%s%s\n",
		f.bytes, f.messages, f.refused, c.told, c.duplicate, f.late + c.late,
		f.unknown_ends + c.unknown_ends, c.cleaned + c.refused, c.calls,
		f.problem[0] != '\0' ? " problem=\"" : "", f.problem,
		f.problem[0] != '\0' ? "\"" : "");
}

static enum status
play(struct ctl *ctl, const struct usher_switch *adapter, void *state, int64_t chunk)
{
	struct replay r = {.adapter = adapter, .chunk = chunk};
	struct usher_switch_sink sink = {
		.size = sizeof(sink), .context = &r, .event = on_event};
	bool good = true;

	r.cti = cti_create(on_told, &r);
	r.cti_link = cti_link_add(r.cti, "replay");
	r.link = adapter->open(state, &sink);
	for (int i = 0; i < ctl->n_words && good; i++)
		good = play_file(&r, ctl->word[i]);
	cti_expire(r.cti, r.now_us + CTI_EARLY_US + 1);
	if (r.zero_us == 0)
		r.zero_us = figures_of(&r).first_us;
	print_kept(&r);
	fflush(stdout);
	print_figures(&r);
	adapter->close(r.link);
	cti_destroy(r.cti);
	free(r.kept);
	return good ? STATUS_OK : STATUS_FAILED;
}

enum status
do_cti_replay(struct ctl *ctl)
{
	const char *name = option(ctl, "plugin");
	const struct usher_switch *adapter;
	struct plugins *plugins;
	void *state = NULL;
	int64_t chunk;
	enum status status = STATUS_FAILED;

	if (!read_chunk(ctl, &chunk))
		return STATUS_USAGE;
	if (name == NULL)
		name = "asterisk";
	plugins = load(name);
	if (plugins == NULL)
		return STATUS_FAILED;
	adapter = plugins_telephony(plugins, name, &state);
	if (adapter == NULL)
		complain("plugin %s speaks to no switch, or was made for another usher",
			name);
	else
		status = play(ctl, adapter, state, chunk);
	plugins_destroy(plugins);
	return status;
}
