/*
 * plugins/asterisk/actions.c - logging in, asking for lists, and what the switch answers.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "out.h"

#define MD5_TEXT 33 /* bytes in hexadecimal digits, with the NUL */

/* ---- login ---- */

static void
log_in(struct link *l, const char *key)
{
	struct out o = {.n = 0};

	out_begin(&o, "Login", ACTION_LOGIN);
	if (key != NULL)
		out_put(&o, "AuthType", "MD5");
	out_put(&o, "Username", l->settings->username);
	out_put(&o, key != NULL ? "Key" : "Secret",
		key != NULL ? key : l->settings->secret);
	out_end(&o);
	out_flush(l, &o);
	if (o.wrong != NULL)
		l->problem = "username or secret holds a line end";
}

void
send_login(struct link *l)
{
	struct out o = {.n = 0};

	l->login_sent = true;
	if (strcmp(l->settings->auth, "plain") == 0) {
		log_in(l, NULL);
		return;
	}
	out_begin(&o, "Challenge", ACTION_CHALLENGE);
	out_put(&o, "AuthType", "MD5");
	out_end(&o);
	out_flush(l, &o);
}

/* The secret itself never crosses the wire: md5(challenge secret). */
static void
on_challenge(struct link *l, const char *challenge)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char key[MD5_TEXT];
	unsigned n = 0;
	EVP_MD_CTX *md5 = EVP_MD_CTX_new();

	if (md5 == NULL || EVP_DigestInit_ex(md5, EVP_md5(), NULL) != 1 ||
		EVP_DigestUpdate(md5, challenge, strlen(challenge)) != 1 ||
		EVP_DigestUpdate(md5, l->settings->secret, strlen(l->settings->secret)) !=
			1 ||
		EVP_DigestFinal_ex(md5, digest, &n) != 1 || n != 16) {
		l->turned_away = true;
		l->problem = "this machine has no MD5: set auth to plain, on a link of "
			     "its own or within TLS";
	} else {
		for (unsigned i = 0; i < n; i++)
			snprintf(key + 2 * (size_t)i, 3, "%02x", digest[i]);
		log_in(l, key);
	}
	EVP_MD_CTX_free(md5);
}

/* CoreStatus first: the list that follows is then known to be of this or another life of
 * the switch. */
void
send_snapshot(struct link *l)
{
	struct out o = {.n = 0};

	out_begin(&o, "CoreStatus", ACTION_STATUS);
	out_end(&o);
	l->refused_before = l->reader.refused;
	out_begin(&o, "CoreShowChannels", ACTION_LIST);
	out_end(&o);
	out_begin(&o, "DeviceStateList", ACTION_DEVICES);
	out_end(&o);
	out_flush(l, &o);
}

/* ---- answers ---- */

/* The id that usher gave the action; NULL: it is none of usher's. */
static const char *
action_of_usher(const struct link *l, const struct ami_message *m)
{
	const char *id = ami_get(m, "ActionID");
	size_t n = strlen(ACTION_OF_USHER);

	if (id == NULL)
		return NULL;
	if (l->sink->send == NULL)
		return id;
	return strncmp(id, ACTION_OF_USHER, n) == 0 ? id + n : NULL;
}

/* The channel went away in between: the caller is gone, no telephone is at fault (CTI
 * 3.1, 10). */
static enum usher_leg_reason
reason_of_message(const char *message)
{
	if (strncasecmp(message, "Channel does not exist", 22) == 0 ||
		strncasecmp(message, "No such channel", 15) == 0)
		return USHER_REASON_GONE;
	return USHER_REASON_OTHER;
}

static void
on_error(struct link *l, const struct ami_message *m)
{
	const char *id = ami_get(m, "ActionID"), *message = ami_get(m, "Message");
	const char *action = action_of_usher(l, m);

	if (message == NULL)
		message = "";
	if (l->sink->send == NULL)
		return; /* what another program asked for is its own affair */
	if (action != NULL) {
		emit(l, &(struct usher_switch_event){.kind = USHER_ACTION_FAILED,
				.action = action,
				.reason = reason_of_message(message),
				.why = message});
	} else if (id != NULL && strcmp(id, ACTION_CHALLENGE) == 0) {
		l->turned_away = true;
		l->problem = "the switch knows no MD5 login: set auth to plain, on a "
			     "link of its own or within TLS";
	} else if (id != NULL && strcmp(id, ACTION_LOGIN) == 0) {
		l->turned_away = true;
		l->problem = "the switch refused the login: check username, secret and "
			     "permit in manager.conf";
	} else if (id != NULL && strcmp(id, ACTION_LIST) == 0) {
		l->problem = "the switch refuses CoreShowChannels: give the user write = "
			     "system,call,reporting,originate";
	}
}

/* Who was moved apart by us holds, or talks again: the switch has no event for it. */
static void
on_success(struct link *l, const struct ami_message *m)
{
	const char *action = action_of_usher(l, m);

	for (int i = 0; action != NULL && i < SENT_KEPT; i++) {
		struct sent *s = &l->sent[i];
		struct channel *leg = channels_find(&l->channels, s->leg);

		if (strcmp(s->action, action) != 0)
			continue;
		s->action[0] = '\0';
		if (leg != NULL && !leg->dead)
			hold_apart(l, leg, s->kind == USHER_ACTION_HOLD);
	}
}

void
on_response(struct link *l, const struct ami_message *m)
{
	const char *response = ami_get(m, "Response");
	const char *id = ami_get(m, "ActionID"), *challenge = ami_get(m, "Challenge");
	const char *day = ami_get(m, "CoreStartupDate");
	const char *time = ami_get(m, "CoreStartupTime");

	if (response == NULL)
		return;
	if (strcasecmp(response, "Error") == 0)
		on_error(l, m);
	else if (challenge != NULL && id != NULL && strcmp(id, ACTION_CHALLENGE) == 0)
		on_challenge(l, challenge);
	else if (l->sink->send != NULL)
		on_success(l, m);
	if (day != NULL && time != NULL)
		snprintf(l->instance, sizeof(l->instance), "%.20s %.20s", day, time);
}

/* 4 is answered; it may come before the DialEnd of the same call (CTI 3.1, 2), which
 * therefore is what tells of an answer. */
void
on_originate_response(struct link *l, const struct ami_message *m)
{
	const char *response = ami_get(m, "Response"), *reason = ami_get(m, "Reason");
	const char *action = action_of_usher(l, m);
	enum usher_leg_reason why = USHER_REASON_OTHER;

	if (action == NULL || response == NULL || strcasecmp(response, "Failure") != 0)
		return;
	if (reason != NULL && strcmp(reason, "3") == 0)
		why = USHER_REASON_NO_ANSWER;
	else if (reason != NULL && strcmp(reason, "5") == 0)
		why = USHER_REASON_BUSY;
	else if (reason != NULL && strcmp(reason, "8") == 0)
		why = USHER_REASON_CONGESTION;
	else if (reason != NULL && strcmp(reason, "0") == 0)
		why = USHER_REASON_UNAVAILABLE;
	emit(l, &(struct usher_switch_event){.kind = USHER_ACTION_FAILED,
			.action = action,
			.device = known(ami_get(m, "Channel")),
			.reason = why,
			.why = reason});
}
