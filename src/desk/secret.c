/* desk/secret.c - random secrets and their hashes. */
#include "desk/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static void
hex(char *out, const unsigned char *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * n] = '\0';
}

void
secret_make(char *out, size_t n_bytes)
{
	unsigned char bytes[SECRET_BYTES];

	if (n_bytes > sizeof bytes)
		n_bytes = sizeof bytes;
	if (RAND_bytes(bytes, (int)n_bytes) != 1) {
		log_error("desk: no randomness from OpenSSL; check /dev/urandom");
		abort();
	}
	hex(out, bytes, n_bytes);
	OPENSSL_cleanse(bytes, sizeof bytes);
}

void
secret_hash(char out[SECRET_HASH_TEXT], const char *secret, size_t n)
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(secret, n, digest, NULL, EVP_sha256(), NULL) != 1) {
		log_error("desk: OpenSSL has no SHA-256; repair its installation");
		abort();
	}
	hex(out, digest, 32);
}

bool
secret_same(const char *a_hash, const char *b_hash)
{
	return strlen(a_hash) == SECRET_HASH_TEXT - 1 &&
	       strlen(b_hash) == SECRET_HASH_TEXT - 1 &&
	       CRYPTO_memcmp(a_hash, b_hash, SECRET_HASH_TEXT - 1) == 0;
}

void
secret_forget(char *text)
{
	if (text != NULL)
		OPENSSL_cleanse(text, strlen(text));
}
