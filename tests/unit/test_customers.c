/* Customers' identities and value: history/identity, history/worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "history/identity.h"
#include "history/worth.h"

#define NOW_MS INT64_C(1790000000000)
#define YEAR_MS INT64_C(31557600000)

static struct config *
config_of(const char *customers)
{
	struct config_problems problems = {0};
	char *text = xasprintf("queues: {general: {}}\n%s", customers);
	struct config *config =
		config_parse("test", text, strlen(text), NULL, 1, &problems);

	if (config == NULL)
		config_problems_print(&problems, stdout);
	config_problems_finish(&problems);
	free(text);
	return config;
}

static void
a_number_has_one_form_however_it_is_written(void **state)
{
	static const struct {
		const char *country, *written, *want;
	} rows[] = {
		{"GB", "01632 960001", "+441632960001"},
		{"GB", "+44 (0)1632 960-001", "+441632960001"},
		{"GB", "0044 1632 960001", "+441632960001"},
		{"GB", "tel:+44-1632-960001;phone-context=x", "+441632960001"},
		{"GB", " (01632) 960.001 ", "+441632960001"},
		{"US", "(202) 555-0143", "+12025550143"},
		{"US", "1-202-555-0143", "+12025550143"},
		{"US", "011 44 1632 960001", "+441632960001"},
		{"US", "0044 1632 960001", "+441632960001"},
		{"IT", "06 1234 5678", "+390612345678"}, /* the 0 belongs to it */
		{"DE", "030/123456", "+4930123456"},
		{"HU", "06 30 123 4567", "+36301234567"},
		{"gb", "01632960001", "+441632960001"},
		{"GB", "1234", NULL}, /* an extension */
		{"GB", "anonymous", NULL},
		{"GB", "", NULL},
		{"GB", "+", NULL},
		{"GB", "+0441632960001", NULL}, /* no country code begins with 0 */
		{"GB", "+4416329600011632960001", NULL},
		{"GB", "01632 960001 x12", NULL},
		{"ZZ", "01632 960001", NULL},
		{"ZZ", "+441632960001", "+441632960001"},
	};
	char out[IDENTITY_VALUE_TEXT];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool got = identity_phone(out, rows[i].written, rows[i].country);

		if (got != (rows[i].want != NULL))
			fail_msg("%s in %s: %d", rows[i].written, rows[i].country, got);
		if (got)
			assert_string_equal(out, rows[i].want);
	}
}

static void
other_identities_have_one_form_too(void **state)
{
	static const struct {
		const char *kind, *written, *want;
	} rows[] = {
		{"email", " Ann@Example.COM ", "ann@example.com"},
		{"email", "ann", NULL},
		{"email", "@example.com", NULL},
		{"email", "ann@", NULL},
		{"email", "ann@example.com, bob@example.com", NULL},
		{"account", " A-17 ", "A-17"},
		{"account", "  ", NULL},
		{"account", "a\nb", NULL},
		{"no such kind!", "x", NULL},
		{"loyalty", "GOLD/1", "GOLD/1"},
	};
	struct identity identity;
	const char *why;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool got = identity_normalise(
			&identity, rows[i].kind, rows[i].written, "GB", &why);

		if (got != (rows[i].want != NULL))
			fail_msg("%s %s: %d", rows[i].kind, rows[i].written, got);
		if (got)
			assert_string_equal(identity.value, rows[i].want);
	}
}

static struct attribute
text_attribute(const char *name, const char *text)
{
	return (struct attribute){.name = (char *)(uintptr_t)name,
		.kind = VALUE_TEXT,
		.text = (char *)(uintptr_t)text};
}

