/*
 * base/http_reply.c - an answer's bytes: status line, the fields that every answer has
 * (RELIABILITY S13), the handler's own, the body.
 */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/http_inner.h"
#include "base/log.h"

static const struct {
	int status;
	const char *text;
} phrases[] = {
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{206, "Partial Content"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{416, "Range Not Satisfiable"},
	{417, "Expectation Failed"},
	{421, "Misdirected Request"},
	{422, "Unprocessable Content"},
	{426, "Upgrade Required"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
};

/* A reason phrase is for people; a status that is not listed goes without. */
static const char *
status_text(int status)
{
	for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
		if (phrases[i].status == status)
			return phrases[i].text;
	return "";
}

/* What an answer says unless the handler says otherwise: it is data, of this origin, for
 * nobody to keep, frame or sniff. */
static const struct http_field usual[] = {
	{"cache-control", "no-store"},
	{"content-security-policy", "default-src 'none'; frame-ancestors 'none'"},
	{"cross-origin-opener-policy", "same-origin"},
	{"cross-origin-resource-policy", "same-origin"},
	{"referrer-policy", "no-referrer"},
	{"x-content-type-options", "nosniff"},
};

static const char *
own_field(const struct http_reply *reply, const char *name)
{
	for (int i = 0; i < reply->n_fields; i++)
		if (strcmp(reply->fields[i].name, name) == 0)
			return reply->fields[i].value;
	return NULL;
}

static void
write_date(struct http_server *server, struct evbuffer *out)
{
	time_t now_s = time(NULL);

	if (now_s != server->date_s) {
		struct tm tm;

		gmtime_r(&now_s, &tm);
		strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT",
			&tm);
		server->date_s = now_s;
	}
	evbuffer_add_printf(out, "date: %s\r\n", server->date);
}

static void
write_fields(struct evbuffer *out, const struct http_reply *reply)
{
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		if (own_field(reply, usual[i].name) == NULL)
			evbuffer_add_printf(
				out, "%s: %s\r\n", usual[i].name, usual[i].value);
	for (int i = 0; i < reply->n_fields; i++) {
		const struct http_field *f = &reply->fields[i];

		if (f->value == NULL || *f->value == '\0')
			continue;
		/* A line end in a value would be a field, or an answer, of its own. */
		if (strpbrk(f->value, "\r\n") != NULL) {
			log_error("http: field %s has a line end and was left out",
				f->name);
			continue;
		}
		evbuffer_add_printf(out, "%s: %s\r\n", f->name, f->value);
	}
}

void
http_write_reply(struct http_server *server, struct evbuffer *out,
	const struct http_reply *reply, bool keep_alive, bool head_only, bool tls)
{
	bool bodyless = reply->status == 204 || reply->status == 304;

	evbuffer_add_printf(
		out, "HTTP/1.1 %d %s\r\n", reply->status, status_text(reply->status));
	write_date(server, out);
	if (reply->type != NULL)
		evbuffer_add_printf(out, "content-type: %s\r\n", reply->type);
	if (!bodyless)
		evbuffer_add_printf(out, "content-length: %zu\r\n", reply->n_body);
	if (!keep_alive)
		evbuffer_add_printf(out, "connection: close\r\n");
	if (tls)
		evbuffer_add_printf(
			out, "strict-transport-security: max-age=31536000\r\n");
	write_fields(out, reply);
	evbuffer_add(out, "\r\n", 2);
	if (!bodyless && !head_only && reply->n_body > 0)
		evbuffer_add(out, reply->body, reply->n_body);
}

/* The messages are ours and hold no character that JSON would want escaped but quotes. */
static char *
error_body(const char *type, const char *message)
{
	struct text body = {0};

	text_addf(&body, "{\"error\":{\"type\":\"%s\",\"message\":\"", type);
	for (const char *c = message; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			text_add_n(&body, "\\", 1);
		if ((unsigned char)*c >= 0x20)
			text_add_n(&body, c, 1);
	}
	text_add(&body, "\"}}\n");
	return text_take(&body);
}

void
http_write_error(struct http_server *server, struct evbuffer *out,
	const struct http_refusal *refusal, bool keep_alive, bool head_only, bool tls)
{
	struct http_reply reply = {.status = refusal->status};
	char *body = NULL;

	if (refusal->type != NULL) {
		body = error_body(refusal->type, refusal->message);
		reply.type = "application/json";
		reply.body = body;
		reply.n_body = strlen(body);
	}
	if (refusal->field != NULL)
		reply.fields[reply.n_fields++] =
			(struct http_field){refusal->field, refusal->value};
	http_write_reply(server, out, &reply, keep_alive, head_only, tls);
	free(body);
}

void
http_write_upgrade(struct evbuffer *out, const char *key, const char *subprotocol)
{
	static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 */
	unsigned char both[24 + sizeof magic], digest[SHA_DIGEST_LENGTH];
	char accept[4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1];

	memcpy(both, key, 24);
	memcpy(both + 24, magic, sizeof magic - 1);
	SHA1(both, 24 + sizeof magic - 1, digest);
	EVP_EncodeBlock((unsigned char *)accept, digest, sizeof digest);
	evbuffer_add_printf(out,
		"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
		"connection: Upgrade\r\nsec-websocket-accept: %s\r\n",
		accept);
	if (subprotocol != NULL)
		evbuffer_add_printf(out, "sec-websocket-protocol: %s\r\n", subprotocol);
	evbuffer_add(out, "\r\n", 2);
}
