/*
 * intake/case_token.h - the case token in a subject, for answers whose mail program drops
 * References: "Re: Where is my order? [#c0000g0000001-7kq2m4]".
 *
 * It names the first contact of the case and carries 30 bits of an HMAC over it, so that
 * nobody who was not sent one can put his mail into another's case. Pure.
 */
#ifndef USHER_INTAKE_CASE_TOKEN_H
#define USHER_INTAKE_CASE_TOKEN_H

#include "base/text.h"
#include "intake/ticket.h"

#define CASE_TOKEN_TEXT 24 /* bytes of "[#c0000g0000001-7kq2m4]" with the NUL */

/* case_id: a contact's id as text. Writes "" when it is none. */
void case_token_make(const unsigned char secret[TICKET_SECRET], const char *case_id,
	char out[CASE_TOKEN_TEXT]);

/* The case that the last sound token of a subject names. False: there is none. */
bool case_token_find(const unsigned char secret[TICKET_SECRET], const char *subject,
	char case_id[NUMBER_ID_TEXT]) USHER_MUST_CHECK;

#endif
