/* model/contact.c - names of states, attributes. */
#include "model/contact.h"

#include <stdlib.h>
#include <string.h>

const char *const contact_state_name[CONTACT_STATES] = {"new", "queued", "scheduled",
	"offered", "connected", "parked", "pending", "wrapup", "completed", "answered",
	"abandoned", "expired", "cancelled", "unreachable", "lost", "erased"};

const char *const offer_state_name[6] = {
	"open", "accepted", "rejected", "timeout", "rescinded", "cancelled"};

enum contact_state
contact_state_parse(const char *name)
{
	int i = 0;

	while (i < CONTACT_STATES && strcmp(name, contact_state_name[i]) != 0)
		i++;
	return (enum contact_state)i;
}

void
attribute_finish(struct attribute *a)
{
	free(a->name);
	free(a->text);
	for (int i = 0; i < a->n_list; i++)
		free(a->list[i]);
	free(a->list);
	*a = (struct attribute){0};
}

struct value
attribute_value(const struct attribute *a)
{
	return (struct value){
		.kind = a->kind,
		.boolean = a->boolean,
		.number = a->number,
		.text = a->text,
		.n_list = a->n_list,
		.list = (const char *const *)a->list,
	};
}

void
attribute_copy(struct attribute *to, const struct attribute *from)
{
	*to = *from;
	to->name = xstrdup(from->name);
	to->text = xstrdup(from->text);
	to->list =
		from->n_list > 0 ? xcalloc((size_t)from->n_list, sizeof(char *)) : NULL;
	for (int i = 0; i < from->n_list; i++)
		to->list[i] = xstrdup(from->list[i]);
}
