/*
 * base/mail.c - mails on their way to the relay.
 *
 *   mailer_send -> job -> (thread: libesmtp's session) -> judge -> (loop: done)
 *
 * A session blocks where the system blocks (name look-up, connect), so it never runs on
 * the loop. Its truth is in the transfer status, the recipients' statuses and whether the
 * message had begun to leave; smtp_start_session() itself says "done" to nearly anything.
 */
#include "base/mail.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/worker.h"

#ifdef USHER_ESMTP
/* After stddef.h and ssl.h: its header needs the one and looks for the other. */
#include <auth-client.h>
#include <libesmtp.h>
#endif

#define TALK_TIMES 4	 /* timeouts that a relay's answers take in all, at most */
#define SLOWEST_BPS 4096 /* bytes a second at which a message leaves, at least */
#define END_WAIT_MS 2000 /* for mails on their way when usherd ends */

const char *const mailer_fate_name[4] = {"sent", "later", "refused", "unsure"};

/* Settings of a relay, shared by the mails that go there. All owned. */
struct route {
	int references; /* counted on the loop */
	char *server;	/* "host:port" */
	char *user, *password, *name;
	enum mailer_security security;
	long timeout_ms;
	SSL_CTX *tls; /* NULL: MAILER_PLAIN */
};

struct mailer {
	struct worker_pool *pool;
	struct route *route; /* NULL: none yet */
	int threads, busy;
};

struct job {
	struct mailer *mailer; /* NULL: it is gone */
	struct route *route;
	char *from, *text; /* text: NULL until it is made */
	size_t n;
	char *(*make)(void *arg, size_t *n, const char **fault);
	void (*drop)(void *arg);
	void *arg;
	int n_to;
	char *to[MAILER_RECIPIENTS_MAX];
	mailer_done done;
	void *owner;
	uint64_t tag;
	struct mailer_result result;
	/* While it runs. */
	bool read_all;	  /* by the library */
	bool begun;	  /* the message has begun to leave */
	int64_t until_ms; /* boot time; what the relay says later is not heard */
	bool answered;	  /* whether the relay has it, has been said to the end */
	bool cut;	  /* it was not heard before that */
	bool bad_certificate;
};

/* ---- relays ---- */

static void
route_free(struct route *route)
{
	if (route == NULL || --route->references > 0)
		return;
	SSL_CTX_free(route->tls);
	free(route->server);
	free(route->user);
	secret_free(route->password);
	free(route->name);
	free(route);
}

/* A context of our own: TLS 1.2 alone (1.3 makes the library wait for ever on session
 * tickets), chain and name checked by OpenSSL, not by the library, which compares with
 * the name that DNS made of it. */
static SSL_CTX *
make_tls(const struct mailer_relay *relay, char *error, size_t room)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	X509_VERIFY_PARAM *check = SSL_CTX_get0_param(tls);
	int trusted;

	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	trusted = relay->ca_file != NULL
			  ? SSL_CTX_load_verify_locations(tls, relay->ca_file, NULL)
			  : SSL_CTX_set_default_verify_paths(tls);
	if (!X509_VERIFY_PARAM_set1_ip_asc(check, relay->host)) {
		X509_VERIFY_PARAM_set_hostflags(
			check, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		X509_VERIFY_PARAM_set1_host(check, relay->host, 0);
	}
	if (trusted)
		return tls;
	snprintf(error, room, "cannot read the certificates %s",
		relay->ca_file != NULL ? relay->ca_file : "of the system");
	SSL_CTX_free(tls);
	ERR_clear_error();
	return NULL;
}

static struct route *
make_route(const struct mailer_relay *relay, char *error, size_t room)
{
	struct route *route = xcalloc(1, sizeof *route);
	bool done = true;

	route->references = 1;
	/* An IPv6 address needs no brackets: the library splits at the last colon. */
	route->server = xasprintf("%s:%d", relay->host, relay->port);
	route->name = xstrdup(relay->name);
	route->security = relay->security;
	route->timeout_ms = (long)relay->timeout_ms;
	if (relay->security != MAILER_PLAIN)
		done = (route->tls = make_tls(relay, error, room)) != NULL;
	if (done && relay->user != NULL) {
		route->user = xstrdup(relay->user);
		route->password = secret_read(relay->password_file, error, room);
		done = route->password != NULL;
	}
	if (done)
		return route;
	route_free(route);
	return NULL;
}

