/* plugins/asterisk/channels.c - tables of channels and bridges.
 *
 *   alive --bury--> grave --(CHANNEL_GRAVES younger ones)--> forgotten */
#include "channels.h"

#include <stdlib.h>
#include <string.h>

#include "ami.h"

static size_t
hash(const char *s)
{
	uint64_t h = UINT64_C(1469598103934665603);

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	return (size_t)(h ^ h >> 29);
}

/* ---- lists by age ---- */

static void
list_put(struct channel **oldest, struct channel **newest, struct channel *ch)
{
	ch->older = *newest;
	ch->newer = NULL;
	if (*newest != NULL)
		(*newest)->newer = ch;
	else
		*oldest = ch;
	*newest = ch;
}

static void
list_take(struct channel **oldest, struct channel **newest, struct channel *ch)
{
	if (ch->older != NULL)
		ch->older->newer = ch->newer;
	else
		*oldest = ch->newer;
	if (ch->newer != NULL)
		ch->newer->older = ch->older;
	else
		*newest = ch->older;
}

/* ---- channels ---- */

struct channel *
channels_find(const struct channels *c, const char *id)
{
	struct channel *ch;

	if (c->room == 0 || id == NULL)
		return NULL;
	ch = c->slot[hash(id) & (c->room - 1)];
	while (ch != NULL && strcmp(ch->id, id) != 0)
		ch = ch->hash_next;
	return ch;
}

static void
grow(struct channels *c)
{
	size_t room = c->room > 0 ? c->room * 2 : 256;
	struct channel **slot = ami_alloc(room, sizeof(*slot));

	for (size_t i = 0; i < c->room; i++) {
		struct channel *ch, *next;

		for (ch = c->slot[i]; ch != NULL; ch = next) {
			size_t at = hash(ch->id) & (room - 1);

			next = ch->hash_next;
			ch->hash_next = slot[at];
			slot[at] = ch;
		}
	}
	free(c->slot);
	c->slot = slot;
	c->room = room;
}

struct channel *
channels_add(struct channels *c, const char *id)
{
	struct channel *ch;
	size_t n = strlen(id), at;

	if (c->n_alive >= CHANNELS_MAX || n == 0 || n > CHANNEL_ID_MAX)
		return NULL;
	if (c->n_alive + c->n_dead >= c->room)
		grow(c);
	ch = ami_alloc(1, sizeof(*ch));
	memcpy(ch->id, id, n + 1);
	at = hash(id) & (c->room - 1);
	ch->hash_next = c->slot[at];
	c->slot[at] = ch;
	list_put(&c->oldest, &c->newest, ch);
	c->n_alive++;
	return ch;
}

static void
release(struct channel *ch)
{
	free(ch->number);
	free(ch->caller);
	free(ch->queue);
	free(ch);
}

static void
destroy(struct channels *c, struct channel *ch)
{
	struct channel **at = &c->slot[hash(ch->id) & (c->room - 1)];

	while (*at != ch)
		at = &(*at)->hash_next;
	*at = ch->hash_next;
	release(ch);
}

void
channels_forget(struct channels *c, struct channel *ch)
{
	channels_leave(c, ch);
	list_take(&c->oldest, &c->newest, ch);
	c->n_alive--;
	destroy(c, ch);
}

void
channels_bury(struct channels *c, struct channel *ch, int64_t t_us)
{
	channels_leave(c, ch);
	list_take(&c->oldest, &c->newest, ch);
	c->n_alive--;
	list_put(&c->oldest_dead, &c->newest_dead, ch);
	c->n_dead++;
	ch->dead = true;
	ch->died_us = t_us;
	if (c->n_dead > CHANNEL_GRAVES) {
		struct channel *old = c->oldest_dead;

		list_take(&c->oldest_dead, &c->newest_dead, old);
		c->n_dead--;
		destroy(c, old);
	}
}

struct channel *
channels_by_name(const struct channels *c, const char *name)
{
	for (struct channel *ch = c->newest; ch != NULL; ch = ch->older)
		if (strcmp(ch->name, name) == 0)
			return ch;
	return NULL;
}

struct channel *
channels_call_of(const struct channels *c, const char *linkedid)
{
	if (linkedid == NULL || linkedid[0] == '\0')
		return NULL;
	for (struct channel *ch = c->newest; ch != NULL; ch = ch->older)
		if (ch->role == CHANNEL_CALL && strcmp(ch->linkedid, linkedid) == 0)
			return ch;
	return NULL;
}

/* ---- bridges ---- */

static struct bridge **
bridge_place(struct channels *c, const char *id)
{
	struct bridge **at = &c->bridges[hash(id) & 255];

	while (*at != NULL && strcmp((*at)->id, id) != 0)
		at = &(*at)->next;
	return at;
}

struct bridge *
channels_leave(struct channels *c, struct channel *ch)
{
	struct bridge *b = ch->bridge, **place;
	struct channel **at;

	if (b == NULL)
		return NULL;
	for (at = &b->members; *at != ch; at = &(*at)->bridge_next)
		;
	*at = ch->bridge_next;
	ch->bridge = NULL;
	ch->bridge_next = NULL;
	if (--b->n > 0)
		return b;
	place = bridge_place(c, b->id);
	*place = b->next;
	free(b);
	return NULL;
}

struct bridge *
channels_enter(struct channels *c, struct channel *ch, const char *bridge, int64_t t_us)
{
	struct bridge **place;
	size_t n = strlen(bridge);

	if (n == 0 || n > CHANNEL_ID_MAX)
		return NULL;
	channels_leave(c, ch);
	place = bridge_place(c, bridge);
	if (*place == NULL) {
		*place = ami_alloc(1, sizeof(**place));
		memcpy((*place)->id, bridge, n + 1);
	}
	ch->bridge = *place;
	ch->bridge_next = (*place)->members;
	ch->entered_us = t_us;
	(*place)->members = ch;
	(*place)->n++;
	return *place;
}

void
channels_finish(struct channels *c)
{
	for (size_t i = 0; i < c->room; i++) {
		struct channel *ch, *next;

		for (ch = c->slot[i]; ch != NULL; ch = next) {
			next = ch->hash_next;
			release(ch);
		}
	}
	for (int i = 0; i < 256; i++) {
		struct bridge *b, *next;

		for (b = c->bridges[i]; b != NULL; b = next) {
			next = b->next;
			free(b);
		}
	}
	free(c->slot);
	*c = (struct channels){0};
}
