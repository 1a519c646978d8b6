/* suggest/rules_inner.h - rules as kept. */
#ifndef USHER_SUGGEST_RULES_INNER_H
#define USHER_SUGGEST_RULES_INNER_H

#include "suggest/rules.h"

enum rule_list {
	RULE_ALL,
	RULE_ANY,
	RULE_NONE,
	RULE_NEAR
};
#define RULE_LISTS 4

struct kept_list {
	char **phrase; /* owned, with each */
	int n;
};

struct kept_rule {
	struct kept_list list[RULE_LISTS];
	int within;
	unsigned fields;
	char *name, *lang, *target, *place; /* owned; all but the name may be NULL */
	enum keyword_effect effect;
	double boost;
};

struct rules {
	struct words_reader *reader; /* owned; to see that phrases have words */
	struct kept_rule *list;	     /* owned */
	int n, room;
};

#endif
