/* base/secret.h - passwords, tokens and shared secrets, each in a file of its own
 * (RELIABILITY S2, S4). */
#ifndef USHER_BASE_SECRET_H
#define USHER_BASE_SECRET_H

#include <stddef.h>

#include "base/xalloc.h"

#define SECRET_BYTES_MAX 8192 /* of one; tokens of mail providers have thousands */

/*
 * secret_read - the first line of a file that nobody but its owner can read.
 *
 * Returns  the caller's, for secret_free(); NULL with the reason, and what to do, in
 *          error: it cannot be read, others can read it too, it is empty or too long
 */
char *secret_read(const char *path, char *error, size_t room) USHER_MUST_CHECK;
void secret_free(char *secret); /* wiped; NULL is fine */

#endif
