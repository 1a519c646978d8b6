/*
 * tests/bench/bench_lifecycle.c - whole lives of contacts over the desk socket: an intake
 * creates one, an agent gets its offer, accepts, is connected, completes. Started by
 * tools/bench against a daemon of its own.
 *
 *   bench_lifecycle --desk HOST:PORT --key KEY --tokens FILE [--depth N | --rate N]
 *                   [--waiting N] [--hold FILE] [--active N] [--customers N]
 *                   [--seconds N] [--router PID] [--redis PID]
 *
 * With --depth so many lives are in flight (closed loop: P1, P7); with --rate so many a
 * second are begun however long they take (open loop: P11, P12). With --waiting so many
 * contacts more wait all the time (P10), and with --hold nobody serves them before that
 * file is gone; with --active only the first N agents work and
 * the others are logged in (P16). With --customers each contact names one of so many,
 * who is looked up on the way in and becomes a customer; without, none. FILE holds an
 * agent's token a line. Prints one JSON line of figures.
 *
 * An agent: LOGIN --session.ready--> LOGGED_IN --all are, and those wait who shall-->
 * WAIT_READY --state ready--> WORKING, and there he answers offer.created by
 * offer.accept, contact.connected by contact.complete.
 */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

#define AGENTS_MAX 12000
#define INTAKES 4
#define UNANSWERED_MAX 48 /* of one intake: the server takes 64 */
#define WARM_S 1
#define OPENING_MAX 128 /* connections that are not logged in: the server takes 256 */
#define CHECK_MS 20
#define PATIENCE_MS 5000 /* without any progress before the run */
#define PING_MS 100	 /* each agent says something every PING_ROUND of these */
#define PING_ROUND 80
#define PAD_BYTES 700 /* makes a contact of about 1 KB */

enum phase {
	PHASE_LOGIN, /* until all agents are logged in */
	PHASE_FILL,  /* until so many wait as shall */
	PHASE_HELD,  /* until the file of --hold is gone */
	PHASE_READY  /* until those are ready who work */
};

struct bench;

struct peer {
	struct bench *bench; /* borrowed */
	struct bufferevent *stream;
	char *token; /* NULL: an intake */
	int unanswered;
	uint64_t next_id;
	bool ready;
};

struct bench {
	struct event_base *base;
	struct sockaddr_in desk;
	const char *key;
	int n_agents, n_opened, n_logged_in, n_ready, depth, rate, seconds, customers;
	int waiting;	  /* besides the depth */
	int active;	  /* agents that work: the first ones */
	const char *hold; /* NULL: none */
	enum phase phase;
	uint64_t progress; /* logins, submissions and ready agents when last looked */
	int checks;	   /* since then */
	pid_t router, redis;
	struct peer agents[AGENTS_MAX], intakes[INTAKES];
	struct event *pace;
	uint64_t submitted, completed, refused, begin_completed;
	uint64_t paced; /* of an open loop: begun so far */
	uint64_t began_ns;
	double began_cpu[4];
	bool measuring;
	struct histogram dispatch;
	char pad[PAD_BYTES + 1];
};

static void
fail(const char *what, const char *line)
{
	fprintf(stderr, "bench_lifecycle: %s: %.300s\n", what, line);
	exit(1);
}

/* ---- the intake ---- */

/* The title carries the moment of submission to whoever gets the offer. */
static void
submit(struct peer *intake)
{
	struct bench *bench = intake->bench;
	char customer[64] = "";

	if (bench->customers > 0)
		snprintf(customer, sizeof customer,
			"\"customer\":{\"id\":\"cust-%06d\"},",
			(int)(bench->submitted % (uint64_t)bench->customers));
	evbuffer_add_printf(bufferevent_get_output(intake->stream),
		"{\"jsonrpc\":\"2.0\",\"id\":\"%" PRIu64
		"\",\"method\":\"contact.create\",\"params\":{\"channel\":"
		"\"task\",\"source\":\"bench\",\"external_id\":\"%d-%" PRIu64
		"\",\"title\":\"t%" PRIu64 "\",%s\"payload\":{\"pad\":\"%s\"}}}\n",
		intake->next_id, (int)getpid(), bench->submitted, measure_ns(), customer,
		bench->pad);
	intake->next_id++;
	intake->unanswered++;
	bench->submitted++;
}

static struct peer *
idlest_intake(struct bench *bench)
{
	struct peer *best = &bench->intakes[0];

	for (int i = 1; i < INTAKES; i++)
		if (bench->intakes[i].unanswered < best->unanswered)
			best = &bench->intakes[i];
	return best;
}

