/* tests/flow/store_support.c - see store_support.h. */
#include "store_support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define PATIENCE_MS 20000
#define CENTRE "t"
#define PORT_LOWEST 10000 /* the same as tools/free_port.py has */
#define PORTS 15000
#define PORT_TRIES 1000

bool in_cluster;

/* ---- the rig ---- */

int
rig_begin(void **state)
{
	struct rig *rig = xcalloc(1, sizeof *rig);
	const char *tmp = getenv("TMPDIR");

	snprintf(rig->dir, sizeof rig->dir, "%.40s/usher-XXXXXX",
		tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(rig->dir) == NULL)
		return -1;
	signal(SIGPIPE, SIG_IGN); /* as every program with sockets must */
	rig->base = event_base_new();
	rig->now_ms = 1790000000000;
	*state = rig;
	return 0;
}

static int
remove_one(const char *path, const struct stat *st USHER_UNUSED, int flag USHER_UNUSED,
	struct FTW *ftw USHER_UNUSED)
{
	return remove(path);
}

int
rig_end(void **state)
{
	struct rig *rig = *state;

	side_finish(rig->b);
	side_finish(rig->a);
	if (rig->eye != NULL)
		redisFree(rig->eye);
	event_base_free(rig->base);
	nftw(rig->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(rig);
	libevent_global_shutdown();
	return 0;
}

/* A port that nobody else takes while this process lives: see tools/free_port.py. */
static int
free_port(void)
{
	for (int i = 0; i < PORT_TRIES; i++) {
		struct sockaddr_in place = {
			.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		struct sockaddr_un mark = {.sun_family = AF_UNIX};
		uint16_t chance;
		int port, n, held, probe;
		bool is_free;

		if (getentropy(&chance, sizeof chance) != 0)
			abort();
		port = PORT_LOWEST + chance % PORTS;
		/* An abstract name begins with NUL and has no end but its length. */
		n = snprintf(mark.sun_path + 1, sizeof mark.sun_path - 1, "usher port %d",
			port);
		held = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		place.sin_port = htons((uint16_t)port);
		setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
		is_free = bind(held, (struct sockaddr *)&mark,
				  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
					      (size_t)n)) == 0 &&
			  bind(probe, (struct sockaddr *)&place, sizeof place) == 0;
		close(probe);
		if (is_free)
			return port; /* the mark stays until this process ends */
		close(held);
	}
	abort();
}

void
run_ms(struct rig *rig, int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	event_base_loopexit(rig->base, &tv);
	event_base_dispatch(rig->base);
}

void
wait_for(struct rig *rig, const bool *flag)
{
	int64_t until_ms = clock_boot_ms() + PATIENCE_MS;

	while (!*flag) {
		run_ms(rig, 5);
		if (clock_boot_ms() > until_ms)
			fail_msg("not in time");
	}
}

void
wait_answers(struct side *side, int n)
{
	int64_t until_ms = clock_boot_ms() + PATIENCE_MS;

	while (side->n_answers < n) {
		run_ms(side->rig, 2);
		if (side->failed[0] != '\0')
			fail_msg("failed: %s", side->failed);
		if (clock_boot_ms() > until_ms)
			fail_msg("%d of %d answers in time", side->n_answers, n);
	}
}

/* ---- a store ---- */

static void
on_ready(void *owner, uint32_t epoch, int64_t centre_ms, int64_t wall_ms)
{
	struct side *side = owner;

	side->epoch = epoch;
	side->centre_ms = centre_ms;
	side->wall_ms = wall_ms;
	side->is_ready = side->is_up = true;
	event_base_loopbreak(side->rig->base);
}

static void
on_state(void *owner, bool up, const char *why USHER_UNUSED)
{
	struct side *side = owner;

	side->is_up = up;
	side->downs += !up;
}

static void
on_stale(void *owner)
{
	((struct side *)owner)->is_stale = true;
}

static void
on_failed(void *owner, const char *why)
{
	struct side *side = owner;

	snprintf(side->failed, sizeof side->failed, "%s", why);
}

static int64_t
on_now(void *owner)
{
	return ((struct side *)owner)->rig->now_ms;
}

static void
on_done(void *router, struct step *step, enum step_result result, uint64_t existing)
{
	struct side *side = router;

	if (side->n_answers < ANSWERS_MAX)
		side->answers[side->n_answers] = (struct answer){
			.op = step->op, .existing = existing, .result = result};
	side->n_answers++;
	if (side->on_done != NULL)
		side->on_done(side, step, result);
}

struct side *
side_begin(struct rig *rig, const struct store_redis_settings *changes)
{
	static char port[2][8];
	static const char *cluster_words[] = {"--cluster-enabled", "yes", "--port",
		port[0], "--bind", "127.0.0.1", "--cluster-port", port[1], "--save", ""};
	char error[400], address[128];
	struct store_redis_settings s =
		changes != NULL ? *changes : (struct store_redis_settings){0};
	struct store_redis_hooks hooks = {.ready = on_ready,
		.state = on_state,
		.stale = on_stale,
		.failed = on_failed,
		.now_ms = on_now};
	struct side *side = xcalloc(1, sizeof *side);

	side->rig = rig;
	hooks.owner = side;
	snprintf(address, sizeof address, "unix:%s/redis.sock", rig->dir);
	if (s.redis == NULL)
		s.redis = rig->a == NULL ? "managed" : address;
	if (s.fsync == NULL)
		s.fsync = "always";
	if (s.owner_wait_ms == 0)
		s.owner_wait_ms = 800;
	if (in_cluster && s.n_server_words == 0) {
		snprintf(port[0], sizeof port[0], "%d", free_port());
		snprintf(port[1], sizeof port[1], "%d", free_port());
		s.server_words = cluster_words;
		s.n_server_words = sizeof cluster_words / sizeof cluster_words[0];
	}
	s.state_dir = rig->dir;
	s.centre = CENTRE;
	side->redis = store_redis_create(rig->base, &s, &hooks, error, sizeof error);
	if (side->redis == NULL)
		fail_msg("%s", error);
	store_redis_door(side->redis)->done = on_done;
	store_redis_door(side->redis)->router = side;
	if (rig->a == NULL)
		rig->a = side;
	else
		rig->b = side;
	return side;
}

void
side_finish(struct side *side)
{
	if (side == NULL)
		return;
	store_redis_destroy(side->redis);
	if (side->rig->a == side)
		side->rig->a = NULL;
	else
		side->rig->b = NULL;
	free(side);
}

static void
on_ended(void *owner)
{
	((struct side *)owner)->is_ended = true;
}

void
side_end(struct side *side)
{
	store_redis_end(side->redis, on_ended, side);
	wait_for(side->rig, &side->is_ended);
	side_finish(side);
}

/* Gives a fresh cluster node its slots. */
static void
own_slots(struct rig *rig)
{
	if (look_int(rig, "CLUSTER COUNTKEYSINSLOT 0") >= 0 &&
		strstr(look_text(rig, "CLUSTER INFO"), "cluster_slots_ok:16384") == NULL)
		look(rig, "CLUSTER ADDSLOTSRANGE 0 16383");
}

void
wait_ready(struct side *side)
{
	int64_t until_ms = clock_boot_ms() + PATIENCE_MS;

	if (in_cluster) {
		own_slots(side->rig);
	}
	while (!side->is_ready && side->failed[0] == '\0') {
		run_ms(side->rig, 5);
		if (clock_boot_ms() > until_ms)
			fail_msg("not ready in time");
	}
	if (!side->is_ready)
		fail_msg("failed: %s", side->failed);
}

static void
on_loaded(void *owner, const struct store_loaded *loaded)
{
	struct side *side = owner;

	side->loaded = *loaded;
	side->is_loaded = true;
}

void
load_into(struct side *side, const struct store_load *load)
{
	store_redis_load(side->redis, load, on_loaded, side);
	wait_for(side->rig, &side->is_loaded);
}

/* ---- from outside ---- */

static redisReply *last_reply;

static redisContext *
eye_of(struct rig *rig)
{
	char path[128];
	int64_t until_ms = clock_boot_ms() + PATIENCE_MS;

	snprintf(path, sizeof path, "%s/redis.sock", rig->dir);
	if (rig->eye != NULL && rig->eye->err != 0) {
		redisFree(rig->eye);
		rig->eye = NULL;
	}
	while (rig->eye == NULL) {
		rig->eye = redisConnectUnix(path);
		if (rig->eye->err == 0)
			return rig->eye;
		redisFree(rig->eye);
		rig->eye = NULL;
		run_ms(rig, 10);
		if (clock_boot_ms() > until_ms)
			fail_msg("Redis is not there in time");
	}
	return rig->eye;
}

static redisReply *
look_v(struct rig *rig, const char *format, va_list args)
{
	for (int tries = 0; tries < 100; tries++) {
		va_list again;

		if (last_reply != NULL)
			freeReplyObject(last_reply);
		va_copy(again, args);
		last_reply = redisvCommand(eye_of(rig), format, again);
		va_end(again);
		if (last_reply != NULL &&
			(last_reply->type != REDIS_REPLY_ERROR ||
				strncmp(last_reply->str, "LOADING", 7) != 0))
			return last_reply;
		run_ms(rig, 20);
	}
	fail_msg("no answer to %s", format);
	return NULL;
}

redisReply *
look(struct rig *rig, const char *format, ...)
{
	va_list args;
	redisReply *reply;

	va_start(args, format);
	reply = look_v(rig, format, args);
	va_end(args);
	return reply;
}

int64_t
look_int(struct rig *rig, const char *format, ...)
{
	va_list args;
	redisReply *reply;

	va_start(args, format);
	reply = look_v(rig, format, args);
	va_end(args);
	return reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
}

void
wait_int(struct rig *rig, int64_t expected, const char *format, ...)
{
	int64_t until_ms = clock_boot_ms() + PATIENCE_MS;
	va_list args;

	va_start(args, format);
	for (;;) {
		redisReply *reply = look_v(rig, format, args);

		if (reply->type == REDIS_REPLY_INTEGER && reply->integer == expected)
			break;
		if (clock_boot_ms() > until_ms)
			fail_msg("%s is not %" PRId64 " in time", format, expected);
		run_ms(rig, 20);
	}
	va_end(args);
}

const char *
look_text(struct rig *rig, const char *format, ...)
{
	va_list args;
	redisReply *reply;

	va_start(args, format);
	reply = look_v(rig, format, args);
	va_end(args);
	return reply->str != NULL ? reply->str : "";
}

/* ---- steps ---- */

struct step *
a_step(struct side *side, enum step_kind kind)
{
	struct step *step = xcalloc(1, sizeof *step);

	step->kind = kind;
	step->op = ++side->next_op;
	step->at_ms = side->rig->now_ms;
	step->keep_ms = 3600000;
	step->external_ttl_ms = 7 * 86400000LL;
	step->event = xasprintf("e=%s op=%" PRIu64, step_name[kind], step->op);
	return step;
}

struct step_part *
a_part(struct step *step, uint64_t contact, unsigned expect, enum contact_state state,
	const char *from, const char *to, double key)
{
	struct step_part *p = &step->part[step->n_parts++];

	p->contact = contact;
	p->expect = expect;
	p->state = state;
	p->record = xasprintf("op=%" PRIu64, step->op);
	p->from_class = xstrdup(from);
	p->to_class = xstrdup(to);
	p->key = key;
	if (expect == 0)
		p->payload = xasprintf("{\"contact\":%" PRIu64 "}", contact);
	return p;
}

void
an_agent(struct step *step, const char *id, const char *record)
{
	step->agent[step->n_agents].id = xstrdup(id);
	step->agent[step->n_agents++].record = xstrdup(record);
}

void
commit(struct side *side, struct step *step)
{
	struct store *store = store_redis_door(side->redis);

	store->commit(store, step);
}

void
do_add(struct side *side, uint64_t id, const char *class, const char *external)
{
	struct step *step = a_step(side, STEP_ADD);
	struct step_part *p =
		a_part(step, id, 0, CONTACT_QUEUED, NULL, class, 1.79e12 + (double)id);

	p->external = xstrdup(external);
	commit(side, step);
}

void
do_add_offer(struct side *side, uint64_t id, const char *external)
{
	struct step *step = a_step(side, STEP_ADD_OFFER);
	struct step_part *p = a_part(step, id, 0, CONTACT_OFFERED, NULL, NULL, 0);

	p->external = xstrdup(external);
	p->decision = xstrdup("because");
	p->n_decisions = 1;
	commit(side, step);
}

void
do_offer(struct side *side, uint64_t id, const char *class)
{
	struct step *step = a_step(side, STEP_OFFER);
	struct step_part *p =
		a_part(step, id, IN(CONTACT_QUEUED), CONTACT_OFFERED, class, NULL, 0);

	p->decision = xstrdup("because");
	p->n_decisions = 1;
	commit(side, step);
}

void
do_back(struct side *side, uint64_t id, const char *class)
{
	struct step *step = a_step(side, STEP_BACK);

	a_part(step, id, IN(CONTACT_OFFERED) | IN(CONTACT_CONNECTED), CONTACT_QUEUED,
		NULL, class, 1.79e12 + (double)id);
	commit(side, step);
}

void
do_connect(struct side *side, uint64_t id)
{
	struct step *step = a_step(side, STEP_CONNECT);

	a_part(step, id, IN(CONTACT_OFFERED), CONTACT_CONNECTED, NULL, NULL, 0);
	commit(side, step);
}

void
do_finish(struct side *side, uint64_t id, const char *external)
{
	struct step *step = a_step(side, STEP_FINISH);
	struct step_part *p = a_part(step, id, IN(CONTACT_CONNECTED) | IN(CONTACT_WRAPUP),
		CONTACT_COMPLETED, NULL, NULL, 0);

	p->external = xstrdup(external);
	an_agent(step, "a1", "idle");
	commit(side, step);
}

const char *
contact_key(uint64_t id)
{
	static char keys[2][64];
	static int which;
	char text[NUMBER_ID_TEXT];

	which = 1 - which;
	number_id_format(text, 'c', id);
	snprintf(keys[which], sizeof keys[which], "usher:{" CENTRE "}:c:%s", text);
	return keys[which];
}
