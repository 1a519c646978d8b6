/* part_voice.c - switches: adapters from the settings, links, calls to the router. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/switches.h"
#include "history/customers.h"
#include "intake/number_plan.h"
#include "intake/voice.h"
#include "usher.h"

struct part_voice {
	struct voice *voice;		 /* owned */
	struct switch_plugins in_use;	 /* the adapters that links have */
	struct switch_plugins *prepared; /* owned; of settings that are about to hold */
};

/* Loads the adapters of new settings; false: they are wrong, and nothing changed. */
bool
part_voice_prepare(
	struct usher *u, const struct config *config, struct config_problems *problems)
{
	char *folder = plugins_folder();
	struct switch_plugins *all =
		switches_load(folder, config->voice, u->options.config, problems);

	free(folder);
	if (all == NULL)
		return false;
	if (u->voice == NULL)
		u->voice = xcalloc(1, sizeof *u->voice);
	switches_destroy(u->voice->prepared);
	u->voice->prepared = all;
	return true;
}

static struct switch_plugin *
in_use(struct part_voice *p, const char *name)
{
	for (int i = 0; i < p->in_use.n; i++)
		if (strcmp(p->in_use.list[i].name, name) == 0)
			return &p->in_use.list[i];
	return NULL;
}

/* Links whose settings are unchanged stay, with the adapter state that they have. */
static void
take_prepared(struct usher *u, struct part_voice *p)
{
	struct switch_plugins *next = p->prepared, old;
	struct voice_switch_wish wishes[SWITCHES_MAX];

	for (int i = 0; i < next->n; i++) {
		struct switch_plugin *before = in_use(p, next->list[i].name);
		bool keep =
			before != NULL && strcmp(before->says, next->list[i].says) == 0;

		if (keep) {
			struct switch_plugin unused = next->list[i];

			next->list[i] = *before;
			*before = unused;
		}
		wishes[i] = (struct voice_switch_wish){&u->config->voice->switches[i],
			next->list[i].adapter, next->list[i].state, keep};
	}
	old = p->in_use;
	p->in_use = *next;
	free(next);
	p->prepared = NULL;
	if (!voice_configure(p->voice, u->config->voice, wishes))
		log_error("voice: not all switches have their links");
	/* No link has these any more. */
	for (int i = 0; i < old.n; i++)
		switch_plugin_finish(&old.list[i]);
}

/* What is not in the plan of call-me requests is not dialled for anybody (toll fraud). */
static bool
read_number(void *owner, const char *text, char *out, size_t room)
{
	const struct usher *u = owner;
	char number[NUMBER_TEXT];

	if (number_read(&u->config->callme.plan, text, number) != NULL)
		return false;
	return snprintf(out, room, "%s", number) < (int)room;
}

static bool
any_number(void *owner)
{
	const struct usher *u = owner;

	return number_plan_allows_any(&u->config->callme.plan);
}

bool
part_voice_not_reached(void *owner, uint64_t contact, const char *result)
{
	const struct usher *u = owner;

	return u->voice != NULL && u->voice->voice != NULL &&
	       voice_not_reached(u->voice->voice, contact, result);
}

bool
part_voice_open(struct usher *u)
{
	struct voice_parts parts = {.number = read_number,
		.any_number = any_number,
		.number_owner = u,
		.base = u->base,
		.router = u->router,
		.clock = &u->clock,
		.side = u->side,
		.people = &u->people};

	u->voice->voice = voice_create(&parts);
	desk_add_commands(u->desk, voice_commands, voice_n_commands, u->voice->voice);
	router_listen(u->router, voice_event, u->voice->voice);
	customers_add_part(u->customers, &(struct customer_part){.owner = u->voice->voice,
						 .tell = voice_tell,
						 .forget = voice_forget});
	take_prepared(u, u->voice);
	return true;
}

void
part_voice_configure(struct usher *u)
{
	if (u->voice->prepared != NULL)
		take_prepared(u, u->voice);
}

void
part_voice_close(struct usher *u)
{
	if (u->voice == NULL)
		return;
	voice_destroy(u->voice->voice);
	for (int i = 0; i < u->voice->in_use.n; i++)
		switch_plugin_finish(&u->voice->in_use.list[i]);
	switches_destroy(u->voice->prepared);
	free(u->voice);
	u->voice = NULL;
}
