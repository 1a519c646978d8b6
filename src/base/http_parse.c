/*
 * base/http_parse.c - bytes to one request.
 *
 *   HEAD --empty line, llhttp agrees--> BODY --llhttp: complete--> DONE
 *   any --limit, bad byte, llhttp error--> BAD
 *
 * The head is collected whole (it is small) and shown to llhttp in one piece, so that
 * where it ends is decided twice, and by two programs; a difference is an error.
 */
#include "base/http_parse.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum phase {
	PHASE_HEAD,
	PHASE_READY, /* the head is parsed and was shown to the caller */
	PHASE_BODY,
	PHASE_DONE,
	PHASE_BAD
};

static enum http_step
bad(struct http_parse *p, int status, const char *error)
{
	p->phase = PHASE_BAD;
	p->status = status;
	p->error = error;
	p->keep_alive = false;
	return HTTP_STEP_BAD;
}

/* ---- what llhttp calls ---- */

static struct http_parse *
of(llhttp_t *llhttp)
{
	return llhttp->data;
}

static int
on_field(llhttp_t *llhttp, const char *at, size_t n)
{
	struct http_parse *p = of(llhttp);

	if (p->phase != PHASE_HEAD)
		return 0; /* trailers are read and dropped: they never act as fields */
	if (p->n_fields == HTTP_FIELDS_MAX)
		return -1;
	for (size_t i = 0; i < n; i++) {
		char c = at[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		text_add_n(&p->names, &c, 1);
	}
	return 0;
}

static int
on_field_complete(llhttp_t *llhttp)
{
	struct http_parse *p = of(llhttp);

	if (p->phase != PHASE_HEAD)
		return 0;
	text_add_n(&p->names, "", 1);
	p->value_at[p->n_fields] = p->names.n;
	return 0;
}

static int
on_value(llhttp_t *llhttp, const char *at, size_t n)
{
	struct http_parse *p = of(llhttp);

	if (p->phase == PHASE_HEAD)
		text_add_n(&p->names, at, n);
	return 0;
}

static int
on_value_complete(llhttp_t *llhttp)
{
	struct http_parse *p = of(llhttp);
	struct text *names = &p->names;

	if (p->phase != PHASE_HEAD)
		return 0;
	while (names->n > p->value_at[p->n_fields] &&
		(names->s[names->n - 1] == ' ' || names->s[names->n - 1] == '\t'))
		names->n--;
	text_add_n(names, "", 1);
	p->n_fields++;
	if (p->n_fields < HTTP_FIELDS_MAX)
		p->name_at[p->n_fields] = names->n;
	return 0;
}

static int
on_head_complete(llhttp_t *llhttp)
{
	struct http_parse *p = of(llhttp);

	p->keep_alive = llhttp_should_keep_alive(llhttp) != 0;
	p->wants_upgrade = llhttp->upgrade != 0;
	p->chunked = (llhttp->flags & F_CHUNKED) != 0;
	p->content_length = p->chunked ? 0 : llhttp->content_length;
	p->has_body = p->chunked || p->content_length > 0;
	p->minor_0 = llhttp->http_minor == 0;
	/* Upgrades are done by base/http.c after its own checks; for llhttp this is a
	 * request like any other. */
	llhttp->upgrade = 0;
	p->phase = PHASE_READY;
	return 0;
}

static int
on_body(llhttp_t *llhttp, const char *at, size_t n)
{
	text_add_n(&of(llhttp)->body, at, n); /* bounded by n_body_raw */
	return 0;
}

/* A chunk that could not be taken anyway is refused when it is announced. */
static int
on_chunk_header(llhttp_t *llhttp)
{
	return llhttp->content_length > HTTP_BODY_MAX ? -1 : 0;
}

static int
on_complete(llhttp_t *llhttp)
{
	return HPE_PAUSED; /* what follows is the next request's */
}

static const llhttp_settings_t callbacks = {
	.on_header_field = on_field,
	.on_header_field_complete = on_field_complete,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_head_complete,
	.on_body = on_body,
	.on_chunk_header = on_chunk_header,
	.on_message_complete = on_complete,
};

/* ---- life ---- */

void
http_parse_init(struct http_parse *p)
{
	memset(p, 0, sizeof *p);
	http_parse_reset(p);
}

void
http_parse_finish(struct http_parse *p)
{
	text_finish(&p->head);
	text_finish(&p->names);
	text_finish(&p->body);
	free(p->target);
	free(p->path);
	p->target = p->path = NULL;
}

void
http_parse_reset(struct http_parse *p)
{
	http_parse_finish(p); /* a quiet connection holds no buffers */
	llhttp_init(&p->llhttp, HTTP_REQUEST, &callbacks);
	p->llhttp.data = p;
	p->phase = PHASE_HEAD;
	p->line_at = p->n_body_raw = 0;
	p->n_lines = p->n_empty = p->n_fields = 0;
	p->name_at[0] = 0;
	p->after_cr = p->keep_alive = p->chunked = p->has_body = false;
	p->wants_continue = p->wants_upgrade = p->minor_0 = false;
	p->method[0] = '\0';
	p->query = "";
	p->content_length = 0;
	p->status = 0;
	p->error = NULL;
}

bool
http_parse_begun(const struct http_parse *p)
{
	return p->phase != PHASE_HEAD || p->head.n > 0;
}

const char *
http_parse_field(const struct http_parse *p, const char *lower_name)
{
	for (int i = 0; i < p->n_fields; i++)
		if (strcmp(p->fields[i].name, lower_name) == 0)
			return p->fields[i].value;
	return NULL;
}

/* ---- the head ---- */

/* METHOD SP target SP HTTP/1.x, as soon as the line is there: what is no HTTP at all
 * should not have to wait for an empty line. */
static enum http_step
check_request_line(struct http_parse *p)
{
	const char *line = p->head.s;
	size_t n = p->head.n - 2; /* without CRLF */
	const char *target = memchr(line, ' ', n), *version;
	size_t n_method, n_target;

	n_method = target != NULL ? (size_t)(target - line) : 0;
	if (n_method == 0 || n_method > HTTP_METHOD_MAX)
		return bad(p, 400, "the request line is not METHOD TARGET HTTP/1.1");
	for (size_t i = 0; i < n_method; i++)
		if (!((line[i] >= 'A' && line[i] <= 'Z') || line[i] == '-'))
			return bad(p, 400, "the method is not in upper-case letters");
	target++;
	version = memchr(target, ' ', n - n_method - 1);
	n_target = version != NULL ? (size_t)(version - target) : 0;
	if (n_target == 0)
		return bad(p, 400, "the request line is not METHOD TARGET HTTP/1.1");
	version++;
	if ((size_t)(line + n - version) != 8 || strncmp(version, "HTTP/", 5) != 0)
		return bad(p, 400, "the request line does not end in HTTP/1.1");
	if (strncmp(version, "HTTP/1.1", 8) != 0 && strncmp(version, "HTTP/1.0", 8) != 0)
		return bad(p, 505, "only HTTP/1.1 is spoken here");
	if (n_target > HTTP_TARGET_MAX)
		return bad(p, 414, "the request target is longer than 4096 bytes");
	for (size_t i = 0; i < n_target; i++)
		if (target[i] <= 0x20 || target[i] >= 0x7f)
			return bad(p, 400, "the target has bytes that must be %-encoded");
	memcpy(p->method, line, n_method);
	p->method[n_method] = '\0';
	p->target = xstrndup(target, n_target);
	return HTTP_STEP_MORE;
}

static enum http_step
check_target(struct http_parse *p)
{
	size_t n = strcspn(p->target, "?");

	p->query = p->target[n] == '?' ? p->target + n + 1 : "";
	if (strcmp(p->target, "*") == 0 && strcmp(p->method, "OPTIONS") == 0)
		p->path = xstrdup("*");
	else
		p->path = http_path_decode(p->target, n);
	if (p->path == NULL)
		return bad(p, 400,
			"the target must be a plain absolute path, without \"..\", "
			"encoded slashes or bad %-codes");
	return HTTP_STEP_MORE;
}

/* Counts a field and gives its value (the last one's). */
static int
count_field(const struct http_parse *p, const char *lower_name, const char **value)
{
	int n = 0;

	for (int i = 0; i < p->n_fields; i++) {
		if (strcmp(p->fields[i].name, lower_name) != 0)
			continue;
		*value = p->fields[i].value;
		n++;
	}
	return n;
}

/* One framing, plainly said (RFC 9112, 6.3; request smuggling). */
static enum http_step
check_framing(struct http_parse *p)
{
	const char *coding = NULL, *length = NULL;
	int n_codings = count_field(p, "transfer-encoding", &coding);
	int n_lengths = count_field(p, "content-length", &length);

	if (n_codings + n_lengths > 1)
		return bad(p, 400, "the body's length is given more than once");
	if (n_codings == 1 && (strcasecmp(coding, "chunked") != 0 || p->minor_0))
		return bad(p, 400, "the only transfer coding taken is chunked");
	if ((n_codings == 1) != p->chunked)
		return bad(p, 400, "the transfer coding is unclear");
	if (n_lengths == 1 &&
		(*length == '\0' || strspn(length, "0123456789") != strlen(length)))
		return bad(p, 400, "Content-Length is not a number");
	if (p->content_length > HTTP_BODY_MAX)
		return bad(p, 413, "the body is longer than 1 MiB");
	return HTTP_STEP_MORE;
}

static enum http_step
check_fields(struct http_parse *p)
{
	const char *host = NULL, *expect = NULL;
	enum http_step step;

	for (int i = 0; i < p->n_fields; i++) {
		p->fields[i].name = p->names.s + p->name_at[i];
		p->fields[i].value = p->names.s + p->value_at[i];
		if (p->fields[i].name[0] == '\0')
			return bad(p, 400, "a header field has no name");
	}
	if (count_field(p, "host", &host) != 1 || *host == '\0' ||
		strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			     "0123456789.-_:[]") != strlen(host))
		return bad(p, 400, "there must be exactly one Host field, a name");
	step = check_framing(p);
	if (step != HTTP_STEP_MORE)
		return step;
	if (count_field(p, "expect", &expect) > 0) {
		if (strcasecmp(expect, "100-continue") != 0)
			return bad(p, 417, "the only expectation met is 100-continue");
		p->wants_continue = p->has_body && !p->minor_0;
	}
	return check_target(p);
}

