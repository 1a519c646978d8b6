/* intake/lmtp.c - the LMTP session; see the picture in lmtp.h. */
#include "intake/lmtp.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

enum state {
	STATE_HELLO,
	STATE_READY,
	STATE_SENDER,
	STATE_RCPTS,
	STATE_DATA,
	STATE_ANSWERS,
	STATE_ENDED
};

/* Where the reader of DATA stands. */
enum place {
	PLACE_LINE,   /* within a line */
	PLACE_CR,     /* behind CR */
	PLACE_START,  /* behind CRLF */
	PLACE_DOT,    /* behind CRLF. */
	PLACE_DOT_CR, /* behind CRLF.CR */
};

struct lmtp {
	struct lmtp_handler handler;
	char *host; /* owned */
	size_t most;
	enum state state;
	char line[LMTP_LINE_MAX + 1];
	size_t n_line;
	bool long_line; /* its rest is thrown away */
	int errors, commands;
	int n_recipients, n_answered;
	struct text answer[LMTP_RECIPIENTS_MAX]; /* owned; empty: not there yet */
	/* of the mail in hand */
	enum place place;
	size_t n_content;
	bool bare, too_big, unkept;
};

static const char *const usual[LMTP_VERDICTS] = {
	[LMTP_OK] = "250 2.1.5 taken",
	[LMTP_LATER] = "451 4.3.0 cannot be kept now, try again later",
	[LMTP_UNKNOWN] = "550 5.1.1 no such mailbox here",
	[LMTP_BAD] = "554 5.6.0 this mail cannot be taken",
};

/* ---- saying ---- */

static void
say(struct lmtp *l, const char *line)
{
	struct text t = {0};

	text_addf(&t, "%s\r\n", line);
	l->handler.say(l->handler.owner, t.s, t.n);
	text_finish(&t);
}

static void
end(struct lmtp *l)
{
	enum state was = l->state;

	l->state = STATE_ENDED;
	if (was >= STATE_SENDER && was <= STATE_ANSWERS)
		l->handler.dropped(l->handler.owner);
	l->handler.ended(l->handler.owner);
}

void
lmtp_give_up(struct lmtp *l, const char *text)
{
	struct text t = {0};

	if (l->state == STATE_ENDED)
		return;
	text_addf(&t, "421 4.3.2 %s %s", l->host, text);
	say(l, t.s);
	text_finish(&t);
	end(l);
}

/* A client that only errs is let go. */
static void
fault(struct lmtp *l, const char *line)
{
	say(l, line);
	if (++l->errors >= LMTP_ERRORS_MAX)
		lmtp_give_up(l, "too many errors");
}

/* ---- the mail in hand ---- */

static void
forget_answers(struct lmtp *l)
{
	for (int i = 0; i < l->n_recipients; i++)
		text_finish(&l->answer[i]);
	l->n_recipients = l->n_answered = 0;
}

static void
reset(struct lmtp *l)
{
	bool had = l->state >= STATE_SENDER && l->state <= STATE_DATA;

	forget_answers(l);
	l->state = STATE_READY;
	if (had)
		l->handler.dropped(l->handler.owner);
}

/* ---- commands ---- */

/* The argument of "WORD argument", NULL when the line is another command. */
static const char *
argument(const char *line, const char *word)
{
	size_t n = strlen(word);

	if (strncasecmp(line, word, n) != 0 || (line[n] != '\0' && line[n] != ' '))
		return NULL;
	line += n;
	return line + strspn(line, " ");
}

/* The path behind "FROM:" or "TO:", without <> and source route, and what follows it.
 * False: it is none. An unquoted path ends with ">"; quotes may hold one. */
static bool
take_path(const char *s, const char *word, char path[LMTP_ADDRESS_MAX + 1],
	const char **rest)
{
	size_t n = 0;
	bool quoted = false;

	if (strncasecmp(s, word, strlen(word)) != 0)
		return false;
	s += strlen(word);
	s += strspn(s, " "); /* not by the book, and common */
	if (*s++ != '<')
		return false;
	if (*s == '@') { /* source route: ignored (RFC 5321 4.1.1.3) */
		s = strchr(s, ':');
		if (s == NULL)
			return false;
		s++;
	}
	for (; *s != '\0' && (quoted || *s != '>'); s++) {
		unsigned char c = (unsigned char)*s;

		if (c <= ' ' && !(quoted && c == ' '))
			return false;
		if (c == 0x7f || c == '<' || n == LMTP_ADDRESS_MAX)
			return false;
		if (c == '"')
			quoted = !quoted;
		path[n++] = *s;
		if (c == '\\' && quoted && s[1] > ' ' && n < LMTP_ADDRESS_MAX)
			path[n++] = *++s;
	}
	if (*s != '>')
		return false;
	path[n] = '\0';
	*rest = s + 1;
	return **rest == '\0' || **rest == ' ';
}

