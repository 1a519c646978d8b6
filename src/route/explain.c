/*
 * route/explain.c - decision records: packed as they are made, read back as JSON.
 *
 *   v AT TRIGGER VERSION HALF_LIFE_MS LAW   what was decided when, under which settings
 * and law w CONTACT TERMS T0 D SLACK SLACK2 LOG2_SCORE OFFER AGENT   who won r CONTACT
 * TERMS T0 D SLACK SLACK2 LOG2_SCORE   a rival contact (choice of a contact for an agent)
 *   k N                                            heads compared in all
 *   a AGENT AFFINITY PARKS SCARCITY STRATEGY PART_FILLED IDLE_SINCE ORDER   an agent who
 * could; the first is the winner f N                                            agents
 * who could in all x AGENT REASON                                 an able agent who could
 * not, and why y REASON N                                     how many of the able could
 * not for this reason u RULE                                         a rule that fired,
 * by name
 */
#include "route/explain.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route/able.h"
#include "route/record.h"

/* ---- packing ---- */

static void
add_word(struct text *t, const char *word)
{
	text_add_n(t, " ", 1);
	text_add(t, word);
}

static void
add_int(struct text *t, int64_t value)
{
	text_add_n(t, " ", 1);
	text_add_int(t, value);
}

static void
add_unable_agent(struct text *t, const char *id, const char *why)
{
	text_add_n(t, "x", 1);
	add_word(t, id);
	add_word(t, why);
	text_add_n(t, "\n", 1);
}

static void
add_contact(struct text *t, char letter, struct router *r, const struct class *k,
	const struct contact *c, double log2_score, int64_t now_ms)
{
	char id[NUMBER_ID_TEXT];
	int64_t slack_ms = class_slack_ms(r, k, c->d_ms, now_ms);

	number_id_format(id, 'c', c->id);
	text_add_n(t, &letter, 1);
	add_word(t, id);
	add_word(t, k->terms_text);
	add_int(t, c->t0_ms);
	add_int(t, c->d_ms);
	add_int(t, slack_ms);
	add_int(t, slack_ms + law_second_ms(&k->terms));
	text_add_n(t, " ", 1);
	text_add_number(t, log2_score);
}

static void
add_head(struct text *t, struct router *r, const char *trigger, int64_t now_ms)
{
	text_add(t, "v ");
	text_add_int(t, now_ms);
	add_word(t, trigger);
	add_int(t, (int64_t)r->centre->version);
	text_add_n(t, " ", 1);
	text_add_number(t, r->centre->half_life_ms);
	add_word(t, law_name[r->centre->kind]);
	text_add_n(t, "\n", 1);
}

static void
add_winner(struct text *t, struct router *r, const struct contact *c,
	const struct agent *a, double log2_score, int64_t now_ms)
{
	add_contact(t, 'w', r, c->class, c, log2_score, now_ms);
	add_word(t, r->centre->agents[a->index].id);
	text_add_n(t, "\n", 1);
}

static void
add_rules(struct text *t, const struct router *r, const struct contact *c)
{
	for (int i = 0; i < c->n_rules && c->version == r->centre->version; i++) {
		text_add(t, "u"); /* record_put_text adds the space */
		record_put_text(t, "rule", r->centre->rules[c->rules[i]].name);
		text_add_n(t, "\n", 1);
	}
}

/* Able agents who could not have it: the first few of the file with their reason, and how
 * many by reason. */
