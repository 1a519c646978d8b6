/*
 * intake/chat_file.c - files in chats: taken in parts, checked, kept as a blob, then
 * named by a message; fetched over HTTP with a token for that one file.
 *
 * What a file is, its first bytes must say as well as its name. It is never shown by us:
 * it goes out as an attachment, in a sandbox (RELIABILITY S14).
 */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/worker.h"
#include "intake/chat_inner.h"

#define UPLOADS_BYTES_MAX (INT64_C(64) << 20) /* of all uploads under way */
#define UPLOAD_IDLE_MS 120000 /* without a part: its room is somebody else's */
#define FILE_NAME_MAX 128
#define FILE_TOKEN_LIFE_MS 600000
#define FILES_PATH "/v1/chat/files/"

struct chat_upload {
	char id[65]; /* the customer's own */
	char name[FILE_NAME_MAX + 1];
	uint64_t wire; /* on which it comes */
	int64_t at_ms; /* of the last part, boot time */
	const struct file_type *type;
	struct chats *chats; /* borrowed */
	unsigned char *data; /* owned */
	int64_t size, n;
	int parts; /* that came */
	bool storing;
};

/* ---- types ---- */

struct file_type {
	const char *ending, *mime;
	const char *magic; /* NULL: text */
	size_t n_magic, at;
};

static const struct file_type types[] = {
	{"png", "image/png", "\x89PNG\r\n\x1a\n", 8, 0},
	{"jpg", "image/jpeg", "\xff\xd8\xff", 3, 0},
	{"jpeg", "image/jpeg", "\xff\xd8\xff", 3, 0},
	{"gif", "image/gif", "GIF8", 4, 0},
	{"webp", "image/webp", "WEBP", 4, 8},
	{"pdf", "application/pdf", "%PDF-", 5, 0},
	{"docx",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"PK\x03\x04", 4, 0},
	{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"PK\x03\x04", 4, 0},
	{"odt", "application/vnd.oasis.opendocument.text", "PK\x03\x04", 4, 0},
	{"txt", "text/plain; charset=utf-8", NULL, 0, 0},
};

static const struct file_type *
type_of_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
		if (strcasecmp(dot + 1, types[i].ending) == 0)
			return &types[i];
	return NULL;
}

static bool
content_fits(const struct file_type *type, const unsigned char *data, int64_t n)
{
	json_t *text;

	if (type->magic != NULL)
		return n >= (int64_t)(type->at + type->n_magic) &&
		       memcmp(data + type->at, type->magic, type->n_magic) == 0;
	/* Text: UTF-8 without NUL. */
	text = memchr(data, '\0', (size_t)n) == NULL
		       ? json_stringn((const char *)data, (size_t)n)
		       : NULL;
	json_decref(text);
	return text != NULL;
}

/* The last part of a path, without what could make it look like another name. */
static bool
clean_name(const char *given, char out[FILE_NAME_MAX + 1])
{
	const char *slash = strrchr(given, '/');
	struct text text = {0};
	bool fine;

	if (slash != NULL)
		given = slash + 1;
	slash = strrchr(given, '\\');
	if (slash != NULL)
		given = slash + 1;
	fine = chat_clean(given, &text) && text.n <= FILE_NAME_MAX &&
	       strpbrk(text.s, "\n\t\"<>:|?*") == NULL && text.s[0] != '.';
	/* Marks that turn the direction of text: "exe.gpj" must not read "jpg.exe". */
	for (const char *s = text.s; fine && *s != '\0'; s++)
		fine = strncmp(s, "\xe2\x80\xae", 3) != 0 &&
		       strncmp(s, "\xe2\x80\xad", 3) != 0 &&
		       strncmp(s, "\xe2\x81\xa6", 3) != 0 &&
		       strncmp(s, "\xe2\x81\xa7", 3) != 0;
	if (fine)
		snprintf(out, FILE_NAME_MAX + 1, "%s", text.s);
	text_finish(&text);
	return fine;
}

/* ---- parts ---- */

void
chat_upload_destroy(struct chat_upload *upload)
{
	if (upload == NULL)
		return;
	upload->chats->upload_bytes -= upload->size;
	free(upload->data);
	free(upload);
}

