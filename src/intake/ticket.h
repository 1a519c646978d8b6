/*
 * intake/ticket.h - the signed token that a customer holds for one contact: whoever has
 * it may ask for that contact's state and give it up, until it expires.
 *
 *   v1.EXPIRY.MAC     EXPIRY: Unix seconds; MAC: HMAC-SHA-256 over "v1.EXPIRY.CONTACT"
 *
 * Nothing is stored but the secret (RELIABILITY S4, S12): it goes into the Authorization
 * or X-Usher-Token field, never into a URL.
 */
#ifndef USHER_INTAKE_TICKET_H
#define USHER_INTAKE_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/xalloc.h"

#define TICKET_SECRET 32 /* bytes */
#define TICKET_TEXT 96	 /* bytes of a ticket with the NUL */

/*
 * ticket_secret_load - the secret in `file`, made when the file is not there.
 *
 * Returns  false with the reason in error: not readable, not 32 bytes, or readable by
 *          group or others
 */
bool ticket_secret_load(const char *file, unsigned char secret[TICKET_SECRET],
	char *error, size_t room) USHER_MUST_CHECK;

void ticket_make(const unsigned char secret[TICKET_SECRET], const char *contact,
	int64_t expires_ms, char out[TICKET_TEXT]);
/* Is the ticket one of ours, for this contact, and not expired? Constant time. */
bool ticket_is_valid(const unsigned char secret[TICKET_SECRET], const char *contact,
	int64_t now_ms, const char *ticket) USHER_MUST_CHECK;
/* Tells a ticket from an API key by its form alone. */
bool ticket_looks_like_one(const char *text);

#endif
