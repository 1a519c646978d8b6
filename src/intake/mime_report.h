/* intake/mime_report.h - what a delivery report says (RFC 3464), and the Message-ID of
 * the mail it is about. Pure. */
#ifndef USHER_INTAKE_MIME_REPORT_H
#define USHER_INTAKE_MIME_REPORT_H

#include "intake/mail.h"

/*
 * report_read - adds what n bytes of fields say; what is known already stays.
 *
 * head   the fields are the head of the mail that came back, not those of the report
 */
void report_read(struct mail_bounce *out, const char *text, size_t n, bool head);

/* The same from the plain words of a bounce that is no report: the Message-ID within. */
void report_guess(struct mail_bounce *out, const char *text);

#endif
