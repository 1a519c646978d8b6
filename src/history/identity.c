/* history/identity.c - what customers are known by, in one form each. */
#include "history/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "history/identity_countries.h"

#define DIGITS_LEAST 7 /* of an E.164 number, the country code included */
#define DIGITS_MOST 15 /* ITU-T E.164, 6.2.1 */
#define NATIONAL_LEAST 5
#define ADDRESS_MOST 254 /* RFC 5321 4.5.3.1.3 */
#define LOCAL_MOST 64	 /* 4.5.3.1.1 */

/* ---- telephone numbers ---- */

static const struct country *
country_of(const char *name)
{
	for (size_t i = 0; i < sizeof countries / sizeof countries[0]; i++)
		if (strcasecmp(countries[i].name, name) == 0)
			return &countries[i];
	return NULL;
}

bool
identity_country(const char *country)
{
	return country_of(country) != NULL;
}

static bool
is_separator(char c)
{
	return c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')';
}

/* Digits and a leading "+" alone; "(0)" behind a country code is a trunk prefix that is
 * not dialled. False: it is no number. */
static bool
strip(char digits[40], const char *number)
{
	size_t n = 0;

	while (is_separator(*number))
		number++;
	if (strncasecmp(number, "tel:", 4) == 0)
		number += 4;
	if (*number == '+')
		digits[n++] = *number++;
	for (; *number != '\0'; number++) {
		if (n > 1 && digits[0] == '+' && strncmp(number, "(0)", 3) == 0) {
			number += 2;
			continue;
		}
		if (is_separator(*number))
			continue;
		if (*number == ';' && digits[0] == '+')
			break; /* parameters of a tel: URI (RFC 3966) */
		if (*number < '0' || *number > '9' || n + 1 == 40)
			return false;
		digits[n++] = *number;
	}
	digits[n] = '\0';
	return n > 0;
}

static const char *
after(const char *digits, const char *prefix)
{
	size_t n = strlen(prefix);

	return n > 0 && strncmp(digits, prefix, n) == 0 ? digits + n : NULL;
}

static bool
write_number(char out[IDENTITY_VALUE_TEXT], const char *code, const char *rest)
{
	size_t n = strlen(code) + strlen(rest);

	if (n < DIGITS_LEAST || n > DIGITS_MOST || (*code == '\0' && rest[0] == '0'))
		return false;
	snprintf(out, IDENTITY_VALUE_TEXT, "+%s%s", code, rest);
	return true;
}

bool
identity_phone(char out[IDENTITY_VALUE_TEXT], const char *number, const char *country)
{
	const struct country *home = country_of(country);
	const char *rest;
	char digits[40];

	if (!strip(digits, number))
		return false;
	if (digits[0] == '+')
		return write_number(out, "", digits + 1);
	if (home == NULL)
		return false;
	rest = after(digits, home->international);
	if (rest == NULL && strcmp(home->international, "00") != 0)
		rest = after(digits, "00"); /* switches hand it in this way too */
	if (rest != NULL)
		return write_number(out, "", rest);
	rest = after(digits, home->trunk);
	if (rest == NULL)
		rest = digits;
	/* Short numbers are extensions and services of one network. */
	return strlen(rest) >= NATIONAL_LEAST && write_number(out, home->code, rest);
}

/* ---- the others ---- */

