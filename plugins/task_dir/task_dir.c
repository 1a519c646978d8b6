/*
 * plugins/task_dir/task_dir.c - a drop folder whose files become contacts: scanned
 * letters, faxes received, anything that a program can put into a folder.
 *
 *   in/NAME.pdf (+ in/NAME.json, the cover) --still for `settle`--> handed in
 *     --kept--> done/NAME.pdf       --never--> failed/NAME.pdf + failed/NAME.error
 *
 * A thread of its own looks into the folder every `every`; what usher says comes on
 * another thread and only sets a mark. A file handed in twice (after a crash) is the same
 * contact: its external id is name, size and time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <usher/channel.h>

#define PATH_ROOM 1024
#define NAME_ROOM 192	       /* bytes of a file's name; longer ones are set aside */
#define COVER_MAX 32768	       /* bytes of a cover */
#define FILES_MAX 256	       /* on their way at once */
#define CONTACT_ROOM 32	       /* bytes of a contact's id */
#define NOTES "done/.contacts" /* by contact: which file it was */

struct settings {
	const char *folder, *channel, *source;
	int64_t every, settle;
	/* made at start */
	const struct usher_host *host;
	char path[PATH_ROOM];
};

enum stage {
	FREE,
	WAITING, /* handed in; no answer yet */
	KEPT,
	AGAIN, /* later */
	REFUSED
};

struct file {
	enum stage stage;
	uint64_t tag;
	char name[NAME_ROOM];
	char why[200];
	char contact[CONTACT_ROOM];
};

struct folder {
	struct settings *settings;
	const struct usher_channel_sink *sink;
	pthread_t thread;

	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t wake;
	bool ending;
	uint64_t tags;
	struct file file[FILES_MAX];
};

static const struct usher_setting all_settings[] = {
	USHER_SETTING(TEXT, struct settings, folder, 1, 512, NULL,
		"folder with in, done and failed below it, beside the settings file; "
		"those are made"),
	USHER_SETTING(TEXT, struct settings, channel, 1, 64, "letter",
		"channel of the contacts, where the cover names none"),
	USHER_SETTING(TEXT, struct settings, source, 1, 64, "task_dir",
		"source of the contacts"),
	USHER_SETTING(DURATION, struct settings, every, 50, 3600000, "2s",
		"how often the folder is looked into"),
	USHER_SETTING(DURATION, struct settings, settle, 0, 3600000, "2s",
		"a file is taken when it has not changed for so long"),
};

/* ---- start ---- */

static bool
make_folder(const struct settings *s, const char *below, char *problem, size_t room)
{
	char path[PATH_ROOM + 16];

	snprintf(path, sizeof(path), "%s/%s", s->path, below);
	if (mkdir(path, 0770) == 0 || errno == EEXIST) {
		if (access(path, R_OK | W_OK | X_OK) == 0)
			return true;
	}
	snprintf(problem, room, "folder: %s cannot be used: %s", path, strerror(errno));
	return false;
}

static bool
start(void *state, const struct usher_host *host, char *problem, size_t room)
{
	struct settings *s = state;
	bool whole = s->folder[0] == '/';

	s->host = host;
	if (snprintf(s->path, sizeof(s->path), "%s%s%s", whole ? "" : host->settings,
		    whole ? "" : "/", s->folder) >= (int)sizeof(s->path)) {
		snprintf(problem, room, "folder: the path is too long");
		return false;
	}
	if (mkdir(s->path, 0770) != 0 && errno != EEXIST) {
		snprintf(problem, room, "folder: %s cannot be made: %s", s->path,
			strerror(errno));
		return false;
	}
	return make_folder(s, "in", problem, room) &&
	       make_folder(s, "done", problem, room) &&
	       make_folder(s, NOTES, problem, room) &&
	       make_folder(s, "failed", problem, room);
}

/* ---- the contact ---- */

