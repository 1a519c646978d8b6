/*
 * intake/maildesk_files.c - files that an agent adds to his answer: taken in parts, kept
 * as a blob, named by the note on the contact; they go with the next answer.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <strings.h>

#include "base/clock.h"
#include "base/redact.h"
#include "base/worker.h"
#include "intake/compose.h"
#include "intake/maildesk_inner.h"

#define UPLOADS_MAX 64			      /* under way */
#define UPLOADS_BYTES_MAX (INT64_C(64) << 20) /* of all of them */
#define UPLOAD_IDLE_MS 120000 /* without a part: another may take its place */

struct mail_upload {
	struct mail_upload *next;
	struct maildesk *desk; /* borrowed */
	uint64_t contact;
	char id[65];			   /* the agent's own */
	char name[MAIL_FILE_NAME_MAX + 1]; /* cleaned */
	unsigned char *data;		   /* owned */
	int64_t size, n, at_ms;		   /* at_ms: boot time of the last part */
	int parts;
	/* While it is kept, on a worker. */
	uint64_t tag;
	struct rpc *rpc;
	char blob[BLOB_NAME], problem[BLOB_PROBLEM];
	bool kept;
};

/* ---- names and types ---- */

/* The last part of a path, printable; false: nothing is left of it. */
static bool
clean_name(const char *given, char out[MAIL_FILE_NAME_MAX + 1])
{
	struct text clean = {0};
	const char *s;

	for (s = given; *s != '\0'; s++)
		if (*s == '/' || *s == '\\')
			given = s + 1;
	/* A number in a name comes to rest as any other. */
	redact_text(given, strlen(given), &clean, NULL);
	mailer_text_clean(clean.s != NULL ? clean.s : "", out, MAIL_FILE_NAME_MAX + 1);
	text_finish(&clean);
	return out[strspn(out, " .")] != '\0';
}

static const char *
type_of_name(const char *name)
{
	static const char *const known[][2] = {{"pdf", "application/pdf"},
		{"png", "image/png"}, {"jpg", "image/jpeg"}, {"jpeg", "image/jpeg"},
		{"gif", "image/gif"}, {"webp", "image/webp"}, {"txt", "text/plain"},
		{"csv", "text/csv"}, {"zip", "application/zip"},
		{"doc", "application/msword"}, {"xls", "application/vnd.ms-excel"},
		{"docx", "application/"
			 "vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"xlsx", "application/"
			 "vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
		{"odt", "application/vnd.oasis.opendocument.text"},
		{"ods", "application/vnd.oasis.opendocument.spreadsheet"}};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot != NULL && i < sizeof known / sizeof *known; i++)
		if (strcasecmp(dot + 1, known[i][0]) == 0)
			return known[i][1];
	return "application/octet-stream";
}

/* ---- uploads under way ---- */

static void
upload_free(struct mail_upload *u)
{
	free(u->data);
	free(u);
}

static int64_t
bytes_under_way(const struct maildesk *d, int *n)
{
	int64_t bytes = 0;

	*n = 0;
	for (const struct mail_upload *u = d->uploads; u != NULL; u = u->next) {
		bytes += u->size;
		(*n)++;
	}
	return bytes;
}

static struct mail_upload *
take_out(struct maildesk *d, const struct mail_upload *wanted)
{
	struct mail_upload **at = &d->uploads, *u;

	while (*at != NULL && *at != wanted)
		at = &(*at)->next;
	u = *at;
	if (u != NULL)
		*at = u->next;
	return u;
}

static struct mail_upload *
find(const struct maildesk *d, uint64_t contact, const char *id)
{
	struct mail_upload *u = d->uploads;

	while (u != NULL && (u->contact != contact || strcmp(u->id, id) != 0))
		u = u->next;
	return u;
}

/* Those that nobody goes on with make room. */
static void
drop_idle(struct maildesk *d)
{
	int64_t oldest_ms = clock_boot_ms() - UPLOAD_IDLE_MS;
	struct mail_upload *u = d->uploads, *next;

	for (; u != NULL; u = next) {
		next = u->next;
		if (u->at_ms < oldest_ms)
			upload_free(take_out(d, u));
	}
}