/* The parameters of MAIL; false when one of them was answered with a refusal. */
static bool
take_parameters(struct lmtp *l, const char *s, bool *utf8)
{
	while (*(s += strspn(s, " ")) != '\0') {
		size_t n = strcspn(s, " ");

		if (strncasecmp(s, "SIZE=", 5) == 0 && n > 5 &&
			strspn(s + 5, "0123456789") == n - 5) {
			if (n > 5 + 15 || strtoull(s + 5, NULL, 10) > l->most) {
				fault(l, "552 5.3.4 the mail is larger than is taken");
				return false;
			}
		} else if (n == 8 && strncasecmp(s, "SMTPUTF8", n) == 0) {
			*utf8 = true;
		} else if (!(n == 13 && strncasecmp(s, "BODY=8BITMIME", n) == 0) &&
			   !(n == 9 && strncasecmp(s, "BODY=7BIT", n) == 0)) {
			fault(l, "555 5.5.4 parameter not known");
			return false;
		}
		s += n;
	}
	return true;
}

static bool
is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

static void
on_lhlo(struct lmtp *l, const char *name)
{
	struct text t = {0};

	if (*name == '\0') {
		fault(l, "501 5.5.4 LHLO needs your name");
		return;
	}
	reset(l);
	text_addf(&t,
		"250-%s\r\n250-PIPELINING\r\n250-SIZE %zu\r\n250-8BITMIME\r\n"
		"250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES",
		l->host, l->most);
	say(l, t.s);
	text_finish(&t);
}

static void
on_mail(struct lmtp *l, const char *s)
{
	char sender[LMTP_ADDRESS_MAX + 1];
	enum lmtp_verdict verdict;
	const char *rest;
	bool utf8 = false;

	if (l->state != STATE_READY) {
		fault(l, l->state == STATE_HELLO ? "503 5.5.1 LHLO first"
						 : "503 5.5.1 a mail is begun already");
		return;
	}
	if (!take_path(s, "FROM:", sender, &rest)) {
		fault(l, "501 5.1.7 MAIL FROM:<address> is needed");
		return;
	}
	if (!take_parameters(l, rest, &utf8))
		return;
	if (!utf8 && !is_ascii(sender)) {
		fault(l, "553 5.6.7 such an address needs SMTPUTF8");
		return;
	}
	verdict = l->handler.sender(l->handler.owner, sender);
	if (verdict != LMTP_OK) {
		say(l, usual[verdict]);
		return;
	}
	l->state = STATE_SENDER;
	l->commands = 0;
	say(l, "250 2.1.0 go on");
}

static void
on_rcpt(struct lmtp *l, const char *s)
{
	char recipient[LMTP_ADDRESS_MAX + 1];
	enum lmtp_verdict verdict;
	const char *rest;

	if (l->state != STATE_SENDER && l->state != STATE_RCPTS) {
		fault(l, "503 5.5.1 MAIL first");
		return;
	}
	if (!take_path(s, "TO:", recipient, &rest) || recipient[0] == '\0' ||
		*(rest + strspn(rest, " ")) != '\0') {
		fault(l, "501 5.1.3 RCPT TO:<address> is needed");
		return;
	}
	if (l->n_recipients == LMTP_RECIPIENTS_MAX) {
		say(l, "452 4.5.3 too many recipients; send the others another time");
		return;
	}
	verdict = l->handler.recipient(l->handler.owner, recipient);
	if (verdict != LMTP_OK) {
		if (verdict == LMTP_LATER)
			say(l, usual[verdict]);
		else
			fault(l, usual[verdict]);
		return;
	}
	l->n_recipients++;
	l->state = STATE_RCPTS;
	say(l, usual[LMTP_OK]);
}

static void
on_data(struct lmtp *l)
{
	if (l->state != STATE_RCPTS) {
		fault(l, "503 5.5.1 no recipient was taken");
		return;
	}
	l->state = STATE_DATA;
	l->place = PLACE_START;
	l->n_content = 0;
	l->bare = l->too_big = l->unkept = false;
	say(l, "354 end with <CRLF>.<CRLF>");
}

