/*
 * base/blob.c - files named by their content.
 *
 *   begin: new/N.part --add--> hashed and written --end--> fsync, rename, fsync of folder
 */
#include "base/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"

#define HASH_BYTES 32
#define SHELVES 256 /* folders, by the first byte of the hash */
#define SHELF_DIGITS 2
#define KEEPERS_MAX 8
#define NEW_NAME 64 /* bytes of a name in new/ */

struct blobs {
	char *folder;		  /* owned */
	int dir;		  /* of the folder */
	pthread_mutex_t lock;	  /* over what follows */
	uint64_t last;		  /* of the names in new/ */
	bool shelf_made[SHELVES]; /* known to be there and flushed */
	int n_keepers;
	struct {
		blob_keeper fn;
		void *owner;
	} keeper[KEEPERS_MAX];
};

struct blob_writer {
	struct blobs *blobs; /* borrowed */
	EVP_MD_CTX *hash;    /* owned */
	char name[NEW_NAME]; /* below the folder */
	int fd;
	int64_t n, most;
	int error; /* errno of the first failure; EFBIG: too much; 0: none */
};

static void
say(char problem[BLOB_PROBLEM], const struct blobs *blobs, const char *what, int error)
{
	snprintf(problem, BLOB_PROBLEM, "%s: %s: %s", blobs->folder, what,
		error == EFBIG ? "it is larger than is allowed" : strerror(error));
}

bool
blob_name_is_valid(const char *name)
{
	return strlen(name) == BLOB_NAME - 1 &&
	       strspn(name, "0123456789abcdef") == BLOB_NAME - 1;
}

/* "ab/cdef..." below the folder. */
static void
place_of(const char *name, char out[BLOB_NAME + 1])
{
	snprintf(out, BLOB_NAME + 1, "%.*s/%s", SHELF_DIGITS, name, name + SHELF_DIGITS);
}

/* ---- life ---- */

