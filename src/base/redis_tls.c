/* base/redis_tls.c - TLS towards Redis: 1.2 and newer, chain and name verified
 * (RELIABILITY S5). */
#include "base/redis_tls.h"

#include <stdio.h>
#include <stdlib.h>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#if HIREDIS_MAJOR >= 1 && defined(USHER_HIREDIS_SSL)

#include <hiredis/hiredis_ssl.h>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct rlink_tls {
	SSL_CTX *context; /* owned */
	SSL *ssl;	  /* owned, with hiredis; of the newest connection; NULL: none */
	char *host;	  /* owned */
	char complaint[200];
};

struct rlink_tls *
rlink_tls_create(const char *host, char *error, size_t room)
{
	struct rlink_tls *tls = xcalloc(1, sizeof *tls);

	tls->context = SSL_CTX_new(TLS_client_method());
	if (tls->context == NULL ||
		SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_default_verify_paths(tls->context) != 1) {
		snprintf(error, room, "OpenSSL cannot be set up for Redis");
		SSL_CTX_free(tls->context);
		free(tls);
		return NULL;
	}
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
	tls->host = xstrdup(host);
	return tls;
}

/* The host's name, or its number, is what the certificate must have. */
static bool
expect_host(SSL *ssl, const char *host)
{
	struct in6_addr number;

	if (inet_pton(AF_INET, host, &number) == 1 ||
		inet_pton(AF_INET6, host, &number) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

/* hiredis looks into OpenSSL's queue of errors without emptying it before: what anybody
 * else left there would end the connection. */
static redisContextFuncs guarded;
static void (*read_on)(redisAsyncContext *context);
static void (*write_on)(redisAsyncContext *context);

static void
guarded_read(redisAsyncContext *context)
{
	ERR_clear_error();
	read_on(context);
}

static void
guarded_write(redisAsyncContext *context)
{
	ERR_clear_error();
	write_on(context);
}

static void
guard(redisContext *c)
{
	read_on = c->funcs->async_read;
	write_on = c->funcs->async_write;
	guarded = *c->funcs;
	guarded.async_read = guarded_read;
	guarded.async_write = guarded_write;
	c->funcs = &guarded;
}

bool
rlink_tls_begin(struct rlink_tls *tls, struct redisAsyncContext *context)
{
	SSL_free(tls->ssl);
	tls->ssl = SSL_new(tls->context);
	ERR_clear_error();
	if (tls->ssl == NULL || !expect_host(tls->ssl, tls->host))
		return false;
	if (redisInitiateSSL(&context->c, tls->ssl) != REDIS_OK)
		return false; /* and hiredis did not keep it */
	guard(&context->c);
	return SSL_up_ref(tls->ssl) == 1;
}

const char *
rlink_tls_complaint(struct rlink_tls *tls, bool silent)
{
	long verdict = tls->ssl != NULL ? SSL_get_verify_result(tls->ssl) : X509_V_OK;
	bool begun = tls->ssl != NULL && SSL_is_init_finished(tls->ssl);
	unsigned long code = ERR_peek_last_error();
	int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
	const char *words = reason != 0 ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	if (verdict != X509_V_OK)
		snprintf(tls->complaint, sizeof tls->complaint,
			"its certificate is refused: %.60s; a CA of one's own belongs "
			"into the file that SSL_CERT_FILE names",
			X509_verify_cert_error_string(verdict));
	else if (reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED ||
		 (!begun && reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE))
		snprintf(tls->complaint, sizeof tls->complaint,
			"TLS: %.60s; usher logs in by a password and has no certificate: "
			"set tls-auth-clients no (or optional) in Redis",
			words);
	else if (!begun && (silent || reason == SSL_R_WRONG_VERSION_NUMBER))
		snprintf(tls->complaint, sizeof tls->complaint,
			"TLS cannot begin: %.60s; is it Redis' tls-port?",
			words != NULL ? words : "no answer in it");
	else if (words != NULL)
		snprintf(tls->complaint, sizeof tls->complaint, "TLS: %.60s", words);
	else
		return NULL;
	return tls->complaint;
}

void
rlink_tls_destroy(struct rlink_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->context);
	free(tls->host);
	free(tls);
}

#else

struct rlink_tls *
rlink_tls_create(const char *host, char *error, size_t room)
{
	snprintf(error, room,
		"rediss://%.200s: usher was built with a hiredis without TLS; use a Unix "
		"socket, or a TLS tunnel on this machine and redis://127.0.0.1",
		host);
	return NULL;
}

bool
rlink_tls_begin(struct rlink_tls *tls USHER_UNUSED,
	struct redisAsyncContext *context USHER_UNUSED)
{
	return false;
}

const char *
rlink_tls_complaint(struct rlink_tls *tls USHER_UNUSED, bool silent USHER_UNUSED)
{
	return NULL;
}

void
rlink_tls_destroy(struct rlink_tls *tls USHER_UNUSED)
{
}

#endif
