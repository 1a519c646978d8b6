/* usherctl/report.c - interval figures of the history, as a table, JSON or CSV. */
#include <stdlib.h>
#include <string.h>

#include "usherctl/usherctl.h"

static json_t *
wish(struct ctl *ctl)
{
	json_t *params = json_object();
	static const char *const names[] = {"by", "interval", "from", "to"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (option(ctl, names[i]) != NULL)
			json_object_set_new(
				params, names[i], json_string(option(ctl, names[i])));
	if (option(ctl, "csv") != NULL)
		json_object_set_new(params, "csv", json_true());
	return params;
}

static void
percent(struct table *t, const json_t *value)
{
	char text[32];

	if (!json_is_number(value)) {
		table_cell(t, NULL);
		return;
	}
	snprintf(text, sizeof text, "%.1f", 100 * json_number_value(value));
	table_cell(t, text);
}

static void
print_rows(struct ctl *ctl, const json_t *rows, const char *by)
{
	bool agents = strcmp(by, "agent") == 0 || strcmp(by, "team") == 0;
	struct table *t = table_create(ctl,
		agents ? "FROM|GROUP|>HANDLED|>AHT|>RONA|>REJECTED|>TRANSFERS|>LOGGED "
			 "IN|>BUSY|>IDLE|>OCCUPANCY %"
		       : "FROM|GROUP|>OFFERED|>ANSWERED|>ABANDONED|>SHORT|>SL "
			 "%|>ASA|>LONGEST|>AHT|>RONA");
	static const char *const agent_columns[] = {"handled", "aht_ms", "rona",
		"rejected", "transferred_out", "logged_in_ms", "busy_ms", "idle_ms",
		"occupancy"};
	static const char *const queue_columns[] = {"offered", "answered", "abandoned",
		"short_abandoned", "sl_negative", "asa_ms", "longest_wait_ms", "aht_ms",
		"rona"};
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		table_cell(t, member(row, "from"));
		table_cell(t, member(row, by));
		for (size_t j = 0; j < 9; j++) {
			const char *name = agents ? agent_columns[j] : queue_columns[j];
			const json_t *value = json_object_get(row, name);

			if (strcmp(name, "sl_negative") == 0 ||
				strcmp(name, "occupancy") == 0)
				percent(t, value);
			else if (strstr(name, "_ms") != NULL)
				table_duration(t, value);
			else
				table_number(t, value);
		}
	}
	table_print(t, "Nothing happened in that time.");
}

enum status
do_report(struct ctl *ctl)
{
	json_t *result = call(ctl, "report.get", wish(ctl));
	const char *by = option(ctl, "by");

	if (result == NULL)
		return STATUS_FAILED;
	if (option(ctl, "csv") != NULL)
		fputs(member(result, "csv"), stdout);
	else if (ctl->json)
		print_json(result);
	else
		print_rows(
			ctl, json_object_get(result, "rows"), by != NULL ? by : "queue");
	json_decref(result);
	return STATUS_OK;
}
