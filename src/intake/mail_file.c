/* intake/mail_file.c - mails of a case, who may have which file, and handing it out. */
#include "intake/mail_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define PATH "/v1/mail/files/"
#define WAITING_MAX 64		 /* files being read */
#define THREAD_BYTES (128 << 10) /* of an answer; older mails are left out */

struct mail_files {
	struct mail_files_parts parts;
	struct worker_pool *workers; /* owned */
	struct idmap asked;	     /* number -> struct asked, owned */
	uint64_t last;
};

/* A call that waits for the thread of its case. */
struct asked {
	struct rpc *rpc;
	uint64_t tag;
	char blob[BLOB_NAME]; /* "": the thread itself is asked for */
};

/* ---- the thread ---- */

/* The newest mails that fit into an answer, the oldest of them first. */
static json_t *
thread_json(const json_t *list)
{
	json_t *mails = json_array();
	size_t n = json_array_size(list), bytes = 0;

	while (n > 0) {
		const json_t *one = json_array_get(list, n - 1);

		bytes += json_dumpb(one, NULL, 0, JSON_COMPACT);
		if (bytes > THREAD_BYTES)
			break;
		json_array_insert(mails, 0, (json_t *)one);
		n--;
	}
	return json_pack("{s:o, s:b}", "mails", mails, "more", n > 0);
}

/* ---- who may ---- */

/* The name of that blob among a mail's files; NULL: it is none of them. */
static const char *
name_within(const json_t *mail, const char *blob)
{
	static const char *const texts[][2] = {
		{"original", "mail.eml"}, {"whole", "mail.txt"}};
	const json_t *list = json_object_get(mail, "attachments"), *one;
	const char *value;
	size_t i;

	for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		value = json_string_value(json_object_get(mail, texts[i][0]));
		if (value != NULL && strcmp(value, blob) == 0)
			return texts[i][1];
	}
	json_array_foreach(list, i, one)
	{
		value = json_string_value(json_object_get(one, "blob"));
		if (value != NULL && strcmp(value, blob) == 0) {
			value = json_string_value(json_object_get(one, "name"));
			return value != NULL && value[0] != '\0' ? value : "file";
		}
	}
	return NULL;
}

