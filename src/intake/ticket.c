/* intake/ticket.c - signing and checking customers' tokens. */
#include "intake/ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAC_BYTES 32
#define MAC_TEXT (2 * MAC_BYTES)
#define EXPIRY_DIGITS_MAX 12 /* of Unix seconds */

static bool
fail(char *error, size_t room, const char *file, const char *why)
{
	snprintf(error, room, "the secret of customers' tokens, %s: %s", file, why);
	return false;
}

/* A new secret appears whole or not at all. */
static bool
make_secret(const char *file, char *error, size_t room)
{
	unsigned char secret[TICKET_SECRET];
	char *part = xasprintf("%s.new", file);
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = fd >= 0 && RAND_bytes(secret, sizeof secret) == 1 &&
		  write(fd, secret, sizeof secret) == (ssize_t)sizeof secret &&
		  fsync(fd) == 0;

	if (fd >= 0 && close(fd) != 0)
		ok = false;
	if (ok)
		ok = rename(part, file) == 0;
	if (!ok)
		fail(error, room, file, strerror(errno));
	OPENSSL_cleanse(secret, sizeof secret);
	free(part);
	return ok;
}

bool
ticket_secret_load(
	const char *file, unsigned char secret[TICKET_SECRET], char *error, size_t room)
{
	unsigned char more;
	struct stat st;
	bool ok;
	int fd;

	if (access(file, F_OK) != 0 && !make_secret(file, error, room))
		return false;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		fail(error, room, file, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	ok = (st.st_mode & (S_IRWXG | S_IRWXO)) == 0;
	if (!ok)
		fail(error, room, file,
			"others can read it; remove it to make a new one");
	else if (read(fd, secret, TICKET_SECRET) != TICKET_SECRET ||
		 read(fd, &more, 1) != 0)
		ok = fail(error, room, file,
			"it is not 32 bytes; remove it to make a new one");
	close(fd);
	return ok;
}

static void
sign(const unsigned char secret[TICKET_SECRET], const char *contact, int64_t expires_s,
	char out[MAC_TEXT + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char mac[MAC_BYTES];
	char text[128];
	int n = snprintf(text, sizeof text, "v1.%" PRId64 ".%s", expires_s, contact);

	HMAC(EVP_sha256(), secret, TICKET_SECRET, (const unsigned char *)text, (size_t)n,
		mac, NULL);
	for (int i = 0; i < MAC_BYTES; i++) {
		out[2 * i] = digits[mac[i] >> 4];
		out[2 * i + 1] = digits[mac[i] & 15];
	}
	out[MAC_TEXT] = '\0';
}

void
ticket_make(const unsigned char secret[TICKET_SECRET], const char *contact,
	int64_t expires_ms, char out[TICKET_TEXT])
{
	int64_t expires_s = expires_ms / 1000;
	char mac[MAC_TEXT + 1];

	sign(secret, contact, expires_s, mac);
	snprintf(out, TICKET_TEXT, "v1.%" PRId64 ".%s", expires_s, mac);
}

bool
ticket_looks_like_one(const char *text)
{
	return strncmp(text, "v1.", 3) == 0;
}

bool
ticket_is_valid(const unsigned char secret[TICKET_SECRET], const char *contact,
	int64_t now_ms, const char *ticket)
{
	char mac[MAC_TEXT + 1];
	int64_t expires_s;
	size_t n;

	if (!ticket_looks_like_one(ticket) || strlen(contact) > 32)
		return false;
	ticket += 3;
	n = strspn(ticket, "0123456789");
	if (n == 0 || n > EXPIRY_DIGITS_MAX || ticket[n] != '.' ||
		strlen(ticket + n + 1) != MAC_TEXT)
		return false;
	expires_s = strtoll(ticket, NULL, 10);
	sign(secret, contact, expires_s, mac);
	return CRYPTO_memcmp(mac, ticket + n + 1, MAC_TEXT) == 0 &&
	       expires_s * 1000 > now_ms;
}