/* Closed loop: begin lives until `depth` are in flight behind those that wait. */
static void
fill(struct bench *bench)
{
	uint64_t live = (uint64_t)bench->waiting;

	if (bench->phase == PHASE_READY && bench->rate == 0)
		live += (uint64_t)bench->depth;
	while (bench->submitted < bench->completed + bench->refused + live) {
		struct peer *intake = idlest_intake(bench);

		if (intake->unanswered >= UNANSWERED_MAX)
			return;
		submit(intake);
	}
}

/* Open loop: begin what is due by now, each at its own moment. */
static void
on_pace(evutil_socket_t fd, short what, void *owner)
{
	struct bench *bench = owner;
	double seconds = (double)(measure_ns() - bench->began_ns) / 1e9;

	while ((double)bench->paced < seconds * bench->rate) {
		struct peer *intake = idlest_intake(bench);

		bench->paced++;
		if (intake->unanswered < UNANSWERED_MAX)
			submit(intake);
	}
}

static void
intake_line(struct peer *intake, const char *line)
{
	struct bench *bench = intake->bench;

	if (strstr(line, "\"id\":\"p\"") != NULL)
		return;
	if (strstr(line, "\"error\"") != NULL) {
		if (!intake->ready)
			fail("the key is refused", line);
		bench->refused++;
	}
	if (strstr(line, "\"result\"") != NULL && !intake->ready) {
		intake->ready = true;
		return;
	}
	if (strstr(line, "\"method\"") == NULL)
		intake->unanswered--;
	fill(bench);
}

/* ---- the agents ---- */

/* Copies the text member that follows `name` ("\"offer\":\"") into id. */
static bool
find_id(const char *line, const char *name, char id[32])
{
	const char *at = strstr(line, name);
	size_t n;

	if (at == NULL)
		return false;
	at += strlen(name);
	n = strcspn(at, "\"");
	if (n == 0 || n >= 32)
		return false;
	memcpy(id, at, n);
	id[n] = '\0';
	return true;
}

static uint64_t
submitted_ns(const char *line)
{
	const char *at = strstr(line, "\"title\":\"t");

	return at != NULL ? strtoull(at + 10, NULL, 10) : 0;
}

static void
ask(struct peer *peer, const char *method, const char *member, const char *id)
{
	evbuffer_add_printf(bufferevent_get_output(peer->stream),
		"{\"jsonrpc\":\"2.0\",\"id\":\"%" PRIu64
		"\",\"method\":\"%s\",\"params\":{\"%s\":\"%s\"}}\n",
		peer->next_id++, method, member, id);
}

static void
agent_offered(struct peer *agent, const char *line)
{
	struct bench *bench = agent->bench;
	uint64_t since = submitted_ns(line);
	char offer[32];

	if (!find_id(line, "\"offer\":\"", offer))
		fail("an offer without its id", line);
	if (bench->measuring && since != 0)
		histogram_add(&bench->dispatch, measure_ns() - since);
	ask(agent, "offer.accept", "offer", offer);
}

static void
agent_completed(struct peer *agent)
{
	struct bench *bench = agent->bench;
	bench->completed++;
	fill(bench);
}

static void
agent_line(struct peer *agent, const char *line)
{
	char contact[32];

	if (strstr(line, "\"method\":\"offer.created\"") != NULL) {
		agent_offered(agent, line);
	} else if (strstr(line, "\"method\":\"contact.connected\"") != NULL) {
		if (!find_id(line, "\"contact\":{\"id\":\"", contact))
			fail("a contact without its id", line);
		ask(agent, "contact.complete", "contact", contact);
	} else if (strstr(line, "\"method\":\"contact.completed\"") != NULL) {
		agent_completed(agent);
	} else if (strstr(line, "\"method\":\"session.ready\"") != NULL) {
		agent->bench->n_logged_in++;
	} else if (strstr(line, "\"state\":\"not_responding\"") != NULL) {
		ask(agent, "agent.set_state", "state", "ready");
	} else if (!agent->ready && strstr(line, "\"state\":\"ready\"") != NULL) {
		agent->ready = true;
		agent->bench->n_ready++;
	} else if (!agent->ready && strstr(line, "\"error\"") != NULL) {
		fail("an agent is refused", line);
	}
}

/* ---- connections ---- */

static void
on_read(struct bufferevent *stream, void *owner)
{
	struct peer *peer = owner;
	struct evbuffer *input = bufferevent_get_input(stream);
	char *line;

	while ((line = evbuffer_readln(input, NULL, EVBUFFER_EOL_LF)) != NULL) {
		if (peer->token != NULL)
			agent_line(peer, line);
		else
			intake_line(peer, line);
		free(line);
	}
}

static void
on_end(struct bufferevent *stream, short what, void *owner)
{
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		fail("the daemon closed a connection", "look into its log");
}

