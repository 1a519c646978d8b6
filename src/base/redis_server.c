/*
 * base/redis_server.c - the managed redis-server.
 *
 *   LOCK --lock taken--> RUNNING --child ended--> PAUSE --timer--> LOCK
 *
 * The lock belongs to the open file, which the child inherits: it falls when the last
 * process that has it is gone, so also when we are killed and the child still writes its
 * log out.
 */
#include "base/redis_server.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/redis_address.h"

#define LOCK_RETRY_MS 20
#define WATCH_MS 100 /* where the kernel has no pidfd */
#define PAUSE_LEAST_MS 100
#define PAUSE_MOST_MS 5000
#define STEADY_MS 10000 /* a child that lived so long begins with a short pause again */
#define STOP_MS 10000
#define CHILD_LOCK_FD 3
/* From which size on the log is rewritten once it has doubled. Redis' own 64 MiB are
 * reached within seconds at full load, and a rewrite takes a core; this much is read back
 * in a few seconds. */
#define REWRITE_FROM "256mb"
/* Hashes of few and short values are kept in one piece of memory, contacts among them:
 * less room, and less work than a table of a handful of fields. */
#define PACKED_VALUE "4096" /* bytes */
#define PACKED_FIELDS "32"
#define WORDS_MAX 64 /* of the command line */

enum rserver_state {
	RSERVER_LOCK,
	RSERVER_RUNNING,
	RSERVER_PAUSE,
};

struct rserver {
	struct event_base *base; /* borrowed */
	void (*started)(void *owner);
	void *owner;
	char *dir, *fsync, *program, *address; /* owned */
	int n_more;
	char **more; /* owned */
	enum rserver_state state;
	pid_t pid;
	int pidfd; /* -1: none */
	int64_t begun_ms, pause_ms;
	bool told;	     /* that another holds the lock */
	struct event *timer; /* owned: lock, pause, or watch */
	struct event *gone;  /* owned: pidfd readable; NULL: none */
};

static void
set_timer(struct event *timer, int64_t ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	evtimer_add(timer, &tv);
}

/* ---- the child ---- */

/* The rest of the command line; the values are borrowed from the server. */
static void
fill_words(const struct rserver *s, const char *socket, const char *words[WORDS_MAX])
{
	const char *fixed[] = {s->program, "--port", "0", "--unixsocket", socket,
		"--unixsocketperm", "700", "--dir", s->dir, "--appendonly", "yes",
		"--appendfsync", s->fsync, "--save", "", "--auto-aof-rewrite-min-size",
		REWRITE_FROM, "--hash-max-listpack-value", PACKED_VALUE,
		"--hash-max-listpack-entries", PACKED_FIELDS, "--latency-tracking", "no",
		"--daemonize", "no", "--supervised", "no", "--logfile", "",
		"--maxmemory-policy", "noeviction"};
	int n = 0;

	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
		words[n++] = fixed[i];
	for (int i = 0; i < s->n_more && n < WORDS_MAX - 1; i++)
		words[n++] = s->more[i];
	words[n] = NULL;
}

