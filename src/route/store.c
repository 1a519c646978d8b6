/* route/store.c - what all stores share: names of steps, and their end. */
#include "route/store.h"

#include <stdlib.h>

const char *const step_name[STEP_KINDS] = {"add", "add_offer", "offer", "back", "connect",
	"hold", "move", "finish", "agent", "queue"};

static void
part_finish(struct step_part *part)
{
	free(part->record);
	free(part->payload);
	free(part->from_class);
	free(part->to_class);
	free(part->external);
	free(part->decision);
}

void
step_destroy(struct step *step)
{
	if (step == NULL)
		return;
	for (int i = 0; i < step->n_parts; i++)
		part_finish(&step->part[i]);
	for (int i = 0; i < step->n_agents; i++) {
		free(step->agent[i].id);
		free(step->agent[i].record);
	}
	free(step->queue);
	free(step->queue_record);
	free(step->event);
	effects_destroy(step->effects);
	free(step);
}