static json_t *
files_of(const struct mail_note *w)
{
	return json_object_get(w->note, "files");
}

/* A file that the answer has already, by its sender's id. */
static bool
has_file(const struct mail_note *w, const char *id)
{
	const json_t *one;
	size_t i;

	json_array_foreach(files_of(w), i, one)
	{
		const char *its = json_string_value(json_object_get(one, "id"));

		if (its != NULL && strcmp(its, id) == 0)
			return true;
	}
	return false;
}

static bool
begin_refused(const struct rpc_call *call, const char *type, const char *message)
{
	rpc_refuse(call->rpc, call->tag, RPC_ADMISSION, type, message, NULL);
	return false;
}

static bool
fits(struct maildesk *d, const struct held_mail *held, const struct rpc_call *call,
	int64_t size)
{
	const json_t *one;
	int64_t bytes = size, all;
	size_t i;
	int n;

	json_array_foreach(files_of(held->work), i, one) bytes +=
		json_integer_value(json_object_get(one, "bytes"));
	if (bytes > ATTACHED_BYTES_MAX)
		return begin_refused(call, "file_too_large",
			"The files of a mail are 18 MiB at most, together.");
	if (json_array_size(files_of(held->work)) >= ATTACHED_MAX)
		return begin_refused(
			call, "too_many_files", "A mail has at most 20 files.");
	drop_idle(d);
	all = bytes_under_way(d, &n);
	if (n < UPLOADS_MAX && all + size <= UPLOADS_BYTES_MAX)
		return true;
	rpc_refuse(call->rpc, call->tag, RPC_LATER, "busy",
		"Too many files are on their way; try again in a moment.",
		json_pack("{s:i}", "retry_after_ms", 5000));
	return false;
}

static struct mail_upload *
begin(struct maildesk *d, const struct held_mail *held, const struct rpc_call *call)
{
	int64_t size = rpc_integer(call, "size", 0);
	char name[MAIL_FILE_NAME_MAX + 1];
	struct mail_upload *u = find(d, held->contact, rpc_text(call, "id"));

	if (u != NULL)
		upload_free(take_out(d, u));
	if (rpc_text(call, "name") == NULL || size <= 0) {
		rpc_refuse_param(call->rpc, call->tag, size <= 0 ? "size" : "name",
			"must stand with part 0");
		return NULL;
	}
	if (!clean_name(rpc_text(call, "name"), name)) {
		rpc_refuse_param(call->rpc, call->tag, "name", "is no name of a file");
		return NULL;
	}
	if (!fits(d, held, call, size))
		return NULL;
	u = xcalloc(1, sizeof *u);
	u->desk = d;
	u->contact = held->contact;
	u->size = size;
	u->data = xmalloc((size_t)size);
	memcpy(u->name, name, sizeof name);
	snprintf(u->id, sizeof u->id, "%s", rpc_text(call, "id"));
	u->next = d->uploads;
	d->uploads = u;
	return u;
}

/* Decodes a part behind what is there. False: it is no base64, or too much. */
static bool
add_part(struct mail_upload *u, const char *base64)
{
	size_t n = strlen(base64);
	unsigned char *out;
	int64_t got = -1;
	int decoded;

	if (n == 0 || n % 4 != 0)
		return false;
	out = xmalloc(n / 4 * 3 + 1);
	decoded = EVP_DecodeBlock(out, (const unsigned char *)base64, (int)n);
	if (decoded >= 0)
		got = decoded - (base64[n - 1] == '=') - (base64[n - 2] == '=');
	if (got > 0 && u->n + got <= u->size) {
		memcpy(u->data + u->n, out, (size_t)got);
		u->n += got;
	} else
		got = -1;
	free(out);
	return got > 0;
}

/* ---- kept on a worker ---- */

