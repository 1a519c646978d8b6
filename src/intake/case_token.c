/* intake/case_token.c - making and finding case tokens. */
#include "intake/case_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#define PROOF_LETTERS 6
#define DOMAIN "usher case token: " /* the secret signs tickets, too */

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* as of contact ids */

static void
prove(const unsigned char secret[TICKET_SECRET], const char *case_id,
	char out[PROOF_LETTERS + 1])
{
	char text[sizeof DOMAIN + NUMBER_ID_TEXT];
	unsigned char mac[EVP_MAX_MD_SIZE];
	int n = snprintf(text, sizeof text, "%s%s", DOMAIN, case_id);

	HMAC(EVP_sha256(), secret, TICKET_SECRET, (const unsigned char *)text, (size_t)n,
		mac, NULL);
	for (int i = 0; i < PROOF_LETTERS; i++)
		out[i] = alphabet[mac[i] & 31];
	out[PROOF_LETTERS] = '\0';
}

void
case_token_make(const unsigned char secret[TICKET_SECRET], const char *case_id,
	char out[CASE_TOKEN_TEXT])
{
	char proof[PROOF_LETTERS + 1];
	uint64_t number;

	out[0] = '\0';
	if (!number_id_parse(case_id, 'c', &number))
		return;
	prove(secret, case_id, proof);
	snprintf(out, CASE_TOKEN_TEXT, "[#%s-%s]", case_id, proof);
}

/* Is what stands at s, behind "[#", a token? */
static bool
is_token(const unsigned char secret[TICKET_SECRET], const char *s,
	char case_id[NUMBER_ID_TEXT])
{
	char id[NUMBER_ID_TEXT], proof[PROOF_LETTERS + 1], given[PROOF_LETTERS];
	const size_t n_id = NUMBER_ID_TEXT - 1;
	uint64_t number;

	if (strlen(s) < n_id + 1 + PROOF_LETTERS + 1 || s[n_id] != '-' ||
		s[n_id + 1 + PROOF_LETTERS] != ']')
		return false;
	memcpy(id, s, n_id);
	id[n_id] = '\0';
	memcpy(given, s + n_id + 1, PROOF_LETTERS);
	if (!number_id_parse(id, 'c', &number))
		return false;
	prove(secret, id, proof);
	if (CRYPTO_memcmp(proof, given, PROOF_LETTERS) != 0)
		return false;
	memcpy(case_id, id, sizeof id);
	return true;
}

bool
case_token_find(const unsigned char secret[TICKET_SECRET], const char *subject,
	char case_id[NUMBER_ID_TEXT])
{
	bool found = false;

	for (const char *at = subject; (at = strstr(at, "[#")) != NULL; at += 2)
		found |= is_token(secret, at + 2, case_id);
	return found;
}
