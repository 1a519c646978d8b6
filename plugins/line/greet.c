/*
 * plugins/line/greet.c - who is there: each side proves that it knows the secret, by
 * HMAC-SHA-256 over both nonces, so that neither a recording nor a middle man helps; or
 * both rely on the certificates of the connection.
 *
 *   hello{nonce: S} -> login{nonce: U, proof: H("usher-line-1 usher " S " " U)}
 *                   <- welcome{proof: H("usher-line-1 switch " U " " S)} or refused{why}
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "link.h"

static void
to_hex(char *out, const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static bool
by_secret(const struct link *l)
{
	return strcmp(l->settings->auth, "tls") != 0;
}

static bool
prove(const struct link *l, char proof[LINE_PROOF], const char *side, const char *first,
	const char *second)
{
	char text[32 + LINE_NONCE_MAX + 2 * LINE_NONCE_BYTES + 4];
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	snprintf(text, sizeof(text), "usher-line-1 %s %s %s", side, first, second);
	if (HMAC(EVP_sha256(), l->settings->secret, (int)strlen(l->settings->secret),
		    (const unsigned char *)text, strlen(text), digest, &n) == NULL ||
		n != 32)
		return false;
	to_hex(proof, digest, n);
	return true;
}

static bool
is_nonce(const char *text)
{
	size_t n = text != NULL ? strlen(text) : 0;

	return n >= (size_t)2 * LINE_NONCE_BYTES && n <= LINE_NONCE_MAX &&
	       strspn(text, "0123456789abcdefABCDEF") == n;
}

/* The member "proof" of login; closes the link when there can be none. */
static bool
add_proof(struct link *l, json_t *login, const char *theirs)
{
	unsigned char random[LINE_NONCE_BYTES];
	char proof[LINE_PROOF];

	if (strlen(l->settings->secret) < LINE_SECRET_MIN) {
		line_close(l, "the setting secret has fewer than 16 bytes; give switch "
			      "and usher the same longer one, or set auth to tls");
		return false;
	}
	if (!is_nonce(theirs)) {
		line_close(l, "the switch's hello has no nonce of 32 to 128 hexadecimal "
			      "digits");
		return false;
	}
	snprintf(l->theirs, sizeof(l->theirs), "%s", theirs);
	if (RAND_bytes(random, sizeof(random)) != 1) {
		line_close(l, "this machine has no random numbers");
		return false;
	}
	to_hex(l->nonce, random, sizeof(random));
	if (!prove(l, proof, "usher", l->theirs, l->nonce)) {
		line_close(l, "this machine has no HMAC-SHA-256");
		return false;
	}
	json_object_set_new(login, "nonce", json_string(l->nonce));
	json_object_set_new(login, "proof", json_string(proof));
	return true;
}

const char *
greet_hello(struct link *l, const json_t *m)
{
	const json_t *version = json_object_get(m, "line");
	const char *instance = line_text(m, "instance");
	json_t *login;

	if (l->stage != LINE_HELLO)
		return "a second hello";
	if (json_integer_value(version) != LINE_VERSION) {
		line_close(l, "the switch speaks another version of the line protocol "
			      "than 1");
		return l->problem;
	}
	if (instance != NULL)
		snprintf(l->instance, sizeof(l->instance), "%s", instance);
	l->problem = NULL;
	login = json_pack("{s:s, s:s}", "is", "login", "user", l->settings->user);
	if (login == NULL)
		return "the setting user is no UTF-8";
	if (by_secret(l) && l->sink->send != NULL &&
		!add_proof(l, login, line_text(m, "nonce"))) {
		json_decref(login);
		return l->problem;
	}
	l->stage = LINE_WELCOME;
	line_send(l, login);
	return NULL;
}

const char *
greet_welcome(struct link *l, const json_t *m)
{
	const char *proof = line_text(m, "proof");
	char expected[LINE_PROOF];

	if (l->stage > LINE_WELCOME)
		return "a second welcome";
	/* A recording proves nothing and needs not. */
	if (by_secret(l) && l->sink->send != NULL) {
		if (proof == NULL || strlen(proof) != LINE_PROOF - 1 ||
			!prove(l, expected, "switch", l->nonce, l->theirs) ||
			CRYPTO_memcmp(proof, expected, LINE_PROOF - 1) != 0) {
			line_close(l, "the switch does not know the secret: its proof "
				      "is wrong");
			return l->problem;
		}
	}
	l->stage = LINE_READY;
	return NULL;
}

const char *
greet_refused(struct link *l, const json_t *m)
{
	(void)m;
	line_close(l, "the switch refused the login: check user, secret and auth");
	return l->problem;
}