/* In the child, between fork and exec: only what is safe there. */
static void
become_redis(const char *const *words, int lock, int log, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* TERM, not KILL: it then writes out what it has confirmed. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
		_exit(126);
	/* Ctrl-C is for us; we end it when we have drained. */
	setpgid(0, 0);
	if (dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		_exit(126);
	if (lock == CHILD_LOCK_FD) {
		if (fcntl(lock, F_SETFD, 0) != 0)
			_exit(126);
	} else if (dup2(lock, CHILD_LOCK_FD) < 0) {
		_exit(126);
	}
	close_range(CHILD_LOCK_FD + 1, ~0U, 0);
	execvp(words[0], (char *const *)(uintptr_t)words);
	_exit(127);
}

static int
open_log(const struct rserver *s)
{
	char *path = xasprintf("%s/redis.log", s->dir);
	char *old = xasprintf("%s/redis.log.1", s->dir);
	struct stat st;
	int fd;

	if (stat(path, &st) == 0 && st.st_size > RSERVER_LOG_MAX)
		rename(path, old);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	free(old);
	free(path);
	return fd;
}

static void on_gone(evutil_socket_t fd, short what, void *data);

/* Watches for the child's end. */
static void
watch(struct rserver *s)
{
	s->pidfd = pidfd_open(s->pid, 0);
	if (s->pidfd < 0) {
		set_timer(s->timer, WATCH_MS);
		return;
	}
	fcntl(s->pidfd, F_SETFD, FD_CLOEXEC);
	s->gone = event_new(s->base, s->pidfd, EV_READ, on_gone, s);
	event_add(s->gone, NULL);
}

static void
pause_then_start(struct rserver *s)
{
	s->state = RSERVER_PAUSE;
	set_timer(s->timer, s->pause_ms);
	s->pause_ms *= 2;
	if (s->pause_ms > PAUSE_MOST_MS)
		s->pause_ms = PAUSE_MOST_MS;
}

static void
start_child(struct rserver *s, int lock)
{
	const char *words[WORDS_MAX];
	pid_t parent = getpid(), pid;
	int log = open_log(s);

	fill_words(s, s->address + strlen("unix:"), words);
	pid = log >= 0 ? fork() : -1;
	if (pid == 0)
		become_redis(words, lock, log, parent);
	if (log >= 0)
		close(log);
	if (pid < 0) {
		log_error("redis: cannot start the managed server: %s", strerror(errno));
		pause_then_start(s);
		return;
	}
	log_info("redis: started the managed server pid=%d fsync=%s", (int)pid, s->fsync);
	s->pid = pid;
	s->state = RSERVER_RUNNING;
	s->begun_ms = clock_boot_ms();
	watch(s);
	s->started(s->owner);
}

static void
take_lock(struct rserver *s)
{
	char *path = xasprintf("%s/redis.lock", s->dir);
	int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (lock < 0) {
		log_error("redis: cannot open %s: %s", path, strerror(errno));
		pause_then_start(s);
	} else if (flock(lock, LOCK_EX | LOCK_NB) == 0) {
		s->told = false;
		start_child(s, lock);
	} else {
		if (!s->told)
			log_info("redis: waiting for the server before to end lock=%s",
				path);
		s->told = true;
		s->state = RSERVER_LOCK;
		set_timer(s->timer, LOCK_RETRY_MS);
	}
	if (lock >= 0)
		close(lock); /* the child has it */
	free(path);
}

static void
forget_child(struct rserver *s)
{
	if (s->gone != NULL)
		event_free(s->gone);
	s->gone = NULL;
	if (s->pidfd >= 0)
		close(s->pidfd);
	s->pidfd = -1;
	s->pid = 0;
}

static void
tell_end(const struct rserver *s, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		log_error("redis: %s cannot be run; install redis-server (7.0 or newer), "
			  "or name another Redis in the settings",
			s->program);
	else if (WIFSIGNALED(status))
		log_error("redis: the managed server was ended by signal %d pid=%d; it "
			  "is started again",
			WTERMSIG(status), (int)s->pid);
	else
		log_error("redis: the managed server ended status=%d pid=%d; it is "
			  "started again, its reasons are in %s/redis.log",
			WEXITSTATUS(status), (int)s->pid, s->dir);
}

static void
on_gone(evutil_socket_t fd USHER_UNUSED, short what USHER_UNUSED, void *data)
{
	struct rserver *s = data;
	int status = 0;
	pid_t ended = waitpid(s->pid, &status, WNOHANG);

	if (ended == 0) {
		if (s->pidfd < 0)
			set_timer(s->timer, WATCH_MS);
		else
			event_add(s->gone, NULL);
		return;
	}
	tell_end(s, status);
	if (clock_boot_ms() - s->begun_ms > STEADY_MS)
		s->pause_ms = PAUSE_LEAST_MS;
	forget_child(s);
	pause_then_start(s);
}

static void
on_timer(evutil_socket_t fd USHER_UNUSED, short what USHER_UNUSED, void *data)
{
	struct rserver *s = data;

	switch (s->state) {
	case RSERVER_LOCK:
	case RSERVER_PAUSE:
		take_lock(s);
		return;
	case RSERVER_RUNNING:
		on_gone(-1, 0, s);
		return;
	}
}

/* ---- the door ---- */

/* Redis forks to rewrite its log; with 0 that can fail when memory is short. */
static void
tell_overcommit(void)
{
	FILE *file = fopen("/proc/sys/vm/overcommit_memory", "re");

	if (file != NULL && fgetc(file) == '0')
		log_info(
			"redis: vm.overcommit_memory is 0, so that rewriting the log can "
			"fail when memory is short; sysctl vm.overcommit_memory=1 helps");
	if (file != NULL)
		fclose(file);
}

struct rserver *
rserver_create(struct event_base *base, const struct rserver_settings *settings,
	void (*started)(void *owner), void *owner, char *error, size_t room)
{
	struct rserver *s;
	char *address = xasprintf("unix:%s/redis.sock", settings->dir);
	struct rlink_address checked;

	if (!rlink_address_parse(address, &checked, error, room)) {
		free(address);
		return NULL;
	}
	rlink_address_finish(&checked);
	tell_overcommit();
	s = xcalloc(1, sizeof *s);
	s->base = base;
	s->started = started;
	s->owner = owner;
	s->dir = xstrdup(settings->dir);
	s->fsync = xstrdup(settings->fsync);
	s->program =
		xstrdup(settings->program != NULL ? settings->program : "redis-server");
	s->address = address;
	s->n_more = settings->n_more;
	s->more = xcalloc((size_t)s->n_more + 1, sizeof *s->more);
	for (int i = 0; i < s->n_more; i++)
		s->more[i] = xstrdup(settings->more[i]);
	s->pidfd = -1;
	s->pause_ms = PAUSE_LEAST_MS;
	s->timer = evtimer_new(base, on_timer, s);
	s->state = RSERVER_LOCK;
	set_timer(s->timer, 0);
	return s;
}

/* Waits for the child's end; false when it takes longer. */
static bool
wait_end(pid_t pid, int64_t most_ms)
{
	int64_t until_ms = clock_boot_ms() + most_ms;
	struct timespec nap = {.tv_nsec = 5000000};

	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (clock_boot_ms() >= until_ms)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

void
rserver_destroy(struct rserver *s)
{
	if (s == NULL)
		return;
	if (s->pid > 0) {
		kill(s->pid, SIGTERM);
		if (!wait_end(s->pid, STOP_MS)) {
			log_warn("redis: the managed server does not end; it is killed "
				 "pid=%d",
				(int)s->pid);
			kill(s->pid, SIGKILL);
			waitpid(s->pid, NULL, 0);
		}
	}
	forget_child(s);
	event_free(s->timer);
	for (int i = 0; i < s->n_more; i++)
		free(s->more[i]);
	free(s->more);
	free(s->dir);
	free(s->fsync);
	free(s->program);
	free(s->address);
	free(s);
}

const char *
rserver_address(const struct rserver *s)
{
	return s->address;
}

pid_t
rserver_pid(const struct rserver *s)
{
	return s->pid;
}
