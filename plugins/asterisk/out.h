/* plugins/asterisk/out.h - actions as their bytes: gathered, checked, sent whole or not
 * at all. */
#ifndef USHER_ASTERISK_OUT_H
#define USHER_ASTERISK_OUT_H

#include "link.h"

#define ACTION_ROOM 8192     /* bytes of all that one order sends */
#define ACTION_LINE_MAX 1000 /* bytes of a line: the switch refuses 1024 */

struct out {
	char bytes[ACTION_ROOM];
	size_t n;
	const char *wrong; /* NULL: sound so far */
};

/* A header. What holds a line end makes the whole wrong (CTI 3.1, 13). */
void out_put(struct out *o, const char *key, const char *value);
/* Begins an action; the one before it is complete. */
void out_begin(struct out *o, const char *name, const char *id);
void out_end(struct out *o);
/* A variable of a channel, as an errand whose failure shows in what follows. */
void out_set(struct out *o, const char *channel, const char *variable, const char *value);
void out_set_int(struct out *o, const char *channel, const char *variable, int64_t value);
/* Sends it, if it is sound and the link writes. */
void out_flush(struct link *l, const struct out *o);

#endif
