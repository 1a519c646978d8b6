/* control/config_web.c - the settings of the web chat and the call-me form, compiled. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_compile.h"
#include "control/settings_web.h"

static const char *const fields[] = {"name", "email", "phone", "topic", "question", NULL};
static const char *const endings[] = {
	"png", "jpg", "jpeg", "gif", "webp", "pdf", "txt", "docx", "xlsx", "odt", NULL};

static bool
is_one_of(const char *const *words, const char *text)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], text) == 0)
			return true;
	return false;
}

static struct web_list
list_of(const struct slot *slot)
{
	struct web_list list = {
		.n = slot->n, .text = xcalloc((size_t)slot->n + 1, sizeof(char *))};

	for (int i = 0; i < slot->n; i++)
		list.text[i] = xstrdup(slot->node->child[i]->text);
	return list;
}

/* A list whose words must be among those known. */
static struct web_list
words_of(struct compile *c, const struct slot *slot, const char *const *known)
{
	for (int i = 0; i < slot->n; i++)
		if (!is_one_of(known, slot->node->child[i]->text))
			tree_error(c->tree, slot->node->child[i],
				"%s: \"%s\" is not known here; the reference page names "
				"what is",
				slot->setting->name, slot->node->child[i]->text);
	return list_of(slot);
}

/* Channel and queue of what comes in from the web. */
static void
fill_where(struct compile *c, const struct slot *channel, const struct slot *queue,
	char **channel_name, char **queue_name)
{
	*channel_name = xstrdup(channel->text);
	if (compile_queue(c, queue, compile_channel(c, channel)) >= 0)
		*queue_name = xstrdup(queue->text);
}

/* An origin has scheme and host, no path. */
static void
check_sites(struct compile *c, const struct slot *slot)
{
	for (int i = 0; i < slot->n; i++) {
		const char *text = slot->node->child[i]->text;
		const char *host = strncmp(text, "https://", 8) == 0  ? text + 8
				   : strncmp(text, "http://", 7) == 0 ? text + 7
								      : "";

		if (strcmp(text, "*") != 0 &&
			(*host == '\0' || strpbrk(host, "/ ;,'\"?#") != NULL))
			tree_error(c->tree, slot->node->child[i],
				"sites: \"%s\" is no origin: write "
				"https://www.example.com, without a path",
				text);
	}
}

/* The widget shows what is asked and nothing else. */
static void
check_required(struct compile *c, const struct slot *require, const struct web_list *ask)
{
	for (int i = 0; i < require->n; i++) {
		const char *text = require->node->child[i]->text;
		bool asked = !is_one_of(fields, text); /* said already */

		for (int j = 0; j < ask->n; j++)
			asked = asked || strcmp(ask->text[j], text) == 0;
		if (!asked)
			tree_error(c->tree, require->node->child[i],
				"require: %s is not asked for, so nobody could begin a "
				"chat: add it to ask",
				text);
	}
}

static int64_t
ms_of(const struct compile *c, const struct entry *e, int key)
{
	return compile_ms(c, entry_number(e, key));
}

static void
compile_chat(struct compile *c, struct chat_settings *s)
{
	const struct entry *e = entry_section(c->top, TOP_CHAT);

	fill_where(
		c, &e->slot[CHAT_CHANNEL], &e->slot[CHAT_QUEUE], &s->channel, &s->queue);
	s->title = xstrdup(entry_text(e, CHAT_TITLE));
	check_sites(c, &e->slot[CHAT_SITES]);
	s->sites = list_of(&e->slot[CHAT_SITES]);
	s->ask = words_of(c, &e->slot[CHAT_ASK], fields);
	s->require = words_of(c, &e->slot[CHAT_REQUIRE], fields);
	check_required(c, &e->slot[CHAT_REQUIRE], &s->ask);
	s->topics = list_of(&e->slot[CHAT_TOPICS]);
	s->identity_key_file = compile_path(c, &e->slot[CHAT_IDENTITY_KEY_FILE]);
	s->agent_warn_ms = ms_of(c, e, CHAT_AGENT_WARN);
	s->agent_limit_ms = ms_of(c, e, CHAT_AGENT_LIMIT);
	s->customer_ask_ms = ms_of(c, e, CHAT_CUSTOMER_ASK);
	s->customer_limit_ms = ms_of(c, e, CHAT_CUSTOMER_LIMIT);
	s->away_ms = ms_of(c, e, CHAT_AWAY);
	s->other_ms = ms_of(c, e, CHAT_OTHER_AFTER);
	s->keep_ms = llround(entry_number(e, CHAT_KEEP));
	s->open_per_address = (int)entry_number(e, CHAT_OPEN_PER_ADDRESS);
	s->messages_per_second = entry_number(e, CHAT_MESSAGES_PER_SECOND);
	s->messages_burst = (int)entry_number(e, CHAT_MESSAGES_BURST);
	s->messages_most = (int)entry_number(e, CHAT_MESSAGES);
	s->upload_most = (int64_t)entry_number(e, CHAT_UPLOAD_SIZE);
	s->uploads_most = (int)entry_number(e, CHAT_UPLOADS);
	s->upload_types = words_of(c, &e->slot[CHAT_UPLOAD_TYPES], endings);
	s->suggest = entry_bool(e, CHAT_SUGGEST);
	s->written_per_address = (int)entry_number(e, CHAT_WRITTEN);
}