static void
add_unable(struct text *t, const struct router *r, const struct contact *c,
	const int counts[ABLE_REASONS], int64_t now_ms)
{
	const struct class *k = c->class;
	int left = 0;

	for (int i = 0; i < ABLE_REASONS; i++)
		left += counts[i];
	if (left > CHOICE_RIVALS_MAX)
		left = CHOICE_RIVALS_MAX;
	for (int i = 0; i < k->n_able && left > 0; i++) {
		const struct agent *a = &r->agents[k->able[i]];
		bool parks;
		enum able_reason why = agent_room_for(r, a, c, now_ms, &parks);

		if (why == ABLE_FREE)
			continue;
		left--;
		add_unable_agent(
			t, r->centre->agents[a->index].id, able_reason_name[why]);
	}
	for (int i = 0; i < ABLE_REASONS; i++)
		if (counts[i] > 0)
			text_addf(t, "y %s %d\n", able_reason_name[i], counts[i]);
}

static void
keep(struct contact *c, struct text *t)
{
	free(c->decision);
	c->decision = text_take(t);
}

void
explain_contact_choice(struct router *r, struct contact *c, const struct agent *a,
	const char *trigger, double log2_score, const struct rival *rivals, int n_rivals,
	int n_heads, int64_t now_ms)
{
	struct text t = {0};

	add_head(&t, r, trigger, now_ms);
	add_winner(&t, r, c, a, log2_score, now_ms);
	for (int i = 0; i < n_rivals; i++) {
		add_contact(&t, 'r', r, rivals[i].class, rivals[i].candidate.contact,
			rivals[i].candidate.log2_score, now_ms);
		text_add_n(&t, "\n", 1);
	}
	text_add_n(&t, "k", 1);
	add_int(&t, n_heads);
	text_add_n(&t, "\n", 1);
	add_rules(&t, r, c);
	keep(c, &t);
}

static void
add_choice(struct text *t, const struct router *r, const struct choice *one)
{
	text_add_n(t, "a", 1);
	add_word(t, r->centre->agents[one->agent->index].id);
	add_int(t, one->affinity);
	add_int(t, one->parks);
	add_int(t, one->scarcity);
	text_add_n(t, " ", 1);
	text_add_number(t, one->strategy);
	add_int(t, one->part_filled);
	add_int(t, one->idle_since_ms);
	add_int(t, one->order);
	text_add_n(t, "\n", 1);
}

void
explain_agent_choice(struct router *r, struct contact *c, const struct choices *choices,
	const char *trigger, int64_t now_ms)
{
	struct text t = {0};

	add_head(&t, r, trigger, now_ms);
	add_winner(&t, r, c, choices->best.agent,
		class_log2_score(r, c->class, c->d_ms, c->t0_ms, now_ms), now_ms);
	add_choice(&t, r, &choices->best);
	for (int i = 0; i < choices->n_rivals; i++)
		add_choice(&t, r, &choices->rival[i]);
	text_add_n(&t, "f", 1);
	add_int(&t, choices->n_free);
	text_add_n(&t, "\n", 1);
	add_unable(&t, r, c, choices->unable, now_ms);
	add_rules(&t, r, c);
	keep(c, &t);
}

/* ---- one sentence ---- */

/* "12 s", "3 min", "2 h" of an amount of ms, without sign. */
static void
add_span(struct text *t, int64_t ms)
{
	int64_t s = ((ms < 0 ? -ms : ms) + 500) / 1000;

	text_add_int(t, s < 90 ? s : s < 5400 ? (s + 30) / 60 : (s + 1800) / 3600);
	text_add(t, s < 90 ? " s" : s < 5400 ? " min" : " h");
}

static void
add_standing(
	struct text *t, const struct router *r, const struct contact *c, int64_t now_ms)
{
	int64_t slack_ms = class_slack_ms(r, c->class, c->d_ms, now_ms);

	text_add(t, r->centre->tiers[c->tier].name);
	add_word(t, r->centre->channels[c->channel].name);
	text_add(t, ", ");
	add_span(t, slack_ms);
	text_add(t, slack_ms >= 0 ? " before its deadline" : " past its deadline");
}

