/*
 * intake/mail_quote.h - the text a person wrote, without what mail programs put beside
 * it: the mail that is answered, "On ... wrote:", headers of forwarded mails, signatures,
 * "Sent from my phone". In English, German, French, Spanish, Italian, Portuguese, Dutch,
 * Polish, Czech, Swedish, Danish, Norwegian, Finnish, Turkish, Russian, Ukrainian,
 * Chinese, Japanese and Korean. Pure.
 *
 * It is for reading and for the matcher; nothing is thrown away. Where everything is
 * quotation, there is no text.
 */
#ifndef USHER_INTAKE_MAIL_QUOTE_H
#define USHER_INTAKE_MAIL_QUOTE_H

#include "base/text.h"

#define QUOTE_LINES_MAX 20000 /* further ones belong to the rest */

/* s: UTF-8, LF. Both are added to; they are never NULL afterwards. */
void mail_quote_split(const char *s, struct text *text, struct text *rest);

#endif
