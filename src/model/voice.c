/* model/voice.c - settings of switches, freed. */
#include "model/voice.h"

#include <stdlib.h>

static void
texts_free(char **list, int n)
{
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void
switch_finish(struct switch_settings *s)
{
	free(s->name);
	free(s->plugin);
	texts_free(s->addresses, s->n_addresses);
	free(s->ca_file);
	free(s->cert_file);
	free(s->key_file);
	free(s->tls_name);
	free(s->secret_file);
	free(s->channel);
	texts_free(s->keys, s->n_settings);
	texts_free(s->values, s->n_settings);
}

void
voice_settings_destroy(struct voice_settings *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < s->n_switches; i++)
		switch_finish(&s->switches[i]);
	free(s->switches);
	free(s->dialling.channel);
	free(s->dialling.on);
	free(s->dialling.number);
	free(s);
}
