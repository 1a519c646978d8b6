/*
 * usherctl/explain.c - a contact's decisions in words: who won, against whom, by how many
 * seconds, and which agents could and could not.
 */
#include <math.h>
#include <string.h>

#include "base/moment.h"
#include "usherctl/customer.h"

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
	if (phase != NULL && strcmp(phase, "in_time") == 0)
		return "in time";
	if (phase != NULL && strcmp(phase, "second_promise") == 0)
		return "late, within the second promise";
	return phase != NULL && strcmp(phase, "ageing") == 0 ? "late, gaining by age"
							     : "";
}

/* A contact's class and how it stands in it. */
static void
put_standing(const json_t *c)
{
	printf("  class     ");
	put_class(json_object_get(c, "class"));
	printf("\n  standing  %s", phase_words(member(c, "phase")));
	put_seconds(", slack ", json_object_get(c, "slack_ms"), "");
	printf(", score 2^%.2f\n", json_number_value(json_object_get(c, "log2_score")));
}

/* Contacts compared with this one; seconds: the member that says by how much. */
static void
put_others(const char *title, const json_t *list, const char *seconds, const char *words)
{
	json_t *r;
	size_t i;

	json_array_foreach(list, i, r)
	{
		const json_t *by = json_object_get(r, seconds);

		printf("  %-9s %s ", i == 0 ? title : "", member(r, "contact"));
		put_class(json_object_get(r, "class"));
		if (json_is_number(by))
			printf(", %s by %.1f s", words, json_number_value(by));
		else
			printf(", score 2^%.2f",
				json_number_value(json_object_get(r, "log2_score")));
		printf("\n");
	}
}

static void
put_rivals(const json_t *d)
{
	const json_t *rivals = json_object_get(d, "rivals");
	int64_t more = member_int(d, "heads") - 1 - (int64_t)json_array_size(rivals);

	put_others("before", rivals, "behind_s", "behind");
	if (more > 0 && json_array_size(rivals) > 0)
		printf("  %-9s and %lld more\n", "", (long long)more);
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
		put_reason(member(u, "reason"));
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
	put_standing(json_object_get(d, "winner"));
	put_rivals(d);
	put_agents(d);
	put_unable(d);
	put_rules(d);
}

static void
put_head(const json_t *c)
{
	printf("%s is %s: %s, %s, %s", member(c, "id"), member(c, "state"),
		member(c, "queue"), member(c, "channel"), member(c, "tier"));
	if (member(c, "agent") != NULL)
		printf(", agent %s", member(c, "agent"));
	printf("\n");
}

/* Until when it is kept back, whoever is free. */
static void
put_scheduled(const json_t *c)
{
	char from[MOMENT_TEXT];

	if (json_object_get(c, "eligible_ms") == NULL)
		return;
	moment_format(from, member_int(c, "eligible_ms"));
	printf("\nIt waits for its time: it is not offered before %s.\n", from);
}

/* Why it waits, as of now. */
static void
put_waiting(const struct ctl *ctl, const json_t *c)
{
	const json_t *w = json_object_get(c, "waiting");
	const json_t *wait = json_object_get(c, "estimated_wait_ms");
	int64_t ahead = member_int(w, "position");

	if (w == NULL)
		return;
	printf("\n%sIt waits%s", ansi(ctl, "\033[1m"), ansi(ctl, "\033[0m"));
	put_seconds(", ", json_object_get(c, "waited_ms"), " by now");
	printf("; %lld would be served before it", (long long)ahead);
	put_seconds("; likely still ", json_object_get(wait, "likely"), "");
	printf("\n");
	put_standing(w);
	put_others("behind", json_object_get(w, "before"), "ahead_s", "ahead");
	if (ahead > (int64_t)json_array_size(json_object_get(w, "before")))
		printf("  %-9s and %lld more\n", "",
			(long long)(ahead - (int64_t)json_array_size(
						    json_object_get(w, "before"))));
	if (member(w, "waits_for") != NULL)
		printf("  held      for %s\n", member(w, "waits_for"));
	if (json_is_true(json_object_get(w, "reserved")))
		printf("  held      the queue's reserve keeps agents free for live "
		       "contacts\n");
	printf("  agents    %lld logged in could serve it\n",
		(long long)member_int(w, "able_agents"));
	put_unable(w);
	put_rules(w);
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
	if (json_object_get(contact, "customer") != NULL) {
		printf("\nCustomer %s: ",
			member(json_object_get(contact, "customer"), "id"));
		print_worth(json_object_get(contact, "customer"));
	}
	put_scheduled(contact);
	put_waiting(ctl, contact);
	if (json_array_size(decisions) == 0)
		printf("\n%s\n", json_object_get(contact, "waiting") != NULL
					 ? "It was not offered to anybody yet."
					 : "No offer of it is on record.");
	json_array_foreach(decisions, i, d)
	{
		printf("\n");
		put_decision(ctl, i + 1, d);
	}
	json_decref(result);
	return STATUS_OK;
}