/* What was being written when the process ended is nobody's. */
static void
clear_new(int dir)
{
	int fd = openat(dir, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			(void)unlinkat(fd, e->d_name, 0);
	closedir(d);
}

struct blobs *
blobs_open(const char *state_dir, char problem[BLOB_PROBLEM])
{
	struct blobs *blobs = xcalloc(1, sizeof *blobs);
	int error = 0;

	blobs->folder = xasprintf("%s/blobs", state_dir);
	blobs->dir = -1;
	pthread_mutex_init(&blobs->lock, NULL);
	if (mkdir(blobs->folder, 0700) != 0 && errno != EEXIST)
		error = errno;
	if (error == 0)
		blobs->dir = open(blobs->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (error == 0 && blobs->dir < 0)
		error = errno;
	if (error == 0 && mkdirat(blobs->dir, "new", 0700) != 0 && errno != EEXIST)
		error = errno;
	if (error == 0 && fsync(blobs->dir) != 0)
		error = errno;
	if (error != 0) {
		say(problem, blobs, "cannot be used as the folder of files", error);
		blobs_close(blobs);
		return NULL;
	}
	clear_new(blobs->dir);
	return blobs;
}

void
blobs_close(struct blobs *blobs)
{
	if (blobs == NULL)
		return;
	if (blobs->dir >= 0)
		close(blobs->dir);
	pthread_mutex_destroy(&blobs->lock);
	free(blobs->folder);
	free(blobs);
}

/* ---- writing ---- */

static bool
disk_has_room(const struct blobs *blobs)
{
	struct statvfs st;

	return fstatvfs(blobs->dir, &st) != 0 ||
	       (int64_t)st.f_bavail * (int64_t)st.f_frsize >= BLOB_FREE_MIN;
}

struct blob_writer *
blob_begin(struct blobs *blobs, int64_t most, char problem[BLOB_PROBLEM])
{
	struct blob_writer *w;
	uint64_t number;

	/* The disk is Redis's too: files stop before it is full. */
	if (!disk_has_room(blobs)) {
		say(problem, blobs, "no file is taken", ENOSPC);
		return NULL;
	}
	pthread_mutex_lock(&blobs->lock);
	number = ++blobs->last;
	pthread_mutex_unlock(&blobs->lock);
	w = xcalloc(1, sizeof *w);
	*w = (struct blob_writer){
		.blobs = blobs, .most = most < BLOB_MAX ? most : BLOB_MAX};
	snprintf(w->name, sizeof w->name, "new/%ld-%" PRIu64, (long)getpid(), number);
	w->fd = openat(blobs->dir, w->name,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	w->hash = EVP_MD_CTX_new();
	if (w->fd < 0 || w->hash == NULL ||
		EVP_DigestInit_ex(w->hash, EVP_sha256(), NULL) != 1) {
		say(problem, blobs, "a file cannot be made", w->fd < 0 ? errno : ENOMEM);
		blob_abandon(w);
		return NULL;
	}
	return w;
}

static int
write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? errno : EIO;
		data += done;
		n -= (size_t)done;
	}
	return 0;
}

bool
blob_add(struct blob_writer *w, const void *data, size_t n)
{
	if (w->error != 0)
		return false;
	if ((int64_t)n > w->most - w->n)
		w->error = EFBIG;
	else if (EVP_DigestUpdate(w->hash, data, n) != 1)
		w->error = ENOMEM;
	else
		w->error = write_all(w->fd, data, n);
	if (w->error == 0)
		w->n += (int64_t)n;
	return w->error == 0;
}

static int
flush_folder(const struct blobs *blobs, const char *name)
{
	int fd = openat(blobs->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = fd < 0 || fsync(fd) != 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}

/* The folder "ab"; a new one is flushed into its parent. */
static int
make_shelf(struct blobs *blobs, const char *shelf)
{
	long number = strtol(shelf, NULL, 16);
	bool made;
	int error = 0;

	pthread_mutex_lock(&blobs->lock);
	made = blobs->shelf_made[number];
	pthread_mutex_unlock(&blobs->lock);
	if (made)
		return 0;
	if (mkdirat(blobs->dir, shelf, 0700) != 0 && errno != EEXIST)
		return errno;
	if (fsync(blobs->dir) != 0)
		error = errno;
	if (error == 0) {
		pthread_mutex_lock(&blobs->lock);
		blobs->shelf_made[number] = true;
		pthread_mutex_unlock(&blobs->lock);
	}
	return error;
}

static void
name_of(struct blob_writer *w, char name[BLOB_NAME])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_DigestFinal_ex(w->hash, hash, &n) != 1 || n != HASH_BYTES)
		w->error = w->error != 0 ? w->error : ENOMEM;
	for (int i = 0; i < HASH_BYTES; i++) {
		name[2 * i] = digits[hash[i] >> 4];
		name[2 * i + 1] = digits[hash[i] & 15];
	}
	name[BLOB_NAME - 1] = '\0';
}

/* Into its place. A file that is there already is the same; it is replaced, since nobody
 * knows whether its first writer has flushed it, and its age begins anew. */
static int
settle(struct blob_writer *w, const char name[BLOB_NAME])
{
	char place[BLOB_NAME + 1], shelf[SHELF_DIGITS + 1] = "";
	int error;

	memcpy(shelf, name, SHELF_DIGITS);
	place_of(name, place);
	if (fsync(w->fd) != 0)
		return errno;
	error = make_shelf(w->blobs, shelf);
	if (error != 0)
		return error;
	if (renameat(w->blobs->dir, w->name, w->blobs->dir, place) != 0)
		return errno;
	w->name[0] = '\0';
	return flush_folder(w->blobs, shelf);
}

bool
blob_end(struct blob_writer *w, char name[BLOB_NAME], char problem[BLOB_PROBLEM])
{
	bool done;

	name_of(w, name);
	if (w->error == 0)
		w->error = settle(w, name);
	done = w->error == 0;
	if (!done)
		say(problem, w->blobs, "a file is not kept", w->error);
	blob_abandon(w);
	return done;
}

void
blob_abandon(struct blob_writer *w)
{
	if (w == NULL)
		return;
	if (w->fd >= 0) {
		close(w->fd);
		if (w->name[0] != '\0')
			(void)unlinkat(w->blobs->dir, w->name, 0);
	}
	EVP_MD_CTX_free(w->hash);
	free(w);
}