char *
explain_why_contact(const struct router *r, const struct contact *c, double log2_score,
	const struct rival *next, int n_heads, int64_t now_ms)
{
	struct text t = {0};

	text_add(&t, "Now: ");
	add_standing(&t, r, c, now_ms);
	if (c->affinity >= 0)
		text_add(&t, "; you served this customer last");
	else if (c->target >= 0)
		text_add(&t, "; it is meant for you");
	if (next != NULL && r->centre->kind == LAW_DPV) {
		text_add(&t, "; ");
		add_span(&t, (int64_t)((log2_score - next->candidate.log2_score) *
				       r->centre->half_life_ms));
		text_add(&t, " ahead of the next of");
		add_int(&t, n_heads);
	}
	text_add_n(&t, ".", 1);
	return text_take(&t);
}

char *
explain_why_agent(
	const struct router *r, const struct contact *c, const struct choices *choices)
{
	static const char *const by[] = {"idle longest", "ranked first", "least occupied",
		"most skilled", "least skilled", "next in turn",
		"with the fewest contacts"};
	const struct choice *winner = &choices->best;
	const struct choice *next = choices->n_rivals > 0 ? &choices->rival[0] : NULL;
	int n_free = choices->n_free;
	struct text t = {0};

	if (winner->affinity)
		text_add(&t, "You: you served this customer last.");
	else if (n_free == 1 || next == NULL)
		text_add(&t, "You: the only one free who can take it.");
	else if (winner->parks != next->parks)
		text_addf(&t,
			"You: of %d who can take it, your work need not be put aside.",
			n_free);
	else if (winner->scarcity != next->scarcity)
		text_addf(&t,
			"You: of %d who can take it, your skills are the least scarce.",
			n_free);
	else if (winner->strategy != next->strategy)
		text_addf(&t, "You: of %d who can take it, %s.", n_free,
			by[r->centre->queues[c->queue].strategy]);
	else
		text_addf(&t,
			"You: of %d who can take it, all else equal, you come first.",
			n_free);
	return text_take(&t);
}

/* ---- reading back ---- */

#define LINE_FIELDS_MAX 16

static int
split(char *line, char separator, char *field[LINE_FIELDS_MAX])
{
	int n = 0;

	while (line != NULL && n < LINE_FIELDS_MAX)
		field[n++] = strsep(&line, (char[]){separator, '\0'});
	return n;
}

static json_t *
int_json(const char *text)
{
	return json_integer(strtoll(text, NULL, 10));
}

static json_t *
terms_json(char *text)
{
	char *f[LINE_FIELDS_MAX];

	if (split(text, ',', f) < 11)
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:f, s:o, s:f, s:f, s:f, s:s, s:s, s:s}",
		"queue", f[0], "channel", f[1], "tier", f[2], "value", strtod(f[3], NULL),
		"sla_ms", int_json(f[4]), "late_weight", strtod(f[5], NULL), "second",
		strtod(f[6], NULL), "ageing_ms", strtod(f[7], NULL), "calendar", f[8],
		"require", f[9], "only", f[10]);
}

static const char *
phase(const char *slack, const char *slack2)
{
	static const char *const names[] = {"in_time", "second_promise", "ageing"};

	return names[law_phase(strtoll(slack, NULL, 10), strtoll(slack2, NULL, 10))];
}

/* CONTACT TERMS T0 D SLACK SLACK2 LOG2_SCORE */
static json_t *
contact_json(char **f)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:f}", "contact", f[0],
		"class", terms_json(f[1]), "t0_ms", int_json(f[2]), "deadline_ms",
		int_json(f[3]), "slack_ms", int_json(f[4]), "slack2_ms", int_json(f[5]),
		"phase", phase(f[4], f[5]), "log2_score", strtod(f[6], NULL));
}

static json_t *
agent_json(char **f)
{
	return json_pack("{s:s, s:b, s:b, s:o, s:f, s:b, s:o, s:o}", "agent", f[0],
		"affinity", atoi(f[1]), "parks", atoi(f[2]), "scarcity", int_json(f[3]),
		"strategy", strtod(f[4], NULL), "part_filled", atoi(f[5]),
		"idle_since_ms", int_json(f[6]), "order", int_json(f[7]));
}

