/* model/web.c - settings of the web chat and the call-me form: freeing, looking up. */
#include "model/web.h"

#include <stdlib.h>
#include <string.h>

static void
list_finish(struct web_list *list)
{
	for (int i = 0; i < list->n; i++)
		free(list->text[i]);
	free(list->text);
}

void
chat_settings_finish(struct chat_settings *s)
{
	free(s->channel);
	free(s->queue);
	free(s->title);
	free(s->identity_key_file);
	list_finish(&s->sites);
	list_finish(&s->ask);
	list_finish(&s->require);
	list_finish(&s->topics);
	list_finish(&s->upload_types);
	memset(s, 0, sizeof *s);
}

void
callme_settings_finish(struct callme_settings *s)
{
	free(s->channel);
	free(s->queue);
	free(s->plan.country);
	free(s->plan.trunk);
	free(s->plan.international);
	for (int i = 0; i < s->plan.n_rules; i++)
		free(s->plan.rules[i].prefix);
	free(s->plan.rules);
	list_finish(&s->topics);
	memset(s, 0, sizeof *s);
}

bool
web_list_has(const struct web_list *list, const char *text)
{
	for (int i = 0; i < list->n; i++)
		if (strcmp(list->text[i], text) == 0)
			return true;
	return false;
}

bool
number_plan_allows_any(const struct number_plan *plan)
{
	for (int i = 0; i < plan->n_rules; i++)
		if (plan->rules[i].allowed)
			return true;
	return false;
}
