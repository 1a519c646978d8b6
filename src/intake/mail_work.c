/* intake/mail_work.c - a mail is read, cleaned of card data, judged, and kept. */
#include "intake/mail_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/redact.h"
#include "intake/mail_language.h"
#include "intake/mail_quote.h"
#include "intake/mime_report.h"
#include "suggest/gate.h"

/* ---- card data ---- */

/* The text without card data, in place. */
static void
redact(char **text, struct redact_found *found)
{
	struct text clean = {0};

	if (*text == NULL || !redact_text(*text, strlen(*text), &clean, found)) {
		text_finish(&clean);
		return;
	}
	free(*text);
	*text = text_take(&clean);
}

static void
redact_people(struct mail_people *people, struct redact_found *found)
{
	for (int i = 0; i < people->n; i++)
		redact(&people->list[i].name, found);
}

/* Texts that came as files hold card data as others do. Returns whether it did. */
static void
redact_part(struct mime_part *p, struct redact_found *found)
{
	struct text clean = {0};

	if (p->data == NULL || (strncmp(p->type, "text/", 5) != 0 &&
				       strncmp(p->type, "message/", 8) != 0 &&
				       strcmp(p->type, "application/json") != 0 &&
				       strcmp(p->type, "application/xml") != 0))
		return;
	if (redact_text(p->data, p->n, &clean, found)) {
		free(p->data);
		p->n = clean.n;
		p->data = text_take(&clean);
	} else {
		text_finish(&clean);
	}
}

/* Does the mail hold card data where it was not looked for: encoded words and addresses
 * of its head? */
static void
redact_head(struct mail *mail, struct redact_found *found)
{
	redact(&mail->subject, found);
	redact(&mail->from.name, found);
	redact(&mail->reply_to.name, found);
	redact_people(&mail->to, found);
	redact_people(&mail->cc, found);
	redact(&mail->bounce.said, found);
	redact(&mail->automatic_why, found);
}

/* ---- text ---- */

