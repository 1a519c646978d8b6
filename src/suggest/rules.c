/* suggest/rules.c - rules as written: checked and kept. */
#include "suggest/rules.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "suggest/rules_inner.h"

struct rules *
rules_create(void)
{
	struct rules *rules = xcalloc(1, sizeof *rules);

	rules->reader = words_reader_create(NULL);
	return rules;
}

static void
finish_list(struct kept_list *list)
{
	for (int i = 0; i < list->n; i++)
		free(list->phrase[i]);
	free(list->phrase);
}

void
rules_destroy(struct rules *rules)
{
	if (rules == NULL)
		return;
	for (int i = 0; i < rules->n; i++) {
		struct kept_rule *r = &rules->list[i];

		for (int k = 0; k < RULE_LISTS; k++)
			finish_list(&r->list[k]);
		free(r->name);
		free(r->lang);
		free(r->target);
		free(r->place);
	}
	words_reader_destroy(rules->reader);
	free(rules->list);
	free(rules);
}

int
rules_count(const struct rules *rules)
{
	return rules->n;
}

const char *
rules_response(const struct rules *rules, int i, const char **place)
{
	const struct kept_rule *r = &rules->list[i];

	*place = r->place;
	return r->effect == RULE_BOOST || r->effect == RULE_FORCE ||
			       r->effect == RULE_FORBID
		       ? r->target
		       : NULL;
}

/* ---- checks ---- */

static bool USHER_PRINTF(2, 3) refuse(char problem[RULE_PROBLEM], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(problem, RULE_PROBLEM, format, args);
	va_end(args);
	return false;
}

/* How many words a phrase has; of scripts without spaces, characters. */
static int
count_words(const struct rules *rules, const char *phrase)
{
	struct words words = {0};
	int n = 0;

	if (rules->reader == NULL)
		return 1; /* that was logged */
	words_add(rules->reader, &words, FIELD_BODY, phrase, strlen(phrase));
	for (int i = 0; i < words.n; i++) {
		const char *text = word_text(&words, i);

		n += !words.word[i].dense;
		for (int k = 0; words.word[i].dense && k < words.word[i].n; k++)
			n += ((unsigned char)text[k] & 0xc0) != 0x80;
	}
	words_finish(&words);
	return n;
}

static bool
check_phrases(const struct rules *rules, const char *what, const char *const *phrase,
	int n, char problem[RULE_PROBLEM])
{
	for (int i = 0; i < n; i++) {
		int words;

		if (strlen(phrase[i]) > RULE_TEXT_MAX)
			return refuse(problem,
				"a phrase of \"%s\" is longer than %d bytes: shorten it",
				what, RULE_TEXT_MAX);
		words = count_words(rules, phrase[i]);
		if (words == 0)
			return refuse(problem,
				"\"%s\" in \"%s\" has no letters or digits: name words",
				phrase[i], what);
		if (words > PHRASE_WORDS_MAX)
			return refuse(problem,
				"\"%s\" in \"%s\" has %d words, %d are the most: take "
				"those that matter",
				phrase[i], what, words, PHRASE_WORDS_MAX);
	}
	return true;
}

static bool
check_near(const struct rules *rules, const struct keyword_rule *r,
	char problem[RULE_PROBLEM])
{
	if (r->n_near == 0)
		return true;
	if (r->n_near < 2 || r->n_near > RULE_NEAR_MAX)
		return refuse(problem, "\"near\" takes 2 to %d phrases, not %d",
			RULE_NEAR_MAX, r->n_near);
	if (r->within < 2 || r->within > RULE_WITHIN_MAX)
		return refuse(problem,
			"\"within\" takes 2 to %d words, in which all phrases of "
			"\"near\" "
			"lie",
			RULE_WITHIN_MAX);
	return check_phrases(rules, "near", r->near, r->n_near, problem);
}