/* The cover beside a file that is in `where`: owned object; NULL: wrong, with the reason
 * in why. */
static json_t *
read_cover(const struct settings *s, const char *where, const char *name, char *why,
	size_t room)
{
	const char *dot = strrchr(name, '.');
	char path[PATH_ROOM + NAME_ROOM + 16];
	json_error_t error;
	struct stat st;
	json_t *cover;
	int fd;

	why[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s/%.*s.json", s->path, where,
		dot != NULL && dot != name ? (int)(dot - name) : (int)strlen(name), name);
	if (lstat(path, &st) != 0)
		return json_object();
	/* As with the file itself: a link leads out of the folder, a pipe never ends. */
	fd = S_ISREG(st.st_mode) ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (fd < 0 || st.st_size > COVER_MAX) {
		snprintf(why, room, "%s",
			fd < 0 ? "the cover is no plain file that can be read"
			       : "the cover is larger than 32 KiB");
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	cover = json_loadfd(fd, JSON_REJECT_DUPLICATES, &error);
	close(fd);
	if (json_is_object(cover))
		return cover;
	snprintf(why, room, "the cover is no JSON object: %.120s line %d",
		cover == NULL ? error.text : "", error.line);
	json_decref(cover);
	return NULL;
}

static void
set_default(json_t *o, const char *name, json_t *value)
{
	if (json_object_get(o, name) == NULL)
		json_object_set_new(o, name, value);
	else
		json_decref(value);
}

/* The file as a contact; the caller owns it. NULL with the reason in why. */
static char *
contact_of(const struct settings *s, const char *name, const struct stat *st, char *why,
	size_t room)
{
	json_t *o = read_cover(s, "in", name, why, room), *text;
	char id[NAME_ROOM + 64], path[PATH_ROOM + NAME_ROOM + 16];
	char *json;

	if (o == NULL)
		return NULL;
	/* Without its name nobody would find the scan. */
	text = json_string(name);
	json_decref(text);
	if (text == NULL) {
		snprintf(why, room,
			"the file's name is no UTF-8: rename it and put it into in/ "
			"again");
		json_decref(o);
		return NULL;
	}
	/* No spaces and nothing odd in an id. */
	snprintf(id, sizeof(id), "%s-%" PRId64 "-%" PRId64, name, (int64_t)st->st_size,
		(int64_t)st->st_mtim.tv_sec);
	for (char *c = id; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			*c = '_';
	snprintf(path, sizeof(path), "%s/done/%s", s->path, name);
	set_default(o, "channel", json_string(s->channel));
	set_default(o, "title", json_string(name));
	json_object_set_new(o, "source", json_string(s->source));
	json_object_set_new(o, "external_id", json_string(id));
	set_default(o, "payload", json_object());
	if (json_is_object(json_object_get(o, "payload")))
		json_object_set_new(json_object_get(o, "payload"), "scan",
			json_pack("{s:s, s:s, s:I}", "name", name, "path", path, "bytes",
				(json_int_t)st->st_size));
	json = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (json != NULL && strlen(json) <= USHER_CONTACT_BYTES_MOST)
		return json;
	snprintf(why, room, "the cover is too large, or its text is no UTF-8");
	free(json);
	return NULL;
}

/* ---- files moved ---- */

static void
move_one(const struct settings *s, const char *name, const char *to)
{
	char from[PATH_ROOM + NAME_ROOM + 16], into[PATH_ROOM + NAME_ROOM + 16];

	snprintf(from, sizeof(from), "%s/in/%s", s->path, name);
	snprintf(into, sizeof(into), "%s/%s/%s", s->path, to, name);
	if (rename(from, into) != 0 && errno != ENOENT)
		s->host->log(s->host, USHER_LOG_ERROR, "a file cannot be moved");
}

/* The file and its cover. */
static void
move_both(const struct settings *s, const char *name, const char *to)
{
	const char *dot = strrchr(name, '.');
	char cover[NAME_ROOM + 8];

	snprintf(cover, sizeof(cover), "%.*s.json",
		dot != NULL && dot != name ? (int)(dot - name) : (int)strlen(name), name);
	move_one(s, name, to);
	move_one(s, cover, to);
}

/* Which file a contact was: name, bytes and time, since a name may come again. Before it
 * is moved, so that no scan is kept without. */
static void
note_contact(const struct settings *s, const char *name, const char *contact)
{
	char path[PATH_ROOM + NAME_ROOM + 32];
	struct stat st;
	FILE *file;

	snprintf(path, sizeof(path), "%s/in/%s", s->path, name);
	if (contact[0] == '\0' || stat(path, &st) != 0)
		return;
	snprintf(path, sizeof(path), "%s/" NOTES "/%s", s->path, contact);
	file = fopen(path, "w");
	if (file == NULL ||
		fprintf(file, "%" PRId64 " %" PRId64 " %s\n", (int64_t)st.st_size,
			(int64_t)st.st_mtim.tv_sec, name) < 0)
		s->host->log(s->host, USHER_LOG_ERROR, "a contact's scan is not noted");
	if (file != NULL)
		fclose(file);
}

static void
remove_kept(const struct settings *s, const char *name)
{
	char path[PATH_ROOM + NAME_ROOM + 32];
	const char *dot = strrchr(name, '.');

	snprintf(path, sizeof(path), "%s/done/%s", s->path, name);
	unlink(path);
	snprintf(path, sizeof(path), "%s/done/%.*s.json", s->path,
		dot != NULL && dot != name ? (int)(dot - name) : (int)strlen(name), name);
	unlink(path);
}

/* What was noted of a contact. */
struct note {
	char path[PATH_ROOM + 64]; /* of the note itself */
	char name[NAME_ROOM];	   /* of the scan; "": it is not kept any more */
	int64_t bytes;
};

/* False: it is not one of ours; *readable is false where nobody can say. */
static bool
read_note(
	const struct settings *s, const char *contact, struct note *note, bool *readable)
{
	char path[PATH_ROOM + NAME_ROOM + 16], name[NAME_ROOM];
	int64_t time_s;
	struct stat st;
	FILE *file;
	bool read;

	*note = (struct note){0};
	snprintf(note->path, sizeof(note->path), "%s/" NOTES "/%.*s", s->path,
		CONTACT_ROOM - 1, contact);
	file = fopen(note->path, "r");
	*readable = file != NULL || errno == ENOENT;
	if (file == NULL)
		return false;
	read = fscanf(file, "%" SCNd64 " %" SCNd64 " %191[^\n]", &note->bytes, &time_s,
		       name) == 3;
	fclose(file);
	if (!read || strchr(name, '/') != NULL)
		return true;
	snprintf(path, sizeof(path), "%s/done/%s", s->path, name);
	/* Another of its name may have come since. */
	if (stat(path, &st) == 0 && (int64_t)st.st_size == note->bytes &&
		(int64_t)st.st_mtim.tv_sec == time_s)
		memcpy(note->name, name, sizeof(name));
	return true;
}

static bool
forget(void *channel, const char *contact)
{
	const struct settings *s = ((const struct folder *)channel)->settings;
	struct note note;
	bool readable;

	if (!read_note(s, contact, &note, &readable))
		return readable;
	if (note.name[0] != '\0')
		remove_kept(s, note.name);
	return unlink(note.path) == 0 || errno == ENOENT;
}

/* The scan, where it lies, and its cover as it came. */
static bool
tell(void *channel, const char *contact, char *json, size_t room)
{
	const struct settings *s = ((const struct folder *)channel)->settings;
	char path[PATH_ROOM + NAME_ROOM + 16], why[200], *text;
	struct note note;
	json_t *o, *cover;
	bool readable, fits;

	if (!read_note(s, contact, &note, &readable) || note.name[0] == '\0')
		return false;
	snprintf(path, sizeof(path), "%s/done/%s", s->path, note.name);
	o = json_pack("{s:s, s:s, s:I}", "name", note.name, "path", path, "bytes",
		(json_int_t)note.bytes);
	cover = read_cover(s, "done", note.name, why, sizeof(why));
	if (json_object_size(cover) > 0)
		json_object_set(o, "cover", cover);
	json_decref(cover);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	fits = text != NULL && strlen(text) < room;
	if (fits)
		memcpy(json, text, strlen(text) + 1);
	free(text);
	return fits;
}

static void
set_aside(const struct settings *s, const char *name, const char *why)
{
	char path[PATH_ROOM + NAME_ROOM + 32];
	FILE *file;

	move_both(s, name, "failed");
	snprintf(path, sizeof(path), "%s/failed/%s.error", s->path, name);
	file = fopen(path, "w");
	if (file != NULL) {
		fprintf(file, "%s\n", why);
		fclose(file);
	}
	s->host->log(s->host, USHER_LOG_WARN, "a file was set aside; failed/ says why");
}

/* ---- the thread ---- */

static struct file *
file_named(struct folder *f, const char *name)
{
	for (int i = 0; i < FILES_MAX; i++)
		if (f->file[i].stage != FREE && strcmp(f->file[i].name, name) == 0)
			return &f->file[i];
	return NULL;
}

static struct file *
free_place(struct folder *f)
{
	for (int i = 0; i < FILES_MAX; i++)
		if (f->file[i].stage == FREE)
			return &f->file[i];
	return NULL;
}

/* Files that usher has answered for. */
static void
settle_answers(struct folder *f)
{
	for (int i = 0; i < FILES_MAX; i++) {
		struct file one;

		pthread_mutex_lock(&f->lock);
		one = f->file[i];
		if (one.stage == KEPT || one.stage == AGAIN || one.stage == REFUSED)
			f->file[i].stage = FREE;
		pthread_mutex_unlock(&f->lock);
		if (one.stage == KEPT) {
			note_contact(f->settings, one.name, one.contact);
			move_both(f->settings, one.name, "done");
		}
		if (one.stage == REFUSED)
			set_aside(f->settings, one.name, one.why);
	}
}

static void
hand_in(struct folder *f, const char *name, const struct stat *st)
{
	const struct settings *s = f->settings;
	struct file *place;
	char why[200];
	char *json = contact_of(s, name, st, why, sizeof(why));
	uint64_t tag = 0;

	if (json == NULL) {
		set_aside(s, name, why);
		return;
	}
	pthread_mutex_lock(&f->lock);
	place = free_place(f);
	if (place != NULL) {
		tag = ++f->tags;
		*place = (struct file){.stage = WAITING, .tag = tag};
		snprintf(place->name, sizeof(place->name), "%s", name);
	}
	pthread_mutex_unlock(&f->lock);
	if (place != NULL && !f->sink->take(f->sink, tag, json)) {
		pthread_mutex_lock(&f->lock);
		place->stage = FREE;
		pthread_mutex_unlock(&f->lock);
	}
	free(json);
}

/* Hidden files and covers are nobody's; ".part" is being written. */
static bool
is_ours(const char *name)
{
	static const char *const not_ours[] = {".json", ".part", ".tmp"};
	size_t n = strlen(name);

	if (name[0] == '.')
		return false;
	for (size_t i = 0; i < sizeof(not_ours) / sizeof(not_ours[0]); i++) {
		size_t m = strlen(not_ours[i]);

		if (n > m && strcmp(name + n - m, not_ours[i]) == 0)
			return false;
	}
	return true;
}

static void
look_at(struct folder *f, const char *name)
{
	const struct settings *s = f->settings;
	char path[PATH_ROOM + 256 + 16];
	struct timespec now;
	struct stat st;
	bool known;

	if (!is_ours(name))
		return;
	snprintf(path, sizeof(path), "%s/in/%s", s->path, name);
	if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return; /* links lead out of the folder */
	clock_gettime(CLOCK_REALTIME, &now);
	if ((now.tv_sec - st.st_mtim.tv_sec) * 1000 +
			(now.tv_nsec - st.st_mtim.tv_nsec) / 1000000 <
		s->settle)
		return;
	if (strlen(name) >= NAME_ROOM - 8) {
		s->host->log(s->host, USHER_LOG_WARN, "a file's name is too long");
		return;
	}
	pthread_mutex_lock(&f->lock);
	known = file_named(f, name) != NULL;
	pthread_mutex_unlock(&f->lock);
	if (!known)
		hand_in(f, name, &st);
}

static void
look(struct folder *f)
{
	char path[PATH_ROOM + 16];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/in", f->settings->path);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		look_at(f, entry->d_name);
	closedir(dir);
}

static void *
run(void *arg)
{
	struct folder *f = arg;
	bool ending = false;

	while (!ending) {
		struct timespec until;

		settle_answers(f);
		look(f);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += f->settings->every / 1000;
		until.tv_nsec += f->settings->every % 1000 * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		pthread_mutex_lock(&f->lock);
		if (!f->ending)
			pthread_cond_timedwait(&f->wake, &f->lock, &until);
		ending = f->ending;
		pthread_mutex_unlock(&f->lock);
	}
	settle_answers(f);
	return NULL;
}

/* ---- the channel ---- */

static void *
open_folder(
	void *state, const struct usher_channel_sink *sink, char *problem, size_t room)
{
	struct folder *f = calloc(1, sizeof(*f));
	sigset_t all, before;
	pthread_condattr_t steady;
	int error;

	if (f == NULL) {
		snprintf(problem, room, "no memory");
		return NULL;
	}
	f->settings = state;
	f->sink = sink;
	pthread_mutex_init(&f->lock, NULL);
	/* A wall clock that is set back holds no look up. */
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&f->wake, &steady);
	pthread_condattr_destroy(&steady);
	/* Signals are usher's: no thread of ours takes them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&f->thread, NULL, run, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		return f;
	snprintf(problem, room, "no thread: %s", strerror(error));
	free(f);
	return NULL;
}

static void
close_folder(void *channel)
{
	struct folder *f = channel;

	pthread_mutex_lock(&f->lock);
	f->ending = true;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	pthread_cond_destroy(&f->wake);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static void
taken(void *channel, uint64_t tag, enum usher_taken outcome, const char *contact,
	const char *why)
{
	struct folder *f = channel;

	pthread_mutex_lock(&f->lock);
	for (int i = 0; i < FILES_MAX; i++) {
		struct file *file = &f->file[i];

		if (file->stage != WAITING || file->tag != tag)
			continue;
		file->stage = outcome == USHER_NOT_NOW	       ? AGAIN
			      : outcome == USHER_NOT_LIKE_THIS ? REFUSED
							       : KEPT;
		snprintf(file->why, sizeof(file->why), "%s", why);
		snprintf(file->contact, sizeof(file->contact), "%s", contact);
	}
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
}

static const struct usher_channel channel = {
	.abi = USHER_CHANNEL_ABI,
	.size = sizeof(struct usher_channel),
	.open = open_folder,
	.close = close_folder,
	.taken = taken,
	.forget = forget,
	.tell = tell,
};

__attribute__((visibility("default"))) const struct usher_plugin usher_plugin = {
	.abi = USHER_PLUGIN_ABI,
	.size = sizeof(struct usher_plugin),
	.name = "task_dir",
	.version = "0.1.0",
	.help = "A drop folder whose files become contacts.",
	.state_size = sizeof(struct settings),
	.settings = all_settings,
	.n_settings = sizeof(all_settings) / sizeof(all_settings[0]),
	.start = start,
	.channel = &channel,
};