bool
blob_put(struct blobs *blobs, const void *data, size_t n, char name[BLOB_NAME],
	char problem[BLOB_PROBLEM])
{
	struct blob_writer *w = blob_begin(blobs, BLOB_MAX, problem);

	if (w == NULL)
		return false;
	blob_add(w, data, n);
	return blob_end(w, name, problem);
}

/* ---- reading and removing ---- */

int
blob_open(const struct blobs *blobs, const char *name, int64_t *size)
{
	char place[BLOB_NAME + 1];
	struct stat st;
	int fd;

	if (!blob_name_is_valid(name))
		return -1;
	place_of(name, place);
	fd = openat(blobs->dir, place, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -1;
	}
	*size = st.st_size;
	return fd;
}

char *
blob_read(const struct blobs *blobs, const char *name, size_t most, size_t *n)
{
	int64_t size;
	int fd = blob_open(blobs, name, &size);
	char *content = NULL;

	*n = 0;
	if (fd >= 0 && size <= (int64_t)most) {
		content = xmalloc((size_t)size + 1);
		while (*n < (size_t)size) {
			ssize_t got = read(fd, content + *n, (size_t)size - *n);

			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				break;
			*n += (size_t)got;
		}
		content[*n] = '\0';
		if (*n != (size_t)size) {
			free(content);
			content = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	return content;
}

bool
blob_remove(struct blobs *blobs, const char *name)
{
	char place[BLOB_NAME + 1], shelf[SHELF_DIGITS + 1] = "";

	if (!blob_name_is_valid(name))
		return false;
	memcpy(shelf, name, SHELF_DIGITS);
	place_of(name, place);
	if (unlinkat(blobs->dir, place, 0) != 0)
		return errno == ENOENT;
	return flush_folder(blobs, shelf) == 0;
}

/* ---- orphans ---- */

void
blob_keep(struct blobs *blobs, blob_keeper fn, void *owner)
{
	if (blobs->n_keepers == KEEPERS_MAX) {
		log_error("blob: more than %d keepers", KEEPERS_MAX);
		abort();
	}
	blobs->keeper[blobs->n_keepers].fn = fn;
	blobs->keeper[blobs->n_keepers++].owner = owner;
}

static bool
is_named(const struct blobs *blobs, const char *name)
{
	for (int i = 0; i < blobs->n_keepers; i++)
		if (blobs->keeper[i].fn(blobs->keeper[i].owner, name))
			return true;
	return false;
}

bool
blob_forget(struct blobs *blobs, const char *name)
{
	return (blob_name_is_valid(name) && is_named(blobs, name)) ||
	       blob_remove(blobs, name);
}

static bool
is_old(int shelf, const char *file, int64_t before_ms, int64_t *size)
{
	struct stat st;

	if (fstatat(shelf, file, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		return false;
	*size = st.st_size;
	return (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000 <
	       before_ms;
}

static void
sweep_shelf(
	struct blobs *blobs, const char *shelf, int64_t before_ms, struct blob_sweep *s)
{
	int fd = openat(blobs->dir, shelf, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	char name[SHELF_DIGITS + NAME_MAX + 1];
	const struct dirent *e;
	int64_t size;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		snprintf(name, sizeof name, "%s%s", shelf, e->d_name);
		if (!blob_name_is_valid(name))
			continue;
		s->seen++;
		if (!is_old(fd, e->d_name, before_ms, &size) || is_named(blobs, name) ||
			/* written again while the keepers were asked? */
			!is_old(fd, e->d_name, before_ms, &size) ||
			unlinkat(fd, e->d_name, 0) != 0)
			continue;
		s->removed++;
		s->removed_bytes += size;
	}
	closedir(d);
}

struct blob_sweep
blobs_sweep(struct blobs *blobs, int64_t before_ms)
{
	struct blob_sweep s = {0};
	char shelf[SHELF_DIGITS + 1];

	for (unsigned i = 0; i < SHELVES; i++) {
		snprintf(shelf, sizeof shelf, "%02x", i & 0xff);
		sweep_shelf(blobs, shelf, before_ms, &s);
	}
	return s;
}
