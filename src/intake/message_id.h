/*
 * intake/message_id.h - Message-IDs of the mails that leave here:
 *
 *   c0000g0000001.5f3a09b1c2d4e6f7@desk.example     CASE.MAIL@DOMAIN
 *
 * CASE is the contact id of the case's first contact, MAIL the mail's name in the outbox.
 * So an answer that refers to it names its case, and a bounce the mail that came back,
 * with nothing to look up. Angle brackets are not part of it here. Pure.
 */
#ifndef USHER_INTAKE_MESSAGE_ID_H
#define USHER_INTAKE_MESSAGE_ID_H

#include <stdbool.h>

#include "base/text.h"

#define OUT_ID_TEXT 17 /* bytes of a mail's name: 16 hexadecimal digits, NUL */

/* The caller owns it. domain: of an address of ours. */
char *message_id_make(
	const char *case_id, const char out_id[OUT_ID_TEXT], const char *domain);

/*
 * message_id_read - takes apart one that was made here; its domain is for the caller to
 * check.
 *
 * domain   borrowed from id; NULL: not wanted
 * Returns  false when it is none of ours
 */
bool message_id_read(const char *id, char case_id[NUMBER_ID_TEXT],
	char out_id[OUT_ID_TEXT], const char **domain) USHER_MUST_CHECK;

#endif
