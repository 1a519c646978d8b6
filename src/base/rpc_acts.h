/*
 * base/rpc_acts.h - acts that were asked for under an id of the asker's own (RPC_ACT):
 * the same one asked for again, since its answer was lost, is not done again and gets the
 * same answer.
 *
 *   new --answered--> done (kept as long as there is room) --> forgotten, the oldest
 * first new --refused--> forgotten: it may be asked for anew
 *
 * Kept in memory: what an act writes for good knows its id itself, over a restart.
 */
#ifndef USHER_BASE_RPC_ACTS_H
#define USHER_BASE_RPC_ACTS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"

#define ACTS_DONE_MAX 8192    /* that are remembered with their answers */
#define ACTS_RESULT_MAX 16384 /* bytes of an answer that is remembered */
#define ACTS_REPEATS_MAX 4    /* requests that wait for one act beside the first */

struct act;

struct acts {
	struct map by_key;	     /* struct act, owned */
	struct act *oldest, *newest; /* of those done */
	size_t n_done;
};

enum act_state {
	ACT_NEW,     /* do it; acts_end() tells what came of it */
	ACT_GOES_ON, /* it is being done: the tag is among those of acts_end() */
	ACT_DONE,
	ACT_BUSY /* too many wait for it */
};

/*
 * acts_begin - looks an act up, or begins it.
 *
 * key     names asker, method and his id
 * tag     of the request
 * result  filled when it is done: the answer, borrowed until the next call here
 */
enum act_state acts_begin(
	struct acts *acts, const char *key, uint64_t tag, json_t **result);

/*
 * acts_end - an act that was begun was answered.
 *
 * result  borrowed; NULL: it was refused
 * repeats filled with the tags that asked for it meanwhile
 * Returns how many
 */
int acts_end(struct acts *acts, const char *key, const json_t *result,
	uint64_t repeats[ACTS_REPEATS_MAX]);

void acts_finish(struct acts *acts);

#endif
