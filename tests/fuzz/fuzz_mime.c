/*
 * tests/fuzz/fuzz_mime.c - any bytes as a mail: something is made of it within the
 * bounds, it is clean UTF-8, its payload is read back the same, and it names no path.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "intake/mail_work.h"
#include "suggest/words.h"

static bool started;

static void
check_text(const char *s, size_t most, bool line)
{
	json_t *sound;

	if (s == NULL)
		return;
	if (strlen(s) > most)
		abort();
	for (; line && *s != '\0'; s++)
		if ((unsigned char)*s < ' ')
			abort();
	sound = json_string(s);
	if (sound == NULL)
		abort();
	json_decref(sound);
}

static void
check_mail(const struct mail *mail, const struct mime *mime)
{
	json_t *payload = mail_to_json(mail), *second;
	struct mail again;
	char *text;

	check_text(mail->subject, MAIL_SUBJECT_MAX, true);
	check_text(mail->from.name, MAIL_NAME_MAX, true);
	check_text(mail->from.address, MAIL_ADDRESS_MAX, true);
	check_text(mail->text, MAIL_TEXT_MAX, false);
	check_text(mail->rest, MAIL_REST_MAX, false);
	check_text(mail->automatic_why, MAIL_WHY_MAX, true);
	check_text(mime->text.s, MIME_TEXT_MAX + 4, false);
	if (mail->message_id == NULL || strlen(mail->message_id) > MAIL_MESSAGE_ID_MAX ||
		strpbrk(mail->message_id, " \t\r\n<>") != NULL)
		abort();
	for (int i = 0; i < mime->n_parts; i++) {
		check_text(mime->part[i].name, MAIL_FILE_NAME_MAX + 16, true);
		if (strpbrk(mime->part[i].name, "/\\") != NULL ||
			mime->part[i].name[0] == '.')
			abort();
	}
	if (!mail_from_json(payload, &again))
		abort();
	second = mail_to_json(&again);
	if (!json_equal(payload, second))
		abort();
	text = json_dumps(payload, JSON_COMPACT);
	if (text == NULL || strlen(text) > 262144)
		abort();
	free(text);
	json_decref(payload);
	json_decref(second);
	mail_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const own[] = {"help@desk.example"};
	static const char *const servers[] = {"mx.desk.example"};
	const struct mail_us us = {1, own, 1, servers};
	struct mime *mime = xcalloc(1, sizeof *mime);
	struct mail mail = {0};
	struct text whole = {0};

	if (!started)
		mime_start();
	started = true;
	mail_understand((const char *)data, n, "a@b.example", &us, mime, &mail, &whole);
	check_mail(&mail, mime);
	mime_finish(mime);
	mail_finish(&mail);
	text_finish(&whole);
	free(mime);
	return 0;
}
