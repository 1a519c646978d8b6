/* suggest/library_rules.c - keyword rules from YAML. */
#include <string.h>

#include "suggest/head.h"

static const char *const rule_keys[] = {"name", "all", "any", "not", "near", "within",
	"field", "language", "boost", "force", "forbid", "never_automatic", "queue",
	"skill", "response", NULL};

static void
take_phrases(struct head *head, const yaml_node_t *map, const char *key,
	struct phrase_list *list)
{
	yaml_node_t *node = head_get(head, map, key);

	if (node != NULL)
		list->n = head_texts(head, node, list->phrase, RULE_PHRASES_MAX, key);
}

static void
take_near(struct head *head, const yaml_node_t *map, struct keyword_rule *rule)
{
	yaml_node_t *near = head_get(head, map, "near"),
		    *within = head_get(head, map, "within");

	if (near != NULL)
		rule->n_near = head_texts(head, near, rule->near, RULE_NEAR_MAX, "near");
	rule->within = 10;
	if (within != NULL)
		rule->within = (int)head_number(head, within, 2, RULE_WITHIN_MAX);
	if (within != NULL && near == NULL)
		head_error(head, within, "\"within\" belongs to \"near\"");
}

static void
take_fields(struct head *head, const yaml_node_t *map, struct keyword_rule *rule)
{
	static const char *const names[FIELDS] = {[FIELD_BODY] = "body",
		[FIELD_SUBJECT] = "subject",
		[FIELD_SENDER] = "sender"};
	yaml_node_t *node = head_get(head, map, "field");
	const char *text[FIELDS];
	int n = node != NULL ? head_texts(head, node, text, FIELDS, "field") : 0;

	for (int i = 0; i < n; i++) {
		int f = 0;

		while (f < FIELDS && strcmp(names[f], text[i]) != 0)
			f++;
		if (f == FIELDS)
			head_error(head, node,
				"\"field\" is subject, body or sender, not \"%.40s\"",
				text[i]);
		else
			rule->fields |= 1u << f;
	}
}

/* Languages with commas between, in memory of the caller. */
static void
take_languages(struct head *head, const yaml_node_t *map, struct keyword_rule *rule,
	struct text *memory)
{
	yaml_node_t *node = head_get(head, map, "language");
	const char *text[RESPONSE_WORDS_MAX];
	int n = node != NULL
			? head_texts(head, node, text, RESPONSE_WORDS_MAX, "language")
			: 0;

	for (int i = 0; i < n; i++)
		text_addf(memory, "%s%s", i > 0 ? "," : "", text[i]);
	if (n > 0)
		rule->lang = memory->s;
}

/* The effect is the one key of those below; what it says is its target or number. */
static void
take_effect(struct head *head, const yaml_node_t *map, struct keyword_rule *rule,
	const char *own)
{
	static const struct {
		const char *key;
		enum keyword_effect effect;
	} effects[] = {{"boost", RULE_BOOST}, {"force", RULE_FORCE},
		{"forbid", RULE_FORBID}, {"never_automatic", RULE_NEVER_AUTOMATIC},
		{"queue", RULE_QUEUE}, {"skill", RULE_SKILL}};
	yaml_node_t *response = head_get(head, map, "response");
	int n = 0;

	rule->target = response != NULL ? head_text(head, response) : own;
	for (size_t i = 0; i < sizeof effects / sizeof *effects; i++) {
		yaml_node_t *node = head_get(head, map, effects[i].key);

		if (node == NULL)
			continue;
		n++;
		rule->effect = effects[i].effect;
		if (rule->effect == RULE_BOOST)
			rule->boost =
				head_number(head, node, -RULE_BOOST_MAX, RULE_BOOST_MAX);
		else if (rule->effect == RULE_QUEUE || rule->effect == RULE_SKILL)
			rule->target = head_text(head, node);
		else if (!head_bool(head, node))
			head_error(
				head, node, "\"%s\" is true or left out", effects[i].key);
	}
	if (n != 1)
		head_error(head, map,
			"a rule has one effect: boost, force, forbid, never_automatic, "
			"queue or "
			"skill; this one has %d",
			n);
	if (own != NULL && response != NULL)
		head_error(head, response,
			"a rule in a response's file is about that response: leave "
			"\"response\" out, or put the rule into rules.yaml");
}

static void
take_rule(struct head *head, yaml_node_t *map, struct rules *rules, const char *own)
{
	struct keyword_rule rule = {0};
	struct text languages = {0};
	int before = head->problems->n;
	char problem[RULE_PROBLEM];
	yaml_node_t *name;
	char *place;

	if (map->type != YAML_MAPPING_NODE) {
		head_error(head, map,
			"a rule has keys: all, any, not, near, and its effect");
		return;
	}
	head_known(head, map, rule_keys);
	name = head_get(head, map, "name");
	rule.name = name != NULL ? head_text(head, name) : NULL;
	take_phrases(head, map, "all", &rule.all);
	take_phrases(head, map, "any", &rule.any);
	take_phrases(head, map, "not", &rule.none);
	take_near(head, map, &rule);
	take_fields(head, map, &rule);
	take_languages(head, map, &rule, &languages);
	take_effect(head, map, &rule, own);
	rule.place = place = xasprintf(
		"%s:%d", head->file, head->line + 1 + (int)map->start_mark.line);
	if (head->problems->n == before && !rules_add(rules, &rule, problem))
		head_error(head, map, "%s", problem);
	free(place);
	text_finish(&languages);
}

void
head_rules(struct head *head, yaml_node_t *list, struct rules *rules, const char *own)
{
	yaml_node_t *item[RULES_MAX];
	int n = head_items(
		head, list, own != NULL ? RESPONSE_RULES_MAX : RULES_MAX, item);

	for (int i = 0; i < n; i++)
		take_rule(head, item[i], rules, own);
}
