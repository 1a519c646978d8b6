/* usherctl/customer.c - customers: found, shown, changed, merged, erased. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "usherctl/customer.h"

const struct option_spec customer_link_options[] = {
	{"weight", "NUMBER",
		"part of its points that he inherits; default the settings'"},
	{0},
};
const struct option_spec customer_erase_options[] = {
	{"yes", NULL, "do not ask"},
	{0},
};
const struct option_spec customer_list_options[] = {
	{"points", "NUMBER", "value points added; default the settings'"},
	{"until", "TIME", "until this moment: 2027-01-31T00:00:00Z"},
	{"for", "DURATION", "or for so long: 30d, 12h"},
	{"reason", "TEXT", "why, for people"},
	{0},
};

/* ---- whom ---- */

static bool
is_id(const char *text)
{
	return strlen(text) == 13 && text[0] == 'k' && strchr(text, ':') == NULL &&
	       strchr(text, '@') == NULL;
}

/* "email:ann@example.com", "+441632960001", "ann@example.com" as params of
 * customer.find; anything else is the beginning of a name. The caller owns it. */
static json_t *
question(const char *text)
{
	const char *colon = strchr(text, ':');
	json_t *params = json_object();
	char kind[33];

	if (colon != NULL && colon > text && (size_t)(colon - text) < sizeof kind) {
		memcpy(kind, text, (size_t)(colon - text));
		kind[colon - text] = '\0';
		text = colon + 1;
	} else if (strchr(text, '@') != NULL) {
		strcpy(kind, "email");
	} else if (text[strspn(text, "+0123456789 ()-./")] == '\0') {
		strcpy(kind, "phone");
	} else {
		json_object_set_new(params, "name", json_string(text));
		return params;
	}
	json_object_set_new(params, "kind", json_string(kind));
	json_object_set_new(params, "value", json_string(text));
	return params;
}

/* The id of the one customer that a word means; the caller owns it; NULL: said why. */
static char *
customer_of(struct ctl *ctl, const char *text)
{
	json_t *result, *list;
	char *id = NULL;

	if (is_id(text))
		return xstrdup(text);
	result = call(ctl, "customer.find", question(text));
	list = json_object_get(result, "customers");
	if (result != NULL && json_array_size(list) == 1)
		id = xstrdup(member(json_array_get(list, 0), "id"));
	else if (result != NULL)
		complain(json_array_size(list) == 0
				 ? "nobody is known by \"%s\"; usherctl customer find "
				   "looks for names too"
				 : "\"%s\" means several customers; name one by his id",
			text);
	json_decref(result);
	return id;
}

/* {"customer": the first word} and, as `other`, the second; NULL: said why. */
static json_t *
params_of(struct ctl *ctl, const char *other)
{
	char *first = customer_of(ctl, ctl->word[0]);
	char *second =
		first != NULL && other != NULL ? customer_of(ctl, ctl->word[1]) : NULL;
	json_t *params = NULL;

	if (first != NULL && (other == NULL || second != NULL)) {
		params = json_pack("{s:s}", "customer", first);
		if (second != NULL)
			json_object_set_new(params, other, json_string(second));
	}
	free(first);
	free(second);
	return params;
}

static enum status
change(struct ctl *ctl, const char *method, json_t *params, const char *done)
{
	if (params == NULL)
		return STATUS_FAILED;
	return finish(ctl, call(ctl, method, params), done);
}

/* ---- found and shown ---- */

enum status
do_customer_find(struct ctl *ctl)
{
	json_t *result = call(ctl, "customer.find", question(ctl->word[0])), *one;
	struct table *t;
	size_t i;

	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json) {
		print_json(result);
	} else {
		t = table_create(ctl, "customer|kind|name|");
		json_array_foreach(json_object_get(result, "customers"), i, one)
		{
			table_cell(t, member(one, "id"));
			table_cell(t, member(one, "kind"));
			table_cell(t, member(one, "name"));
			table_cell(t, json_is_true(json_object_get(one, "provisional"))
					      ? "provisional"
					      : NULL);
		}
		table_print(t, "Nobody.");
	}
	json_decref(result);
	return STATUS_OK;
}

static void
put_value(const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY);

	printf("%s", json_is_string(value) ? json_string_value(value) : text);
	free(text);
}