/* The first n bytes of whole characters. */
static char *
first_bytes(const char *s, size_t most, bool *cut)
{
	size_t n = strlen(s);

	if (n > most) {
		*cut = true;
		for (n = most; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
			;
	}
	return xstrndup(s, n);
}

static void
divide(const struct text *whole, struct mail *mail)
{
	struct text text = {0}, rest = {0};

	mail_quote_split(whole->s, &text, &rest);
	mail->text = first_bytes(text.s, MAIL_TEXT_MAX, &mail->cut);
	mail->rest = first_bytes(rest.s, MAIL_REST_MAX, &mail->cut);
	mail->questions = gate_questions(text.s, text.n);
	mail_language_guess(
		mail->subject, text.n > 0 ? text.s : whole->s, mail->language);
	text_finish(&text);
	text_finish(&rest);
}

void
mail_understand(const char *content, size_t n, const char *sender,
	const struct mail_us *us, struct mime *mime, struct mail *mail,
	struct text *whole)
{
	struct redact_found found = {0};

	mime_read(content, n, mime);
	mail->envelope_from = xstrdup(sender);
	mime_head(mime, content, n, mail);
	mail->bounce = mime->bounce;
	mime->bounce = (struct mail_bounce){0};
	mail_judge(mime, us, mail);
	if (mail->automatic == MAIL_BOUNCE && mail->bounce.of == NULL)
		report_guess(&mail->bounce, mime->text.s);
	redact_head(mail, &found);
	if (!redact_text(mime->text.s, mime->text.n, whole, &found)) {
		text_clear(whole);
		text_add_n(whole, mime->text.s, mime->text.n);
	}
	for (int i = 0; i < mime->n_parts; i++)
		if (!mime->part[i].is_text)
			redact_part(&mime->part[i], &found);
	mail->redacted = found.cards + found.codes;
	mail->html = mime->html;
	mail->cut = mime->cut;
	divide(whole, mail);
}

/* ---- files ---- */

static bool
keep_files(struct mail_work *w, struct mime *mime)
{
	struct mail *mail = &w->mail;

	mail->files = xcalloc(MAIL_FILES_MAX, sizeof mail->files[0]);
	for (int i = 0; i < mime->n_parts; i++) {
		struct mime_part *p = &mime->part[i];
		struct mail_file *f = &mail->files[mail->n_files];

		if (p->is_text || p->data == NULL)
			continue;
		if (mail->n_files == MAIL_FILES_MAX) {
			mail->cut = true;
			break;
		}
		if (!blob_put(w->blobs, p->data, p->n, f->blob, w->problem))
			return false;
		f->name = xstrdup(p->name);
		f->type = xstrdup(p->type);
		f->bytes = (int64_t)p->n;
		mail->n_files++;
	}
	return true;
}

/* What came, byte for byte, if nothing had to be taken out of it; what was cut off what
 * is shown has a file of its own where the original is not kept. */
static bool
keep_texts(struct mail_work *w, const struct text *whole)
{
	struct mail *mail = &w->mail;
	bool original = w->settings->keep_originals && mail->redacted == 0;

	if (original && !blob_put(w->blobs, w->content, w->n, mail->original, w->problem))
		return false;
	return !mail->cut || original ||
	       blob_put(w->blobs, whole->s, whole->n, mail->whole, w->problem);
}

/* ---- the whole ---- */

static void
collect_us(const struct mail_settings *s, const char **addresses, struct mail_us *us)
{
	for (int i = 0; i < s->n_boxes; i++)
		for (int k = 0; k < s->boxes[i].n_addresses; k++)
			addresses[us->n_addresses++] = s->boxes[i].addresses[k];
	us->addresses = addresses;
	us->n_servers = s->n_servers;
	us->servers = (const char *const *)s->servers;
}

void
mail_work_do(struct mail_work *w)
{
	const char **addresses =
		xcalloc(MAILBOXES_MAX * MAILBOX_ADDRESSES_MAX, sizeof addresses[0]);
	struct mime *mime = xcalloc(1, sizeof *mime);
	struct mail_us us = {0};
	struct text whole = {0};
	bool told;

	collect_us(w->settings, addresses, &us);
	mail_understand(w->content, w->n, w->sender, &us, mime, &w->mail, &whole);
	w->mail.received_ms = w->received_ms;
	told = w->mail.language[0] != '\0';
	w->kept = keep_files(w, mime) && keep_texts(w, &whole);
	for (int i = 0; w->kept && i < w->n_copies; i++) {
		const char *language = w->copy[i].box->language;

		if (!told && language != NULL)
			snprintf(w->mail.language, sizeof w->mail.language, "%s",
				language);
		mail_shelf_propose(
			w->shelf, w->copy[i].box->name, &w->mail, &w->copy[i].effects);
		w->copy[i].suggest = w->mail.suggest;
		w->mail.suggest = (struct mail_suggest){0};
	}
	text_finish(&whole);
	mime_finish(mime);
	free(mime);
	free(addresses);
}

void
mail_work_pick(struct mail_work *w, int copy)
{
	w->mail.suggest = w->copy[copy].suggest;
	w->mail.mailbox = w->copy[copy].box->name;
	w->mail.recipient = (char *)(uintptr_t)w->copy[copy].recipient;
}

void
mail_work_free(struct mail_work *w)
{
	if (w == NULL)
		return;
	w->mail.suggest = (struct mail_suggest){0}; /* of the copies, as these two are */
	w->mail.mailbox = w->mail.recipient = NULL;
	mail_finish(&w->mail);
	for (int i = 0; i < w->n_copies; i++) {
		struct mail one = {.suggest = w->copy[i].suggest};

		mail_finish(&one);
	}
	mail_settings_unref(w->settings);
	free(w);
}
