/*
 * usherctl/top.c - a live screen of queues and agents, fed by queue.subscribe: a
 * snapshot, then changes. Keys: q ends it.
 */
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "usherctl/usherctl.h"

#define EVERY_S 1.0 /* between screens unless --watch says otherwise */

struct board {
	struct ctl *ctl;
	json_t *queues, *agents; /* owned; by name and id, in the order of arrival */
	json_t *status;		 /* owned; of server.status */
	uint64_t completed, submitted; /* at the last screen, for rates */
	int64_t counted_ms;
	double done_rate, in_rate; /* a second */
	struct termios saved;
	bool raw;
};

/* Changed members are set, those that are null go. */
static void
merge(json_t *into, const json_t *list, const char *id)
{
	json_t *change, *value, *known;
	const char *name;
	size_t i;

	json_array_foreach(list, i, change)
	{
		const char *key = member(change, id);

		if (key == NULL)
			continue;
		known = json_object_get(into, key);
		if (known == NULL) {
			json_object_set_new(into, key, json_object());
			known = json_object_get(into, key);
		}
		json_object_foreach(change, name, value)
		{
			if (json_is_null(value))
				json_object_del(known, name);
			else
				json_object_set(known, name, value);
		}
	}
}

static void
take_event(struct board *b, const json_t *frame)
{
	const char *method = member(frame, "method");
	json_t *params = json_object_get(frame, "params");
	bool snapshot = json_is_true(json_object_get(params, "snapshot"));

	if (method == NULL)
		return;
	if (strcmp(method, "queue.updated") == 0) {
		if (snapshot)
			json_object_clear(b->queues);
		merge(b->queues, json_object_get(params, "queues"), "name");
	} else if (strcmp(method, "agents.updated") == 0) {
		if (snapshot)
			json_object_clear(b->agents);
		merge(b->agents, json_object_get(params, "agents"), "id");
	}
}

static bool
refresh(struct board *b)
{
	json_t *counts;
	uint64_t done, in;
	int64_t now_ms = clock_boot_ms();
	double s = (double)(now_ms - b->counted_ms) / 1000;

	json_decref(b->status);
	b->status = call(b->ctl, "server.status", NULL);
	if (b->status == NULL)
		return false;
	counts = json_object_get(b->status, "counts");
	done = (uint64_t)member_int(counts, "completed");
	in = (uint64_t)member_int(counts, "submitted");
	if (b->counted_ms != 0 && s > 0) {
		b->done_rate = (double)(done - b->completed) / s;
		b->in_rate = (double)(in - b->submitted) / s;
	}
	b->completed = done;
	b->submitted = in;
	b->counted_ms = now_ms;
	return true;
}

/* ---- the screen ---- */

static int
rows_of_terminal(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
		return 1000; /* not a terminal: all of it */
	return size.ws_row;
}

static void
put_head(const struct board *b)
{
	const json_t *counts = json_object_get(b->status, "counts");
	char uptime[24];

	duration_text(uptime, member_int(b->status, "uptime_ms"));
	printf("%susher %s%s  centre %s  up %s  settings %lld  sessions %lld\n",
		ansi(b->ctl, "\033[1m"), member(b->status, "version"),
		ansi(b->ctl, "\033[0m"), member(b->status, "centre"), uptime,
		(long long)member_int(b->status, "config"),
		(long long)member_int(b->status, "sessions"));
	printf("in %.1f/s  done %.1f/s  |  waiting %lld  offered %lld  connected %lld  "
	       "wrap-up %lld  parked %lld\n",
		b->in_rate, b->done_rate, (long long)member_int(counts, "waiting"),
		(long long)member_int(counts, "offered_now"),
		(long long)member_int(counts, "connected_now"),
		(long long)member_int(counts, "wrapup_now"),
		(long long)member_int(counts, "parked_now"));
	printf("taken in %lld  completed %lld  abandoned %lld  missed offers %lld  "
	       "agents "
	       "%lld, ready %lld\n\n",
		(long long)member_int(counts, "submitted"),
		(long long)member_int(counts, "completed"),
		(long long)member_int(counts, "abandoned"),
		(long long)member_int(counts, "timeouts"),
		(long long)member_int(counts, "agents_logged_in"),
		(long long)member_int(counts, "agents_ready"));
}