static void
keep(void *arg)
{
	struct mail_upload *u = arg;

	u->kept = blob_put(
		u->desk->parts.blobs, u->data, (size_t)u->n, u->blob, u->problem);
}

static void
kept(void *arg)
{
	struct mail_upload *u = arg;
	struct maildesk *d = u->desk;
	struct mail_note *w = u->kept ? work_find(d, u->contact) : NULL;
	struct rpc_call call = {.rpc = u->rpc, .tag = u->tag};

	if (w == NULL) {
		if (!u->kept)
			log_error("mail: a file was not kept why=\"%s\"", u->problem);
		rpc_refuse(u->rpc, u->tag, RPC_LATER, "store_away",
			"The file was not kept; try again in a moment.", NULL);
	} else {
		if (files_of(w) == NULL)
			json_object_set_new(w->note, "files", json_array());
		/* The answer to its last part was lost, and it was sent twice. */
		if (!has_file(w, u->id))
			json_array_append_new(files_of(w),
				json_pack("{s:s, s:s, s:s, s:I, s:s}", "id", u->id,
					"name", u->name, "type", type_of_name(u->name),
					"bytes", (json_int_t)u->n, "blob", u->blob));
		answer_when_kept(d, &call, w);
	}
	upload_free(u);
}

void
files_drop(void *upload)
{
	upload_free(upload);
}

/* Texts are searched for card data before they come to rest (RELIABILITY I16). */
static void
redact_file(struct mail_upload *u)
{
	struct text clean = {0};

	if (strncmp(type_of_name(u->name), "text/", 5) == 0 &&
		redact_text((const char *)u->data, (size_t)u->n, &clean, NULL)) {
		free(u->data);
		u->n = (int64_t)clean.n;
		u->data = (unsigned char *)text_take(&clean);
	}
	text_finish(&clean);
}

/* ---- the methods ---- */

void
on_email_attach(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	int part = (int)rpc_integer(call, "part", 0);
	struct held_mail held;
	struct mail_upload *u;

	if (!held_mail(d, call, &held))
		return;
	if (has_file(held.work, rpc_text(call, "id"))) {
		rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
		held_mail_finish(&held);
		return;
	}
	u = part == 0 ? begin(d, &held, call)
		      : find(d, held.contact, rpc_text(call, "id"));
	held_mail_finish(&held);
	if (u == NULL || u->parts != part) {
		if (part != 0)
			rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "part_wrong",
				"The parts of a file come one after the other; begin "
				"again with part 0.",
				NULL);
		return;
	}
	if (!add_part(u, rpc_text(call, "data"))) {
		upload_free(take_out(d, u));
		rpc_refuse_param(call->rpc, call->tag, "data",
			"must be base64 of no more bytes than were announced");
		return;
	}
	u->parts++;
	u->at_ms = clock_boot_ms();
	if (u->n < u->size) {
		rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
		return;
	}
	u = take_out(d, u);
	redact_file(u);
	u->rpc = call->rpc;
	u->tag = call->tag;
	if (worker_run(d->filers, keep, kept, u))
		return;
	upload_free(u);
	rpc_refuse(call->rpc, call->tag, RPC_LATER, "busy",
		"Too many files are being kept; try again in a moment.", NULL);
}

void
on_email_detach(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const char *wanted = rpc_text(call, "blob");
	struct held_mail held;
	const json_t *one;
	size_t i;
	bool found = false;

	if (!held_mail(d, call, &held))
		return;
	json_array_foreach(files_of(held.work), i, one)
	{
		const char *blob = json_string_value(json_object_get(one, "blob"));

		found = blob != NULL && strcmp(blob, wanted) == 0;
		if (found)
			break;
	}
	if (found) {
		json_array_remove(files_of(held.work), i);
		answer_when_kept(d, call, held.work);
	} else
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_file",
			"No such file goes with the answer.", NULL);
	held_mail_finish(&held);
}

void
files_finish(struct maildesk *d)
{
	while (d->uploads != NULL)
		upload_free(take_out(d, d->uploads));
}