/* "%C3%BC" for what does not stand in a path or a field as it is. */
static void
add_percent(struct text *out, const char *name)
{
	for (const unsigned char *s = (const unsigned char *)name; *s != '\0'; s++)
		if ((*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') ||
			(*s >= 'a' && *s <= 'z') || strchr("-._", *s) != NULL)
			text_add_n(out, (const char *)s, 1);
		else
			text_addf(out, "%%%02X", *s);
}

/* What a ticket is for: half the hash names the blob well enough. */
static void
subject_of(const char *blob, char out[33])
{
	snprintf(out, 33, "%.32s", blob);
}

json_t *
mail_file_given(
	const unsigned char *secret, int64_t now_ms, const char *blob, const char *name)
{
	char subject[33], token[TICKET_TEXT];
	struct text path = {0};
	json_t *o;

	subject_of(blob, subject);
	ticket_make(secret, subject, now_ms + MAIL_FILE_TOKEN_MS, token);
	text_addf(&path, PATH "%s/", blob);
	add_percent(&path, name[0] != '\0' ? name : "file");
	o = json_pack("{s:s, s:s}", "path", path.s, "token", token);
	text_finish(&path);
	return o;
}

static void
answer(struct mail_files *f, struct rpc *rpc, uint64_t tag, const char *blob,
	const char *name)
{
	if (name == NULL) {
		rpc_refuse(rpc, tag, RPC_NOT_FOUND, "no_file",
			"This contact and its case have no such file.", NULL);
		return;
	}
	rpc_answer(rpc, tag,
		mail_file_given(
			f->parts.secret, f->parts.now(f->parts.owner), blob, name));
}

static void
on_thread(void *owner, uint64_t number, const json_t *list)
{
	struct mail_files *f = owner;
	struct asked *asked = idmap_remove(&f->asked, number);
	const char *name = NULL;
	const json_t *one;
	size_t i;

	if (asked == NULL)
		return;
	json_array_foreach(list, i, one)
	{
		if (name == NULL)
			name = name_within(one, asked->blob);
	}
	if (list == NULL)
		rpc_refuse(asked->rpc, asked->tag, RPC_LATER, "store_away",
			"Redis is away: try again in a moment.", NULL);
	else if (asked->blob[0] == '\0')
		rpc_answer(asked->rpc, asked->tag, thread_json(list));
	else
		answer(f, asked->rpc, asked->tag, asked->blob, name);
	free(asked);
}

static void
ask_thread(struct mail_files *f, const struct rpc_call *call, const char *case_id,
	const char *blob)
{
	struct asked *asked = xcalloc(1, sizeof *asked);
	uint64_t number = ++f->last;

	*asked = (struct asked){.rpc = call->rpc, .tag = call->tag};
	snprintf(asked->blob, sizeof asked->blob, "%s", blob);
	(void)idmap_put(&f->asked, number, asked);
	if (!mail_index_thread(f->parts.index, case_id, on_thread, f, number))
		on_thread(f, number, NULL);
}

/* The contact, the caller's, with its mail (NULL: it is none) and the case of it. */
static json_t *
contact_of(struct mail_files *f, uint64_t id, const json_t **mail, const char **case_id)
{
	json_t *contact = router_contact_json(f->parts.router,
		f->parts.now(f->parts.owner), id, DESCRIBE_BRIEF | DESCRIBE_PAYLOAD);

	*mail = json_object_get(json_object_get(contact, "payload"), "mail");
	*case_id = json_string_value(
		json_object_get(json_object_get(*mail, "thread"), "case"));
	if (*case_id == NULL)
		*case_id = json_string_value(json_object_get(contact, "id"));
	return contact;
}

static void
on_file(void *owner, const struct rpc_call *call)
{
	struct mail_files *f = owner;
	const struct people *people = f->parts.people;
	const char *blob = rpc_text(call, "blob"), *case_id, *name;
	const json_t *mail;
	json_t *contact;
	uint64_t id;

	if (!people->contact(people->owner, call, &id))
		return;
	if (!blob_name_is_valid(blob)) {
		rpc_refuse_param(call->rpc, call->tag, "blob",
			"blob must be 64 hexadecimal digits, as the mail names it.");
		return;
	}
	contact = contact_of(f, id, &mail, &case_id);
	name = name_within(mail, blob);
	if (name != NULL || mail == NULL)
		answer(f, call->rpc, call->tag, blob, name);
	else
		ask_thread(f, call, case_id, blob);
	json_decref(contact);
}

static void
on_email_thread(void *owner, const struct rpc_call *call)
{
	struct mail_files *f = owner;
	const struct people *people = f->parts.people;
	const char *case_id;
	const json_t *mail;
	json_t *contact;
	uint64_t id;

	if (!people->contact(people->owner, call, &id))
		return;
	contact = contact_of(f, id, &mail, &case_id);
	if (mail == NULL)
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "no_mail",
			"The contact is no mail.", NULL);
	else
		ask_thread(f, call, case_id, "");
	json_decref(contact);
}

static const struct rpc_param file[] = {
	RPC_THE_CONTACT,
	{"blob", RPC_TEXT, .required = true, .most = BLOB_NAME - 1},
	{NULL},
};

static const struct rpc_param thread[] = {
	RPC_THE_CONTACT,
	{NULL},
};

const struct rpc_command mail_file_commands[] = {
	{"email.thread", RPC_MAY(RPC_AGENT) | RPC_STAFF, thread, on_email_thread,
		"The mails that came into the case of a mail, the oldest first."},
	{"email.file", RPC_MAY(RPC_AGENT) | RPC_STAFF, file, on_file,
		"A token by which a file of the contact's mails is fetched over HTTP."},
};
const int mail_file_n_commands =
	(int)(sizeof mail_file_commands / sizeof *mail_file_commands);

