/* tests/fuzz/fuzz_config.c - a settings file, and with a byte 0xfe between them a second
 * one that is loaded over the first: what is taken is consistent, and keeps its indexes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
check_queue(const struct centre *c, const struct queue *q)
{
	require(q->n_laws == c->n_tiers && q->length_limit > 0);
	require(q->overflow_to >= -1 && q->overflow_to < c->n_queues);
	require(q->hours >= -1 && q->hours < c->n_calendars);
	for (int i = 0; i < q->n_laws; i++)
		require(q->laws[i].late_weight > 0 && q->laws[i].second >= 1 &&
			q->laws[i].ageing_ms > 0);
	for (int i = 0; i < q->n_channels; i++)
		require(q->channels[i] >= 0 && q->channels[i] < c->n_channels);
	for (int ch = 0; ch < c->n_channels; ch++)
		for (int t = 0; t < c->n_tiers; t++)
			require(queue_sla_ms(c, q, ch, t) >= 0);
	for (int i = 1; i < q->require.n; i++)
		require(q->require.skill[i - 1].skill < q->require.skill[i].skill);
}

static void
check_centre(const struct centre *c)
{
	require(c->default_queue >= 0 && c->default_queue < c->n_queues &&
		!c->queues[c->default_queue].removed);
	require(c->default_tier >= 0 && c->default_tier < c->n_tiers &&
		!c->tiers[c->default_tier].removed);
	require(c->half_life_ms > 0 && c->local != NULL);
	for (int i = 0; i < c->n_queues; i++) {
		require(centre_queue(c, c->queues[i].name) == i);
		check_queue(c, &c->queues[i]);
	}
	for (int i = 0; i < c->n_channels; i++)
		require(c->channels[i].calendar >= -1 &&
			c->channels[i].calendar < c->n_calendars);
	for (int i = 0; i < c->n_calendars; i++)
		require(calendar_add_ms(c->calendars[i], 1767776400000, 3600000) >
			1767776400000);
	for (int i = 0; i < c->n_agents; i++) {
		require(centre_agent(c, c->agents[i].id) == i);
		for (int j = 1; j < c->agents[i].n_skills; j++)
			require(c->agents[i].skills[j - 1].skill <
				c->agents[i].skills[j].skill);
	}
}

static struct config *
load(const uint8_t *data, size_t n, const struct centre *previous)
{
	struct config_problems problems = {0};
	struct config *config =
		config_parse("f", (const char *)data, n, previous, 1, &problems);
	int errors = 0;

	for (int i = 0; i < problems.n; i++) {
		require(problems.list[i].line > 0 && problems.list[i].column > 0);
		errors += !problems.list[i].warning;
	}
	require((config == NULL) == (errors > 0));
	config_problems_finish(&problems);
	if (config != NULL)
		check_centre(config->centre);
	return config;
}

static void
check_kept(const struct centre *old, const struct centre *new)
{
	require(new->version == old->version + 1);
	for (int i = 0; i < old->n_queues; i++)
		require(strcmp(old->queues[i].name, new->queues[i].name) == 0);
	for (int i = 0; i < old->n_skills; i++)
		require(strcmp(old->skills[i], new->skills[i]) == 0);
	for (int i = 0; i < old->n_agents; i++)
		require(strcmp(old->agents[i].id, new->agents[i].id) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *cut = n > 0 ? memchr(data, 0xfe, n) : NULL;
	size_t first = cut != NULL ? (size_t)(cut - data) : n;
	struct config *old = load(data, first, NULL), *new;
	FILE *null = fopen("/dev/null", "w");

	require(null != NULL);
	if (old != NULL) {
		new = load(data, first, old->centre);
		require(new != NULL && !config_diff(null, old, new));
		config_destroy(new);
	}
	if (old != NULL && cut != NULL) {
		new = load(cut + 1, n - first - 1, old->centre);
		if (new != NULL) {
			check_kept(old->centre, new->centre);
			config_diff(null, old, new);
		}
		config_destroy(new);
	}
	fclose(null);
	config_destroy(old);
	return 0;
}
