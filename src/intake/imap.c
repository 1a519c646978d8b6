/* intake/imap.c - looking into folders; see the picture in imap.h. */
#include "intake/imap.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "intake/curl_loop.h"

#define TIMEOUT_MS 120000 /* of one request */
#define CONNECT_MS 15000
#define CONNECTION_S                                                                     \
	300 /* then a new one: a session may miss what became of its folder */
#define FIRST_BACK_OFF_MS 1000
#define ERROR_MAX 400	       /* bytes of what is said of one */
#define UIDS_MAX 10000	       /* of one search; the others come with the next */
#define ANSWER_MAX (1 << 20)   /* bytes of an answer that is no mail */
#define CONNECTIONS_PER_HOST 4 /* servers refuse more of one user */

enum state {
	FOLDER_WAITING,
	FOLDER_SEARCHING,
	FOLDER_FETCHING,
	FOLDER_TAKING, /* by mail_in */
	FOLDER_SETTLING,
	FOLDER_EXPUNGING
};

struct folder {
	struct folder *next;
	struct imap *imap;		/* borrowed */
	struct mail_settings *settings; /* a reference; box lies in it */
	const struct mailbox *box;
	enum state state;
	CURL *easy; /* owned; its connection is kept */
	struct event *timer;
	struct text got; /* of the request under way */
	size_t got_most;
	bool too_large;
	char error[CURL_ERROR_SIZE];
	uint32_t validity, next_uid; /* as the server said last */
	uint32_t known_validity;     /* that `last` is of; 0: nothing is known */
	uint32_t last;		     /* UID; all up to it are taken */
	bool loaded;		     /* what Redis knows was read */
	bool first;		     /* this search is for unseen ones */
	int n_uids, at;
	uint32_t *uids; /* owned */
	int64_t back_off_ms;
	bool gone; /* the settings name it no more; freed when nothing is under way */
	uint64_t number;
};

struct imap {
	struct event_base *base; /* borrowed */
	struct mail_in *in;
	struct side *side;
	struct curl_loop *curl; /* owned */
	struct folder *folders; /* owned */
	uint64_t last;
};

static void folder_failed(struct folder *f, const char *why);
static void begin(struct folder *f);
static void next_mail(struct folder *f);

/* ---- one request ---- */

static size_t
on_body(char *data, size_t size, size_t n, void *owner)
{
	struct folder *f = owner;

	n *= size;
	if (n > f->got_most - f->got.n) {
		f->too_large = true;
		return 0; /* ends the request */
	}
	text_add_n(&f->got, data, n);
	return n;
}

static uint32_t
number_behind(const char *line, size_t n, const char *word)
{
	char copy[200];
	const char *at;

	if (n >= sizeof copy)
		return 0;
	memcpy(copy, line, n);
	copy[n] = '\0';
	at = strcasestr(copy, word);
	return at != NULL ? (uint32_t)strtoul(at + strlen(word), NULL, 10) : 0;
}

/* Every line of the dialogue comes here. */
static size_t
on_line(char *line, size_t size, size_t n, void *owner)
{
	struct folder *f = owner;
	uint32_t number;

	n *= size;
	number = number_behind(line, n, "[UIDVALIDITY ");
	if (number != 0)
		f->validity = number;
	number = number_behind(line, n, "[UIDNEXT ");
	if (number != 0)
		f->next_uid = number;
	return n;
}

static bool
set_login(struct folder *f)
{
	const struct imap_settings *s = &f->box->imap;
	char error[ERROR_MAX];
	char *secret =
		secret_read(s->token_file != NULL ? s->token_file : s->password_file,
			error, sizeof error);

	if (secret == NULL) {
		log_error("imap: mailbox=%s %s", f->box->name, error);
		return false;
	}
	curl_easy_setopt(f->easy, CURLOPT_USERNAME, s->user);
	curl_easy_setopt(f->easy,
		s->token_file != NULL ? CURLOPT_XOAUTH2_BEARER : CURLOPT_PASSWORD,
		secret);
	secret_free(secret);
	return true;
}