static void
put_term(const json_t *term)
{
	const char *of = member(term, "of_name");

	printf("  %+8.2f  %s", json_number_value(json_object_get(term, "points")),
		member(term, "term"));
	if (of != NULL)
		printf(" of %s: %g x %g", of,
			json_number_value(json_object_get(term, "weight")),
			json_number_value(json_object_get(term, "value")));
	else if (json_object_get(term, "value") != NULL)
		printf(": %g x (%s %g - %g)",
			json_number_value(json_object_get(term, "weight")),
			member(term, "figure"),
			json_number_value(json_object_get(term, "value")),
			json_number_value(json_object_get(term, "from")));
	else if (member(term, "pattern") != NULL)
		printf(": %s %s", member(term, "kind"), member(term, "pattern"));
	if (member(term, "reason") != NULL)
		printf(" (%s)", member(term, "reason"));
	if (member(term, "until") != NULL)
		printf(" until %s", member(term, "until"));
	printf("\n");
}

void
print_worth(const json_t *card)
{
	const json_t *given = json_object_get(card, "points_given");
	const json_t *rules = json_object_get(card, "points_of_rules");
	json_t *term;
	size_t i;

	printf("value points %g", json_number_value(json_object_get(card, "points")));
	if (member(card, "tier") != NULL)
		printf(", tier %s", member(card, "tier"));
	printf("\n");
	json_array_foreach(json_object_get(card, "why"), i, term) put_term(term);
	if (given != NULL)
		printf("  %8.2f  given by the intake or staff, in place of these\n",
			json_number_value(given));
	if (rules != NULL)
		printf("  %+8.2f  by rules and plugins\n", json_number_value(rules));
}

static void
print_attributes(const json_t *attributes)
{
	const char *name;
	json_t *figure, *over;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)attributes, name, figure)
	{
		printf("  %-20s ", name);
		put_value(json_object_get(figure, "value"));
		printf("  (%s, %s)\n", member(figure, "source"), member(figure, "at"));
		json_array_foreach(json_object_get(figure, "over"), i, over)
		{
			printf("  %-20s ", "  not");
			put_value(json_object_get(over, "value"));
			printf("  (%s, %s)\n", member(over, "source"),
				member(over, "at"));
		}
	}
}

static void
print_card(const json_t *card)
{
	json_t *one;
	size_t i;

	printf("%s  %s%s%s%s\n", member(card, "id"), member(card, "kind"),
		member(card, "name") != NULL ? "  " : "",
		member(card, "name") != NULL ? member(card, "name") : "",
		json_is_true(json_object_get(card, "provisional")) ? "  provisional"
								   : "");
	print_worth(card);
	if (member(card, "last_agent") != NULL)
		printf("last agent %s\n", member(card, "last_agent"));
	printf("identities\n");
	json_array_foreach(json_object_get(card, "identities"), i, one)
		printf("  %-10s %s  (%s, %s)\n", member(one, "kind"),
			member(one, "value"), member(one, "source"), member(one, "at"));
	if (json_object_size(json_object_get(card, "attributes")) > 0)
		printf("attributes\n");
	print_attributes(json_object_get(card, "attributes"));
	json_array_foreach(json_object_get(card, "links"), i, one)
		printf("%s%s %s %s  %s\n", i == 0 ? "links\n  " : "  ",
			member(one, "direction"), member(one, "customer"),
			member(one, "name") != NULL ? member(one, "name") : "",
			member(one, "kind"));
	json_array_foreach(json_object_get(card, "merged"), i, one) printf(
		"%s%s", i == 0 ? "merged into him: " : ", ", json_string_value(one));
	if (json_array_size(json_object_get(card, "merged")) > 0)
		printf("\n");
}

/* What a further part of a card has: more of its lists, of its attributes, of the values
 * that do not hold. */
static void
add_part(json_t *card, const json_t *part)
{
	json_t *value, *one;
	const char *name, *attribute;

	json_object_foreach((json_t *)part, name, value)
	{
		json_t *here = json_object_get(card, name);

		if (json_is_array(value) && here != NULL) {
			json_array_extend(here, value);
			continue;
		}
		if (!json_is_object(value) || here == NULL) {
			json_object_set(card, name, value);
			continue;
		}
		json_object_foreach(value, attribute, one)
		{
			json_t *old =
				json_object_get(json_object_get(here, attribute), "over");

			if (old != NULL)
				json_array_extend(old, json_object_get(one, "over"));
			else
				json_object_set(here, attribute, one);
		}
	}
}

enum status
do_customer_show(struct ctl *ctl)
{
	json_t *params = params_of(ctl, NULL), *card = NULL, *result, *next = NULL;

	if (params == NULL)
		return STATUS_FAILED;
	do {
		json_t *page = json_copy(params);

		if (next != NULL)
			json_object_set_new(page, "after", next);
		result = call(ctl, "customer.get", page);
		if (result == NULL) {
			json_decref(params);
			json_decref(card);
			return STATUS_FAILED;
		}
		if (card == NULL)
			card = json_incref(json_object_get(result, "customer"));
		else
			add_part(card, json_object_get(result, "customer"));
		next = json_incref(json_object_get(result, "next"));
		json_decref(result);
	} while (next != NULL);
	if (ctl->json)
		print_json(card);
	else
		print_card(card);
	json_decref(params);
	json_decref(card);
	return STATUS_OK;
}