/* ---- on the thread ---- */

static void
say(struct mailer_result *result, enum mailer_fate fate, int code, const char *words)
{
	result->fate = fate;
	result->code = code;
	mailer_text_clean(words, result->words, sizeof result->words);
}

/* Worse means: more to do for whoever sent it. */
static int
how_bad(enum mailer_fate fate)
{
	switch (fate) {
	case MAILER_SENT:
		return 0;
	case MAILER_REFUSED:
		return 1;
	case MAILER_LATER:
		return 2;
	case MAILER_UNSURE:
		return 3;
	}
	return 3;
}

static void
add_recipient(struct mailer_result *r, enum mailer_fate fate, int code, const char *words)
{
	r->each[r->n_to] = fate;
	r->codes[r->n_to] = code;
	if (r->n_to == 0 || how_bad(fate) > how_bad(r->fate))
		say(r, fate, code, words);
	r->n_to++;
}

#ifdef USHER_ESMTP
/* The message as the library asks for it: once from the start, all at one time. It frees
 * what *context points to, so that is a word of its own. */
static const char *
give_message(void **context, int *length, void *arg)
{
	struct job *job = arg;

	if (length == NULL) {
		job->read_all = false;
		return NULL;
	}
	if (*context == NULL)
		*context = xcalloc(1, 1);
	*length = job->read_all ? 0 : (int)job->n;
	if (job->read_all)
		return NULL;
	job->read_all = true;
	return job->text;
}

static void
on_event(smtp_session_t session, int what, void *arg, ...)
{
	struct job *job = arg;
	va_list list;
	int *ok;

	va_start(list, arg);
	switch (what) {
	case SMTP_EV_MESSAGEDATA:
		job->begun = true;
		job->until_ms = clock_boot_ms() + TALK_TIMES * job->route->timeout_ms +
				(int64_t)job->n * 1000 / SLOWEST_BPS;
		break;
	case SMTP_EV_MESSAGESENT:
		job->answered = true;
		break;
	case SMTP_EV_INVALID_PEER_CERTIFICATE:
		(void)va_arg(list, long);
		ok = va_arg(list, int *);
		*ok = 0;
		job->bad_certificate = true;
		break;
	case SMTP_EV_WRONG_PEER_CERTIFICATE:
		/* Compared with what DNS calls the host; OpenSSL has compared it with
		 * what the settings call it, and the handshake would have failed. */
		ok = va_arg(list, int *);
		*ok = 1;
		break;
	case SMTP_EV_NO_PEER_CERTIFICATE:
		ok = va_arg(list, int *);
		*ok = 0;
		job->bad_certificate = true;
		break;
	default:
		break;
	}
	va_end(list);
}

/* All that the relay says, before the library has read it. The library's time-outs are
 * for silence: a relay that says something now and then would hold the thread for ever,
 * and the library cannot be told to stop. But it stops at what is no answer. */
static void
on_talk(const char *said, int n, int written, void *arg)
{
	struct job *job = arg;

	if (written || n <= 0 || clock_boot_ms() <= job->until_ms)
		return;
	job->cut |= !job->answered;
	memset((char *)(uintptr_t)said, '\n', (size_t)n);
}

static int
give_password(auth_client_request_t request, char **result, int fields, void *arg)
{
	const struct route *route = arg;

	for (int i = 0; i < fields; i++)
		result[i] = request[i].flags & AUTH_PASS ? route->password : route->user;
	return 1;
}

static enum mailer_fate
fate_of_code(int code, bool begun)
{
	if (code >= 200 && code < 300)
		return MAILER_SENT;
	if (code >= 500)
		return MAILER_REFUSED;
	if (code >= 400)
		return MAILER_LATER;
	/* No answer: whether it was taken depends on whether it had begun to leave. */
	return begun ? MAILER_UNSURE : MAILER_LATER;
}