/* The head is whole: what does llhttp say of it? */
static enum http_step
parse_head(struct http_parse *p)
{
	llhttp_errno_t code = llhttp_execute(&p->llhttp, p->head.s, p->head.n);
	enum http_step step;

	if (code == HPE_INVALID_METHOD)
		return bad(p, 501, "this method is not known here");
	if ((code != HPE_OK && code != HPE_PAUSED) || p->phase != PHASE_READY)
		return bad(p, 400, "the request's head is malformed");
	step = check_fields(p);
	if (step != HTTP_STEP_MORE)
		return step;
	/* With a body llhttp waits for it; without, the message is over. */
	if ((code == HPE_OK) != p->has_body)
		return bad(p, 400, "where the request's head ends is unclear");
	text_finish(&p->head);
	return HTTP_STEP_HEAD;
}

static enum http_step
end_line(struct http_parse *p)
{
	size_t n = p->head.n - p->line_at - 2; /* without CRLF */

	if (n == 0 && p->n_lines == 0) { /* RFC 9112, 2.2: an empty line before */
		text_clear(&p->head);
		if (p->n_empty++ > 0)
			return bad(p, 400, "empty lines instead of a request");
		return HTTP_STEP_MORE;
	}
	if (n == 0)
		return parse_head(p);
	p->n_lines++;
	p->line_at = p->head.n;
	if (p->n_lines == 1)
		return check_request_line(p);
	if (p->n_lines > HTTP_FIELDS_MAX + 1)
		return bad(p, 431, "there are more than 64 header fields");
	return HTTP_STEP_MORE;
}

