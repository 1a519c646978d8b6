/* intake/mail_upkeep.h - files that are older than the settings keep them are removed,
 * unless another part names them. */
#ifndef USHER_INTAKE_MAIL_UPKEEP_H
#define USHER_INTAKE_MAIL_UPKEEP_H

#include "base/blob.h"

struct event_base;
struct worker_pool;
struct mail_upkeep;

/* All borrowed. */
struct mail_upkeep *mail_upkeep_create(
	struct event_base *base, struct worker_pool *workers, struct blobs *blobs);
/* keep_ms: age below which nothing is removed. */
void mail_upkeep_configure(struct mail_upkeep *upkeep, int64_t keep_ms);
/* After the workers have ended. NULL is fine. */
void mail_upkeep_destroy(struct mail_upkeep *upkeep);

#endif