void
chat_upload_lost(struct chat *chat, uint64_t wire)
{
	/* Over another connection it begins again, under its id. */
	if (chat->upload == NULL || chat->upload->wire != wire)
		return;
	chat_upload_destroy(chat->upload);
	chat->upload = NULL;
}

void
chat_upload_look(struct chats *chats, struct chat *chat)
{
	double speed = router_centre(chats->parts.router)->speed;

	if (chat->upload == NULL ||
		clock_boot_ms() - chat->upload->at_ms < (int64_t)(UPLOAD_IDLE_MS / speed))
		return;
	log_info("chat: a file was given up that stood still chat=%s", chat->id);
	chat_upload_destroy(chat->upload);
	chat->upload = NULL;
}

static void
refuse(const struct rpc_call *call, const char *type, const char *message)
{
	rpc_refuse(call->rpc, call->tag, RPC_ADMISSION, type, message, NULL);
}

static struct chat_upload *
begin(struct chats *chats, struct chat *chat, const struct rpc_call *call)
{
	const struct chat_settings *s = chats->settings;
	int64_t size = rpc_integer(call, "size", 0);
	char name[FILE_NAME_MAX + 1];
	const struct file_type *type;
	struct chat_upload *upload;

	if (s->upload_most == 0 || chats->parts.blobs == NULL) {
		refuse(call, "no_uploads", "This centre takes no files in chats.");
		return NULL;
	}
	if (chat->uploads >= s->uploads_most) {
		refuse(call, "too_many_files",
			"This chat has as many files as it may have.");
		return NULL;
	}
	if (size > s->upload_most) {
		refuse(call, "file_too_large", "The file is larger than files may be.");
		return NULL;
	}
	if (!clean_name(rpc_text(call, "name"), name)) {
		rpc_refuse_param(call->rpc, call->tag, "name", "is no name of a file");
		return NULL;
	}
	type = type_of_name(name);
	if (type == NULL || !web_list_has(&s->upload_types, type->ending)) {
		refuse(call, "file_type", "Files of this kind are not taken.");
		return NULL;
	}
	if (chats->upload_bytes + size > UPLOADS_BYTES_MAX) {
		rpc_refuse(call->rpc, call->tag, RPC_LATER, "busy",
			"Too many files are on their way: try again in a moment.",
			json_pack("{s:i}", "retry_after_ms", 5000));
		return NULL;
	}
	upload = xcalloc(1, sizeof *upload);
	upload->chats = chats;
	upload->type = type;
	upload->size = size;
	upload->data = xmalloc((size_t)size);
	memcpy(upload->name, name, sizeof name);
	snprintf(upload->id, sizeof upload->id, "%s", rpc_text(call, "id"));
	upload->wire = call->who;
	chats->upload_bytes += size;
	return upload;
}

/* Decodes a part behind what is there. False: it is no base64, or too much. */
static bool
add_part(struct chat_upload *upload, const char *base64)
{
	size_t n = strlen(base64), most = n / 4 * 3;
	unsigned char *out;
	int64_t got;
	int decoded;

	if (n == 0 || n % 4 != 0)
		return false;
	out = xmalloc(most + 1);
	decoded = EVP_DecodeBlock(out, (const unsigned char *)base64, (int)n);
	got = decoded - (base64[n - 1] == '=') - (n > 1 && base64[n - 2] == '=');
	if (decoded >= 0 && got > 0 && upload->n + got <= upload->size) {
		memcpy(upload->data + upload->n, out, (size_t)got);
		upload->n += got;
	} else {
		got = -1;
	}
	free(out);
	return got > 0;
}

/* ---- storing, on a worker thread ---- */

/* Both kinds of jobs begin with how they are dropped. */
struct store_job {
	void (*drop)(void *job);
	struct chats *chats;
	struct chat_op *op; /* owned until done */
	char chat[CHAT_ID_TEXT], id[65], name[FILE_NAME_MAX + 1], blob[BLOB_NAME];
	const struct file_type *type;
	struct blobs *blobs;
	unsigned char *data; /* owned */
	int64_t n;
	bool kept;
	char problem[BLOB_PROBLEM];
};

static void
store_work(void *arg)
{
	struct store_job *job = arg;

	job->kept =
		blob_put(job->blobs, job->data, (size_t)job->n, job->blob, job->problem);
}

