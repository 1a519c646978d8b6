/*
 * intake/mime_html.h - HTML made text, by libxml2's push parser without a tree, so that
 * nesting costs nothing. Scripts, styles and what is not shown are left out; blocks begin
 * lines; what is marked as quoted (blockquote, the divs that mail programs put around the
 * mail they answer) has "> " before each line, as in plain mails. Pure.
 */
#ifndef USHER_INTAKE_MIME_HTML_H
#define USHER_INTAKE_MIME_HTML_H

#include "base/text.h"

/* Adds the text of n bytes of HTML in UTF-8. */
void mime_html(struct text *out, const char *html, size_t n);

/* The charset that a <meta> within the first kilobyte names; NULL: none; else the
 * caller's. */
char *mime_html_charset(const char *html, size_t n);

#endif