/* Sent is what transfer and recipient both call so. */
static void
judge(struct job *job, bool started, smtp_message_t message, smtp_recipient_t *recipients)
{
	const smtp_status_t *transfer = smtp_message_transfer_status(message),
			    *path = smtp_reverse_path_status(message);
	char buffer[128];
	const char *trouble = NULL;
	int error = smtp_errno();

	if (job->bad_certificate)
		trouble = "The relay's certificate is not trusted, or is for another "
			  "name.";
	else if (!started || error != 0)
		trouble = smtp_strerror(error, buffer, sizeof buffer);
	if (trouble == NULL || *trouble == '\0')
		trouble = "The relay gave no answer.";
	for (int i = 0; i < job->n_to; i++) {
		const smtp_status_t *to = smtp_recipient_status(recipients[i]), *s = to;

		if (job->cut) { /* the beginning of an answer is none */
			add_recipient(&job->result, fate_of_code(0, job->begun), 0,
				"The relay went on talking and gave no answer.");
			continue;
		}
		/* Whoever said no first is the one to be quoted. */
		if (path->code >= 400)
			s = path;
		else if (to->code / 100 == 2)
			s = transfer;
		add_recipient(&job->result, fate_of_code(s->code, job->begun), s->code,
			s->code != 0 && s->text != NULL ? s->text : trouble);
	}
}

static void
set_up(struct job *job, smtp_session_t session)
{
	const struct route *route = job->route;

	smtp_set_server(session, route->server);
	if (route->name != NULL)
		smtp_set_hostname(session, route->name);
	smtp_set_eventcb(session, on_event, job);
	job->until_ms = clock_boot_ms() + TALK_TIMES * route->timeout_ms;
	smtp_set_monitorcb(session, on_talk, job, 0);
	for (int i = Timeout_GREETING; i <= Timeout_DATA2; i++)
		smtp_set_timeout(
			session, i | Timeout_OVERRIDE_RFC2822_MINIMUM, route->timeout_ms);
	if (route->tls != NULL) {
		smtp_starttls_enable(session, Starttls_REQUIRED);
		smtp_starttls_set_ctx(session, route->tls);
	}
}

static void
send_job(struct job *job)
{
	smtp_session_t session = smtp_create_session();
	smtp_message_t message = smtp_add_message(session);
	smtp_recipient_t recipients[MAILER_RECIPIENTS_MAX];
	auth_context_t auth = NULL;
	bool started;

	set_up(job, session);
	if (job->route->user != NULL) {
		auth = auth_create_context();
		auth_set_mechanism_flags(auth, AUTH_PLUGIN_PLAIN, 0);
		auth_set_interact_cb(auth, give_password, job->route);
		smtp_auth_set_context(session, auth);
	}
	/* NULL is the null path. */
	smtp_set_reverse_path(message, job->from[0] != '\0' ? job->from : NULL);
	smtp_8bitmime_set_body(message, E8bitmime_NOTSET);
	smtp_set_messagecb(message, give_message, job);
	for (int i = 0; i < job->n_to; i++)
		recipients[i] = smtp_add_recipient(message, job->to[i]);
	started = smtp_start_session(session) != 0;
	judge(job, started, message, recipients);
	smtp_destroy_session(session);
	if (auth != NULL)
		auth_destroy_context(auth);
}
#else
static void
send_job(struct job *job)
{
	say(&job->result, MAILER_REFUSED, 0, "usher was built without libesmtp.");
}
#endif

/* False: it cannot be made or is not fit to be sent; said. */
static bool
make_text(struct job *job)
{
	const char *fault = "The mail could not be made.";
	size_t n = 0;
	char *text = job->make(job->arg, &n, &fault);

	if (text != NULL)
		fault = mailer_check(text, n);
	if (text != NULL && fault == NULL)
		job->text = mailer_with_crlf(text, n, &job->n);
	free(text);
	for (int i = 0; i < job->n_to && job->text == NULL; i++)
		add_recipient(&job->result, MAILER_REFUSED, 0, fault);
	return job->text != NULL;
}

static void
work(void *arg)
{
	struct job *job = arg;

	if (job->text != NULL || make_text(job))
		send_job(job);
}

/* ---- on the loop ---- */

