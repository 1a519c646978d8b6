/* intake/mail_language.h - in which language is a mail written? By its script, and among
 * those of one script by the small words that make every sentence. Pure. */
#ifndef USHER_INTAKE_MAIL_LANGUAGE_H
#define USHER_INTAKE_MAIL_LANGUAGE_H

#include "suggest/words.h"

/*
 * mail_language_guess - writes a tag ("en", "zh"), or "" when it cannot be told.
 *
 * subject, text  UTF-8; NULL: none; the first 4 KiB of the text are looked at
 */
void mail_language_guess(const char *subject, const char *text, char out[WORD_LANG_MAX]);

#endif