static void
set_server(struct folder *f)
{
	const struct imap_settings *s = &f->box->imap;

	curl_easy_setopt(f->easy, CURLOPT_PROTOCOLS_STR, "imap,imaps");
	curl_easy_setopt(f->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
	curl_easy_setopt(f->easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
	curl_easy_setopt(f->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(f->easy, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_S);
	curl_easy_setopt(f->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(f->easy, CURLOPT_USE_SSL,
		(long)(s->insecure ? CURLUSESSL_TRY : CURLUSESSL_ALL));
	if (s->ca_file != NULL)
		curl_easy_setopt(f->easy, CURLOPT_CAINFO, s->ca_file);
	curl_easy_setopt(f->easy, CURLOPT_ERRORBUFFER, f->error);
	curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->easy, CURLOPT_HEADERFUNCTION, on_line);
	curl_easy_setopt(f->easy, CURLOPT_HEADERDATA, f);
}

/* command NULL: fetch the mail of that UID. */
static void
ask(struct folder *f, enum state state, const char *command, uint32_t uid)
{
	char *url = command != NULL
			    ? xstrdup(f->box->imap.url)
			    : xasprintf("%s/;UID=%" PRIu32, f->box->imap.url, uid);

	f->state = state;
	text_clear(&f->got);
	f->too_large = false;
	f->error[0] = '\0';
	f->got_most = command != NULL ? ANSWER_MAX : (size_t)f->settings->size_most;
	curl_easy_reset(f->easy);
	set_server(f);
	curl_easy_setopt(f->easy, CURLOPT_URL, url);
	curl_easy_setopt(f->easy, CURLOPT_CUSTOMREQUEST, command);
	free(url);
	if (!set_login(f) || !curl_loop_add(f->imap->curl, f->easy))
		folder_failed(f, "it cannot log in");
}

/* ---- waiting ---- */

static void
wait_ms(struct folder *f, int64_t ms)
{
	struct timeval wait = {ms / 1000, ms % 1000 * 1000};

	f->state = FOLDER_WAITING;
	event_add(f->timer, &wait);
}

static void
folder_free(struct folder *f)
{
	struct folder **at = &f->imap->folders;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	event_free(f->timer);
	curl_easy_cleanup(f->easy);
	text_finish(&f->got);
	mail_settings_unref(f->settings);
	free(f->uids);
	free(f);
}

static void
folder_failed(struct folder *f, const char *why)
{
	if (f->gone) {
		folder_free(f);
		return;
	}
	f->back_off_ms = f->back_off_ms > 0 ? 2 * f->back_off_ms : FIRST_BACK_OFF_MS;
	if (f->back_off_ms > f->box->imap.back_off_ms)
		f->back_off_ms = f->box->imap.back_off_ms;
	log_warn("imap: mailbox=%s again in_ms=%" PRId64 " why=\"%s\"", f->box->name,
		f->back_off_ms, why);
	f->n_uids = f->at = 0;
	wait_ms(f, f->back_off_ms);
}

static void
rest(struct folder *f)
{
	f->back_off_ms = 0;
	f->n_uids = f->at = 0;
	wait_ms(f, f->box->imap.every_ms);
}

/* ---- what is known ---- */

static void
mark_key(const struct folder *f, char out[2 * ID_MAX])
{
	snprintf(out, 2 * ID_MAX, "mail:imap:%s", f->box->name);
}

static void
mark(struct folder *f)
{
	char key[2 * ID_MAX], value[48];
	const char *keys[] = {key}, *args[] = {value};

	mark_key(f, key);
	snprintf(value, sizeof value, "%" PRIu32 " %" PRIu32, f->known_validity, f->last);
	/* Lost: the mails after the mark before are found again, and known. */
	if (!side_call(f->imap->side, NULL, NULL, 0, "mail_mark", 1, keys, 1, args, NULL))
		log_debug("imap: a mark is not kept");
}

static struct folder *
folder_of(struct imap *imap, uint64_t number)
{
	struct folder *f = imap->folders;

	while (f != NULL && f->number != number)
		f = f->next;
	return f;
}

static void
on_mark(void *owner, uint64_t number, const struct redisReply *reply)
{
	struct folder *f = folder_of(owner, number);

	if (f == NULL)
		return;
	if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
		folder_failed(f, "Redis is away");
		return;
	}
	f->loaded = true;
	if (reply->type == REDIS_REPLY_STRING)
		(void)sscanf(
			reply->str, "%" SCNu32 " %" SCNu32, &f->known_validity, &f->last);
	begin(f);
}

/* ---- searching ---- */

static int
upwards(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* "* SEARCH 4 7 9", in one line or several. */
static void
take_uids(struct folder *f)
{
	const char *s = f->got.n > 0 ? f->got.s : "";

	f->n_uids = f->at = 0;
	if (f->uids == NULL)
		f->uids = xcalloc(UIDS_MAX, sizeof f->uids[0]);
	while ((s = strcasestr(s, "* SEARCH")) != NULL) {
		s += strlen("* SEARCH");
		while (*s == ' ' && f->n_uids < UIDS_MAX) {
			char *end;
			uint32_t uid = (uint32_t)strtoul(s + 1, &end, 10);

			if (end == s + 1)
				break;
			s = end;
			/* "9:*" finds the last mail even when it is below 9. */
			if (uid > f->last || f->first)
				f->uids[f->n_uids++] = uid;
		}
	}
	qsort(f->uids, (size_t)f->n_uids, sizeof f->uids[0], upwards);
}

static void
begin(struct folder *f)
{
	char command[64], key[2 * ID_MAX];

	if (f->gone) {
		folder_free(f);
		return;
	}
	if (!f->loaded) {
		mark_key(f, key);
		if (!side_read(f->imap->side, on_mark, f->imap, f->number, "GET", key, 0,
			    NULL))
			folder_failed(f, "Redis is away");
		return;
	}
	if (!mail_in_ready(f->imap->in)) {
		wait_ms(f, FIRST_BACK_OFF_MS);
		return;
	}
	f->first = f->known_validity == 0;
	snprintf(command, sizeof command, "UID SEARCH UID %" PRIu32 ":*", f->last + 1);
	ask(f, FOLDER_SEARCHING, f->first ? "UID SEARCH UNSEEN" : command, 0);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	begin(arg);
}

static void
searched(struct folder *f)
{
	if (f->validity == 0) {
		folder_failed(f, "the server names no UIDVALIDITY");
		return;
	}
	if (f->known_validity != f->validity && !f->first) {
		log_warn("imap: the folder's mails were numbered anew mailbox=%s",
			f->box->name);
		f->known_validity = f->last = 0;
		begin(f);
		return;
	}
	take_uids(f);
	if (f->first && f->n_uids == 0 && f->next_uid > 0) {
		f->last = f->next_uid - 1; /* nothing new: begin behind all there is */
		f->known_validity = f->validity;
		mark(f);
	}
	next_mail(f);
}

/* ---- one mail ---- */

static void
passed(struct folder *f)
{
	uint32_t uid = f->uids[f->at++];

	if (uid > f->last)
		f->last = uid;
	if (f->at == f->n_uids && f->first && f->next_uid > f->last + 1)
		f->last = f->next_uid - 1;
	/* Until the unseen ones are through, a crash begins with them again. */
	if (!f->first || f->at == f->n_uids) {
		f->known_validity = f->validity;
		mark(f);
	}
	next_mail(f);
}

static void
settle(struct folder *f)
{
	const struct imap_settings *s = &f->box->imap;
	uint32_t uid = f->uids[f->at];
	char *command = NULL;

	switch (s->after) {
	case IMAP_FLAG:
		command = xasprintf("UID STORE %" PRIu32 " +FLAGS.SILENT (\\Seen)", uid);
		break;
	case IMAP_MOVE:
		command = xasprintf("UID MOVE %" PRIu32 " \"%s\"", uid, s->folder);
		break;
	case IMAP_DELETE:
		command =
			xasprintf("UID STORE %" PRIu32 " +FLAGS.SILENT (\\Deleted)", uid);
		break;
	}
	ask(f, FOLDER_SETTLING, command, uid);
	free(command);
}

static void
said(void *owner, struct mail_arrival *arrival, int recipient, enum mail_taken taken,
	const char *words)
{
	struct folder *f = folder_of(owner, arrival->tag);

	if (f == NULL || f->state != FOLDER_TAKING)
		return;
	if (f->gone)
		folder_free(f);
	else if (taken == MAIL_LATER)
		folder_failed(f, "the mail cannot be kept now");
	else
		settle(f);
}

static void
fetched(struct folder *f)
{
	struct mail_arrival *a = xcalloc(1, sizeof *a);

	f->state = FOLDER_TAKING;
	a->n = f->got.n;
	a->content = text_take(&f->got);
	a->n_recipients = 1;
	a->recipient[0] = xstrdup(f->box->addresses[0]);
	a->mailbox = xstrdup(f->box->name);
	a->said = said;
	a->owner = f->imap;
	a->tag = f->number;
	mail_in_take(f->imap->in, a);
}

static void
next_mail(struct folder *f)
{
	if (f->gone)
		folder_free(f);
	else if (f->at == f->n_uids)
		rest(f);
	else
		ask(f, FOLDER_FETCHING, NULL, f->uids[f->at]);
}

static void
settled(struct folder *f)
{
	char *command;

	if (f->box->imap.after != IMAP_DELETE || f->state == FOLDER_EXPUNGING) {
		passed(f);
		return;
	}
	command = xasprintf("UID EXPUNGE %" PRIu32, f->uids[f->at]);
	ask(f, FOLDER_EXPUNGING, command, 0);
	free(command);
}

/* ---- the end of a request ---- */

static void
folder_done(struct folder *f, CURLcode code)
{
	const char *why = f->error[0] != '\0' ? f->error : curl_easy_strerror(code);

	if (f->gone) {
		folder_free(f);
		return;
	}
	switch (f->state) {
	case FOLDER_SEARCHING:
		if (code == CURLE_OK)
			searched(f);
		else
			folder_failed(f, why);
		return;
	case FOLDER_FETCHING:
		if (code == CURLE_OK) {
			fetched(f);
		} else if (f->too_large) {
			log_error("imap: a mail is larger than is taken and stays there "
				  "mailbox=%s uid=%" PRIu32,
				f->box->name, f->uids[f->at]);
			passed(f);
		} else if (code == CURLE_REMOTE_FILE_NOT_FOUND) {
			passed(f); /* somebody removed it meanwhile */
		} else {
			folder_failed(f, why);
		}
		return;
	case FOLDER_SETTLING:
	case FOLDER_EXPUNGING:
		/* The mail is a contact, whatever becomes of it there. */
		if (code != CURLE_OK && code != CURLE_QUOTE_ERROR) {
			folder_failed(f, why);
			return;
		}
		if (code == CURLE_QUOTE_ERROR)
			log_warn("imap: a mail that was taken could not be flagged or "
				 "moved "
				 "mailbox=%s uid=%" PRIu32,
				f->box->name, f->uids[f->at]);
		settled(f);
		return;
	case FOLDER_WAITING:
	case FOLDER_TAKING:
		return;
	}
}

static void
folder_ended(void *private, CURLcode code)
{
	folder_done(private, code);
}

/* ---- settings ---- */

static bool
equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
is_same(const struct mailbox *a, const struct mailbox *b)
{
	const struct imap_settings *x = &a->imap, *y = &b->imap;

	return strcmp(a->name, b->name) == 0 && equal(x->url, y->url) &&
	       equal(x->user, y->user) && equal(x->password_file, y->password_file) &&
	       equal(x->token_file, y->token_file) && equal(x->ca_file, y->ca_file) &&
	       x->insecure == y->insecure && x->after == y->after &&
	       equal(x->folder, y->folder) && x->every_ms == y->every_ms &&
	       x->back_off_ms == y->back_off_ms;
}

static struct folder *
find_same(struct imap *imap, const struct mailbox *box)
{
	struct folder *f = imap->folders;

	while (f != NULL && (f->gone || !is_same(f->box, box)))
		f = f->next;
	return f;
}

static void
add(struct imap *imap, struct mail_settings *settings, const struct mailbox *box)
{
	struct folder *f = xcalloc(1, sizeof *f);

	f->imap = imap;
	f->settings = mail_settings_ref(settings);
	f->box = box;
	f->number = ++imap->last;
	f->easy = curl_easy_init();
	f->timer = event_new(imap->base, -1, 0, on_timeout, f);
	f->next = imap->folders;
	imap->folders = f;
	wait_ms(f, 0);
}

void
imap_configure(struct imap *imap, struct mail_settings *settings)
{
	struct folder *f, *next;

	for (f = imap->folders; f != NULL; f = next) {
		const struct mailbox *box = mailbox_named(settings, f->box->name);

		next = f->next;
		f->gone |= box == NULL || !box->polled || !is_same(f->box, box);
		if (f->gone && f->state == FOLDER_WAITING) {
			folder_free(f);
		} else if (!f->gone) { /* its size and addresses may be others */
			mail_settings_ref(settings);
			mail_settings_unref(f->settings);
			f->settings = settings;
			f->box = box;
		}
	}
	for (int i = 0; i < settings->n_boxes; i++)
		if (settings->boxes[i].polled &&
			find_same(imap, &settings->boxes[i]) == NULL)
			add(imap, settings, &settings->boxes[i]);
}

struct imap *
imap_create(struct event_base *base, struct mail_in *in, struct side *side)
{
	struct imap *imap = xcalloc(1, sizeof *imap);

	imap->base = base;
	imap->in = in;
	imap->side = side;
	imap->curl = curl_loop_create(base, CONNECTIONS_PER_HOST, folder_ended);
	if (imap->curl == NULL) {
		imap_destroy(imap);
		return NULL;
	}
	return imap;
}

void
imap_destroy(struct imap *imap)
{
	if (imap == NULL)
		return;
	for (struct folder *f = imap->folders; f != NULL; f = f->next)
		curl_loop_remove(imap->curl, f->easy);
	while (imap->folders != NULL)
		folder_free(imap->folders);
	curl_loop_destroy(imap->curl);
	free(imap);
}
