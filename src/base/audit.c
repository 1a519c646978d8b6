/* base/audit.c - writes the audit's chain; see audit.h. */
#include "base/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/audit_inner.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/moment.h"
#include "base/text.h"

struct audit_log {
	char *state; /* owned; the state directory */
	int fd, number;
	off_t size;
	int64_t n; /* of the last record */
	char head[AUDIT_HASH];
	bool damaged; /* half a line could not be taken back */

	/* The thread that syncs; it has descriptors of its own. */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int to_sync; /* descriptor; -1: nothing to do */
	bool ending;
};

/* ---- the disk, on a thread of its own ---- */

static void *
sync_loop(void *owner)
{
	struct audit_log *log = owner;

	pthread_mutex_lock(&log->lock);
	for (;;) {
		int fd;

		while (log->to_sync < 0 && !log->ending)
			pthread_cond_wait(&log->wake, &log->lock);
		if (log->to_sync < 0)
			break;
		fd = log->to_sync;
		log->to_sync = -1;
		pthread_mutex_unlock(&log->lock);
		if (fdatasync(fd) != 0)
			log_error("audit: the disk did not take it: %s", strerror(errno));
		close(fd);
		pthread_mutex_lock(&log->lock);
	}
	pthread_mutex_unlock(&log->lock);
	return NULL;
}

static void
ask_for_sync(struct audit_log *log)
{
	pthread_mutex_lock(&log->lock);
	if (log->to_sync < 0)
		log->to_sync = fcntl(log->fd, F_DUPFD_CLOEXEC, 0);
	pthread_cond_signal(&log->wake);
	pthread_mutex_unlock(&log->lock);
}

/* ---- files ---- */

