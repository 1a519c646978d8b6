/*
 * history/customers_card.c - a card in parts, each within one answer: what is long of it
 * (its lists, the values of its attributes) goes on in the next one.
 *
 *   part 1   all that is single, then items of lists and values of attributes, as fit
 *   part n   the same single ones, and the items and values behind those before
 *
 * Whoever puts them together adds list to list, attribute to attribute, and to an
 * attribute that is there the values that do not hold (`over`).
 */
#include <stdlib.h>
#include <string.h>

#include "history/customers_inner.h"

#define PLACES_MAX 100000 /* more than a card has pieces */

/* What of the card goes into this part. */
struct cut {
	int64_t at;    /* number of the next piece */
	int64_t place; /* of the first one */
	size_t bytes, room;
	bool full; /* the piece at `place` of the next part is the first that is left out
		    */
};

/* Does the next piece go into this part? What makes it full is still in it. */
static bool
takes(struct cut *cut, const json_t *piece)
{
	if (cut->full || cut->at < cut->place) {
		cut->at += !cut->full;
		return false;
	}
	if (cut->bytes >= cut->room) {
		cut->full = true;
		return false;
	}
	cut->at++;
	cut->bytes += json_dumpb(piece, NULL, 0, JSON_ENCODE_ANY);
	return true;
}

static json_t *
cut_list(struct cut *cut, const json_t *list)
{
	json_t *out = json_array(), *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (takes(cut, item))
			json_array_append(out, item);
	}
	return out;
}

/* The value that holds, and those that do not, are a piece each. Where these go on, what
 * holds stands above them again. */
static json_t *
cut_attributes(struct cut *cut, const json_t *attributes)
{
	json_t *out = json_object(), *one;
	const char *name;

	json_object_foreach((json_t *)attributes, name, one)
	{
		json_t *holds = json_copy(one), *over;
		bool here;

		json_object_del(holds, "over");
		here = takes(cut, holds);
		over = cut_list(cut, json_object_get(one, "over"));
		if (json_array_size(over) > 0)
			json_object_set(holds, "over", over);
		if (here || json_array_size(over) > 0)
			json_object_set(out, name, holds);
		json_decref(over);
		json_decref(holds);
	}
	return out;
}

bool
card_part(json_t *card, size_t room, int64_t *place)
{
	struct cut cut = {.place = *place, .room = room};
	json_t *out = json_object(), *value;
	const char *name;

	json_object_foreach(card, name, value)
	{
		if (json_is_array(value) || strcmp(name, "attributes") == 0)
			continue;
		cut.bytes += json_dumpb(value, NULL, 0, JSON_ENCODE_ANY);
		json_object_set(out, name, value);
	}
	json_object_foreach(card, name, value)
	{
		json_t *some = json_is_array(value) ? cut_list(&cut, value)
			       : strcmp(name, "attributes") == 0
				       ? cut_attributes(&cut, value)
				       : NULL;

		if (some != NULL && (*place == 0 || json_array_size(some) > 0 ||
					    json_object_size(some) > 0))
			json_object_set(out, name, some);
		json_decref(some);
	}
	json_object_clear(card);
	json_object_update(card, out);
	json_decref(out);
	*place = cut.at;
	return cut.full;
}

bool
card_place_read(const char *text, int64_t *place)
{
	char *rest;

	*place = 0;
	if (text == NULL)
		return true;
	*place = strtoll(text, &rest, 10);
	return rest != text && *rest == '\0' && *place > 0 && *place <= PLACES_MAX;
}