static int
put_queues(const struct board *b, int rows)
{
	struct table *t = table_create(b->ctl,
		"QUEUE|STATE|>WAITING|>LATE|>OLDEST|>OFFERED|>CONNECTED|>READY|>FREE");
	const char *name;
	json_t *q;
	int n = 0;

	json_object_foreach(b->queues, name, q)
	{
		if (n++ >= rows)
			break;
		table_cell(t, name);
		table_cell(
			t, json_is_true(json_object_get(q, "open")) ? "open" : "closed");
		table_number(t, json_object_get(q, "waiting"));
		table_number(t, json_object_get(q, "late"));
		table_duration(t, json_object_get(q, "oldest_wait_ms"));
		table_number(t, json_object_get(q, "offered"));
		table_number(t, json_object_get(q, "connected"));
		table_number(t, json_object_get(q, "agents_ready"));
		table_number(t, json_object_get(q, "agents_free"));
	}
	table_print(t, "No queues.");
	return n;
}

static void
put_agents(const struct board *b, int rows)
{
	struct table *t = table_create(
		b->ctl, "AGENT|NAME|STATE|REASON|>SINCE|>LOAD|>CONTACTS|>HANDLED");
	int64_t now_ms = clock_wall_ms();
	const char *id;
	json_t *a;

	json_object_foreach(b->agents, id, a)
	{
		json_t *since, *held;

		/* Who is not there is not worth a line of a small screen. */
		if (rows <= 0 ||
			strcmp(member(a, "state") != NULL ? member(a, "state") : "",
				"offline") == 0)
			continue;
		rows--;
		since = json_integer(now_ms - member_int(a, "since_ms"));
		held = json_integer(
			(json_int_t)json_array_size(json_object_get(a, "contacts")));
		table_cell(t, id);
		table_cell(t, member(a, "name"));
		table_cell(t, json_is_true(json_object_get(a, "desktop_lost"))
				      ? "desktop lost"
				      : member(a, "state"));
		table_cell(t, member(a, "reason"));
		table_duration(t, since);
		table_number(t, json_object_get(a, "load"));
		table_number(t, held);
		table_number(t, json_object_get(a, "handled"));
		json_decref(since);
		json_decref(held);
	}
	table_print(t, "Nobody is logged in.");
}

static void
draw(const struct board *b)
{
	int rows = rows_of_terminal(), used;

	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	put_head(b);
	used = put_queues(b, rows > 14 ? rows - 12 : 4);
	printf("\n");
	put_agents(b, rows - used - 8);
	fflush(stdout);
}

static void
put_json(const struct board *b)
{
	json_t *o = json_pack("{s:O, s:O, s:O}", "status", b->status, "queues", b->queues,
		"agents", b->agents);

	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
	putchar('\n');
	fflush(stdout);
	json_decref(o);
}

/* ---- the loop ---- */

static void
quiet_keys(struct board *b)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
		tcgetattr(STDIN_FILENO, &b->saved) != 0)
		return;
	raw = b->saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	b->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static bool
wants_end(const struct board *b)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	char key;

	return b->raw && poll(&p, 1, 0) == 1 &&
	       (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q');
}

/* Takes events until the next screen is due. False: the daemon is gone. */
static bool
listen_until(struct board *b, int64_t end_ms, bool *quit)
{
	int64_t left_ms;

	while (!*quit && (left_ms = end_ms - clock_boot_ms()) > 0) {
		bool lost;
		json_t *frame =
			next_event(b->ctl, left_ms > 100 ? 100 : (int)left_ms, &lost);

		if (lost) {
			complain("usherd is gone");
			return false;
		}
		take_event(b, frame);
		json_decref(frame);
		*quit = wants_end(b);
	}
	return true;
}

static enum status
run(struct board *b)
{
	double every_s = b->ctl->watch_s > 0 ? b->ctl->watch_s : EVERY_S;
	bool once = b->ctl->watch_s == 0 && !isatty(STDOUT_FILENO), quit = false;
	json_t *accepted =
		call(b->ctl, "queue.subscribe", json_pack("{s:b}", "agents", 1));

	if (accepted == NULL)
		return STATUS_FAILED;
	json_decref(accepted);
	/* The snapshot follows the reply at once. */
	if (!listen_until(b, clock_boot_ms() + 200, &quit))
		return STATUS_FAILED;
	while (!quit) {
		if (!refresh(b))
			return STATUS_FAILED;
		if (b->ctl->json)
			put_json(b);
		else
			draw(b);
		if (once || ferror(stdout))
			return STATUS_OK;
		if (!listen_until(b, clock_boot_ms() + (int64_t)(every_s * 1000), &quit))
			return STATUS_FAILED;
	}
	return STATUS_OK;
}

enum status
do_top(struct ctl *ctl)
{
	struct board b = {.ctl = ctl, .queues = json_object(), .agents = json_object()};
	enum status s;

	quiet_keys(&b);
	s = run(&b);
	if (b.raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &b.saved);
	json_decref(b.queues);
	json_decref(b.agents);
	json_decref(b.status);
	return s;
}
