/* intake/mime_text.h - bytes of a mail made clean UTF-8. Pure. */
#ifndef USHER_INTAKE_MIME_TEXT_H
#define USHER_INTAKE_MIME_TEXT_H

#include "base/text.h"

/*
 * mime_decode - adds n bytes in a charset as UTF-8.
 *
 * charset  as the mail says; NULL, unknown, UTF-7 or contradicted by the bytes: UTF-8 if
 *          they are, else windows-1252. Latin-1 is read as windows-1252, as browsers do.
 *          What cannot be read becomes U+FFFD
 */
void mime_decode(struct text *out, const char *charset, const char *data, size_t n);

/* Adds text of several lines: line ends become LF, other control characters go (but
 * tabs), bytes that are no UTF-8 become U+FFFD. At most `most` bytes are added; false:
 * cut. */
bool mime_clean(struct text *out, const char *s, size_t n, size_t most);
/* The same for one line: line ends and tabs become spaces; marks that turn the direction
 * of writing go, spaces around go. The caller owns the result. */
char *mime_clean_line(const char *s, size_t most);

/* text/plain; format=flowed (RFC 3676): lines that belong together are joined. */
void mime_unflow(struct text *out, const char *s, bool del_space);

#endif