static void
store_done(void *arg)
{
	struct store_job *job = arg;
	struct chats *chats = job->chats;
	struct chat *chat = chat_find(chats, job->chat);

	if (!job->kept || chat == NULL) {
		if (!job->kept)
			log_error("chat: a file was not kept chat=%s why=\"%s\"",
				job->chat, job->problem);
		chat_refuse_away(job->op->rpc, job->op->tag);
		chat_op_destroy(job->op);
	} else {
		struct chat_say say = {.from = FROM_CUSTOMER,
			.kind = "file",
			.key = job->id,
			.name = json_string_value(json_object_get(chat->about, "name")),
			.more = json_pack("{s:{s:s, s:I, s:s, s:s}}", "file", "name",
				job->name, "size", (json_int_t)job->n, "type",
				job->type->mime, "blob", job->blob)};

		chat_blob_named(chats, chat, job->blob);
		chat_say(chats, chat, &say, job->op);
	}
	free(job->data);
	free(job);
}

void
chats_job_drop(void *arg)
{
	void (**drop)(void *job) = arg;

	(*drop)(arg);
}

static void
store_drop(void *arg)
{
	struct store_job *job = arg;

	chat_op_destroy(job->op);
	free(job->data);
	free(job);
}

static void
store(struct chats *chats, struct chat *chat, struct chat_upload *upload,
	const struct rpc_call *call)
{
	struct store_job *job = xcalloc(1, sizeof *job);

	job->drop = store_drop;
	job->chats = chats;
	job->blobs = chats->parts.blobs;
	job->op = chat_op_create(chat, call);
	job->type = upload->type;
	memcpy(job->chat, chat->id, sizeof job->chat);
	memcpy(job->id, upload->id, sizeof job->id);
	memcpy(job->name, upload->name, sizeof job->name);
	job->data = upload->data;
	job->n = upload->n;
	upload->data = NULL;
	if (upload->type->magic == NULL) {
		struct text text = {0};

		/* No card number comes to rest, neither in a message nor in a file. */
		if (redact_text((const char *)job->data, (size_t)job->n, &text, NULL)) {
			free(job->data);
			job->n = (int64_t)text.n;
			job->data = (unsigned char *)text_take(&text);
		}
		text_finish(&text);
	}
	if (!worker_run(chats->parts.workers, store_work, store_done, job)) {
		chat_refuse_away(call->rpc, call->tag);
		store_drop(job);
	}
}

void
chat_on_upload(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = chat_of_call(chats, call);
	int part = (int)rpc_integer(call, "part", 0);
	struct chat_upload *upload;

	if (chat == NULL)
		return;
	if (chat->stage == CHAT_OVER) {
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "chat_over",
			"This chat has ended: begin a new one.", NULL);
		return;
	}
	if (part == 0) {
		chat_upload_destroy(chat->upload);
		chat->upload = begin(chats, chat, call);
	}
	upload = chat->upload;
	if (upload == NULL || strcmp(upload->id, rpc_text(call, "id")) != 0 ||
		upload->parts != part) {
		if (part != 0)
			rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "part_wrong",
				"The parts of a file come one after the other: begin "
				"again with part 0.",
				NULL);
		return;
	}
	if (!add_part(upload, rpc_text(call, "data"))) {
		chat_upload_destroy(upload);
		chat->upload = NULL;
		rpc_refuse_param(call->rpc, call->tag, "data",
			"must be base64 of no more bytes than were announced");
		return;
	}
	upload->parts++;
	upload->at_ms = clock_boot_ms();
	if (upload->n < upload->size) {
		rpc_answer(call->rpc, call->tag,
			json_pack("{s:b, s:I}", "accepted", true, "received",
				(json_int_t)upload->n));
		return;
	}
	chat->upload = NULL;
	if (!content_fits(upload->type, upload->data, upload->n)) {
		refuse(call, "file_type", "The file is not what its name says.");
	} else {
		chat->uploads++;
		store(chats, chat, upload, call);
	}
	chat_upload_destroy(upload);
}

/* ---- fetching ---- */

/* What the token of a file is for: within the 32 bytes of a ticket's subject. */
static void
subject_of(const char *chat, int64_t seq, char out[33])
{
	snprintf(out, 33, "f%.20s.%u", chat + 1, (unsigned)seq);
}