/* A browser or a TLS client that was led to this port: nothing of it is understood. */
static bool
is_foreign(const char *line)
{
	static const char *const words[] = {
		"GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ", "CONNECT ", "DELETE "};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strncmp(line, words[i], strlen(words[i])) == 0)
			return true;
	return (unsigned char)line[0] == 0x16;
}

static void
on_command(struct lmtp *l, const char *line)
{
	const char *rest;

	if (++l->commands > LMTP_IDLE_COMMANDS_MAX) {
		lmtp_give_up(l, "too many commands without a mail");
	} else if ((rest = argument(line, "LHLO")) != NULL) {
		on_lhlo(l, rest);
	} else if ((rest = argument(line, "MAIL")) != NULL) {
		on_mail(l, rest);
	} else if ((rest = argument(line, "RCPT")) != NULL) {
		on_rcpt(l, rest);
	} else if ((rest = argument(line, "DATA")) != NULL) {
		if (*rest == '\0')
			on_data(l);
		else
			fault(l, "501 5.5.4 DATA takes nothing");
	} else if (argument(line, "RSET") != NULL) {
		if (l->state != STATE_HELLO)
			reset(l);
		say(l, "250 2.0.0 forgotten");
	} else if (argument(line, "NOOP") != NULL) {
		say(l, "250 2.0.0 here");
	} else if (argument(line, "VRFY") != NULL) {
		fault(l, "252 2.7.0 send a mail and see");
	} else if (argument(line, "QUIT") != NULL) {
		say(l, "221 2.0.0 bye");
		end(l);
	} else if (argument(line, "EHLO") != NULL || argument(line, "HELO") != NULL) {
		fault(l, "500 5.5.1 this is LMTP: say LHLO");
	} else if (argument(line, "STARTTLS") != NULL) {
		/* What was sent behind it in the belief of TLS must not be obeyed. */
		lmtp_give_up(l, "no TLS here");
	} else if (argument(line, "BDAT") != NULL) {
		/* Its content would be read as commands. */
		lmtp_give_up(l, "CHUNKING was not offered");
	} else if (is_foreign(line)) {
		lmtp_give_up(l, "this is LMTP");
	} else {
		fault(l, "500 5.5.2 command not known");
	}
}

static bool
is_clean(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			return false;
	return true;
}

/* A line ends with CRLF; what else it holds must be printable. */
static void
on_line(struct lmtp *l)
{
	size_t n = l->n_line;

	l->n_line = 0;
	if (l->long_line) {
		l->long_line = false;
		fault(l, "500 5.5.2 line too long");
		return;
	}
	if (n == 0 || l->line[n - 1] != '\r') {
		/* Bare LF: another program reads the stream otherwise than we do. */
		fault(l, "500 5.5.2 lines end with CRLF");
		return;
	}
	l->line[--n] = '\0';
	if ((unsigned char)l->line[0] == 0x16 && n > 0)
		lmtp_give_up(l, "this is LMTP");
	else if (!is_clean(l->line, n))
		fault(l, "500 5.5.2 control characters in a command");
	else
		on_command(l, l->line);
}

static size_t
feed_command(struct lmtp *l, const char *data, size_t n)
{
	const char *lf = memchr(data, '\n', n);
	size_t used = lf != NULL ? (size_t)(lf - data) + 1 : n;
	size_t take = lf != NULL ? used - 1 : used;

	if (!l->long_line && take <= LMTP_LINE_MAX - l->n_line) {
		memcpy(l->line + l->n_line, data, take);
		l->n_line += take;
	} else {
		l->long_line = true;
	}
	if (lf != NULL)
		on_line(l);
	else if (l->long_line && l->state == STATE_HELLO)
		lmtp_give_up(l, "this is LMTP"); /* no client begins so */
	return used;
}

/* ---- content ---- */

static void
content(struct lmtp *l, const char *data, size_t n)
{
	if (n == 0 || l->too_big || l->unkept || l->bare)
		return;
	if (n > l->most - l->n_content) {
		l->too_big = true;
		return;
	}
	l->n_content += n;
	if (!l->handler.content(l->handler.owner, data, n))
		l->unkept = true;
}

