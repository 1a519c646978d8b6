/*
 * usherctl/explain.c - a contact's decisions in words: who won, against whom, by how many
 * seconds, and which agents could and could not.
 */
#include <math.h>
#include <string.h>

#include "usherctl/usherctl.h"

static void
put_seconds(const char *before, const json_t *ms, const char *after)
{
	char text[24];

	if (!json_is_number(ms))
		return;
	duration_text(text, (int64_t)json_number_value(ms));
	printf("%s%s%s", before, text, after);
}

static void
put_class(const json_t *class)
{
	printf("%s, %s, %s (V %g)", member(class, "queue"), member(class, "channel"),
		member(class, "tier"),
		json_number_value(json_object_get(class, "value")));
	if (member(class, "require") != NULL &&
		strcmp(member(class, "require"), "-") != 0)
		printf(", needs %s", member(class, "require"));
}

static const char *
phase_words(const char *phase)
{
	if (phase == NULL)
		return "";
	if (strcmp(phase, "in_time") == 0)
		return "in time";
	return phase;
}

static void
put_winner(const json_t *d)
{
	const json_t *winner = json_object_get(d, "winner");

	printf("  class     ");
	put_class(json_object_get(winner, "class"));
	printf("\n  standing  %s", phase_words(member(winner, "phase")));
	put_seconds(", slack ", json_object_get(winner, "slack_ms"), "");
	printf(", score 2^%.2f\n",
		json_number_value(json_object_get(winner, "log2_score")));
}

static void
put_rivals(const json_t *d)
{
	const json_t *rivals = json_object_get(d, "rivals");
	int64_t heads = member_int(d, "heads");
	json_t *r;
	size_t i;

	if (json_array_size(rivals) == 0)
		return;
	printf("  before    ");
	json_array_foreach(rivals, i, r)
	{
		const json_t *behind = json_object_get(r, "behind_s");

		printf("%s%s ", i > 0 ? "            " : "", member(r, "contact"));
		put_class(json_object_get(r, "class"));
		if (json_is_number(behind))
			printf(", behind by %.1f s", json_number_value(behind));
		else
			printf(", score 2^%.2f",
				json_number_value(json_object_get(r, "log2_score")));
		printf("\n");
	}
	if (heads > (int64_t)json_array_size(rivals) + 1)
		printf("            and %lld more\n",
			(long long)(heads - 1 - (int64_t)json_array_size(rivals)));
}

static void
put_agents(const json_t *d)
{
	const json_t *agents = json_object_get(d, "agents");
	json_t *a;
	size_t i;

	if (json_array_size(agents) == 0)
		return;
	printf("  could     ");
	json_array_foreach(agents, i, a)
	{
		printf("%s%s%s%s%s", i > 0 ? ", " : "", member(a, "agent"),
			json_is_true(json_object_get(a, "affinity"))
				? " (knows the customer)"
				: "",
			json_is_true(json_object_get(a, "parks")) ? " (would park work)"
								  : "",
			json_is_true(json_object_get(a, "part_filled"))
				? " (has other work)"
				: "");
	}
	printf("; in this order, of %lld free\n",
		(long long)member_int(d, "free_agents"));
}

/* Reasons that are one word in the record. */
static void
put_reason(const char *word)
{
	for (; word != NULL && *word != '\0'; word++)
		putchar(*word == '_' ? ' ' : *word);
}

static void
put_unable(const json_t *d)
{
	json_t *counts = json_object_get(d, "unable_counts"), *n, *u;
	const json_t *unable = json_object_get(d, "unable");
	const char *why;
	size_t i;
	bool first = true;

	json_array_foreach(unable, i, u)
	{
		printf("%s%s: ", first ? "  could not " : "; ", member(u, "agent"));
		put_reason(member(u, "reason") != NULL ? member(u, "reason")
						       : member(u, "why"));
		first = false;
	}
	json_object_foreach(counts, why, n)
	{
		printf("%s", first ? "  could not " : "; ");
		put_reason(why);
		printf(": %lld in all", (long long)json_integer_value(n));
		first = false;
	}
	if (!first)
		printf("\n");
}

static void
put_rules(const json_t *d)
{
	json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(d, "rules"), i, rule)
	{
		const char *text = json_is_string(rule) ? json_string_value(rule)
							: member(rule, "rule");

		printf("  rule      %s\n", text != NULL ? text : "");
	}
}

static void
put_decision(const struct ctl *ctl, size_t number, const json_t *d)
{
	printf("%s%zu. To %s, when %s%s (settings version %lld, law %s, half-life %.0f "
	       "s)\n",
		ansi(ctl, "\033[1m"), number, member(d, "agent"), member(d, "trigger"),
		ansi(ctl, "\033[0m"), (long long)member_int(d, "version"),
		member(d, "law") != NULL ? member(d, "law") : "",
		json_number_value(json_object_get(d, "half_life_ms")) / 1000);
	put_winner(d);
	put_rivals(d);
	put_agents(d);
	put_unable(d);
	put_rules(d);
}

static void
put_head(const json_t *c)
{
	const json_t *wait = json_object_get(c, "estimated_wait_ms");

	printf("%s is %s: %s, %s, %s", member(c, "id"), member(c, "state"),
		member(c, "queue"), member(c, "channel"), member(c, "tier"));
	if (member(c, "agent") != NULL)
		printf(", agent %s", member(c, "agent"));
	printf("\n");
	if (json_object_get(c, "position") != NULL) {
		printf("%lld would be served before it",
			(long long)member_int(c, "position"));
		put_seconds("; it waited ", json_object_get(c, "waited_ms"), "");
		put_seconds(", slack ", json_object_get(c, "slack_ms"), "");
		put_seconds(", likely wait ", json_object_get(wait, "likely"), "");
		printf("\n");
	}
}

enum status
do_explain_contact(struct ctl *ctl)
{
	json_t *result =
		call(ctl, "explain.contact", json_pack("{s:s}", "contact", ctl->word[0]));
	const json_t *contact = json_object_get(result, "contact");
	const json_t *decisions = json_object_get(contact, "decisions");
	json_t *d;
	size_t i;

	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json) {
		print_json(contact);
		json_decref(result);
		return STATUS_OK;
	}
	put_head(contact);
	if (json_array_size(decisions) == 0)
		printf("It was not offered to anybody yet.\n");
	json_array_foreach(decisions, i, d)
	{
		printf("\n");
		put_decision(ctl, i + 1, d);
	}
	json_decref(result);
	return STATUS_OK;
}
