/* intake/number_plan.c - reading telephone numbers under a plan. */
#include "intake/number_plan.h"

#include <stdio.h>
#include <string.h>

#define WRITTEN_MAX 40 /* bytes of a number as it is written */
#define SHOWN_LAST 3

/* Digits without what people put between them; "(0)" behind a country code is dropped. */
static bool
strip(const char *text, char digits[WRITTEN_MAX + 1], bool *plus)
{
	size_t n = 0;

	if (strlen(text) > WRITTEN_MAX)
		return false;
	*plus = false;
	for (const char *s = text; *s != '\0'; s++) {
		if (*s >= '0' && *s <= '9') {
			digits[n++] = *s;
		} else if (*s == '+' && n == 0 && !*plus) {
			*plus = true;
		} else if (strncmp(s, "(0)", 3) == 0 && n > 0) {
			s += 2;
		} else if (strchr(" ()-./", *s) == NULL) {
			return false;
		}
	}
	digits[n] = '\0';
	return n > 0;
}

static bool
begins(const char *text, const char *with)
{
	return *with != '\0' && strncmp(text, with, strlen(with)) == 0;
}

static bool
allowed(const struct number_plan *plan, const char *digits)
{
	const struct number_rule *best = NULL;

	for (int i = 0; i < plan->n_rules; i++) {
		const struct number_rule *rule = &plan->rules[i];

		/* Of two that are as long, the one that forbids. */
		if (strncmp(digits, rule->prefix, strlen(rule->prefix)) == 0 &&
			(best == NULL || strlen(rule->prefix) > strlen(best->prefix) ||
				(strlen(rule->prefix) == strlen(best->prefix) &&
					!rule->allowed)))
			best = rule;
	}
	return best != NULL && best->allowed;
}

const char *
number_read(const struct number_plan *plan, const char *text, char out[NUMBER_TEXT])
{
	char written[WRITTEN_MAX + 1], whole[2 * WRITTEN_MAX];
	const char *digits = written;
	bool plus;

	if (!strip(text, written, &plus))
		return "That is no telephone number: write digits, with + and the "
		       "country "
		       "code in front where it is abroad.";
	if (!plus && begins(digits, plan->international)) {
		digits += strlen(plan->international);
	} else if (!plus) {
		if (plan->country == NULL)
			return "Write the number with + and its country code.";
		if (begins(digits, plan->trunk))
			digits += strlen(plan->trunk);
		snprintf(whole, sizeof whole, "%s%s", plan->country, digits);
		digits = whole;
	}
	if ((int)strlen(digits) < plan->least || (int)strlen(digits) > plan->most ||
		strlen(digits) > NUMBER_TEXT - 2 || digits[0] == '0')
		return "That number is too short or too long: check its digits.";
	if (!allowed(plan, digits))
		return "Numbers of that kind are not called from here: give another one.";
	snprintf(out, NUMBER_TEXT, "+%.15s", digits);
	return NULL;
}

void
number_mask(const char *number, char out[NUMBER_TEXT + 8])
{
	size_t n = strlen(number);

	if (n <= SHOWN_LAST + 3)
		snprintf(out, NUMBER_TEXT + 8, "...");
	else
		snprintf(out, NUMBER_TEXT + 8, "%.3s ... %s", number,
			number + n - SHOWN_LAST);
}
