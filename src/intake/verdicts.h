/*
 * intake/verdicts.h - the log of verdicts: what agents said of proposals, with the
 * probabilities that were shown to them. It proves (or does not) that a response may be
 * sent without an agent, it is what learners are built from, and what is reported.
 *
 *   {"contact": "c...", "at_ms", "mailbox": "support", "language": "en",
 *    "what": "sent", "response": "order-late", "kept": 0.97, "by": "a1", "weight": 1,
 *    "first": "order-late", "p": 0.93, "none": 0.02, "right": true,
 *    "shown": [{"id", "p"}], "model": 7, "subject", "sender", "text"}
 *
 * One a contact: a later one replaces it. Kept in Redis as `verdict:CONTACT`, listed by
 * time in `verdicts`.
 */
#ifndef USHER_INTAKE_VERDICTS_H
#define USHER_INTAKE_VERDICTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/side.h"
#include "suggest/gate.h"

#define VERDICT_TEXT_MAX 8192 /* bytes of a mail's text that are kept to learn from */
#define VERDICTS_MAX 100000   /* kept, whatever the settings say */

struct verdicts;

/* loaded: called once, when all are back in memory. */
struct verdicts *verdicts_create(
	struct side *side, void (*loaded)(void *owner), void *owner);
void verdicts_destroy(struct verdicts *v);
void verdicts_configure(struct verdicts *v, int most);
void verdicts_load(struct verdicts *v); /* Redis is there */

/* Takes a verdict (stolen); Redis gets it when it is there. */
void verdicts_put(struct verdicts *v, json_t *record);
/* The verdict on a contact; NULL: none. Borrowed. */
const json_t *verdicts_find(const struct verdicts *v, const char *contact);
/* One that is withdrawn is forgotten. False: there is none. */
bool verdicts_remove(struct verdicts *v, const char *contact);
/* Its mail was kept for long enough: subject, sender and text go, so that it teaches
 * nothing any more; what it proves of its response stays. */
void verdicts_bare(struct verdicts *v, const char *contact);

/* Walks them, the oldest first: *at begins at 0; NULL at the end. */
const json_t *verdicts_next(const struct verdicts *v, size_t *at);
size_t verdicts_count(const struct verdicts *v);

/* Those in which this response was proposed first, as evidence for the gate; the caller
 * frees *out. mailbox NULL: any. */
int verdicts_evidence(const struct verdicts *v, const char *mailbox, const char *response,
	struct verdict **out);

#endif