static void
job_free(void *arg)
{
	struct job *job = arg;

	route_free(job->route);
	for (int i = 0; i < job->n_to; i++)
		free(job->to[i]);
	if (job->drop != NULL)
		job->drop(job->arg);
	free(job->from);
	free(job->text);
	free(job);
}

static void
finished(void *arg)
{
	struct job *job = arg;

	job->mailer->busy--;
	job->done(job->owner, job->tag, &job->result);
	job_free(job);
}

static const char *
what_is_wrong(const struct mailer_mail *mail)
{
	if (mail->from[0] != '\0' && !mailer_address_valid(mail->from))
		return "The envelope sender is no address.";
	if (mail->n_to < 1 || mail->n_to > MAILER_RECIPIENTS_MAX)
		return "A mail has 1 to 50 recipients.";
	for (int i = 0; i < mail->n_to; i++)
		if (!mailer_address_valid(mail->to[i]))
			return "A recipient is no address.";
	return mail->make != NULL ? NULL : mailer_check(mail->text, mail->n);
}

bool
mailer_is_ready(const struct mailer *mailer)
{
	return mailer->route != NULL && mailer->busy < mailer->threads;
}

bool
mailer_send(struct mailer *mailer, const struct mailer_mail *mail, mailer_done done,
	void *owner, uint64_t tag, const char **fault)
{
	const char *wrong = what_is_wrong(mail);
	struct job *job;

	if (wrong == NULL && !mailer_is_ready(mailer))
		wrong = "No thread is free, or there is no relay.";
	if (fault != NULL)
		*fault = wrong;
	if (wrong != NULL)
		return false;
	job = xcalloc(1, sizeof *job);
	*job = (struct job){.mailer = mailer,
		.route = mailer->route,
		.from = xstrdup(mail->from),
		.n_to = mail->n_to,
		.make = mail->make,
		.arg = mail->arg,
		.done = done,
		.owner = owner,
		.tag = tag};
	if (mail->make == NULL)
		job->text = mailer_with_crlf(mail->text, mail->n, &job->n);
	for (int i = 0; i < mail->n_to; i++)
		job->to[i] = xstrdup(mail->to[i]);
	job->route->references++;
	if (!worker_run(mailer->pool, work, finished, job)) {
		job_free(job);
		if (fault != NULL)
			*fault = "The threads are ending.";
		return false;
	}
	job->drop = mail->drop;
	mailer->busy++;
	return true;
}

bool
mailer_try(const struct mailer_relay *relay, char *error, size_t room)
{
	struct route *route = make_route(relay, error, room);
	bool good = route != NULL;

	route_free(route);
	return good;
}

bool
mailer_use(
	struct mailer *mailer, const struct mailer_relay *relay, char *error, size_t room)
{
	struct route *route = relay != NULL ? make_route(relay, error, room) : NULL;

	if (relay != NULL && route == NULL)
		return false;
	route_free(mailer->route);
	mailer->route = route;
	return true;
}

struct mailer *
mailer_create(struct event_base *base, const struct mailer_relay *relay, int threads,
	char *error, size_t room)
{
	struct mailer *mailer = xcalloc(1, sizeof *mailer);

#ifndef USHER_ESMTP
	if (relay != NULL) {
		snprintf(error, room, "usher was built without libesmtp: it cannot send");
		free(mailer);
		return NULL;
	}
#else
	static bool once;

	if (!once)
		auth_client_init();
	once = true;
#endif
	mailer->threads = threads < MAILER_THREADS_MAX ? threads : MAILER_THREADS_MAX;
	mailer->pool = worker_pool_create(base, mailer->threads, mailer->threads);
	if (mailer->pool == NULL)
		snprintf(error, room, "no threads to send mail are to be had");
	else if (relay == NULL || mailer_use(mailer, relay, error, room))
		return mailer;
	mailer_destroy(mailer);
	return NULL;
}

void
mailer_destroy(struct mailer *mailer)
{
	if (mailer == NULL)
		return;
	/* A session that hangs is left to hang: what it sends is known to the outbox as
	 * being on its way, and its thread ends with the process. */
	if (!worker_pool_end(mailer->pool, job_free, END_WAIT_MS))
		log_warn("mail: ended while mails were on their way n=%d", mailer->busy);
	route_free(mailer->route);
	free(mailer);
}
