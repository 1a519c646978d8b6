/* desk/ledger.c - facts in a file, a line each; see ledger.h. */
#include "desk/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"

#define LEDGER_FILE_MAX (256L << 20) /* bytes; more than 500,000 tokens */

struct ledger {
	char *path; /* owned */
	int fd;
	size_t lines;
	off_t size; /* up to the last confirmed line */
};

static bool
rights_are_narrow(const char *path, const struct stat *st)
{
	if ((st->st_mode & 077) == 0)
		return true;
	log_error("desk: %s may be read by others than its owner; run: chmod 600 %s",
		path, path);
	return false;
}

/* The whole file; the caller owns it. NULL: logged. */
static char *
slurp(struct ledger *l, size_t *n)
{
	struct stat st;
	char *text;
	ssize_t got;

	*n = 0;
	if (fstat(l->fd, &st) != 0 || !rights_are_narrow(l->path, &st))
		return NULL;
	if (st.st_size > LEDGER_FILE_MAX) {
		log_error("desk: %s is larger than %ld bytes; move it away", l->path,
			LEDGER_FILE_MAX);
		return NULL;
	}
	text = xmalloc((size_t)st.st_size + 1);
	while (*n < (size_t)st.st_size) {
		got = pread(l->fd, text + *n, (size_t)st.st_size - *n, (off_t)*n);
		if (got <= 0)
			break;
		*n += (size_t)got;
	}
	text[*n] = '\0';
	return text;
}

static bool
read_lines(struct ledger *l, bool (*line)(void *owner, json_t *object), void *owner)
{
	struct json_problem problem;
	size_t n;
	char *text = slurp(l, &n), *at = text, *end;

	if (text == NULL)
		return false;
	for (; (end = memchr(at, '\n', n - (size_t)(at - text))) != NULL; at = end + 1) {
		json_t *object = json_read(at, (size_t)(end - at), &problem);

		l->lines++;
		if (object == NULL || !line(owner, object))
			log_error("desk: line %zu of %s means nothing and is skipped",
				l->lines, l->path);
		json_decref(object);
	}
	l->size = at - text;
	if ((size_t)l->size < n)
		log_warn("desk: %s ends within a line, which was never confirmed",
			l->path);
	free(text);
	return true;
}

/* The folder of a path; the caller owns it. */
static char *
folder_of(const char *path)
{
	char *folder = xstrdup(path), *slash = strrchr(folder, '/');

	if (slash == NULL) {
		free(folder);
		return xstrdup(".");
	}
	slash[slash == folder] = '\0';
	return folder;
}

int
ledger_open_file(const char *path, int more_flags)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | more_flags, 0600);
	char *folder = folder_of(path);
	struct stat st;
	bool ok = fd >= 0 &&
		  (geteuid() != 0 || (stat(folder, &st) == 0 &&
					     fchown(fd, st.st_uid, st.st_gid) == 0));

	free(folder);
	if (!ok && fd >= 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

struct ledger *
ledger_open(const char *path, bool (*line)(void *owner, json_t *object), void *owner)
{
	struct ledger *l = xcalloc(1, sizeof *l);

	l->path = xstrdup(path);
	l->fd = ledger_open_file(path, 0);
	if (l->fd < 0) {
		log_error("desk: cannot open %s: %s", path, strerror(errno));
	} else if (read_lines(l, line, owner)) {
		return l;
	}
	ledger_close(l);
	return NULL;
}

void
ledger_close(struct ledger *ledger)
{
	if (ledger == NULL)
		return;
	if (ledger->fd >= 0)
		close(ledger->fd);
	free(ledger->path);
	free(ledger);
}

void
ledger_add(struct text *change, json_t *object)
{
	json_write(change, object);
	text_add(change, "\n");
	json_decref(object);
}

static bool
write_all(int fd, const struct text *t, off_t at)
{
	size_t done = 0;

	while (done < t->n) {
		ssize_t n = pwrite(fd, t->s + done, t->n - done, at + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static size_t
count_lines(const struct text *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->s[i] == '\n';
	return n;
}

bool
ledger_append(struct ledger *ledger, const struct text *change)
{
	if (change->n == 0)
		return true;
	/* What an unconfirmed write left behind is overwritten: size counts confirmed
	 * lines only. */
	if (!write_all(ledger->fd, change, ledger->size) ||
		ftruncate(ledger->fd, ledger->size + (off_t)change->n) != 0 ||
		fdatasync(ledger->fd) != 0) {
		log_error("desk: cannot write %s: %s; make room on the disk",
			ledger->path, strerror(errno));
		return false;
	}
	ledger->size += (off_t)change->n;
	ledger->lines += count_lines(change);
	return true;
}

/* A rename is durable once its folder is synced. */
static bool
sync_folder(const char *path)
{
	char *folder = folder_of(path);
	int fd;
	bool ok;

	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	free(folder);
	return ok;
}

bool
ledger_replace(struct ledger *ledger, const struct text *all)
{
	char *fresh = xasprintf("%s.new", ledger->path);
	int fd = ledger_open_file(fresh, O_TRUNC);
	bool ok = fd >= 0 && write_all(fd, all, 0) && fsync(fd) == 0 &&
		  rename(fresh, ledger->path) == 0 && sync_folder(ledger->path);

	if (ok) {
		close(ledger->fd);
		ledger->fd = fd;
		ledger->size = (off_t)all->n;
		ledger->lines = count_lines(all);
	} else {
		log_error("desk: cannot write %s: %s; make room on the disk", fresh,
			strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	free(fresh);
	return ok;
}

size_t
ledger_lines(const struct ledger *ledger)
{
	return ledger->lines;
}
