/* part_chat_suggest.c - stored responses for agents who chat: proposed by the matcher of
 * the first mailbox, and found by their words. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "part_mailin.h"
#include "suggest/live.h"
#include "usher.h"

#define CANNED_MOST 32		 /* responses in one answer */
#define CANNED_BYTES_MOST 131072 /* of their texts */

/* NULL: there is no mailbox. */
static struct live *
matcher(struct usher *u)
{
	const struct mail_settings *s = u->config->mail;

	return u->mailin != NULL && s != NULL && s->n_boxes > 0
		       ? mail_shelf_live(part_mailin_shelf(u), s->boxes[0].name)
		       : NULL;
}

static json_t *
response_json(const struct response *r)
{
	return json_pack("{s:s, s:s, s:s}", "id", r->id, "title",
		r->title != NULL ? r->title : r->id, "text", r->body);
}

json_t *
part_chat_propose(void *owner, const char *language, const char *text)
{
	struct live *live = matcher(owner);
	const struct library *library = live != NULL ? live_library(live) : NULL;
	struct live_mail mail = {.language = language, .text = text};
	struct live_found found = {0};
	json_t *list;

	if (library == NULL)
		return NULL;
	live_propose(live, &mail, &found);
	list = json_array();
	for (int i = 0; i < found.n; i++) {
		const struct response *r = library_find(library, found.list[i].id);
		json_t *o = r != NULL ? response_json(r) : NULL;

		if (o == NULL)
			continue;
		json_object_set_new(o, "p", json_real(found.list[i].p));
		if (found.list[i].why != NULL)
			json_object_set_new(o, "why", json_string(found.list[i].why));
		json_array_append_new(list, o);
	}
	live_found_finish(&found);
	return list;
}

/* ASCII letters without case; others as they are. */
static bool
has(const char *text, const char *query)
{
	return text != NULL && strcasestr(text, query) != NULL;
}

static bool
fits(const struct response *r, const char *query)
{
	if (*query == '\0' || has(r->id, query) || has(r->title, query))
		return true;
	for (int i = 0; i < r->keywords.n; i++)
		if (has(r->keywords.list[i], query))
			return true;
	return false;
}

json_t *
part_chat_canned(void *owner, const char *language, const char *query)
{
	struct live *live = matcher(owner);
	const struct library *library = live != NULL ? live_library(live) : NULL;
	json_t *list;
	size_t bytes = 0;

	if (library == NULL)
		return NULL;
	list = json_array();
	for (int i = 0; i < library->n && json_array_size(list) < CANNED_MOST; i++) {
		const struct response *r = &library->list[i];
		json_t *o;

		if (!response_speaks(r, language) || !fits(r, query))
			continue;
		bytes += strlen(r->body);
		if (bytes > CANNED_BYTES_MOST)
			break;
		o = response_json(r);
		if (o != NULL)
			json_array_append_new(list, o);
	}
	return list;
}
