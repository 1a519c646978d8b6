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
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct rlink_tls {
	SSL_CTX *context; /* owned */
	char *host;	  /* owned */
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

bool
rlink_tls_begin(struct rlink_tls *tls, struct redisAsyncContext *context)
{
	SSL *ssl = SSL_new(tls->context);
	struct in6_addr number;
	bool is_number = inet_pton(AF_INET, tls->host, &number) == 1 ||
			 inet_pton(AF_INET6, tls->host, &number) == 1;

	if (ssl == NULL)
		return false;
	if (is_number ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), tls->host) != 1
		      : SSL_set1_host(ssl, tls->host) != 1 ||
				SSL_set_tlsext_host_name(ssl, tls->host) != 1) {
		SSL_free(ssl);
		return false;
	}
	/* It owns ssl from here on, also when it fails. */
	return redisInitiateSSL(&context->c, ssl) == REDIS_OK;
}

void
rlink_tls_destroy(struct rlink_tls *tls)
{
	if (tls == NULL)
		return;
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

void
rlink_tls_destroy(struct rlink_tls *tls USHER_UNUSED)
{
}

#endif
