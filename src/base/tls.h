/* base/tls.h - OpenSSL contexts as RELIABILITY S5 wants them: TLS 1.2 and newer, server
 * order, no compression. */
#ifndef USHER_BASE_TLS_H
#define USHER_BASE_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/xalloc.h"

struct ssl_ctx_st;

/* Server context from PEM files; NULL with the reason in error. A key readable by group
 * or others is refused. */
struct ssl_ctx_st *tls_server_create(const char *cert_file, const char *key_file,
	char *error, size_t room) USHER_MUST_CHECK;
/* Makes a self-signed P-256 certificate for localhost, 127.0.0.1 and ::1, unless both
 * files are there already and good for 30 days more. */
bool tls_make_certificate(const char *cert_file, const char *key_file, char *error,
	size_t room) USHER_MUST_CHECK;
/*
 * tls_client_create - context of a client that checks whom it speaks to.
 *
 * ca_file              authorities in PEM; NULL: the system's
 * cert_file, key_file  ours, for a server that asks; NULL: none
 * Returns              NULL with the reason in error
 */
struct ssl_ctx_st *tls_client_create(const char *ca_file, const char *cert_file,
	const char *key_file, char *error, size_t room) USHER_MUST_CHECK;
void tls_destroy(struct ssl_ctx_st *tls);

#endif
