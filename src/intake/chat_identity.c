/*
 * intake/chat_identity.c - who the customer is, vouched for by the site's own server.
 *
 *   identity  {"user": "c-17", "name": "Ann", "email": "ann@example.com",
 *              "expires": 1790000000, "hash": HEX}
 *   HEX       HMAC-SHA-256 with the key that both know, over the lines user, name, email,
 *             phone and expires, joined by LF; what is not given is an empty line
 *
 * Without it a name is what a stranger says, and no customer is taken from it.
 */
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "intake/chat_inner.h"

#define KEY_LEAST 16 /* bytes */
#define LINE_MAX_BYTES 254

void
chat_load_identity_key(struct chats *chats)
{
	const char *file = chats->settings->identity_key_file;
	struct stat st;
	FILE *f;

	OPENSSL_cleanse(chats->identity_key, sizeof chats->identity_key);
	chats->n_identity_key = 0;
	if (file == NULL)
		return;
	f = fopen(file, "re");
	if (f == NULL || fstat(fileno(f), &st) != 0) {
		log_error("chat: identities are refused, the key cannot be read file=%s "
			  "why=\"%s\"",
			file, strerror(errno));
	} else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		log_error("chat: identities are refused, others can read the key file=%s",
			file);
	} else {
		size_t n = fread(chats->identity_key, 1, sizeof chats->identity_key, f);

		while (n > 0 && strchr("\r\n", chats->identity_key[n - 1]) != NULL)
			n--;
		chats->n_identity_key = n >= KEY_LEAST ? n : 0;
		if (n < KEY_LEAST)
			log_error("chat: identities are refused, the key has less than "
				  "%d bytes file=%s",
				KEY_LEAST, file);
	}
	if (f != NULL)
		fclose(f);
}

static bool
is_line(const json_t *value)
{
	return value == NULL ||
	       (json_is_string(value) && json_string_length(value) <= LINE_MAX_BYTES &&
		       strpbrk(json_string_value(value), "\r\n") == NULL);
}

static const char *
line_of(const json_t *identity, const char *name)
{
	const char *text = json_string_value(json_object_get(identity, name));

	return text != NULL ? text : "";
}

static bool
hash_fits(const struct chats *chats, const json_t *identity, const char *expires)
{
	static const char digits[] = "0123456789abcdef";
	const char *given = line_of(identity, "hash");
	unsigned char mac[32];
	struct text signed_text = {0};
	char hex[65];

	text_addf(&signed_text, "%s\n%s\n%s\n%s\n%s", line_of(identity, "user"),
		line_of(identity, "name"), line_of(identity, "email"),
		line_of(identity, "phone"), expires);
	HMAC(EVP_sha256(), chats->identity_key, (int)chats->n_identity_key,
		(const unsigned char *)signed_text.s, signed_text.n, mac, NULL);
	text_finish(&signed_text);
	for (int i = 0; i < 32; i++) {
		hex[2 * i] = digits[mac[i] >> 4];
		hex[2 * i + 1] = digits[mac[i] & 15];
	}
	hex[64] = '\0';
	return strlen(given) == 64 && CRYPTO_memcmp(hex, given, 64) == 0;
}

bool
chat_identify(
	struct chats *chats, const json_t *identity, json_t *about, const char **why)
{
	static const char *const lines[] = {"user", "name", "email", "phone", "hash"};
	const json_t *expires = json_object_get(identity, "expires");
	char text[24] = "";

	if (identity == NULL)
		return true;
	*why = "The identity has not the form of docs/chat.md: user, name, email, phone, "
	       "expires, hash.";
	if (!json_is_object(identity) || (expires != NULL && !json_is_integer(expires)))
		return false;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (!is_line(json_object_get(identity, lines[i])))
			return false;
	if (!id_is_valid(line_of(identity, "user")))
		return false;
	if (chats->n_identity_key == 0) {
		*why = "This centre takes no identities: name chat.identity_key_file in "
		       "its settings.";
		return false;
	}
	if (expires != NULL)
		snprintf(text, sizeof text, "%" PRId64,
			(int64_t)json_integer_value(expires));
	*why = "The identity's hash does not fit what it says.";
	if (!hash_fits(chats, identity, text))
		return false;
	*why = "The identity has expired: load the page again.";
	if (expires != NULL && json_integer_value(expires) * 1000 < clock_wall_ms())
		return false;
	for (size_t i = 0; i < 4; i++)
		if (*line_of(identity, lines[i]) != '\0')
			json_object_set(
				about, lines[i], json_object_get(identity, lines[i]));
	json_object_set_new(about, "user_verified", json_true());
	return true;
}
