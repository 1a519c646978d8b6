/* desk/secret.h - random secrets and their hashes (OpenSSL). */
#ifndef USHER_DESK_SECRET_H
#define USHER_DESK_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/xalloc.h"

#define SECRET_BYTES 32			   /* 256 bits */
#define SECRET_TEXT (SECRET_BYTES * 2 + 1) /* hex with the NUL */
#define SECRET_HASH_TEXT (32 * 2 + 1)	   /* SHA-256 in hex with the NUL */
#define SECRET_ID_TEXT 17		   /* 16 hex digits with the NUL */

/* n random bytes as 2n hex digits and a NUL; ends the program when there is no
 * randomness. */
void secret_make(char *out, size_t n_bytes);
/* SHA-256 of n bytes in hex. A random secret needs no salt and no slow hash. */
void secret_hash(char out[SECRET_HASH_TEXT], const char *secret, size_t n);
/* Compares in constant time. */
bool secret_same(const char *a_hash, const char *b_hash);
/* Overwrites text in place, so that it does not stay in freed memory. */
void secret_forget(char *text);

#endif
