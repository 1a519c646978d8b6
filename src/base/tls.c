/* base/tls.c - OpenSSL server contexts, and a certificate for a first start on loopback.
 */
#include "base/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CERTIFICATE_DAYS 825 /* the longest that browsers take from a private issuer */
#define RENEW_DAYS 30	     /* a self-made one is made anew so long before its end */

/* Puts what was wrong, with OpenSSL's own reason, into the caller's text. */
static void
explain(char *error, size_t room, const char *what, const char *name)
{
	unsigned long code = ERR_get_error();
	const char *why = code != 0 ? ERR_reason_error_string(code) : NULL;

	snprintf(error, room, "%s %s: %s", what, name,
		why != NULL ? why
		: errno	    ? strerror(errno)
			    : "unknown reason");
	ERR_clear_error();
}

/* A private key that others may read is no secret (RELIABILITY S2). */
static bool
key_is_private(const char *key_file, char *error, size_t room)
{
	struct stat st;

	if (stat(key_file, &st) != 0) {
		snprintf(
			error, room, "cannot read key %s: %s", key_file, strerror(errno));
		return false;
	}
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		snprintf(error, room, "key %s can be read by others; run: chmod 600 %s",
			key_file, key_file);
		return false;
	}
	return true;
}

static void
harden(SSL_CTX *tls)
{
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_options(tls, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* Without tickets TLS 1.3 would still send stateful ones. */
	SSL_CTX_set_num_tickets(tls, 0);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	/* An idle desktop should not hold 32 KiB of record buffers; a write that is
	 * repeated comes from another place of the output buffer. */
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

/* Forward secrecy and authenticated encryption only; TLS 1.3 has nothing else. */
static bool
choose_ciphers(SSL_CTX *tls)
{
	return SSL_CTX_set_cipher_list(
		       tls, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK:!SRP") == 1 &&
	       SSL_CTX_set1_groups_list(tls, "X25519:P-256:P-384") == 1;
}

struct ssl_ctx_st *
tls_server_create(const char *cert_file, const char *key_file, char *error, size_t room)
{
	SSL_CTX *tls;

	errno = 0;
	if (!key_is_private(key_file, error, room))
		return NULL;
	tls = SSL_CTX_new(TLS_server_method());
	if (tls == NULL || !choose_ciphers(tls)) {
		explain(error, room, "cannot set up", "TLS");
		goto fail;
	}
	harden(tls);
	if (SSL_CTX_use_certificate_chain_file(tls, cert_file) != 1) {
		explain(error, room, "cannot use certificate", cert_file);
		goto fail;
	}
	if (SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1) {
		explain(error, room, "cannot use key", key_file);
		goto fail;
	}
	if (SSL_CTX_check_private_key(tls) != 1) {
		explain(error, room, "key does not belong to certificate", cert_file);
		goto fail;
	}
	return tls;
fail:
	SSL_CTX_free(tls);
	return NULL;
}

struct ssl_ctx_st *
tls_client_create(const char *ca_file, const char *cert_file, const char *key_file,
	char *error, size_t room)
{
	SSL_CTX *tls;

	errno = 0;
	if (key_file != NULL && !key_is_private(key_file, error, room))
		return NULL;
	tls = SSL_CTX_new(TLS_client_method());
	if (tls == NULL || !choose_ciphers(tls)) {
		explain(error, room, "cannot set up", "TLS");
		goto fail;
	}
	harden(tls);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	if ((ca_file != NULL ? SSL_CTX_load_verify_locations(tls, ca_file, NULL)
			     : SSL_CTX_set_default_verify_paths(tls)) != 1) {
		explain(error, room, "cannot use authorities",
			ca_file != NULL ? ca_file : "of the system");
		goto fail;
	}
	if (cert_file != NULL &&
		(SSL_CTX_use_certificate_chain_file(tls, cert_file) != 1 ||
			SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) !=
				1 ||
			SSL_CTX_check_private_key(tls) != 1)) {
		explain(error, room, "cannot use certificate and key", cert_file);
		goto fail;
	}
	return tls;
fail:
	SSL_CTX_free(tls);
	return NULL;
}

void
tls_destroy(struct ssl_ctx_st *tls)
{
	SSL_CTX_free(tls);
}

static bool
add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool added;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	if (extension == NULL)
		return false;
	added = X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

static bool
set_serial(X509 *cert)
{
	unsigned char bytes[16];
	BIGNUM *number;
	bool set;

	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return false;
	bytes[0] &= 0x7f; /* positive */
	number = BN_bin2bn(bytes, sizeof bytes, NULL);
	set = number != NULL &&
	      BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
	BN_free(number);
	return set;
}

static X509 *
sign_certificate(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name;

	if (cert == NULL)
		return NULL;
	name = X509_get_subject_name(cert);
	if (X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
		/* An hour back, for clocks that are a little slow. */
		X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
		X509_gmtime_adj(X509_getm_notAfter(cert),
			(long)CERTIFICATE_DAYS * 24 * 3600) != NULL &&
		X509_set_pubkey(cert, key) == 1 &&
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
			(const unsigned char *)"localhost", -1, -1, 0) == 1 &&
		X509_set_issuer_name(cert, name) == 1 &&
		add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
		add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
		add_extension(cert, NID_ext_key_usage, "serverAuth") &&
		add_extension(cert, NID_subject_alt_name,
			"DNS:localhost,IP:127.0.0.1,IP:::1") &&
		X509_sign(cert, key, EVP_sha256()) != 0)
		return cert;
	X509_free(cert);
	return NULL;
}

/* Writes beside the final place, then renames, so that a half-written file is never
 * found. */
static bool
write_pem(const char *file, mode_t mode, EVP_PKEY *key, X509 *cert)
{
	char *part = xasprintf("%s.new", file);
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	bool ok = out != NULL;

	if (out == NULL && fd >= 0)
		close(fd);
	if (ok && key != NULL)
		ok = PEM_write_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1;
	if (ok && cert != NULL)
		ok = PEM_write_X509(out, cert) == 1;
	if (out != NULL) {
		ok = ok && fflush(out) == 0 && fsync(fileno(out)) == 0;
		if (fclose(out) != 0)
			ok = false;
	}
	if (ok)
		ok = rename(part, file) == 0;
	if (!ok)
		unlink(part);
	free(part);
	return ok;
}

/* Are both there, and good for a while yet? */
static bool
have_certificate(const char *cert_file, const char *key_file)
{
	time_t soon = time(NULL) + (time_t)RENEW_DAYS * 24 * 3600;
	FILE *in = fopen(cert_file, "r");
	X509 *cert = in != NULL ? PEM_read_X509(in, NULL, NULL, NULL) : NULL;
	bool good = cert != NULL && access(key_file, F_OK) == 0 &&
		    X509_cmp_time(X509_get0_notAfter(cert), &soon) > 0;

	if (in != NULL)
		fclose(in);
	X509_free(cert);
	ERR_clear_error();
	return good;
}

bool
tls_make_certificate(
	const char *cert_file, const char *key_file, char *error, size_t room)
{
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	bool ok = false;

	if (have_certificate(cert_file, key_file))
		return true;
	errno = 0;
	key = EVP_EC_gen("P-256");
	if (key != NULL)
		cert = sign_certificate(key);
	if (cert == NULL)
		explain(error, room, "cannot make a certificate for", "localhost");
	else if (!write_pem(key_file, 0600, key, NULL))
		explain(error, room, "cannot write key", key_file);
	else if (!write_pem(cert_file, 0644, NULL, cert))
		explain(error, room, "cannot write certificate", cert_file);
	else
		ok = true;
	X509_free(cert);
	EVP_PKEY_free(key);
	return ok;
}