json_t *
explain_standing_json(struct router *r, const struct class *k, const struct candidate *c,
	int64_t now_ms)
{
	struct text t = {0};
	char *f[LINE_FIELDS_MAX];
	json_t *out;

	add_contact(&t, 'r', r, k, c->contact, c->log2_score, now_ms);
	split(t.s, ' ', f);
	out = contact_json(f + 1);
	text_finish(&t);
	return out;
}

struct reading {
	json_t *out, *rivals, *agents, *unable, *unable_counts, *rules;
	double half_life_ms, log2_score;
	bool is_dpv;
};

static void
read_rival(struct reading *g, char **f)
{
	json_t *rival = contact_json(f);

	/* By how many seconds of head start the winner went before it (ROUTING 3). */
	if (g->is_dpv)
		json_object_set_new(rival, "behind_s",
			json_real((g->log2_score - strtod(f[6], NULL)) * g->half_life_ms /
				  1000));
	json_array_append_new(g->rivals, rival);
}

static void
read_line(struct reading *g, char *line)
{
	char *f[LINE_FIELDS_MAX];
	int n = split(line, ' ', f);

	if (f[0][0] == 'v' && n >= 6) {
		g->half_life_ms = strtod(f[4], NULL);
		g->is_dpv = strcmp(f[5], law_name[LAW_DPV]) == 0;
		json_object_set_new(g->out, "at_ms", int_json(f[1]));
		json_object_set_new(g->out, "trigger", json_string(f[2]));
		json_object_set_new(g->out, "version", int_json(f[3]));
		json_object_set_new(g->out, "half_life_ms", json_real(g->half_life_ms));
		json_object_set_new(g->out, "law", json_string(f[5]));
	} else if (f[0][0] == 'w' && n >= 9) {
		g->log2_score = strtod(f[7], NULL);
		json_object_set_new(g->out, "winner", contact_json(f + 1));
		json_object_set_new(g->out, "agent", json_string(f[8]));
	} else if (f[0][0] == 'r' && n >= 8) {
		read_rival(g, f + 1);
	} else if (f[0][0] == 'k' && n >= 2) {
		json_object_set_new(g->out, "heads", int_json(f[1]));
	} else if (f[0][0] == 'a' && n >= 9) {
		json_array_append_new(g->agents, agent_json(f + 1));
	} else if (f[0][0] == 'f' && n >= 2) {
		json_object_set_new(g->out, "free_agents", int_json(f[1]));
	} else if (f[0][0] == 'x' && n >= 3) {
		json_array_append_new(g->unable,
			json_pack("{s:s, s:s}", "agent", f[1], "reason", f[2]));
	} else if (f[0][0] == 'y' && n >= 3) {
		json_object_set_new(g->unable_counts, f[1], int_json(f[2]));
	} else if (f[0][0] == 'u' && n >= 2) {
		char *name = record_get(f[1], "rule");

		json_array_append_new(g->rules, json_string(name != NULL ? name : f[1]));
		free(name);
	}
}

json_t *
explain_json(const char *packed)
{
	struct reading g = {.out = json_object(),
		.rivals = json_array(),
		.agents = json_array(),
		.unable = json_array(),
		.unable_counts = json_object(),
		.rules = json_array()};
	char *copy = xstrdup(packed), *rest = copy;

	for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		if (line[0] != '\0')
			read_line(&g, line);
	free(copy);
	json_object_set_new(g.out, "rivals", g.rivals);
	json_object_set_new(g.out, "agents", g.agents);
	json_object_set_new(g.out, "unable", g.unable);
	json_object_set_new(g.out, "unable_counts", g.unable_counts);
	json_object_set_new(g.out, "rules", g.rules);
	return g.out;
}