static void
a_contact_names_its_customer_the_surest_identity_first(void **state)
{
	struct config *config = config_of("customers: {country: FR, identities: "
					  "{account: [customer.id], loyalty: "
					  "[customer.card], phone: [caller]}}\n");
	struct attribute attributes[] = {text_attribute("customer.card", "L1"),
		text_attribute("call.from", "anonymous"),
		text_attribute("caller", "01 23 45 67 89"),
		text_attribute("customer.email", "Ann@Example.com")};
	struct identities found;

	assert_non_null(config);
	identities_of(&found, config->customers, "c17", 4, attributes);
	assert_int_equal(found.n, 4);
	assert_string_equal(found.list[0].kind, "account");
	assert_string_equal(found.list[0].value, "c17");
	/* As they are named, then what is left of the usual ones. */
	assert_string_equal(found.list[1].kind, "loyalty");
	assert_string_equal(found.list[2].value, "+33123456789");
	assert_string_equal(found.list[3].value, "ann@example.com");
	config_destroy(config);
}

static void
masks_leave_enough_to_ask_for_it(void **state)
{
	struct identity phone = {"phone", "+441632960001"},
			mail = {"email", "ann.lee@example.com"},
			account = {"account", "1234567890"}, brief = {"account", "17"};
	char out[IDENTITY_VALUE_TEXT];

	identity_mask(out, &phone);
	assert_string_equal(out, "+44******0001");
	identity_mask(out, &mail);
	assert_string_equal(out, "a******@example.com");
	identity_mask(out, &account);
	assert_string_equal(out, "12****7890");
	identity_mask(out, &brief);
	assert_string_equal(out, "17");
}

static void
patterns_of_lists_fit_whole_values(void **state)
{
	assert_true(identity_fits("*@example.com", "ann@example.com"));
	assert_true(identity_fits("+4416329*", "+441632960001"));
	assert_true(identity_fits("a*b*c", "axxbyyc"));
	assert_true(identity_fits("*", ""));
	assert_false(identity_fits("*@example.com", "ann@example.com.evil.example"));
	assert_false(identity_fits("ann", "anna"));
	assert_false(identity_fits("", "a"));
}

static const char formula[] =
	"customers:\n"
	"  sources: [staff, crm]\n"
	"  cost_per_hour: 60\n"
	"  points:\n"
	"    - {name: revenue, weight: 0.01, most: 40}\n"
	"    - {name: tenure, figure: tenure_years, weight: 2, most: 10}\n"
	"    - {name: cost, figure: cost_to_serve, weight: -0.1, least: -20}\n"
	"    - {name: risk, figure: churn_risk, from: 0.5, weight: 10, least: 0}\n"
	"    - {name: again, figure: repeat_contacts, weight: 5, most: 15}\n";

static void
value_points_are_the_sum_of_the_declared_terms(void **state)
{
	static const struct {
		double revenue, risk;
		int64_t since_ms;
		double handled_ms;
		int repeats;
		double want;
	} rows[] = {
		{NAN, NAN, 0, 0, 0, 0},
		{1000, NAN, 0, 0, 0, 10},
		{9000, NAN, 0, 0, 0, 40}, /* at most 40 */
		{-500, NAN, 0, 0, 0, -5},
		{1000, NAN, NOW_MS - 3 * YEAR_MS, 0, 0, 16},  /* 10 + 6 */
		{1000, NAN, NOW_MS - 30 * YEAR_MS, 0, 0, 20}, /* 10 + 10 */
		{1000, 0.9, 0, 0, 0, 14},		      /* 10 + 10 x 0.4 */
		{1000, 0.1, 0, 0, 0, 10},		      /* never below 0 */
		{1000, NAN, 0, 3600000, 0, 4},		      /* an hour costs 60 */
		{1000, NAN, 0, 36000000, 0, -10},	      /* never below -20 */
		{1000, NAN, 0, 0, 2, 20},
		{1000, NAN, 0, 0, 9, 25},
	};
	struct config *config = config_of(formula);

	assert_non_null(config);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct figures figures = {0};
		struct worth_own own = {.now_ms = NOW_MS,
			.since_ms = rows[i].since_ms,
			.handled_ms = rows[i].handled_ms,
			.repeat_contacts = rows[i].repeats};
		json_t *terms = json_array(), *term;
		double sum = 0, got;
		size_t at;

		if (!isnan(rows[i].revenue))
			figures_add(&figures, "revenue", "crm",
				json_real(rows[i].revenue), NOW_MS);
		if (!isnan(rows[i].risk))
			figures_add(&figures, "churn_risk", "crm",
				json_real(rows[i].risk), NOW_MS);
		figures_settle(&figures, config->customers);
		got = worth_of(config->customers, &figures, &own, terms);
		if (fabs(got - rows[i].want) > 1e-6)
			fail_msg("row %zu: %f, not %f", i, got, rows[i].want);
		json_array_foreach(terms, at, term) sum +=
			json_number_value(json_object_get(term, "points"));
		assert_true(fabs(sum - got) < 1e-9);
		json_decref(terms);
		figures_finish(&figures);
	}
	config_destroy(config);
}