json_t *
chat_file_given(struct chats *chats, const struct chat *chat, int64_t seq)
{
	char subject[33], token[TICKET_TEXT], *path;
	json_t *given;

	subject_of(chat->id, seq, subject);
	ticket_make(chats->parts.secret, subject, chats_now(chats) + FILE_TOKEN_LIFE_MS,
		token);
	path = xasprintf(FILES_PATH "%s/%" PRId64, chat->id, seq);
	given = json_pack("{s:s, s:s}", "path", path, "token", token);
	free(path);
	return given;
}

static void
answer_token(struct chats *chats, const struct chat *chat, const struct rpc_call *call)
{
	rpc_answer(call->rpc, call->tag,
		chat_file_given(chats, chat, rpc_integer(call, "seq", 0)));
}

void
chat_on_file(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = chat_of_call(chats, call);

	if (chat != NULL)
		answer_token(chats, chat, call);
}

void
chat_staff_file(struct chats *chats, struct chat *chat, const struct rpc_call *call)
{
	answer_token(chats, chat, call);
}

struct fetch_job {
	void (*drop)(void *job);
	struct chats *chats;
	uint64_t request;
	char blob[BLOB_NAME], name[FILE_NAME_MAX + 1], type[96];
	char *data; /* owned */
	size_t n;
};

static void
fetch_work(void *arg)
{
	struct fetch_job *job = arg;

	job->data = blob_read(job->chats->parts.blobs, job->blob, BLOB_MAX, &job->n);
}

