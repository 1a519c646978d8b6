/* base/subject.c - see subject.h. */
#include "base/subject.h"

#include <string.h>
#include <strings.h>

bool
subject_has_contact(const struct subject *s, uint64_t contact)
{
	size_t from = 0, to = s->n_contacts;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (s->contacts[middle] == contact)
			return true;
		if (s->contacts[middle] < contact)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "+44 1632 960-001" and "+441632960001" are one number. */
static bool
same_phone(const char *a, const char *b)
{
	if (*a != '+' || *b != '+')
		return strcmp(a, b) == 0;
	for (;;) {
		while (*a != '\0' && !is_digit(*a))
			a++;
		while (*b != '\0' && !is_digit(*b))
			b++;
		if (*a != *b)
			return false;
		if (*a == '\0')
			return true;
		a++;
		b++;
	}
}

bool
subject_is_known_by(const struct subject *s, const char *kind, const char *value)
{
	if (value == NULL)
		return false;
	for (size_t i = 0; i < s->n_identities; i++) {
		const struct subject_identity *known = &s->identities[i];

		if (strcmp(known->kind, kind) != 0)
			continue;
		if (strcmp(kind, "email") == 0 ? strcasecmp(known->value, value) == 0
			: strcmp(kind, "phone") == 0 ? same_phone(known->value, value)
						     : strcmp(known->value, value) == 0)
			return true;
	}
	return false;
}