/* ---- the number plan ---- */

/* Digits, maybe behind a "+". NULL after an error. */
static const char *
digits_of(struct compile *c, const struct node *at, const char *name, const char *text)
{
	const char *digits = text[0] == '+' ? text + 1 : text;

	if (digits[strspn(digits, "0123456789")] == '\0' && strlen(digits) <= 15 &&
		*digits != '\0')
		return digits;
	tree_error(c->tree, at, "%s: \"%s\" is no beginning of a number: write \"+44\"",
		name, text);
	return NULL;
}

static void
add_rules(struct compile *c, struct number_plan *plan, const struct slot *slot,
	bool allowed)
{
	for (int i = 0; i < slot->n; i++) {
		const struct node *at = slot->node->child[i];
		const char *digits = digits_of(c, at, slot->setting->name, at->text);

		if (digits != NULL)
			plan->rules[plan->n_rules++] = (struct number_rule){
				.prefix = xstrdup(digits), .allowed = allowed};
	}
}

static void
compile_plan(struct compile *c, const struct entry *e, struct number_plan *plan)
{
	const struct slot *country = &e->slot[CALLME_COUNTRY];
	const struct slot *allow = &e->slot[CALLME_ALLOW];
	const struct slot *forbid = &e->slot[CALLME_FORBID];
	const char *trunk = entry_text(e, CALLME_TRUNK);

	if (country->text != NULL)
		plan->country =
			xstrdup(digits_of(c, country->node, "country", country->text));
	plan->trunk = xstrdup(strcmp(trunk, "none") == 0 ? "" : trunk);
	plan->international = xstrdup(entry_text(e, CALLME_INTERNATIONAL));
	plan->least = (int)entry_number(e, CALLME_DIGITS_LEAST);
	plan->most = (int)entry_number(e, CALLME_DIGITS_MOST);
	if (plan->least > plan->most)
		tree_error(c->tree, e->node, "digits_least is above digits_most");
	plan->rules = xcalloc((size_t)(allow->n + forbid->n) + 1, sizeof plan->rules[0]);
	add_rules(c, plan, allow, true);
	add_rules(c, plan, forbid, false);
	/* Nothing is called that nobody allowed (toll fraud). */
	if (allow->n == 0 && plan->country != NULL)
		plan->rules[plan->n_rules++] = (struct number_rule){
			.prefix = xstrdup(plan->country), .allowed = true};
}

static void
compile_callme(struct compile *c, struct callme_settings *s)
{
	const struct entry *e = entry_section(c->top, TOP_CALLME);
	const struct slot *hours = &e->slot[CALLME_HOURS];

	fill_where(c, &e->slot[CALLME_CHANNEL], &e->slot[CALLME_QUEUE], &s->channel,
		&s->queue);
	compile_plan(c, e, &s->plan);
	s->calendar = hours->text != NULL
			      ? compile_find(c, NAME_CALENDAR, hours->node, hours->text)
			      : -1;
	s->window_least_ms = ms_of(c, e, CALLME_WINDOW);
	s->ahead_most_ms = llround(entry_number(e, CALLME_AHEAD));
	s->per_number_day = (int)entry_number(e, CALLME_PER_NUMBER);
	s->per_address_hour = (int)entry_number(e, CALLME_PER_ADDRESS);
	s->topics = list_of(&e->slot[CALLME_TOPICS]);
	s->consent = entry_bool(e, CALLME_CONSENT);
}

void
compile_web(struct compile *c, struct config *config)
{
	compile_chat(c, &config->chat);
	compile_callme(c, &config->callme);
}