/* Root makes what it makes the property of who owns the state directory. */
static bool
give_to_owner(const struct audit_log *log, int fd)
{
	struct stat st;

	return geteuid() != 0 ||
	       (stat(log->state, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0);
}

static bool
make_folder(const struct audit_log *log)
{
	char *path = xasprintf("%s/" AUDIT_FOLDER, log->state);
	int fd;
	bool ok = mkdir(path, 0700) == 0 || errno == EEXIST;

	fd = ok ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
	ok = fd >= 0 && give_to_owner(log, fd);
	if (!ok)
		log_error("audit: cannot make %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(path);
	return ok;
}

static bool
open_file(struct audit_log *log, int number)
{
	char *path = audit_path(log->state, number);
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;
	bool ok = false;

	if (fd < 0 || fstat(fd, &st) != 0 || !give_to_owner(log, fd))
		log_error("audit: cannot open %s: %s", path, strerror(errno));
	else if ((st.st_mode & 077) != 0)
		log_error("audit: %s may be read by others than its owner; run: chmod "
			  "600 %s",
			path, path);
	else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		log_error("audit: %s is written by another process", path);
	else
		ok = true;
	if (ok) {
		if (log->fd >= 0)
			close(log->fd);
		log->fd = fd;
		log->number = number;
		log->size = st.st_size;
	} else if (fd >= 0) {
		close(fd);
	}
	free(path);
	return ok;
}

/* ---- records ---- */

static void
put(struct text *line, const char *name, const char *value)
{
	json_t *text;
	size_t n = value != NULL ? strlen(value) : 0;

	if (value == NULL)
		return;
	if (n > AUDIT_TEXT_MAX) {
		n = AUDIT_TEXT_MAX;
		while (n > 0 && ((unsigned char)value[n] & 0xc0) == 0x80)
			n--; /* not within a character */
	}
	text = json_stringn(value, n);
	if (text == NULL)
		text = json_string("(not text)");
	text_addf(line, ",\"%s\":", name);
	json_write(line, text);
	json_decref(text);
}

/* The line of an act, and its hash. */
static void
make_line(const struct audit_log *log, const struct audit_act *act, int64_t wall_ms,
	struct text *line, char hash[AUDIT_HASH])
{
	char moment[MOMENT_TEXT];

	moment_format(moment, wall_ms);
	text_addf(line, "{\"n\":%lld,\"at\":\"%s\"", (long long)log->n + 1, moment);
	put(line, "who", act->who);
	put(line, "role", act->role);
	put(line, "from", act->from);
	put(line, "what", act->what);
	put(line, "object", act->object);
	put(line, "detail", act->detail);
	put(line, "before", act->before);
	put(line, "after", act->after);
	put(line, "outcome", act->outcome);
	put(line, "prev", log->head);
	audit_hash(hash, line->s, line->n);
	text_addf(line, ",\"hash\":\"%s\"}\n", hash);
}

/* Appends the bytes whole or not at all. */
static bool
append(struct audit_log *log, const struct text *line)
{
	ssize_t n = write(log->fd, line->s, line->n);

	if (n == (ssize_t)line->n) {
		log->size += n;
		return true;
	}
	log_error(
		"audit: cannot write: %s", n < 0 ? strerror(errno) : "the disk is full");
	if (n > 0 && ftruncate(log->fd, log->size) != 0)
		log->damaged = true;
	return false;
}

bool
audit_write(struct audit_log *log, const struct audit_act *act, int64_t wall_ms)
{
	struct text line = {0};
	char hash[AUDIT_HASH];
	bool ok;

	if (log->damaged && ftruncate(log->fd, log->size) != 0)
		return false;
	log->damaged = false;
	if (log->size >= AUDIT_FILE_MAX && log->number + 1 < AUDIT_FILES_MAX &&
		!open_file(log, log->number + 1))
		return false;
	make_line(log, act, wall_ms, &line, hash);
	ok = append(log, &line);
	if (ok) {
		log->n++;
		memcpy(log->head, hash, sizeof log->head);
		ask_for_sync(log);
	}
	text_finish(&line);
	return ok;
}

/* ---- opening ---- */

/* Reads the last file, so that the chain goes on where it ended; a file that was begun
 * and has no record yet goes on from the one before it. */
static bool
find_end(struct audit_log *log, struct audit_walk *walk)
{
	struct audit_walk end;
	int first, last;
	char *path;
	bool ok = audit_files(log->state, &first, &last);

	if (!ok || last == 0)
		return ok && open_file(log, 1);
	path = audit_path(log->state, last);
	ok = audit_walk_file(walk, path);
	free(path);
	end = *walk;
	for (int i = last - 1; ok && i >= first && walk->report->records == 0; i--) {
		walk->torn[0] = '\0';
		path = audit_path(log->state, i);
		ok = audit_walk_file(walk, path);
		free(path);
	}
	*walk = end;
	return ok && open_file(log, last);
}

/* Closes a line that a crash cut off. */
static bool
close_torn_line(struct audit_log *log, const struct audit_walk *walk)
{
	struct audit_act act = {.who = "usherd",
		.what = AUDIT_TORN,
		.detail = walk->torn,
		.outcome = "done"};

	log_warn("audit: a crash cut off the last line; a record says so");
	if (write(log->fd, "\n", 1) != 1) {
		log_error("audit: cannot write: %s", strerror(errno));
		return false;
	}
	log->size++;
	return audit_write(log, &act, clock_wall_ms());
}

struct audit_log *
audit_open(const char *state_directory)
{
	struct audit_log *log = xcalloc(1, sizeof *log);
	struct audit_report report = {.wrong = ""};
	struct audit_walk walk = {.report = &report};

	log->fd = log->to_sync = -1;
	log->state = xstrdup(state_directory);
	pthread_mutex_init(&log->lock, NULL);
	pthread_cond_init(&log->wake, NULL);
	audit_digest(log->head, "usher audit 1");
	if (!make_folder(log) || !find_end(log, &walk) ||
		pthread_create(&log->thread, NULL, sync_loop, log) != 0) {
		log->thread = 0;
		audit_close(log);
		return NULL;
	}
	if (report.wrong[0] != '\0')
		log_error(
			"audit: the chain does not hold: %s; run: usherctl audit verify",
			report.wrong);
	if (report.records > 0) {
		log->n = report.last;
		memcpy(log->head, report.head, sizeof log->head);
	}
	if (walk.unfinished > 0 && !close_torn_line(log, &walk)) {
		audit_close(log);
		return NULL;
	}
	return log;
}

void
audit_close(struct audit_log *log)
{
	if (log == NULL)
		return;
	if (log->thread != 0) {
		pthread_mutex_lock(&log->lock);
		log->ending = true;
		pthread_cond_signal(&log->wake);
		pthread_mutex_unlock(&log->lock);
		pthread_join(log->thread, NULL);
	}
	if (log->fd >= 0)
		close(log->fd);
	pthread_mutex_destroy(&log->lock);
	pthread_cond_destroy(&log->wake);
	free(log->state);
	free(log);
}