/* A line of JSON. */
static void
print_line(const json_t *o)
{
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
}

/* A record; one that came in pieces when its last piece is there. whole: what came of it.
 */
static void
print_record(const json_t *record, struct text *whole)
{
	const char *text = member(record, "text"), *kind = member(record, "kind");

	if (text == NULL || kind == NULL || strcmp(kind, "piece") != 0) {
		print_line(record);
		return;
	}
	text_add(whole, text);
	if (!json_is_true(json_object_get(record, "last")))
		return;
	printf("%s\n", whole->s);
	text_finish(whole);
}

/* The card goes on in the next answer. */
static bool
is_card_place(const json_t *next)
{
	return next != NULL && strncmp(json_string_value(next), "card:", 5) == 0;
}

enum status
do_customer_export(struct ctl *ctl)
{
	json_t *params = params_of(ctl, NULL), *card = NULL, *result, *one, *next = NULL;
	struct text whole = {0};
	size_t i;

	if (params == NULL)
		return STATUS_FAILED;
	do {
		json_t *page = json_copy(params);

		if (next != NULL)
			json_object_set_new(page, "after", next);
		result = call(ctl, "customer.export", page);
		if (result == NULL) {
			text_finish(&whole);
			json_decref(params);
			json_decref(card);
			return STATUS_FAILED;
		}
		next = json_incref(json_object_get(result, "next"));
		if (card == NULL)
			card = json_incref(json_object_get(result, "customer"));
		else
			add_part(card, json_object_get(result, "customer"));
		if (card != NULL && !is_card_place(next)) {
			print_line(card);
			json_decref(card);
			card = NULL;
		}
		json_array_foreach(json_object_get(result, "records"), i, one)
			print_record(one, &whole);
		json_decref(result);
	} while (next != NULL);
	text_finish(&whole);
	json_decref(params);
	return STATUS_OK;
}

/* ---- changed ---- */

enum status
do_customer_merge(struct ctl *ctl)
{
	return change(ctl, "customer.merge", params_of(ctl, "from"),
		"They are one customer; customer unmerge takes it back.");
}

enum status
do_customer_unmerge(struct ctl *ctl)
{
	json_t *params;

	/* By an identity he would be found as the one he went into. */
	if (!is_id(ctl->word[0])) {
		complain("name the merged customer by his id; customer show lists those "
			 "that were merged");
		return STATUS_USAGE;
	}
	params = json_pack("{s:s}", "customer", ctl->word[0]);
	return change(ctl, "customer.unmerge", params, "They are two customers again.");
}

enum status
do_customer_link(struct ctl *ctl)
{
	json_t *params = params_of(ctl, "other");
	const char *weight = option(ctl, "weight");
	char *end = NULL;

	if (params == NULL)
		return STATUS_FAILED;
	json_object_set_new(params, "kind",
		json_string(ctl->n_words > 2 ? ctl->word[2] : "member_of"));
	if (weight != NULL) {
		double value = strtod(weight, &end);

		if (*end != '\0' || end == weight || !isfinite(value)) {
			complain("--weight wants a number such as 0.5");
			json_decref(params);
			return STATUS_USAGE;
		}
		json_object_set_new(params, "weight", json_real(value));
	}
	return change(ctl, "customer.link", params, "Linked.");
}

enum status
do_customer_unlink(struct ctl *ctl)
{
	json_t *params = params_of(ctl, "other");

	if (params != NULL)
		json_object_set_new(params, "kind",
			json_string(ctl->n_words > 2 ? ctl->word[2] : "member_of"));
	return change(ctl, "customer.unlink", params, "No longer linked.");
}

/* 12.5, true, false as such; "" removes; all else is text. */
static json_t *
value_of(const char *text)
{
	char *end;
	double number = strtod(text, &end);

	if (*text == '\0')
		return json_null();
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return json_boolean(text[0] == 't');
	if (*end == '\0' && isfinite(number) && text[0] != '+')
		return number == floor(number) && fabs(number) < 9e15
			       ? json_integer((json_int_t)number)
			       : json_real(number);
	return json_string(text);
}