static bool
is_plain(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static void
lower(char *s)
{
	for (; *s != '\0'; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

/* In all practice the local part does not tell capitals apart (RFC 5321 2.4 allows that
 * it does). */
static bool
email(char out[IDENTITY_VALUE_TEXT], const char *value)
{
	const char *at = strrchr(value, '@');
	size_t n = strlen(value);

	if (at == NULL || at == value || at[1] == '\0' || n > ADDRESS_MOST ||
		at - value > LOCAL_MOST || strpbrk(value, " \t,;<>") != NULL ||
		strchr(at, '.') == at + 1 || value[n - 1] == '.')
		return false;
	memcpy(out, value, n + 1);
	lower(out);
	return true;
}

/* Without space around it; false: it is empty or too long. */
static bool
trim(char out[IDENTITY_VALUE_TEXT], const char *value)
{
	size_t n;

	value += strspn(value, " \t");
	n = strlen(value);
	while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
		n--;
	if (n == 0 || n >= IDENTITY_VALUE_TEXT)
		return false;
	memcpy(out, value, n);
	out[n] = '\0';
	return is_plain(out);
}

bool
identity_normalise(struct identity *out, const char *kind, const char *value,
	const char *country, const char **why)
{
	char plain[IDENTITY_VALUE_TEXT];

	*why = "the kind of an identity is a name of up to 32 characters";
	if (!id_is_valid(kind) || strlen(kind) >= IDENTITY_KIND_TEXT)
		return false;
	snprintf(out->kind, sizeof out->kind, "%s", kind);
	*why = "an identity has 1 to 254 printable characters";
	if (!trim(plain, value))
		return false;
	if (strcmp(kind, "phone") == 0) {
		*why = "not a telephone number: write it as +441632960001";
		return identity_phone(out->value, plain, country);
	}
	if (strcmp(kind, "email") == 0) {
		*why = "not an e-mail address: write it as ann@example.com";
		return email(out->value, plain);
	}
	memcpy(out->value, plain, strlen(plain) + 1);
	return true;
}

/* ---- of a contact ---- */

static const char *
text_of(const struct attribute *a, char number[32])
{
	if (a->kind == VALUE_TEXT)
		return a->text;
	if (a->kind == VALUE_LIST && a->n_list > 0)
		return a->list[0];
	if (a->kind != VALUE_NUMBER || a->number != (double)(int64_t)a->number)
		return NULL;
	snprintf(number, 32, "%lld", (long long)a->number);
	return number;
}

/* Adds the identity that one attribute gives, if it is one. */
static bool
add(struct identities *out, const char *kind, const char *value, const char *country)
{
	const char *why;

	if (value == NULL || out->n == IDENTITIES_MAX ||
		!identity_normalise(&out->list[out->n], kind, value, country, &why))
		return false;
	out->n++;
	return true;
}

void
identities_of(struct identities *out, const struct customer_rules *rules,
	const char *customer, int n_attributes, const struct attribute *attributes)
{
	char number[32];

	out->n = 0;
	for (int i = 0; i < rules->n_kinds; i++) {
		const struct identity_kind *kind = &rules->kinds[i];
		bool found = false;

		for (int j = 0; j < kind->n_from && !found; j++) {
			if (strcmp(kind->from[j], "customer.id") == 0)
				found = add(out, kind->kind, customer, rules->country);
			for (int k = 0; k < n_attributes && !found; k++)
				found = strcmp(attributes[k].name, kind->from[j]) == 0 &&
					add(out, kind->kind,
						text_of(&attributes[k], number),
						rules->country);
		}
	}
}

/* ---- shown ---- */

void
identity_mask(char out[IDENTITY_VALUE_TEXT], const struct identity *identity)
{
	size_t n = strlen(identity->value), from = 1, to;

	memcpy(out, identity->value, n + 1);
	if (strcmp(identity->kind, "email") == 0) {
		to = (size_t)(strrchr(out, '@') - out);
	} else {
		from = strcmp(identity->kind, "phone") == 0 ? 3 : 2;
		to = n > 4 ? n - 4 : n;
	}
	for (size_t i = from; i < to && i < n; i++)
		out[i] = '*';
}

bool
identity_fits(const char *pattern, const char *value)
{
	const char *star = NULL, *back = NULL;

	while (*value != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			back = value;
		} else if (*pattern == *value) {
			pattern++;
			value++;
		} else if (star != NULL) {
			pattern = star;
			value = ++back;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
