/* tests/unit/asterisk_bench.c - see the header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asterisk_bench.h"

const struct asterisk bench_settings = {.username = "usher",
	.secret = "s3cret",
	.wait_context = "usher-wait",
	.agent_context = "usher-agent",
	.id_prefix = "usher-",
	.app_queue = true,
	.auth = "plain",
	.out_context = "usher-out",
	.hold_context = "usher-hold",
	.conference_context = "usher-conference",
	.device_prefix = "PJSIP/"};

/* ---- what was told, as text ---- */

static const char *
text_of(const char *s)
{
	return s != NULL ? s : "-";
}

static void
add_call(struct text *t, const char *word, const struct usher_switch_event *e)
{
	text_addf(t, "%s %s", word, text_of(e->call));
	if (e->kind >= USHER_LEG_RINGING && e->kind <= USHER_LEG_RELEASED)
		text_addf(t, "/%s %s%s", text_of(e->leg), text_of(e->device),
			e->consult ? " consult" : "");
	if (e->offer != NULL)
		text_addf(t, " %s", e->offer);
}

static void
add_event(struct text *t, const struct usher_switch_event *e)
{
	static const char *const outcome[] = {"", "abandoned", "ended", "failed", "lost"};
	static const char *const reason[] = {"", "hung_up", "no_answer", "busy",
		"unavailable", "congestion", "cancelled", "gone", "lost", "other"};
	static const char *const state[] = {"", "waiting", "ringing", "talking"};

	if (e->t_us != 0)
		text_addf(t, "%.3f ",
			(double)(e->t_us - BENCH_ZERO_S * INT64_C(1000000)) / 1e6);
	switch (e->kind) {
	case USHER_SWITCH_UP:
		text_add(t, "up");
		break;
	case USHER_SWITCH_DOWN:
		text_addf(t, "down %s", text_of(e->why));
		break;
	case USHER_CALL_WAITING:
		add_call(t, "waiting", e);
		text_addf(t, " %s to %s", text_of(e->number), text_of(e->dialled));
		if (e->why[0] != '\0')
			text_addf(t, " after %s", e->why);
		if (e->place != NULL)
			text_addf(t, " in %s", e->place);
		for (size_t i = 0; i < e->n_attributes; i++)
			text_addf(t, " %s=%s", e->attributes[i].name,
				e->attributes[i].text);
		break;
	case USHER_CALL_PLACED:
		add_call(t, "placed", e);
		break;
	case USHER_CALL_GONE:
		add_call(t, "gone", e);
		text_addf(t, " %s talk=%.3f hold=%.3f", outcome[e->outcome],
			(double)e->talk_us / 1e6, (double)e->hold_us / 1e6);
		break;
	case USHER_LEG_RINGING:
		add_call(t, "ringing", e);
		break;
	case USHER_LEG_ANSWERED:
		add_call(t, "answered", e);
		break;
	case USHER_LEG_HELD:
		add_call(t, "held", e);
		break;
	case USHER_LEG_RETRIEVED:
		add_call(t, "retrieved", e);
		break;
	case USHER_LEG_TRANSFERRED:
		add_call(t, "transferred", e);
		text_addf(t, " %s to %s %s",
			e->by == USHER_TRANSFER_BLIND ? "blind" : "attended",
			text_of(e->to_leg), text_of(e->target));
		break;
	case USHER_LEG_RELEASED:
		add_call(t, "released", e);
		text_addf(t, " %s", reason[e->reason]);
		break;
	case USHER_SNAPSHOT_BEGIN:
		text_addf(t, "begin %s", text_of(e->instance));
		break;
	case USHER_SNAPSHOT_CALL:
		text_addf(t, "call %s %s %s %s", e->call, state[e->state],
			text_of(e->leg), text_of(e->device));
		if (e->age_us >= 0)
			text_addf(t, " age=%.0f", (double)e->age_us / 1e6);
		if (e->place != NULL)
			text_addf(t, " in %s", e->place);
		break;
	case USHER_SNAPSHOT_END:
		text_add(t, "end");
		break;
	case USHER_ACTION_FAILED:
		text_addf(t, "failed %s %s", e->action, reason[e->reason]);
		break;
	case USHER_DEVICE_STATE:
		text_addf(t, "device %s %d", e->device, (int)e->device_state);
		break;
	case USHER_CALL_ASKS:
		add_call(t, "asks", e);
		break;
	case USHER_CALL_WANTS_CALLBACK:
		add_call(t, "wants_callback", e);
		text_addf(t, " %s", text_of(e->number));
		break;
	}
	text_add(t, "\n");
}