/* One byte of the head. */
static enum http_step
take_byte(struct http_parse *p, char c)
{
	bool first = p->head.n == p->line_at && !p->after_cr;
	unsigned char byte = (unsigned char)c;

	if (p->n_lines == 0 && p->head.n > HTTP_TARGET_MAX + HTTP_METHOD_MAX + 16)
		return bad(p, 414, "the request target is longer than 4096 bytes");
	if (p->head.n >= HTTP_HEAD_MAX)
		return bad(p, 431, "the request's head is longer than 16384 bytes");
	if (p->after_cr != (c == '\n'))
		return bad(p, 400, "lines must end in CR LF");
	if ((byte < 0x20 && c != '\r' && c != '\n' && c != '\t') || byte == 0x7f)
		return bad(p, 400, "there is a control character in the head");
	if (first && (c == ' ' || c == '\t'))
		return bad(p, 400, "a line starts with a space");
	text_add_n(&p->head, &c, 1);
	p->after_cr = c == '\r';
	return c == '\n' ? end_line(p) : HTTP_STEP_MORE;
}

static enum http_step
feed_head(struct http_parse *p, const char *data, size_t n, size_t *used)
{
	enum http_step step = HTTP_STEP_MORE;

	while (*used < n && step == HTTP_STEP_MORE)
		step = take_byte(p, data[(*used)++]);
	return step;
}

/* ---- the body ---- */

static enum http_step
feed_body(struct http_parse *p, const char *data, size_t n, size_t *used)
{
	llhttp_errno_t code;

	if (n == 0)
		return HTTP_STEP_MORE;
	if (n > HTTP_BODY_MAX + 1 - p->n_body_raw)
		n = HTTP_BODY_MAX + 1 - p->n_body_raw;
	code = llhttp_execute(&p->llhttp, data, n);
	if (code == HPE_PAUSED) {
		*used = (size_t)(llhttp_get_error_pos(&p->llhttp) - data);
		p->phase = PHASE_DONE;
		return HTTP_STEP_DONE;
	}
	*used = n;
	p->n_body_raw += n;
	if (code != HPE_OK && code != HPE_CB_CHUNK_HEADER)
		return bad(p, 400, "the body's framing is malformed");
	if (code != HPE_OK || p->n_body_raw > HTTP_BODY_MAX)
		return bad(p, 413, "the body is longer than 1 MiB");
	return HTTP_STEP_MORE;
}

enum http_step
http_parse_feed(struct http_parse *p, const char *data, size_t n, size_t *used)
{
	*used = 0;
	switch ((enum phase)p->phase) {
	case PHASE_HEAD:
		return feed_head(p, data, n, used);
	case PHASE_READY:
		p->phase = p->has_body ? PHASE_BODY : PHASE_DONE;
		if (p->has_body)
			return feed_body(p, data, n, used);
		return HTTP_STEP_DONE;
	case PHASE_BODY:
		return feed_body(p, data, n, used);
	case PHASE_DONE:
		return HTTP_STEP_DONE;
	case PHASE_BAD:
		return HTTP_STEP_BAD;
	}
	return HTTP_STEP_BAD;
}
