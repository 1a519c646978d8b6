/* usherctl/cti_status.c - how the switches and their links stand. */
#include "usherctl/cti.h"

static void
print_links(const struct ctl *ctl, const json_t *switches)
{
	struct table *t = table_create(ctl, "SWITCH|LINK|STATE|>SINCE|>CALLS|>WAITING|>"
					    "EVENTS|>LAG US|>ORDERS|PROBLEM");
	json_t *one, *link;
	size_t i, j;

	json_array_foreach(switches, i, one)
	{
		json_array_foreach(json_object_get(one, "links"), j, link)
		{
			table_cell(t, j == 0 ? member(one, "name") : "");
			table_cell(t, member(link, "address"));
			table_cell(t, member(link, "state"));
			table_duration(t, json_object_get(link, "since_ms"));
			table_number(t, json_object_get(one, "calls"));
			table_number(t, json_object_get(one, "waiting"));
			table_number(t, json_object_get(link, "events"));
			table_number(t, json_object_get(link, "lag_us"));
			table_number(t, json_object_get(link, "orders"));
			table_cell(t, member(link, "problem"));
		}
	}
	table_print(t, "No switches in the settings.");
}

enum status
do_cti_status(struct ctl *ctl)
{
	json_t *result = call(ctl, "cti.status", NULL), *value;
	const char *name;

	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json) {
		print_json(result);
	} else {
		print_links(ctl, json_object_get(result, "switches"));
		putchar('\n');
		json_object_foreach(json_object_get(result, "calls"), name, value)
		{
			printf("%-18s %12lld\n", name,
				(long long)json_integer_value(value));
		}
	}
	json_decref(result);
	return STATUS_OK;
}