static void
on_event(void *context, const struct usher_switch_event *e)
{
	struct bench *b = context;

	assert_int_equal(e->size, sizeof(*e));
	add_event(&b->told, e);
}

static void
on_send(void *context, const char *bytes, size_t n)
{
	struct bench *b = context;

	text_add_n(&b->sent, bytes, n);
}

/* ---- playing ---- */

const struct usher_switch *
adapter(void)
{
	return usher_plugin.telephony;
}

void
bench_start(struct bench *b, bool sends)
{
	bench_start_with(b, sends, &bench_settings);
}

void
bench_start_with(struct bench *b, bool sends, const struct asterisk *settings)
{
	*b = (struct bench){.sink = {.size = sizeof(b->sink), .event = on_event}};
	b->sink.context = b;
	b->sink.send = sends ? on_send : NULL;
	b->link = adapter()->open((void *)(uintptr_t)settings, &b->sink);
}

void
bench_stop(struct bench *b)
{
	adapter()->close(b->link);
	text_finish(&b->told);
	text_finish(&b->sent);
}

struct usher_switch_figures
bench_figures(const struct bench *b)
{
	struct usher_switch_figures f = {.size = sizeof(f)};

	adapter()->figures(b->link, &f);
	return f;
}

void
bench_receive(struct bench *b, const char *bytes, size_t n, size_t chunk)
{
	for (size_t at = 0; at < n; at += chunk)
		assert_true(adapter()->receive(
			b->link, bytes + at, n - at < chunk ? n - at : chunk));
}

void
bench_receive_text(struct bench *b, const char *bytes)
{
	bench_receive(b, bytes, strlen(bytes), strlen(bytes));
}

/* A line of a script as a message. The first word is an event, or "Response". */
static void
add_message(struct text *out, char *line)
{
	char *field = strsep(&line, "|");

	if (strncmp(field, "Response=", 9) == 0)
		text_addf(out, "Response: %s\r\n", field + 9);
	else
		text_addf(out, "Event: %s\r\n", field);
	while ((field = strsep(&line, "|")) != NULL) {
		char *equals = strchr(field, '=');

		if (equals != NULL)
			text_addf(out, "%.*s: %s\r\n", (int)(equals - field), field,
				equals + 1);
		else
			text_addf(out, "Timestamp: %.6f\r\n",
				BENCH_ZERO_S + strtod(field, NULL));
	}
	text_add(out, "\r\n");
}

static char *
bytes_of(const char *script)
{
	char *copy = xstrdup(script), *rest = copy, *line;
	struct text out = {0};

	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			add_message(&out, line);
	free(copy);
	return text_take(&out);
}

void
bench_play(struct bench *b, const char *script)
{
	char *bytes = bytes_of(script);

	bench_receive(b, bytes, strlen(bytes), 4096);
	free(bytes);
}

const char *
bench_told(const struct bench *b)
{
	return b->told.s != NULL ? b->told.s : "";
}

void
gives(const char *script, const char *expected)
{
	static const size_t chunks[] = {1, 7, 1000, 1 << 20};
	char *bytes = bytes_of(script);

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		struct bench b;

		bench_start(&b, false);
		bench_receive_text(&b, GREETING "Event: FullyBooted\r\n\r\n");
		text_clear(&b.told);
		bench_receive(&b, bytes, strlen(bytes), chunks[i]);
		assert_string_equal(bench_told(&b), expected);
		assert_int_equal(bench_figures(&b).refused, 0);
		bench_stop(&b);
	}
	free(bytes);
}
