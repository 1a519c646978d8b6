/* model/customer.c - what the settings say about customers. */
#include "model/customer.h"

#include <stdlib.h>
#include <string.h>

static void
free_list(char **list, int n)
{
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

struct customer_rules *
customer_rules_ref(struct customer_rules *rules)
{
	__atomic_add_fetch(&rules->refs, 1, __ATOMIC_RELAXED);
	return rules;
}

void
customer_rules_unref(struct customer_rules *rules)
{
	if (rules == NULL || __atomic_sub_fetch(&rules->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (int i = 0; i < rules->n_kinds; i++) {
		free(rules->kinds[i].kind);
		for (int j = 0; j < rules->kinds[i].n_from; j++)
			free(rules->kinds[i].from[j]);
	}
	for (int i = 0; i < rules->n_terms; i++) {
		free(rules->terms[i].name);
		free(rules->terms[i].figure);
	}
	for (int i = 0; i < rules->n_retention; i++)
		free(rules->retention[i].channel);
	free(rules->terms);
	free(rules->retention);
	free_list(rules->sources, rules->n_sources);
	free_list(rules->complaints, rules->n_complaints);
	free_list(rules->settled, rules->n_settled);
	free_list(rules->private_names, rules->n_private);
	free(rules);
}

int
customer_source_rank(const struct customer_rules *rules, const char *source)
{
	int i = 0;

	while (i < rules->n_sources && strcmp(rules->sources[i], source) != 0)
		i++;
	return i;
}

bool
customer_is_private(const struct customer_rules *rules, const char *name)
{
	for (int i = 0; i < rules->n_private; i++)
		if (strcmp(rules->private_names[i], name) == 0)
			return true;
	return false;
}

int64_t
customer_retention_ms(const struct customer_rules *rules, const char *channel)
{
	int64_t others_ms = 0;

	for (int i = 0; i < rules->n_retention; i++) {
		const struct channel_retention *r = &rules->retention[i];

		if (strcmp(r->channel, channel) == 0)
			return r->ms;
		if (strcmp(r->channel, "*") == 0)
			others_ms = r->ms;
	}
	return others_ms;
}
