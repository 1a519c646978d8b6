/* tests/flow/mail_dump.c - what is made of mails, one JSON object a line: mail_dump
 * FILE... test_mail_reference.py holds it against another parser's opinion. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "intake/mail_work.h"

#define FILE_MAX (64 << 20)

static void
put(json_t *to, const char *name, const char *text)
{
	json_object_set_new(to, name, text != NULL ? json_string(text) : json_null());
}

static json_t *
parts_json(const struct mime *mime)
{
	json_t *list = json_array();

	for (int i = 0; i < mime->n_parts; i++) {
		const struct mime_part *p = &mime->part[i];
		struct text hash = {0};
		json_t *one = json_object();

		for (size_t k = 0; k < sizeof p->hash; k++)
			text_addf(&hash, "%02x", p->hash[k]);
		put(one, "type", p->type);
		put(one, "charset", p->charset);
		put(one, "disposition", p->disposition);
		put(one, "filename", p->name[0] != '\0' ? p->name : NULL);
		json_object_set_new(one, "bytes", json_integer((json_int_t)p->n));
		put(one, "sha256", hash.s);
		json_array_append_new(list, one);
		text_finish(&hash);
	}
	return list;
}

static void
dump(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *raw = xmalloc(FILE_MAX);
	size_t n = f != NULL ? fread(raw, 1, FILE_MAX, f) : 0;
	struct mime *mime = xcalloc(1, sizeof *mime);
	struct mail mail = {0};
	json_t *o = json_object();
	struct text line = {0};

	mime_read(raw, n, mime);
	mime_head(mime, raw, n, &mail);
	put(o, "file", path);
	put(o, "subject", mail.subject);
	put(o, "from", mail.from.address);
	put(o, "message-id", mail.message_id);
	json_object_set_new(o, "leaf_parts", parts_json(mime));
	put(o, "text", mime->text.s);
	json_write(&line, o);
	puts(line.s);
	text_finish(&line);
	json_decref(o);
	mail_finish(&mail);
	mime_finish(mime);
	free(mime);
	free(raw);
	if (f != NULL)
		fclose(f);
}

int
main(int argc, char **argv)
{
	mime_start();
	for (int i = 1; i < argc; i++)
		dump(argv[i]);
	return 0;
}