enum status
do_customer_set(struct ctl *ctl)
{
	json_t *params = params_of(ctl, NULL), *attributes = json_object();

	for (int i = 1; params != NULL && i < ctl->n_words; i++) {
		const char *equals = strchr(ctl->word[i], '=');
		char *name;

		if (equals == NULL) {
			complain("\"%s\": write NAME=VALUE", ctl->word[i]);
			json_decref(params);
			json_decref(attributes);
			return STATUS_USAGE;
		}
		name = xstrndup(ctl->word[i], (size_t)(equals - ctl->word[i]));
		if (strcmp(name, "name") == 0 || strcmp(name, "kind") == 0)
			json_object_set_new(params, name, json_string(equals + 1));
		else
			json_object_set_new(attributes, name, value_of(equals + 1));
		free(name);
	}
	if (params != NULL)
		json_object_set_new(params, "attributes", attributes);
	else
		json_decref(attributes);
	return change(ctl, "customer.set", params, "Done.");
}

static enum status
identity(struct ctl *ctl, const char *method, const char *done)
{
	json_t *params = params_of(ctl, NULL);

	if (params != NULL) {
		json_object_set_new(params, "kind", json_string(ctl->word[1]));
		json_object_set_new(params, "value", json_string(ctl->word[2]));
	}
	return change(ctl, method, params, done);
}

enum status
do_customer_add_identity(struct ctl *ctl)
{
	return identity(ctl, "customer.add_identity", "Done.");
}

enum status
do_customer_remove_identity(struct ctl *ctl)
{
	return identity(ctl, "customer.remove_identity", "Done.");
}

/* ---- erased ---- */

enum status
do_customer_erase(struct ctl *ctl)
{
	json_t *params = params_of(ctl, NULL), *result, *value;
	char answer[16] = "";
	const char *name;

	if (params == NULL)
		return STATUS_FAILED;
	if (option(ctl, "yes") == NULL) {
		fprintf(stderr,
			"All that is kept of %s goes, and cannot be brought "
			"back. Type yes: ",
			member(params, "customer"));
		if (!isatty(STDIN_FILENO) ||
			fgets(answer, sizeof answer, stdin) == NULL ||
			strcmp(answer, "yes\n") != 0) {
			complain("nothing was erased; --yes answers for you");
			json_decref(params);
			return STATUS_FAILED;
		}
	}
	result = call(ctl, "customer.erase", params);
	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json) {
		print_json(result);
	} else {
		printf("Erased:");
		json_object_foreach(json_object_get(result, "erased"), name, value)
			printf(" %s %lld", name, (long long)json_integer_value(value));
		printf("\n");
	}
	json_decref(result);
	return STATUS_OK;
}

/* ---- lists ---- */

enum status
do_customer_lists(struct ctl *ctl)
{
	json_t *list = call_list(ctl, "customer.lists", "lists", NULL), *result, *one;
	struct table *t;
	size_t i;

	if (list == NULL)
		return STATUS_FAILED;
	result = json_pack("{s:o}", "lists", list);
	if (ctl->json) {
		print_json(result);
	} else {
		t = table_create(ctl, "list|kind|pattern|>points|until|reason");
		json_array_foreach(list, i, one)
		{
			table_cell(t, member(one, "list"));
			table_cell(t, member(one, "kind"));
			table_cell(t, member(one, "pattern"));
			table_number(t, json_object_get(one, "points"));
			table_cell(t, member(one, "until"));
			table_cell(t, member(one, "reason"));
		}
		table_print(t, "Nobody is on a list.");
	}
	json_decref(result);
	return STATUS_OK;
}

static json_t *
entry(struct ctl *ctl)
{
	return json_pack("{s:s, s:s, s:s}", "list", ctl->word[0], "kind", ctl->word[1],
		"pattern", ctl->word[2]);
}

enum status
do_customer_list_add(struct ctl *ctl)
{
	static const char *const texts[] = {"until", "reason"};
	const char *points = option(ctl, "points"), *life = option(ctl, "for");
	json_t *params = entry(ctl);
	char *end = NULL, until[32];
	int64_t ms = 0;
	time_t at;

	if (points != NULL) {
		double value = strtod(points, &end);

		if (*end != '\0' || end == points) {
			complain("--points wants a number");
			json_decref(params);
			return STATUS_USAGE;
		}
		json_object_set_new(params, "points", json_real(value));
	}
	for (int i = 0; i < 2; i++)
		if (option(ctl, texts[i]) != NULL)
			json_object_set_new(
				params, texts[i], json_string(option(ctl, texts[i])));
	if (life != NULL) {
		if (!read_duration(life, &ms)) {
			complain("--for wants a duration such as 30d or 12h");
			json_decref(params);
			return STATUS_USAGE;
		}
		at = time(NULL) + (time_t)(ms / 1000);
		strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", gmtime(&at));
		json_object_set_new(params, "until", json_string(until));
	}
	return change(ctl, "customer.list_add", params, "On the list.");
}

enum status
do_customer_list_remove(struct ctl *ctl)
{
	return change(ctl, "customer.list_remove", entry(ctl), "Off the list.");
}
