/*
 * tests/flow/mail_door.c - base/mail by itself, driven by lines of JSON.
 *
 *   mail_door THREADS
 *
 * Reads {"relay": {host, port, starttls, ca_file, user, password_file, timeout_ms},
 * "tag", "from", "to": [...], "text"} a line and prints {"tag", "fate", "code", "words",
 * "each"} for each, in the order in which they end; "fault" when it was not taken. Beats
 * of the loop are counted meanwhile: "beats" tells that it never stood still.
 */
#include <event2/event.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mail.h"

#define LINE_MAX_BYTES (1 << 20)
#define BEAT_MS 10

struct door {
	struct event_base *base;
	struct mailer *mailer;
	int threads, waiting;
	bool ended; /* no more lines */
	long beats;
};

static void
print(json_t *line)
{
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(line);
}

static void
done(void *owner, uint64_t tag, const struct mailer_result *r)
{
	struct door *door = owner;
	json_t *each = json_array();

	for (int i = 0; i < r->n_to; i++)
		json_array_append_new(each, json_string(mailer_fate_name[r->each[i]]));
	print(json_pack("{s:I, s:s, s:i, s:s, s:o, s:I}", "tag", (json_int_t)tag, "fate",
		mailer_fate_name[r->fate], "code", r->code, "words", r->words, "each",
		each, "beats", (json_int_t)door->beats));
	if (--door->waiting == 0 && door->ended)
		event_base_loopbreak(door->base);
}

static void
use_relay(struct door *door, const json_t *o, json_int_t tag)
{
	struct mailer_relay relay = {
		.host = json_string_value(json_object_get(o, "host")),
		.port = (int)json_integer_value(json_object_get(o, "port")),
		.security = json_is_true(json_object_get(o, "starttls")) ? MAILER_STARTTLS
									 : MAILER_PLAIN,
		.ca_file = json_string_value(json_object_get(o, "ca_file")),
		.user = json_string_value(json_object_get(o, "user")),
		.password_file = json_string_value(json_object_get(o, "password_file")),
		.name = "usher.test",
		.timeout_ms = json_integer_value(json_object_get(o, "timeout_ms"))};
	char error[256] = "";

	if (!mailer_use(door->mailer, &relay, error, sizeof error))
		print(json_pack("{s:I, s:s}", "tag", tag, "fault", error));
}

static void
one(struct door *door, const char *line)
{
	json_t *o = json_loads(line, 0, NULL), *list = json_object_get(o, "to"), *text;
	json_int_t tag = json_integer_value(json_object_get(o, "tag"));
	const char *to[MAILER_RECIPIENTS_MAX + 1], *fault = NULL;
	struct mailer_mail mail = {.to = to};

	if (json_object_get(o, "relay") != NULL)
		use_relay(door, json_object_get(o, "relay"), tag);
	text = json_object_get(o, "text");
	mail.from = json_string_value(json_object_get(o, "from"));
	mail.text = json_string_value(text);
	mail.n = json_string_length(text);
	for (size_t i = 0; i < json_array_size(list) && i <= MAILER_RECIPIENTS_MAX; i++)
		to[mail.n_to++] = json_string_value(json_array_get(list, i));
	if (mailer_send(door->mailer, &mail, done, door, (uint64_t)tag, &fault))
		door->waiting++;
	else
		print(json_pack("{s:I, s:s}", "tag", tag, "fault", fault));
	json_decref(o);
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	static char line[LINE_MAX_BYTES];
	struct door *door = arg;

	if (fgets(line, sizeof line, stdin) != NULL) {
		one(door, line);
		return;
	}
	door->ended = true;
	event_base_loopbreak(door->base);
}

static void
on_beat(evutil_socket_t fd, short what, void *arg)
{
	((struct door *)arg)->beats++;
}

int
main(int argc, char **argv)
{
	struct door door = {.base = event_base_new(), .threads = atoi(argv[1])};
	struct timeval beat = {0, BEAT_MS * 1000};
	char error[256];
	struct event *input, *timer;

	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdin, NULL, _IONBF, 0);
	door.mailer = mailer_create(door.base, NULL, door.threads, error, sizeof error);
	input = event_new(door.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, &door);
	timer = event_new(door.base, -1, EV_PERSIST, on_beat, &door);
	event_add(input, NULL);
	event_add(timer, &beat);
	event_base_dispatch(door.base);
	event_del(input);
	while (door.waiting > 0 && argc < 3)
		event_base_loop(door.base, EVLOOP_ONCE);
	mailer_destroy(door.mailer);
	event_free(input);
	event_free(timer);
	event_base_free(door.base);
	return 0;
}
