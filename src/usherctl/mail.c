/* usherctl/mail.c - mails that leave, and what verdicts say of the matcher. */
#include <string.h>

#include "usherctl/usherctl.h"

static json_t *
params_of(const struct ctl *ctl)
{
	static const char *const names[] = {
		"mailbox", "language", "response", "state", NULL};
	json_t *o = json_object();

	for (int i = 0; names[i] != NULL; i++)
		if (option(ctl, names[i]) != NULL)
			json_object_set_new(
				o, names[i], json_string(option(ctl, names[i])));
	return o;
}

/* ---- mails ---- */

enum status
do_mail_outbox(struct ctl *ctl)
{
	json_t *result = call(ctl, "email.outbox", params_of(ctl)), *m;
	struct table *t;
	size_t i;

	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json) {
		print_json(result);
		json_decref(result);
		return STATUS_OK;
	}
	t = table_create(
		ctl, "MAIL|KIND|STATE|>TRIES|CONTACT|TO|SUBJECT|THE SERVER SAID");
	json_array_foreach(json_object_get(result, "mails"), i, m)
	{
		table_cell(t, member(m, "id"));
		table_cell(t, member(m, "kind"));
		table_cell(t, member(m, "state"));
		table_number(t, json_object_get(m, "tries"));
		table_cell(t, member(m, "contact"));
		table_cell(t,
			json_string_value(json_array_get(json_object_get(m, "to"), 0)));
		table_cell(t, member(m, "subject"));
		table_cell(t, member(m, "words"));
	}
	table_print(t, "No mails.");
	if (json_is_true(json_object_get(result, "breaker")))
		printf("The breaker is open: too many automatic mails lately.\n");
	json_decref(result);
	return STATUS_OK;
}

enum status
do_mail_retry(struct ctl *ctl)
{
	return finish(ctl,
		call(ctl, "email.retry", json_pack("{s:s}", "mail", ctl->word[0])),
		"It is sent once more.");
}

/* ---- the matcher ---- */

static void
print_share(const json_t *o, const char *name, const char *what)
{
	const json_t *value = json_object_get(o, name);

	if (json_is_number(value))
		printf("%s %.1f %%", what, 100 * json_number_value(value));
}

static void
print_calibration(struct ctl *ctl, const json_t *calibration)
{
	struct table *t = table_create(ctl, ">SAID|>WAS RIGHT|>MAILS");
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(calibration, "table"), i, row)
	{
		char text[32];

		snprintf(text, sizeof text, "%.1f %%",
			100 * json_number_value(json_object_get(row, "p")));
		table_cell(t, text);
		snprintf(text, sizeof text, "%.1f %%",
			100 * json_number_value(json_object_get(row, "right")));
		table_cell(t, text);
		table_number(t, json_object_get(row, "n"));
	}
	table_print(t, NULL);
}

static const char *
gate_text(const json_t *gate)
{
	if (member(gate, "switched_off") != NULL)
		return "switched off";
	if (!json_is_true(json_object_get(gate, "on")))
		return "off";
	return json_is_true(json_object_get(gate, "open")) ? "open" : "closed";
}

static void
print_responses(struct ctl *ctl, const json_t *list)
{
	struct table *t = table_create(
		ctl, "RESPONSE|>VERDICTS|>RIGHT|>ECE|GATE|>AIM|>THRESHOLD|>PROVEN BY");
	const json_t *r;
	size_t i;

	json_array_foreach(list, i, r)
	{
		const json_t *gate = json_object_get(r, "gate");
		bool open = json_is_true(json_object_get(gate, "open"));
		char text[64];

		table_cell(t, member(r, "response"));
		table_number(t, json_object_get(r, "verdicts"));
		table_number(t, json_object_get(r, "right"));
		snprintf(text, sizeof text, "%.3f",
			json_number_value(json_object_get(
				json_object_get(r, "calibration"), "ece")));
		table_cell(t, member_int(r, "verdicts") > 0 ? text : NULL);
		table_cell(t, gate_text(gate));
		snprintf(text, sizeof text, "%.4g %%",
			100 * json_number_value(json_object_get(gate, "aim")));
		table_cell(t, text);
		snprintf(text, sizeof text, "%.3f",
			json_number_value(json_object_get(gate, "threshold")));
		table_cell(t, open ? text : NULL);
		snprintf(text, sizeof text, "%lld of %lld (needs %lld)",
			(long long)member_int(gate, "right"),
			(long long)member_int(gate, "n"),
			(long long)member_int(gate, "needed"));
		table_cell(t, text);
	}
	table_print(t, "No responses.");
}

static void
print_languages(const json_t *list)
{
	const json_t *l;
	size_t i;

	json_array_foreach(list, i, l)
	{
		const char *language = member(l, "language");

		printf("model %s: version %lld, %lld cases since, temperature %.2f\n",
			language != NULL && *language != '\0' ? language : "(unknown)",
			(long long)member_int(l, "version"),
			(long long)member_int(l, "cases"),
			json_number_value(json_object_get(l, "temperature")));
	}
}

enum status
do_suggest_report(struct ctl *ctl)
{
	json_t *result = call(ctl, "suggest.report", params_of(ctl));
	const json_t *calibration;

	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json) {
		print_json(result);
		json_decref(result);
		return STATUS_OK;
	}
	calibration = json_object_get(result, "calibration");
	printf("mailbox %s: %lld verdicts", member(result, "mailbox"),
		(long long)member_int(result, "verdicts"));
	print_share(result, "coverage", ", proposals for");
	print_share(result, "precision", ", the first right in");
	printf(", ECE %.3f\n", json_number_value(json_object_get(calibration, "ece")));
	print_languages(json_object_get(result, "languages"));
	if (json_array_size(json_object_get(calibration, "table")) > 0)
		print_calibration(ctl, calibration);
	print_responses(ctl, json_object_get(result, "responses"));
	json_decref(result);
	return STATUS_OK;
}

enum status
do_suggest_rebuild(struct ctl *ctl)
{
	json_t *result = call(ctl, "suggest.rebuild", params_of(ctl));

	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json)
		print_json(result);
	else
		printf("mailbox %s, language %s: version %lld, built from %lld "
		       "verdicts.\n",
			member(result, "mailbox"), member(result, "language"),
			(long long)member_int(result, "version"),
			(long long)member_int(result, "cases"));
	json_decref(result);
	return STATUS_OK;
}

enum status
do_suggest_rollback(struct ctl *ctl)
{
	json_t *result = call(ctl, "suggest.rollback", params_of(ctl));

	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json)
		print_json(result);
	else
		printf("mailbox %s: version %lld is in use again.\n",
			member(result, "mailbox"),
			(long long)member_int(result, "version"));
	json_decref(result);
	return STATUS_OK;
}

enum status
do_suggest_switch(struct ctl *ctl)
{
	bool on = strcmp(ctl->word[1], "on") == 0;

	if (!on && strcmp(ctl->word[1], "off") != 0) {
		complain("say on or off, not %s", ctl->word[1]);
		return STATUS_USAGE;
	}
	return finish(ctl,
		call(ctl, "suggest.switch",
			json_pack("{s:s, s:b}", "response", ctl->word[0], "on", on)),
		on ? "Its automatic answers are on, once its gate opens."
		   : "Its automatic answers are off.");
}
