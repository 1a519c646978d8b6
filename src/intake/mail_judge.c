/* intake/mail_judge.c - persons and machines. */
#include "intake/mail_judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- addresses ---- */

bool
mail_same_address(const char *own, const char *given)
{
	const char *at = strrchr(own, '@'), *given_at = strrchr(given, '@');
	size_t n;

	if (at == NULL || given_at == NULL || strcasecmp(at, given_at) != 0)
		return false;
	n = (size_t)(at - own);
	if (n == 0)
		return true; /* all of a domain */
	return strncasecmp(own, given, n) == 0 &&
	       (given + n == given_at || given[n] == '+');
}

bool
mail_is_ours(const struct mail_us *us, const char *address)
{
	for (int i = 0; address != NULL && i < us->n_addresses; i++)
		if (mail_same_address(us->addresses[i], address))
			return true;
	return false;
}

/* ---- saying ---- */

static void USHER_PRINTF(3, 4)
	verdict(struct mail *mail, enum mail_automatic kind, const char *format, ...)
{
	char why[MAIL_WHY_MAX + 1];
	va_list args;

	if (mail->automatic != MAIL_BY_PERSON)
		return; /* the first reason counts */
	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	for (size_t n = strlen(why); n > 0 && ((unsigned char)why[n - 1] & 0x80) != 0 &&
				     strlen(why) == MAIL_WHY_MAX;
		n--)
		why[n - 1] = '\0'; /* no character is cut in two */
	mail->automatic = kind;
	mail->automatic_why = xstrdup(why);
}

/* Does the value begin with that word (letters' case aside)? */
static bool
begins(const char *value, const char *word)
{
	value += strspn(value, " \t");
	return strncasecmp(value, word, strlen(word)) == 0;
}

static bool
is_word(const char *value, const char *word)
{
	value += strspn(value, " \t");
	return strncasecmp(value, word, strlen(word)) == 0 &&
	       strchr(" \t;,(", value[strlen(word)]) != NULL; /* the NUL, too */
}

/* ---- bounces ---- */

static const char *const no_body[] = {"mailer-daemon", "mailer_daemon", "mailerdaemon",
	"postmaster", "post_master", "mail-daemon", "maildaemon", "mail.daemon",
	"mailsystem", "e-mailer", NULL};

static bool
local_is(const char *address, const char *const *list)
{
	const char *at = address != NULL ? strrchr(address, '@') : NULL;
	size_t n = at != NULL ? (size_t)(at - address) : 0;

	for (; at != NULL && *list != NULL; list++)
		if (strlen(*list) == n && strncasecmp(address, *list, n) == 0)
			return true;
	return false;
}

/* Subjects of bounces that say it nowhere else, as servers write them. */
static const char *const bounce_subjects[] = {"undelivered mail returned",
	"undeliverable:", "undeliverable mail", "undeliverable message",
	"undelivered message", "mail delivery failed", "mail delivery failure",
	"mail delivery problem", "mail delivery status", "mail delivery error",
	"delivery status notification", "delivery failure", "delivery failed",
	"delivery notification", "failure notice", "failure delivery",
	"returned mail:", "returned to sender", "mail system error",
	"message delivery failure", "message you sent blocked", "non delivery report",
	"nondeliverable mail", "warning: could not send",
	"unzustellbar:", "mail non distribuable", "non remis", "non recapitabile",
	"delivery report", "loop alert", NULL};

static bool
is_bounce_subject(const char *subject)
{
	for (int i = 0; subject != NULL && bounce_subjects[i] != NULL; i++)
		if (begins(subject, bounce_subjects[i]))
			return true;
	return false;
}

static void
judge_bounce(const struct mime *mime, struct mail *mail)
{
	const char *path = mail->envelope_from != NULL ? mail->envelope_from
						       : mime_field(mime, "return-path");

	if (strcmp(mime->root_type, "multipart/report") == 0 ||
		(mime_field(mime, "content-type") != NULL &&
			begins(mime_field(mime, "content-type"), "multipart/report")))
		verdict(mail, MAIL_BOUNCE, "it is a report: %s",
			mime->report != NULL ? mime->report : "of no kind");
	else if (path != NULL && (path[0] == '\0' || strcmp(path, "<>") == 0))
		verdict(mail, MAIL_BOUNCE, "the return path is null");
	else if (mime_field(mime, "x-failed-recipients") != NULL)
		verdict(mail, MAIL_BOUNCE, "X-Failed-Recipients");
	else if (local_is(mail->from.address, no_body) || local_is(path, no_body))
		verdict(mail, MAIL_BOUNCE, "it comes from a mail server");
	else if (is_bounce_subject(mail->subject))
		verdict(mail, MAIL_BOUNCE, "its subject is a mail server's");
}