/* RFC 6266 and 8187: the name as UTF-8, in percent signs. */
static char *
disposition(const char *name)
{
	struct text text = {0};

	text_add(&text, "attachment; filename*=UTF-8''");
	for (const unsigned char *s = (const unsigned char *)name; *s != '\0'; s++) {
		if ((*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') ||
			(*s >= 'a' && *s <= 'z') || strchr("-._", *s) != NULL)
			text_add_n(&text, (const char *)s, 1);
		else
			text_addf(&text, "%%%02X", *s);
	}
	return text_take(&text);
}

static void
fetch_done(void *arg)
{
	struct fetch_job *job = arg;
	struct http_server *http = job->chats->parts.http;
	char *where = disposition(job->name);
	struct http_reply reply = {.status = 200,
		.type = job->type,
		.body = job->data,
		.n_body = job->n,
		.n_fields = 3,
		.fields = {{"content-disposition", where},
			{"content-security-policy", "default-src 'none'; sandbox"},
			{"cache-control", "private, no-store"}}};

	if (job->data == NULL)
		http_answer_error(http, job->request, 404, "no_file",
			"This file is no longer kept.");
	else
		http_answer(http, job->request, &reply);
	free(where);
	free(job->data);
	free(job);
}

static void
fetch_drop(void *arg)
{
	struct fetch_job *job = arg;

	free(job->data);
	free(job);
}

static void
on_file_message(struct chats *chats, struct chat_op *op, struct chat *chat,
	const struct redisReply *reply)
{
	json_t *message = reply != NULL && reply->type == REDIS_REPLY_STRING
				  ? json_loadb(reply->str, reply->len, 0, NULL)
				  : NULL;
	const json_t *file = json_object_get(message, "file");
	const char *blob = json_string_value(json_object_get(file, "blob"));
	struct fetch_job *job;

	if (blob == NULL || !blob_name_is_valid(blob)) {
		http_answer_error(chats->parts.http, op->tag, reply == NULL ? 503 : 404,
			"no_file", "There is no such file here.");
		json_decref(message);
		return;
	}
	job = xcalloc(1, sizeof *job);
	job->drop = fetch_drop;
	job->chats = chats;
	job->request = op->tag;
	snprintf(job->blob, sizeof job->blob, "%s", blob);
	snprintf(job->name, sizeof job->name, "%s",
		json_string_value(json_object_get(file, "name")));
	snprintf(job->type, sizeof job->type, "%s",
		json_string_value(json_object_get(file, "type")));
	json_decref(message);
	if (!worker_run(chats->parts.workers, fetch_work, fetch_done, job)) {
		http_answer_error(chats->parts.http, job->request, 503, "busy",
			"Too much is being read: try again in a moment.");
		free(job);
	}
}

/* /v1/chat/files/CHAT/SEQ with X-Usher-Token. */
static void
on_get(void *owner, const struct http_request *request)
{
	struct chats *chats = owner;
	const char *rest = request->path + strlen(FILES_PATH);
	const char *slash = strchr(rest, '/');
	const char *token = http_field(request, "x-usher-token");
	char id[CHAT_ID_TEXT], subject[33], field[24];
	struct chat_op *op;
	int64_t seq;

	if (slash == NULL || slash - rest != CHAT_ID_TEXT - 1 || strlen(slash + 1) > 10 ||
		slash[1 + strspn(slash + 1, "0123456789")] != '\0') {
		http_answer_error(chats->parts.http, request->id, 404, "not_found",
			"There is nothing at this path.");
		return;
	}
	snprintf(id, sizeof id, "%.*s", (int)(slash - rest), rest);
	seq = strtoll(slash + 1, NULL, 10);
	subject_of(id, seq, subject);
	if (token == NULL || !id_is_valid(id) ||
		!ticket_is_valid(chats->parts.secret, subject, chats_now(chats), token)) {
		http_answer_error(chats->parts.http, request->id, 401, "not_authorized",
			"Send X-Usher-Token with the token of this file (chat.file).");
		return;
	}
	op = xcalloc(1, sizeof *op);
	memcpy(op->chat, id, sizeof op->chat);
	op->fn = on_file_message;
	op->tag = request->id; /* of base/http; op->rpc is NULL */
	snprintf(field, sizeof field, "m:%" PRId64, seq);
	if (!chat_read(chats, op, "HGET", 1, (const char *[]){field}))
		http_answer_error(chats->parts.http, request->id, 503, "store_away",
			"Redis is away; try again in a moment.");
}

void
chat_serve_files(struct chats *chats)
{
	if (chats->parts.blobs == NULL)
		return;
	pthread_mutex_init(&chats->blobs_lock, NULL);
	http_route(chats->parts.http, "GET", FILES_PATH, on_get, chats);
	blob_keep(chats->parts.blobs, chat_keeps_blob, chats);
}

/* ---- which blobs are named ---- */

bool
chat_keeps_blob(void *owner, const char *name)
{
	struct chats *chats = owner;
	bool kept;

	pthread_mutex_lock(&chats->blobs_lock);
	/* Until all chats are read back nobody knows. */
	kept = !chats->loaded || map_get(&chats->blobs, name) != NULL;
	pthread_mutex_unlock(&chats->blobs_lock);
	return kept;
}

static void
count_blob(struct chats *chats, const char *name, int by)
{
	intptr_t n;

	pthread_mutex_lock(&chats->blobs_lock);
	n = (intptr_t)map_get(&chats->blobs, name) + by;
	if (n > 0)
		map_put(&chats->blobs, name, (void *)n);
	else
		map_remove(&chats->blobs, name);
	pthread_mutex_unlock(&chats->blobs_lock);
}

void
chat_blob_named(struct chats *chats, struct chat *chat, const char *name)
{
	struct text text = {0};

	if (chat->blobs == NULL)
		chat->blobs = json_array();
	json_array_append_new(chat->blobs, json_string(name));
	count_blob(chats, name, 1);
	json_write(&text, chat->blobs);
	chat_write(chats, chat, "set", false, 2, (const char *[]){"blobs", text.s});
	text_finish(&text);
}

void
chat_blobs_read(struct chats *chats, struct chat *chat, json_t *list)
{
	size_t i;
	json_t *name;

	if (!json_is_array(list) || chats->parts.blobs == NULL) {
		json_decref(list);
		return;
	}
	chat->blobs = list;
	json_array_foreach(list, i, name)
	{
		if (json_is_string(name))
			count_blob(chats, json_string_value(name), 1);
	}
}

void
chat_blobs_forget(struct chats *chats, struct chat *chat)
{
	size_t i;
	json_t *name;

	json_array_foreach(chat->blobs, i, name)
	{
		count_blob(chats, json_string_value(name), -1);
	}
	json_decref(chat->blobs);
	chat->blobs = NULL;
}
