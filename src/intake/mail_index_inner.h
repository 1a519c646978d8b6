/* intake/mail_index_inner.h - what the files of the index share; nobody else includes it.
 */
#ifndef USHER_INTAKE_MAIL_INDEX_INNER_H
#define USHER_INTAKE_MAIL_INDEX_INNER_H

#include "base/map.h"
#include "intake/mail_index.h"

#define MAIL_INDEX_KEY_TEXT (16 + MAIL_INDEX_KEY)

struct mail_index {
	struct side *side; /* borrowed */
	int64_t threads_ms;
	struct idmap asked; /* tag -> struct asked, owned */
	uint64_t last;
};

/* "mail:in:HASH" of a mail that came into a mailbox, "mail:id:HASH" of a Message-ID. */
void mail_index_in_key(
	char out[MAIL_INDEX_KEY_TEXT], const char *mailbox, const char *message_id);
void mail_index_id_key(char out[MAIL_INDEX_KEY_TEXT], const char *message_id);

#endif
