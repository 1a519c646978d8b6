/* usherctl/client.c - JSON-RPC over the daemon's socket, one request at a time. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "usherctl/usherctl.h"

#define ANSWER_S 30	    /* a daemon that does not answer so long has a fault */
#define FRAME_MAX (4 << 20) /* bytes of one message of the daemon */

struct client {
	int fd;	   /* -1: not connected */
	int error; /* errno of the connect */
	struct text in;
	size_t used;	/* bytes of `in` that were read already */
	json_t *events; /* owned; kept while a reply was waited for */
	int last_id;
};

static int
connect_to(const char *path, int *error)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof at.sun_path) {
		*error = ENAMETOOLONG;
		return -1;
	}
	strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
		return fd;
	*error = errno;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void
explain_connect(const struct ctl *ctl, int error)
{
	if (error == EACCES || error == EPERM)
		complain("you may not use %s; run usherctl as root or as the daemon's "
			 "user",
			ctl->socket);
	else if (error == ENOENT || error == ECONNREFUSED)
		complain("no usherd runs on %s; start it, or name its state directory "
			 "with "
			 "--state",
			ctl->socket);
	else
		complain("cannot reach %s: %s", ctl->socket, strerror(error));
}

/* Connects and remembers how that went. */
static struct client *
reach(struct ctl *ctl)
{
	if (ctl->client == NULL) {
		ctl->client = xcalloc(1, sizeof *ctl->client);
		ctl->client->events = json_array();
		ctl->client->fd = connect_to(ctl->socket, &ctl->client->error);
	}
	return ctl->client;
}

bool
client_open(struct ctl *ctl)
{
	const struct client *c = reach(ctl);

	if (c->fd < 0)
		explain_connect(ctl, c->error);
	return c->fd >= 0;
}

bool
client_daemon_is_down(const struct ctl *ctl)
{
	const struct client *c = reach((struct ctl *)ctl);

	return c->fd < 0 && (c->error == ENOENT || c->error == ECONNREFUSED);
}

void
client_close(struct client *client)
{
	if (client == NULL)
		return;
	if (client->fd >= 0)
		close(client->fd);
	json_decref(client->events);
	text_finish(&client->in);
	free(client);
}

static bool
write_all(int fd, const struct text *t)
{
	size_t done = 0;

	while (done < t->n) {
		ssize_t n = send(fd, t->s + done, t->n - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* A whole frame that is in already; NULL: none. */
static json_t *
frame_in(struct client *c)
{
	char *start, *end;
	json_t *frame;

	if (c->in.n == c->used)
		return NULL;
	start = c->in.s + c->used;
	end = memchr(start, '\n', c->in.n - c->used);
	if (end == NULL)
		return NULL;
	frame = json_loadb(start, (size_t)(end - start), 0, NULL);
	c->used += (size_t)(end - start) + 1;
	if (c->used == c->in.n) {
		text_clear(&c->in);
		c->used = 0;
	}
	return frame != NULL ? frame : json_null();
}

/* Reads what there is, waiting at most wait_ms. Returns 1; 0: nothing came; -1: lost. */
static int
read_some(struct client *c, int wait_ms)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	char part[16384];
	ssize_t n;

	if (c->in.n - c->used > FRAME_MAX)
		return -1;
	if (poll(&p, 1, wait_ms) <= 0)
		return errno == EINTR ? 0 : 0;
	n = read(c->fd, part, sizeof part);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0)
		return -1;
	text_add_n(&c->in, part, (size_t)n);
	return 1;
}

/* The reply to a request; NULL: the connection was lost, or nothing came. */
static json_t *
await_reply(struct client *c, const char *id)
{
	time_t end = time(NULL) + ANSWER_S;

	while (time(NULL) <= end) {
		json_t *frame = frame_in(c);
		const char *got;

		if (frame == NULL) {
			if (read_some(c, 1000) < 0)
				return NULL;
			continue;
		}
		got = json_string_value(json_object_get(frame, "id"));
		if (got != NULL && strcmp(got, id) == 0)
			return frame;
		if (json_object_get(frame, "method") != NULL)
			json_array_append(c->events, frame);
		json_decref(frame);
	}
	return NULL;
}

static void
explain_error(const struct ctl *ctl, const json_t *error)
{
	const json_t *data = json_object_get(error, "data");
	const json_t *problems = json_object_get(data, "problems");
	json_t *p;
	size_t i;

	if (ctl->json) {
		json_t *o = json_pack("{s:O}", "error", (json_t *)error);

		print_json(o);
		json_decref(o);
		return;
	}
	complain("%s", member(error, "message"));
	json_array_foreach(problems, i, p)
	{
		fprintf(stderr, "%s:%lld:%lld: %s: %s\n", member(p, "file"),
			(long long)member_int(p, "line"),
			(long long)member_int(p, "column"), member(p, "severity"),
			member(p, "message"));
	}
}

json_t *
call(struct ctl *ctl, const char *method, json_t *params)
{
	struct text out = {0};
	json_t *request, *reply, *result;
	char id[16];

	if (!client_open(ctl)) {
		json_decref(params);
		return NULL;
	}
	snprintf(id, sizeof id, "%d", ++ctl->client->last_id);
	request = json_pack("{s:s, s:s, s:s, s:o}", "jsonrpc", "2.0", "id", id, "method",
		method, "params", params != NULL ? params : json_object());
	json_write(&out, request);
	text_add(&out, "\n");
	json_decref(request);
	reply = write_all(ctl->client->fd, &out) ? await_reply(ctl->client, id) : NULL;
	text_finish(&out);
	if (reply == NULL) {
		complain("usherd did not answer; see its log");
		return NULL;
	}
	result = json_incref(json_object_get(reply, "result"));
	if (result == NULL)
		explain_error(ctl, json_object_get(reply, "error"));
	json_decref(reply);
	return result;
}

json_t *
next_event(struct ctl *ctl, int wait_ms, bool *lost)
{
	struct client *c = ctl->client;
	json_t *frame;

	*lost = false;
	if (json_array_size(c->events) > 0) {
		frame = json_incref(json_array_get(c->events, 0));
		json_array_remove(c->events, 0);
		return frame;
	}
	frame = frame_in(c);
	if (frame != NULL)
		return frame;
	*lost = read_some(c, wait_ms) < 0;
	return *lost ? NULL : frame_in(c);
}

/* Where the page behind this one begins; the caller's. NULL: it is the last one. */
static json_t *
next_page(const json_t *result, const json_t *list, const char *id)
{
	const json_t *last = json_array_get(list, json_array_size(list) - 1);

	if (id == NULL)
		return json_incref(json_object_get(result, "next"));
	return json_is_true(json_object_get(result, "more"))
		       ? json_incref(json_object_get(last, id))
		       : NULL;
}

json_t *
call_list(struct ctl *ctl, const char *method, const char *name, const char *id)
{
	json_t *all = json_array(), *after = NULL;

	do {
		json_t *params =
			after != NULL ? json_pack("{s:o}", "after", after) : NULL;
		json_t *result = call(ctl, method, params);
		json_t *list = json_object_get(result, name);

		if (result == NULL) {
			json_decref(all);
			return NULL;
		}
		json_array_extend(all, list);
		after = next_page(result, list, id);
		json_decref(result);
	} while (after != NULL);
	return all;
}
