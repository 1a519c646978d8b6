/*
 * history/accuracy.h - how good the wait estimates are: what was predicted at the arrival
 * against what came, beside two baselines that others announce (FEATURES D11).
 */
#ifndef USHER_HISTORY_ACCURACY_H
#define USHER_HISTORY_ACCURACY_H

#include "history/database.h"
#include "history/recorder.h"
#include "route/router.h"

struct accuracy;

/* All borrowed; they outlive it. */
struct accuracy *accuracy_create(
	struct database *db, struct recorder *recorder, struct router *router);
void accuracy_destroy(struct accuracy *accuracy); /* NULL is fine */

/* The router's listener: asks for an estimate when a contact begins to wait, and keeps it
 * with the real wait when it is answered. */
void accuracy_hear(void *owner, const struct event *event);

#endif