/* ---- loops ---- */

static void
judge_loop(const struct mime *mime, const struct mail_us *us, struct mail *mail)
{
	if (mail->hops >= MAIL_HOPS_MAX)
		verdict(mail, MAIL_LOOP, "it passed %d servers", mail->hops);
	if (mail_is_ours(us, mail->from.address))
		verdict(mail, MAIL_LOOP, "it comes from our own address");
	if (mail_is_ours(us, mail->envelope_from))
		verdict(mail, MAIL_LOOP, "its return path is our own address");
	for (int i = 0; i < mime->n_fields; i++)
		if (strcmp(mime->field[i].name, "x-loop") == 0)
			verdict(mail, MAIL_LOOP, "X-Loop: %s", mime->field[i].value);
}

/* ---- what the header says ---- */

/* Fields whose being there says enough. */
static const struct {
	const char *name;
	enum mail_automatic kind;
} marks[] = {
	{"x-autorespond", MAIL_VACATION},
	{"x-autoreply", MAIL_VACATION},
	{"x-auto-reply", MAIL_VACATION},
	{"x-autoreply-from", MAIL_VACATION},
	{"x-mail-autoreply", MAIL_VACATION},
	{"x-autogenerated", MAIL_VACATION},
	{"x-ms-exchange-inbox-rules-loop", MAIL_VACATION},
	{"list-id", MAIL_LIST},
	{"list-post", MAIL_LIST},
	{"list-unsubscribe", MAIL_LIST},
	{"list-help", MAIL_LIST},
	{"list-owner", MAIL_LIST},
	{"list-subscribe", MAIL_LIST},
	{"list-archive", MAIL_LIST},
	{"mailing-list", MAIL_LIST},
	{"x-mailing-list", MAIL_LIST},
	{"x-beenthere", MAIL_LIST},
	{"feedback-id", MAIL_BULK},
	{"x-campaign-id", MAIL_BULK},
	{"x-csa-complaints", MAIL_BULK},
};

static const char *const machines[] = {"noreply", "no-reply", "no_reply", "no.reply",
	"donotreply", "do-not-reply", "do_not_reply", "do.not.reply", "dont-reply",
	"listserv", "majordomo", "listproc", "mailman", "daemon", "nobody", "bounce",
	"bounces", "autoreply", "auto-reply", "autoresponder", "notification",
	"notifications", NULL};

static bool
local_begins(const char *address, const char *with)
{
	return address != NULL && strncasecmp(address, with, strlen(with)) == 0;
}

static bool
local_ends(const char *address, const char *with)
{
	const char *at = address != NULL ? strrchr(address, '@') : NULL;
	size_t n = strlen(with);

	return at != NULL && (size_t)(at - address) > n &&
	       strncasecmp(at - n, with, n) == 0;
}

static bool
is_machine(const char *address)
{
	return local_is(address, machines) || local_begins(address, "owner-") ||
	       local_begins(address, "noreply-") || local_begins(address, "noreply+") ||
	       local_begins(address, "no-reply-") || local_begins(address, "no-reply+") ||
	       local_begins(address, "bounce-") || local_begins(address, "bounces-") ||
	       local_begins(address, "bounces+") || local_ends(address, "-bounces") ||
	       local_ends(address, "-owner") || local_ends(address, "-noreply");
}

static void
judge_auto_submitted(struct mail *mail, const char *value)
{
	if (value == NULL || is_word(value, "no"))
		return;
	/* The first comment may stand before the word; whatever it is, it is not "no". */
	verdict(mail, begins(value, "auto-replied") ? MAIL_VACATION : MAIL_MACHINE,
		"Auto-Submitted: %s", value);
}

static void
judge_precedence(struct mail *mail, const char *value)
{
	if (value == NULL)
		return;
	if (is_word(value, "list"))
		verdict(mail, MAIL_LIST, "Precedence: list");
	else if (is_word(value, "bulk") || is_word(value, "junk"))
		verdict(mail, MAIL_BULK, "Precedence: %s", value);
	else if (is_word(value, "auto_reply"))
		verdict(mail, MAIL_VACATION, "Precedence: auto_reply");
}