static bool
check_effect(const struct keyword_rule *r, char problem[RULE_PROBLEM])
{
	if (r->effect == RULE_BOOST &&
		!(fabs(r->boost) > 0 && fabs(r->boost) <= RULE_BOOST_MAX))
		return refuse(problem,
			"\"boost\" takes a number from -%g to %g, not 0; 1 is little, 5 "
			"is "
			"much",
			RULE_BOOST_MAX, RULE_BOOST_MAX);
	if (r->effect == RULE_NEVER_AUTOMATIC)
		return true;
	if (r->target == NULL || !id_is_valid(r->target))
		return refuse(problem,
			"the effect names no response, queue or skill (letters, digits, "
			"\".\", "
			"\"_\", \"-\", at most %d)",
			ID_MAX);
	return true;
}

static bool
check(const struct rules *rules, const struct keyword_rule *r, char problem[RULE_PROBLEM])
{
	if (rules->n == RULES_MAX)
		return refuse(problem, "there are more than %d rules", RULES_MAX);
	if (r->all.n == 0 && r->any.n == 0 && r->n_near == 0)
		return refuse(
			problem, "a rule needs phrases in \"all\", \"any\" or \"near\"");
	if (r->name != NULL && (r->name[0] == '\0' || strlen(r->name) > RULE_TEXT_MAX))
		return refuse(problem, "a rule's name has 1 to %d bytes", RULE_TEXT_MAX);
	if (r->lang != NULL && (r->lang[0] == '\0' || strlen(r->lang) > RULE_TEXT_MAX))
		return refuse(problem, "\"language\" takes tags such as en or de");
	return check_phrases(rules, "all", r->all.phrase, r->all.n, problem) &&
	       check_phrases(rules, "any", r->any.phrase, r->any.n, problem) &&
	       check_phrases(rules, "not", r->none.phrase, r->none.n, problem) &&
	       check_near(rules, r, problem) && check_effect(r, problem);
}

/* ---- keeping ---- */

static struct kept_list
keep_list(const char *const *phrase, int n)
{
	struct kept_list list = {
		.n = n, .phrase = xcalloc((size_t)n + 1, sizeof(char *))};

	for (int i = 0; i < n; i++)
		list.phrase[i] = xstrdup(phrase[i]);
	return list;
}

static void
name_list(struct text *name, const char *word, const char *const *phrase, int n)
{
	for (int i = 0; i < n && name->n < RULE_TEXT_MAX; i++)
		text_addf(name, "%s%s",
			i > 0	      ? word
			: name->n > 0 ? ", "
				      : "",
			phrase[i]);
}

/* "invoice and paid twice, refund or money back" */
static char *
name_of(const struct keyword_rule *r)
{
	struct text name = {0};

	if (r->name != NULL)
		return xstrdup(r->name);
	name_list(&name, " and ", r->all.phrase, r->all.n);
	name_list(&name, " or ", r->any.phrase, r->any.n);
	name_list(&name, " near ", r->near, r->n_near);
	return text_take(&name);
}

bool
rules_add(struct rules *rules, const struct keyword_rule *r, char problem[RULE_PROBLEM])
{
	struct kept_rule *kept;

	if (!check(rules, r, problem))
		return false;
	if (rules->n == rules->room) {
		rules->room = 2 * rules->room + 16;
		rules->list = xreallocarray(
			rules->list, (size_t)rules->room, sizeof *rules->list);
	}
	kept = &rules->list[rules->n++];
	*kept = (struct kept_rule){
		.list = {[RULE_ALL] = keep_list(r->all.phrase, r->all.n),
			[RULE_ANY] = keep_list(r->any.phrase, r->any.n),
			[RULE_NONE] = keep_list(r->none.phrase, r->none.n),
			[RULE_NEAR] = keep_list(r->near, r->n_near)},
		.within = r->within,
		.fields = r->fields != 0 ? r->fields
					 : 1u << FIELD_SUBJECT | 1u << FIELD_BODY,
		.name = name_of(r),
		.lang = xstrdup(r->lang),
		.effect = r->effect,
		.boost = r->boost,
		.target = xstrdup(r->target),
		.place = xstrdup(r->place)};
	return true;
}