static void
refuse_all(struct lmtp *l, const char *line)
{
	int n = l->n_recipients;

	for (int i = 0; i < n; i++)
		say(l, line);
	l->errors++;
	forget_answers(l);
	l->state = STATE_READY;
	l->handler.dropped(l->handler.owner);
	if (l->errors >= LMTP_ERRORS_MAX)
		lmtp_give_up(l, "too many errors");
}

static void
on_end_of_data(struct lmtp *l)
{
	if (l->too_big) {
		refuse_all(l, "552 5.3.4 the mail is larger than is taken");
	} else if (l->bare) {
		refuse_all(l, "554 5.6.0 the mail holds a bare CR or LF");
	} else if (l->unkept) {
		refuse_all(l, usual[LMTP_LATER]);
	} else {
		l->state = STATE_ANSWERS;
		l->handler.whole(l->handler.owner, l->n_recipients);
	}
}

/* One byte that is not within a line; returns where the reader stands then. */
static enum place
step(struct lmtp *l, char c)
{
	switch (l->place) {
	case PLACE_START:
		if (c == '.')
			return PLACE_DOT;
		break;
	case PLACE_DOT:
		if (c == '\r')
			return PLACE_DOT_CR;
		break; /* the stuffed dot goes */
	case PLACE_DOT_CR:
		if (c == '\n') {
			on_end_of_data(l);
			return PLACE_START;
		}
		l->bare = true;
		break;
	case PLACE_CR:
		if (c == '\n') {
			content(l, "\r\n", 2);
			return PLACE_START;
		}
		l->bare = true;
		break;
	case PLACE_LINE:
		break;
	}
	if (c == '\r')
		return PLACE_CR;
	if (c == '\n')
		l->bare = true;
	content(l, &c, 1);
	return PLACE_LINE;
}

static size_t
feed_data(struct lmtp *l, const char *data, size_t n)
{
	size_t used = 0;

	while (used < n && l->state == STATE_DATA) {
		if (l->place == PLACE_LINE) {
			size_t run = 0;

			while (used + run < n && data[used + run] != '\r' &&
				data[used + run] != '\n')
				run++;
			content(l, data + used, run);
			used += run;
			if (used == n)
				break;
		}
		l->place = step(l, data[used++]);
	}
	return used;
}

size_t
lmtp_feed(struct lmtp *l, const char *data, size_t n)
{
	size_t used = 0;

	while (used < n && l->state != STATE_ANSWERS && l->state != STATE_ENDED)
		used += l->state == STATE_DATA ? feed_data(l, data + used, n - used)
					       : feed_command(l, data + used, n - used);
	return used;
}

void
lmtp_answer(struct lmtp *l, int i, enum lmtp_verdict verdict, const char *words)
{
	static const char *const code[LMTP_VERDICTS] = {
		"250 2.1.5", "451 4.3.0", "550 5.1.1", "554 5.6.0"};

	if (l->state != STATE_ANSWERS || i < 0 || i >= l->n_recipients ||
		l->answer[i].n > 0)
		return;
	if (words != NULL)
		text_addf(&l->answer[i], "%s %s", code[verdict], words);
	else
		text_add(&l->answer[i], usual[verdict]);
	if (++l->n_answered < l->n_recipients)
		return;
	/* In the order of the recipients, whichever was ready first. */
	for (int k = 0; k < l->n_recipients; k++)
		say(l, l->answer[k].s);
	forget_answers(l);
	l->state = STATE_READY;
}

/* ---- life ---- */

struct lmtp *
lmtp_create(const struct lmtp_handler *handler, const char *host, size_t most)
{
	struct lmtp *l = xcalloc(1, sizeof *l);

	l->handler = *handler;
	l->host = xstrdup(host);
	l->most = most;
	return l;
}

void
lmtp_destroy(struct lmtp *l)
{
	if (l == NULL)
		return;
	forget_answers(l);
	free(l->host);
	free(l);
}

void
lmtp_begin(struct lmtp *l)
{
	struct text t = {0};

	text_addf(&t, "220 %s LMTP usher", l->host);
	say(l, t.s);
	text_finish(&t);
}

bool
lmtp_is_idle(const struct lmtp *l)
{
	return l->state < STATE_DATA && l->n_line == 0;
}

bool
lmtp_is_in_data(const struct lmtp *l)
{
	return l->state == STATE_DATA;
}

bool
lmtp_waits(const struct lmtp *l)
{
	return l->state == STATE_ANSWERS;
}