/* How programs that mark nothing begin the subject of somebody's absence. */
static const char *const absences[] = {"out of office", "automatic reply:", "auto-reply:",
	"autoreply:", "auto reply:", "automatische antwort:", "abwesenheitsnotiz",
	"abwesend:", "r\xc3\xa9ponse automatique", "absence du bureau",
	"respuesta autom\xc3\xa1tica", "fuera de la oficina", "risposta automatica",
	"resposta autom\xc3\xa1tica", "automatisch antwoord", "automatiskt svar",
	"automatyczna odpowied\xc5\xba",
	"\xe8\x87\xaa\xe5\x8a\xa8\xe5\x9b\x9e\xe5\xa4\x8d", NULL};

static void
judge_header(const struct mime *mime, struct mail *mail)
{
	const char *suppress = mime_field(mime, "x-auto-response-suppress");
	const char *spam = mime_field(mime, "x-spam-flag");

	judge_auto_submitted(mail, mime_field(mime, "auto-submitted"));
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
		if (mime_field(mime, marks[i].name) != NULL)
			verdict(mail, marks[i].kind, "%s", marks[i].name);
	judge_precedence(mail, mime_field(mime, "precedence"));
	if (is_machine(mail->from.address) || is_machine(mail->envelope_from))
		verdict(mail, MAIL_MACHINE, "nobody reads mail to its sender");
	if (spam != NULL && begins(spam, "yes"))
		verdict(mail, MAIL_MACHINE, "X-Spam-Flag: YES");
	for (int i = 0; mail->subject != NULL && absences[i] != NULL; i++)
		if (begins(mail->subject, absences[i]))
			verdict(mail, MAIL_VACATION, "its subject is an absence's");
	/* This says nothing of who wrote it, and asks for no automatic answer all the
	 * same. */
	if (suppress != NULL && !is_word(suppress, "none"))
		verdict(mail, MAIL_SUPPRESS, "X-Auto-Response-Suppress: %s", suppress);
}

/* ---- what our border says ---- */

/* "method=result" within "; spf=pass ...; dkim=fail": the result's first letter, 0. */
static char
result_of(const char *value, const char *method)
{
	size_t n = strlen(method);

	for (const char *at = value; (at = strcasestr(at, method)) != NULL; at += n) {
		const char *s = at + n;

		if (at != value && strchr("; \t", at[-1]) == NULL)
			continue;
		s += strspn(s, " ");
		if (*s == '=')
			return (char)(s[1 + strspn(s + 1, " ")] | 0x20);
	}
	return '\0';
}

static bool
is_believed(const struct mail_us *us, const char *value)
{
	size_t n = strcspn(value, " ;\t");

	for (int i = 0; i < us->n_servers; i++)
		if (strlen(us->servers[i]) == n &&
			strncasecmp(us->servers[i], value, n) == 0)
			return true;
	return false;
}

static void
judge_proof(const struct mime *mime, const struct mail_us *us, struct mail *mail)
{
	for (int i = 0; i < mime->n_fields; i++) {
		const char *value = mime->field[i].value;
		char dmarc, spf, dkim;

		if (strcmp(mime->field[i].name, "authentication-results") != 0)
			continue;
		value += strspn(value, " \t");
		if (!is_believed(us, value))
			continue;
		dmarc = result_of(value, "dmarc");
		spf = result_of(value, "spf");
		dkim = result_of(value, "dkim");
		if (dmarc == 'p' || (dmarc != 'f' && (spf == 'p' || dkim == 'p')))
			mail->proven = MAIL_PASS;
		else if (dmarc == 'f' || spf == 'f' || dkim == 'f')
			mail->proven = MAIL_FAIL;
		break; /* the border's own stands first */
	}
	/* Which of two senders is meant, nobody can prove. */
	if (mime_field_count(mime, "from") > 1)
		mail->proven = MAIL_FAIL;
}

static bool
names_us(const struct mail_us *us, const struct mail_people *people)
{
	for (int i = 0; i < people->n; i++)
		if (mail_is_ours(us, people->list[i].address))
			return true;
	return false;
}

void
mail_judge(const struct mime *mime, const struct mail_us *us, struct mail *mail)
{
	mail->to_us = names_us(us, &mail->to) || names_us(us, &mail->cc);
	judge_proof(mime, us, mail);
	judge_bounce(mime, mail);
	judge_loop(mime, us, mail);
	judge_header(mime, mail);
}
