/* control/config_mailout.c - mail that leaves: the relay, review, automatic mails. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_compile.h"
#include "control/settings_mailout.h"
#include "model/mailout.h"

#define PORT_MOST 65535

static bool
is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
	       strcmp(host, "::1") == 0;
}

/* "host:port", "[::1]:25"; a host alone is port 25. */
static bool
take_address(const char *text, struct mailout_settings *to)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : strlen(text);
	char *end;

	to->port = 25;
	if (colon != NULL) {
		long port = strtol(colon + 1, &end, 10);

		if (colon[1] == '\0' || *end != '\0' || port < 1 || port > PORT_MOST)
			return false;
		to->port = (int)port;
	}
	if (n > 2 && text[0] == '[' && text[n - 1] == ']')
		to->host = xstrndup(text + 1, n - 2);
	else
		to->host = xstrndup(text, n);
	return n > 0 && n < 256 && strpbrk(to->host, " /@<>[]") == NULL;
}

static void
compile_relay(struct compile *c, const struct entry *e, struct mailout_settings *to)
{
	const struct slot *address = &e->slot[RELAY_ADDRESS];
	const struct slot *starttls = &e->slot[RELAY_STARTTLS];

	to->ca_file = compile_path(c, &e->slot[RELAY_CA_FILE]);
	to->user = xstrdup(entry_text(e, RELAY_USER));
	to->password_file = compile_path(c, &e->slot[RELAY_PASSWORD_FILE]);
	to->name = xstrdup(entry_text(e, RELAY_NAME));
	to->timeout_ms = llround(entry_number(e, RELAY_TIMEOUT));
	if (address->text == NULL)
		return;
	if (!take_address(address->text, to)) {
		tree_error(c->tree, address->node,
			"relay: \"%s\" is no address: write 127.0.0.1:25 or "
			"mail.example.com:587",
			address->text);
		return;
	}
	to->starttls =
		isnan(starttls->number) ? !is_loopback(to->host) : starttls->number > 0;
	if (!to->starttls && !is_loopback(to->host)) {
		if (entry_bool(e, RELAY_INSECURE))
			tree_warn(c->tree, address->node,
				"relay: mails cross the network in the open (insecure)");
		else
			tree_error(c->tree, address->node,
				"relay: %s is not loopback and has no TLS: say starttls: "
				"true, or insecure: true if everybody may read along",
				to->host);
	}
	if ((to->user == NULL) != (to->password_file == NULL))
		tree_error(c->tree, e->node != NULL ? e->node : address->node,
			"relay: user and password_file belong together");
	else if (to->user != NULL && !to->starttls && !is_loopback(to->host))
		tree_error(c->tree, address->node,
			"relay: a password is not sent without TLS");
}

static void
compile_review(struct compile *c, const struct entry *e, struct mailout_settings *to)
{
	to->review = xcalloc((size_t)e->n_others + 1, sizeof *to->review);
	for (int i = 0; i < e->n_others; i++) {
		const char *name = e->other[i].key->text;

		to->review[to->n_review++] = (struct mailout_review){
			xstrdup(strcmp(name, "other") == 0 ? "" : name),
			isnan(e->other[i].number) ? 0 : e->other[i].number};
	}
}

static void
compile_answers(const struct entry *e, struct mailout_settings *to)
{
	to->answers = entry_bool(e, ANSWERS_ON);
	to->none_most = entry_number(e, ANSWERS_NONE);
	to->audit_share = entry_number(e, ANSWERS_AUDIT);
	to->customer_points = entry_number(e, ANSWERS_POINTS);
	to->sender_most = (int)entry_number(e, ANSWERS_SENDER);
	to->sender_ms = llround(entry_number(e, ANSWERS_PERIOD));
	to->response_most = (int)entry_number(e, ANSWERS_DAILY);
	to->hourly_most = (int)entry_number(e, ANSWERS_HOURLY);
	to->proven = entry_bool(e, ANSWERS_PROVEN);
	to->hold_ms = llround(entry_number(e, ANSWERS_HOLD));
}

static bool
is_date(const char *s)
{
	static const char form[] = "dddd-dd-dd";

	if (strlen(s) != sizeof form - 1)
		return false;
	for (size_t i = 0; form[i] != '\0'; i++)
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return false;
	return true;
}

static void
compile_acknowledge(struct compile *c, const struct entry *e, struct mailout_settings *to)
{
	const struct entry *days = entry_section(e, ACK_DAYS);
	const struct slot *calendar = &e->slot[ACK_CALENDAR];

	to->ack_open = xstrdup(entry_text(e, ACK_OPEN));
	to->ack_closed = xstrdup(entry_text(e, ACK_CLOSED));
	to->ack_calendar = xstrdup(calendar->text);
	if (calendar->text != NULL)
		(void)compile_find(c, NAME_CALENDAR, calendar->node, calendar->text);
	if (days->n_others > MAILOUT_DAYS_MAX)
		tree_error(c->tree, days->other[MAILOUT_DAYS_MAX].key,
			"days: more than %d; take out those that are over",
			MAILOUT_DAYS_MAX);
	to->days = xcalloc((size_t)days->n_others + 1, sizeof *to->days);
	for (int i = 0; i < days->n_others && i < MAILOUT_DAYS_MAX; i++) {
		const struct slot *slot = &days->other[i];
		struct mailout_day *d = &to->days[to->n_days];

		if (!is_date(slot->key->text) || slot->text == NULL) {
			tree_error(c->tree, slot->key,
				"days: \"%s\" is no date: write \"2026-12-25\"",
				slot->key->text);
			continue;
		}
		memcpy(d->date, slot->key->text, sizeof d->date);
		d->response = xstrdup(slot->text);
		to->n_days++;
	}
}

struct mailout_settings *
compile_mailout(struct compile *c, const struct entry *e)
{
	struct mailout_settings *to = mailout_settings_create();
	const struct slot *envelope = &e->slot[OUT_ENVELOPE];

	compile_relay(c, entry_section(e, OUT_RELAY), to);
	to->undo_ms = llround(entry_number(e, OUT_UNDO));
	to->quote = entry_bool(e, OUT_QUOTE);
	to->envelope = xstrdup(envelope->text);
	if (envelope->text != NULL && strchr(envelope->text, '@') == NULL)
		tree_error(c->tree, envelope->node,
			"envelope: \"%s\" is no address: write bounces@example.com",
			envelope->text);
	to->give_up_ms = llround(entry_number(e, OUT_GIVE_UP));
	to->keep_ms = llround(entry_number(e, OUT_KEEP));
	compile_review(c, entry_section(e, OUT_REVIEW), to);
	compile_answers(entry_section(e, OUT_ANSWERS), to);
	compile_acknowledge(c, entry_section(e, OUT_ACKNOWLEDGE), to);
	to->rebuild_ms = llround(entry_number(e, OUT_REBUILD));
	to->verdicts_kept = (int)entry_number(e, OUT_VERDICTS);
	return to;
}