static void
the_most_trusted_source_holds_then_the_latest(void **state)
{
	struct config *config = config_of(formula);
	struct figures figures = {0};

	assert_non_null(config);
	figures_add(&figures, "revenue", "web", json_integer(1), NOW_MS);
	figures_add(&figures, "revenue", "crm", json_integer(2), NOW_MS - 1000);
	figures_add(&figures, "city", "web", json_string("Leeds"), NOW_MS - 5);
	figures_add(&figures, "city", "shop", json_string("York"), NOW_MS);
	figures_settle(&figures, config->customers);
	assert_true(figures_number(&figures, "revenue") == 2);
	assert_string_equal(json_string_value(figures_value(&figures, "city")), "York");
	assert_null(figures_value(&figures, "none"));
	figures_add(&figures, "revenue", "staff", json_integer(3), 1);
	figures_settle(&figures, config->customers);
	assert_true(figures_number(&figures, "revenue") == 3);
	figures_finish(&figures);
	config_destroy(config);
}

static void
dates_count_as_moments(void **state)
{
	struct config *config = config_of(formula);
	struct figures figures = {0};
	struct worth_own own = {.now_ms = NOW_MS};

	figures_add(&figures, "since", "crm", json_string("2016-09-21"), NOW_MS);
	figures_settle(&figures, config->customers);
	/* 2026-09-21 is ten years later, less than a day off. */
	assert_true(fabs(worth_of(config->customers, &figures, &own, NULL) - 10) < 0.1);
	figures_finish(&figures);
	config_destroy(config);
}

static void
wrong_settings_are_refused_in_words(void **state)
{
	static const struct {
		const char *text, *word;
	} rows[] = {
		{"customers: {country: Britain}\n", "GB"},
		{"customers: {points: [{name: two words}]}\n", "figure"},
		{"customers: {points: [{name: a, least: 5, most: 1}]}\n", "least"},
		{"customers: {keep: {telegram: 3d}}\n", "telegram"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config_problems problems = {0};
		char *text = xasprintf(
			"queues: {general: {}}\nagents: [{id: a}]\n%s", rows[i].text);

		assert_null(config_parse("t", text, strlen(text), NULL, 1, &problems));
		assert_true(problems.n >= 1);
		if (strstr(problems.list[0].message, rows[i].word) == NULL)
			fail_msg("%s: %s", rows[i].text, problems.list[0].message);
		config_problems_finish(&problems);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_has_one_form_however_it_is_written),
		cmocka_unit_test(other_identities_have_one_form_too),
		cmocka_unit_test(a_contact_names_its_customer_the_surest_identity_first),
		cmocka_unit_test(masks_leave_enough_to_ask_for_it),
		cmocka_unit_test(patterns_of_lists_fit_whole_values),
		cmocka_unit_test(value_points_are_the_sum_of_the_declared_terms),
		cmocka_unit_test(the_most_trusted_source_holds_then_the_latest),
		cmocka_unit_test(dates_count_as_moments),
		cmocka_unit_test(wrong_settings_are_refused_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
