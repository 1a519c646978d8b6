/* base/rpc_acts.c - acts by the ids of their askers; see rpc_acts.h. */
#include "base/rpc_acts.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

struct act {
	char *key;	/* owned */
	json_t *result; /* owned; NULL: it is not done yet */
	uint64_t repeat[ACTS_REPEATS_MAX];
	int n_repeats;
	struct act *next; /* the next that was done */
};

static void
act_destroy(struct act *act)
{
	json_decref(act->result);
	free(act->key);
	free(act);
}

enum act_state
acts_begin(struct acts *acts, const char *key, uint64_t tag, json_t **result)
{
	struct act *act = map_get(&acts->by_key, key);

	*result = NULL;
	if (act == NULL) {
		act = xcalloc(1, sizeof *act);
		act->key = xstrdup(key);
		map_put(&acts->by_key, key, act);
		return ACT_NEW;
	}
	*result = act->result;
	if (act->result != NULL)
		return ACT_DONE;
	if (act->n_repeats == ACTS_REPEATS_MAX)
		return ACT_BUSY;
	act->repeat[act->n_repeats++] = tag;
	return ACT_GOES_ON;
}

static void
forget_oldest(struct acts *acts)
{
	struct act *act = acts->oldest;

	acts->oldest = act->next;
	if (acts->oldest == NULL)
		acts->newest = NULL;
	acts->n_done--;
	map_remove(&acts->by_key, act->key);
	act_destroy(act);
}

static void
remember(struct acts *acts, struct act *act)
{
	if (acts->newest != NULL)
		acts->newest->next = act;
	else
		acts->oldest = act;
	acts->newest = act;
	if (++acts->n_done > ACTS_DONE_MAX)
		forget_oldest(acts);
}

int
acts_end(struct acts *acts, const char *key, const json_t *result,
	uint64_t repeats[ACTS_REPEATS_MAX])
{
	struct act *act = map_get(&acts->by_key, key);
	int n;

	if (act == NULL || act->result != NULL)
		return 0;
	n = act->n_repeats;
	memcpy(repeats, act->repeat, sizeof act->repeat);
	if (result != NULL && json_dumpb(result, NULL, 0, 0) <= ACTS_RESULT_MAX) {
		/* A copy: what is answered may have members of what goes on living. */
		act->result = json_deep_copy(result);
		remember(acts, act);
	} else {
		map_remove(&acts->by_key, key);
		act_destroy(act);
	}
	return n;
}

void
acts_finish(struct acts *acts)
{
	size_t at = 0;
	void *value;

	while (map_next(&acts->by_key, &at, NULL, &value))
		act_destroy(value);
	map_finish(&acts->by_key);
}