/* ---- handing out ---- */

struct fetch {
	struct mail_files *files;
	uint64_t request;
	char blob[BLOB_NAME];
	char *name; /* owned */
	char *data; /* owned */
	size_t n;
};

static void
fetch_free(void *arg)
{
	struct fetch *fetch = arg;

	free(fetch->name);
	free(fetch->data);
	free(fetch);
}

static void
fetch_work(void *arg)
{
	struct fetch *fetch = arg;

	fetch->data = blob_read(
		fetch->files->parts.blobs, fetch->blob, (size_t)BLOB_MAX, &fetch->n);
}

static void
fetch_done(void *arg)
{
	struct fetch *fetch = arg;
	struct http_server *http = fetch->files->parts.http;
	struct text where = {0};
	struct http_reply reply = {.status = 200,
		.type = "application/octet-stream",
		.body = fetch->data,
		.n_body = fetch->n,
		.n_fields = 3};

	text_add(&where, "attachment; filename*=UTF-8''");
	add_percent(&where, fetch->name);
	reply.fields[0] = (struct http_field){"content-disposition", where.s};
	reply.fields[1] = (struct http_field){
		"content-security-policy", "default-src 'none'; sandbox"};
	reply.fields[2] = (struct http_field){"cache-control", "private, no-store"};
	if (fetch->data == NULL)
		http_answer_error(http, fetch->request, 404, "no_file",
			"This file is no longer kept.");
	else
		http_answer(http, fetch->request, &reply);
	text_finish(&where);
	fetch_free(fetch);
}

/* /v1/mail/files/BLOB/NAME with X-Usher-Token. */
static void
on_get(void *owner, const struct http_request *request)
{
	struct mail_files *f = owner;
	const char *rest = request->path + strlen(PATH);
	const char *token = http_field(request, "x-usher-token");
	char blob[BLOB_NAME], subject[33];
	struct fetch *fetch;

	snprintf(blob, sizeof blob, "%.*s", (int)strcspn(rest, "/"), rest);
	if (!blob_name_is_valid(blob) || rest[BLOB_NAME - 1] != '/' ||
		strlen(rest) > BLOB_NAME + 4 * MAIL_FILE_NAME_MAX) {
		http_answer_error(f->parts.http, request->id, 404, "not_found",
			"There is nothing at this path.");
		return;
	}
	subject_of(blob, subject);
	if (token == NULL || !ticket_is_valid(f->parts.secret, subject,
				     f->parts.now(f->parts.owner), token)) {
		http_answer_error(f->parts.http, request->id, 401, "not_authorized",
			"Send X-Usher-Token with the token of this file (email.file).");
		return;
	}
	fetch = xcalloc(1, sizeof *fetch);
	fetch->files = f;
	fetch->request = request->id;
	memcpy(fetch->blob, blob, sizeof blob);
	fetch->name = xstrdup(rest + BLOB_NAME);
	if (!worker_run(f->workers, fetch_work, fetch_done, fetch)) {
		http_answer_error(f->parts.http, request->id, 503, "busy",
			"Too much is being read: try again in a moment.");
		fetch_free(fetch);
	}
}

/* ---- life ---- */

struct mail_files *
mail_files_create(const struct mail_files_parts *parts)
{
	struct mail_files *f = xcalloc(1, sizeof *f);

	f->parts = *parts;
	f->workers = worker_pool_create(parts->base, 1, WAITING_MAX);
	if (f->workers == NULL) {
		free(f);
		return NULL;
	}
	http_route(parts->http, "GET", PATH, on_get, f);
	return f;
}

void
mail_files_destroy(struct mail_files *f)
{
	size_t at = 0;
	uint64_t number;
	void *value;

	if (f == NULL)
		return;
	worker_pool_destroy(f->workers, fetch_free);
	while (idmap_next(&f->asked, &at, &number, &value))
		free(value);
	idmap_finish(&f->asked);
	free(f);
}