static void
open_peer(struct bench *bench, struct peer *peer, char *token)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (connect(fd, (const void *)&bench->desk, sizeof bench->desk) != 0) {
		perror("bench_lifecycle: cannot connect to the desk");
		exit(1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	evutil_make_socket_nonblocking(fd);
	*peer = (struct peer){.bench = bench, .token = token, .next_id = 1};
	peer->stream = bufferevent_socket_new(bench->base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(peer->stream, on_read, NULL, on_end, peer);
	bufferevent_enable(peer->stream, EV_READ | EV_WRITE);
	ask(peer, "session.login", token != NULL ? "token" : "key",
		token != NULL ? token : bench->key);
}

/* ---- the run ---- */

static void
note_begin(struct bench *bench)
{
	bench->measuring = true;
	bench->begin_completed = bench->completed;
	bench->began_cpu[0] = measure_main_cpu(bench->router);
	bench->began_cpu[1] = measure_cpu(bench->redis);
	bench->began_cpu[2] = measure_cpu(getpid());
	bench->began_cpu[3] = measure_cpu(bench->router);
	bench->began_ns = measure_ns();
	bench->paced = 0;
}

static void
on_finish(evutil_socket_t fd, short what, void *owner)
{
	struct bench *bench = owner;

	event_base_loopbreak(bench->base);
}

static void
on_begin(evutil_socket_t fd, short what, void *owner)
{
	struct bench *bench = owner;
	struct timeval finish = {bench->seconds, 0};

	note_begin(bench);
	event_base_once(bench->base, -1, EV_TIMEOUT, on_finish, bench, &finish);
}

static void
open_agents(struct bench *bench)
{
	while (bench->n_opened < bench->n_agents &&
		bench->n_opened < bench->n_logged_in + OPENING_MAX) {
		struct peer *agent = &bench->agents[bench->n_opened++];

		open_peer(bench, agent, agent->token);
	}
}

static bool
all_answered(const struct bench *bench)
{
	for (int i = 0; i < INTAKES; i++)
		if (bench->intakes[i].unanswered > 0)
			return false;
	return true;
}

static void
fail_without_progress(struct bench *bench)
{
	uint64_t progress =
		(uint64_t)(bench->n_logged_in + bench->n_ready) + bench->submitted;

	if (progress != bench->progress || bench->phase == PHASE_HELD)
		bench->checks = 0;
	bench->progress = progress;
	if (bench->checks++ > PATIENCE_MS / CHECK_MS)
		fail("agents did not become ready", "look into its log");
}

static void
begin(struct bench *bench)
{
	struct timeval warm = {WARM_S, 0}, tick = {0, 1000};

	bench->began_ns = measure_ns();
	if (bench->rate > 0) {
		bench->pace = event_new(
			bench->base, -1, EV_TIMEOUT | EV_PERSIST, on_pace, bench);
		event_add(bench->pace, &tick);
	}
	fill(bench);
	event_base_once(bench->base, -1, EV_TIMEOUT, on_begin, bench, &warm);
}

/* From phase to phase; behind the last one the run begins. */
static void
on_check(evutil_socket_t fd, short what, void *owner)
{
	struct bench *bench = owner;
	struct timeval again = {0, CHECK_MS * 1000};

	fail_without_progress(bench);
	open_agents(bench);
	if (bench->phase == PHASE_LOGIN && bench->n_logged_in == bench->n_agents)
		bench->phase = PHASE_FILL;
	if (bench->phase == PHASE_FILL) {
		fill(bench);
		if (bench->submitted >= (uint64_t)bench->waiting && all_answered(bench))
			bench->phase = PHASE_HELD;
	}
	if (bench->phase == PHASE_HELD &&
		(bench->hold == NULL || access(bench->hold, F_OK) != 0)) {
		bench->phase = PHASE_READY;
		for (int i = 0; i < bench->active; i++)
			ask(&bench->agents[i], "agent.set_state", "state", "ready");
	}
	if (bench->phase == PHASE_READY && bench->n_ready >= bench->active)
		begin(bench);
	else
		event_base_once(bench->base, -1, EV_TIMEOUT, on_check, bench, &again);
}

static void
ping(struct peer *peer)
{
	evbuffer_add_printf(bufferevent_get_output(peer->stream),
		"{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":"
		"\"session.ping\",\"params\":{}}\n");
}

/* Some of the agents say that they are there, the next ones the next time; intakes, too,
 * while they have nothing to say. */
static void
on_ping(evutil_socket_t fd, short what, void *owner)
{
	struct bench *bench = owner;
	static int round;

	for (int i = round; i < bench->n_opened; i += PING_ROUND)
		ping(&bench->agents[i]);
	for (int i = round; bench->phase == PHASE_HELD && i < INTAKES; i += PING_ROUND)
		ping(&bench->intakes[i]);
	round = (round + 1) % PING_ROUND;
}

static void
report(const struct bench *bench)
{
	double seconds = (double)(measure_ns() - bench->began_ns) / 1e9;
	double n = (double)(bench->completed - bench->begin_completed);
	double router = measure_main_cpu(bench->router) - bench->began_cpu[0];
	double redis = measure_cpu(bench->redis) - bench->began_cpu[1];
	double all = measure_cpu(bench->router) - bench->began_cpu[3];
	double client = measure_cpu(getpid()) - bench->began_cpu[2];

	printf("{\"lives_s\":%.1f,\"lives\":%.0f,\"refused\":%" PRIu64
	       ",\"dispatch_p50_us\":%.0f,\"dispatch_p99_us\":%.0f,\"router_cpu_us\":%."
	       "1f,"
	       "\"redis_cpu_us\":%.1f,\"client_cpu_us\":%.1f,\"beside_cpu_us\":%.1f}\n",
		n / seconds, n, bench->refused, histogram_us(&bench->dispatch, 0.5),
		histogram_us(&bench->dispatch, 0.99), router * 1e6 / n, redis * 1e6 / n,
		client * 1e6 / n, (all - router) * 1e6 / n);
}

static bool
read_desk(struct bench *bench, const char *text)
{
	char host[64];
	const char *colon = strrchr(text, ':');

	if (colon == NULL || (size_t)(colon - text) >= sizeof host)
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	bench->desk.sin_family = AF_INET;
	bench->desk.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	return inet_pton(AF_INET, host, &bench->desk.sin_addr) == 1;
}

static bool
read_tokens(struct bench *bench, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[256];

	if (file == NULL)
		return false;
	while (bench->n_agents < AGENTS_MAX && fgets(line, sizeof line, file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		bench->agents[bench->n_agents++].token = strdup(line);
	}
	fclose(file);
	return bench->n_agents > 0;
}

static const struct option options[] = {{"desk", required_argument, NULL, 'd'},
	{"key", required_argument, NULL, 'k'}, {"tokens", required_argument, NULL, 't'},
	{"depth", required_argument, NULL, 'n'}, {"rate", required_argument, NULL, 'r'},
	{"waiting", required_argument, NULL, 'w'}, {"hold", required_argument, NULL, 'h'},
	{"active", required_argument, NULL, 'a'},
	{"customers", required_argument, NULL, 'c'},
	{"seconds", required_argument, NULL, 's'},
	{"router", required_argument, NULL, 'R'}, {"redis", required_argument, NULL, 'S'},
	{0}};

int
main(int argc, char **argv)
{
	static struct bench bench = {.depth = 50, .seconds = 4};
	struct timeval soon = {0, CHECK_MS * 1000}, beat = {0, PING_MS * 1000};
	struct event *pings;
	const char *tokens = NULL, *desk = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'd':
			desk = optarg;
			break;
		case 'k':
			bench.key = optarg;
			break;
		case 't':
			tokens = optarg;
			break;
		case 'n':
			bench.depth = (int)strtol(optarg, NULL, 10);
			break;
		case 'r':
			bench.rate = (int)strtol(optarg, NULL, 10);
			break;
		case 'w':
			bench.waiting = (int)strtol(optarg, NULL, 10);
			break;
		case 'h':
			bench.hold = optarg;
			break;
		case 'a':
			bench.active = (int)strtol(optarg, NULL, 10);
			break;
		case 'c':
			bench.customers = (int)strtol(optarg, NULL, 10);
			break;
		case 's':
			bench.seconds = (int)strtol(optarg, NULL, 10);
			break;
		case 'R':
			bench.router = (pid_t)strtol(optarg, NULL, 10);
			break;
		case 'S':
			bench.redis = (pid_t)strtol(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	if (desk == NULL || bench.key == NULL || tokens == NULL ||
		!read_desk(&bench, desk)) {
		fprintf(stderr,
			"usage: bench_lifecycle --desk HOST:PORT --key KEY "
			"--tokens FILE [--depth N | --rate N] [--waiting N] "
			"[--hold FILE] [--active N] [--customers N] [--seconds N]\n");
		return 2;
	}
	memset(bench.pad, 'x', PAD_BYTES);
	bench.base = event_base_new();
	if (!read_tokens(&bench, tokens)) {
		fprintf(stderr, "bench_lifecycle: no tokens in %s\n", tokens);
		return 2;
	}
	if (bench.active <= 0 || bench.active > bench.n_agents)
		bench.active = bench.n_agents;
	for (int i = 0; i < INTAKES; i++)
		open_peer(&bench, &bench.intakes[i], NULL);
	pings = event_new(bench.base, -1, EV_TIMEOUT | EV_PERSIST, on_ping, &bench);
	event_add(pings, &beat);
	event_base_once(bench.base, -1, EV_TIMEOUT, on_check, &bench, &soon);
	event_base_dispatch(bench.base);
	report(&bench);
	return 0;
}
