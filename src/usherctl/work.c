/* usherctl/work.c - queues, contacts, agents. */
#include <stdlib.h>
#include <string.h>

#include "base/moment.h"
#include "usherctl/usherctl.h"

#define PAGE_MOST 200	  /* contacts of each kind in one answer of contact.list */
#define LISTED_MOST 20000 /* of each kind: its pages go no further */

/* Sets a member if there is text for it. */
static void
set_text(json_t *o, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(o, name, json_string(text));
}

static enum status
print_list(struct ctl *ctl, json_t *list, void (*print)(struct ctl *, const json_t *))
{
	if (list == NULL)
		return STATUS_FAILED;
	if (ctl->json)
		print_json(list);
	else
		print(ctl, list);
	json_decref(list);
	return STATUS_OK;
}

/* ---- queues ---- */

static void
queue_table(struct ctl *ctl, const json_t *list)
{
	struct table *t = table_create(ctl, "QUEUE|STATE|>WAITING|>LATE|>OLDEST|>OFFERED|"
					    ">CONNECTED|>LOGGED IN|>READY|"
					    ">FREE");
	json_t *q;
	size_t i;

	json_array_foreach(list, i, q)
	{
		table_cell(t, member(q, "name"));
		table_cell(
			t, json_is_true(json_object_get(q, "open")) ? "open" : "closed");
		table_number(t, json_object_get(q, "waiting"));
		table_number(t, json_object_get(q, "late"));
		table_duration(t, json_object_get(q, "oldest_wait_ms"));
		table_number(t, json_object_get(q, "offered"));
		table_number(t, json_object_get(q, "connected"));
		table_number(t, json_object_get(q, "agents_logged_in"));
		table_number(t, json_object_get(q, "agents_ready"));
		table_number(t, json_object_get(q, "agents_free"));
	}
	table_print(t, "No queues.");
}

enum status
do_queue_list(struct ctl *ctl)
{
	return print_list(
		ctl, call_list(ctl, "queue.list", "queues", "name"), queue_table);
}

static void
waiting_table(struct ctl *ctl, const json_t *list)
{
	struct table *t = table_create(
		ctl, ">#|CONTACT|QUEUE|CHANNEL|TIER|>WAITED|>SLACK|CUSTOMER|TITLE");
	json_t *c;
	size_t i;

	json_array_foreach(list, i, c)
	{
		json_t *place = json_integer((json_int_t)i + 1);

		table_number(t, place);
		json_decref(place);
		table_cell(t, member(c, "id"));
		table_cell(t, member(c, "queue"));
		table_cell(t, member(c, "channel"));
		table_cell(t, member(c, "tier"));
		table_duration(t, json_object_get(c, "waited_ms"));
		table_duration(t, json_object_get(c, "slack_ms"));
		table_cell(t, member(c, "customer_id"));
		table_cell(t, member(c, "title"));
	}
	table_print(t, "Nobody waits.");
}

enum status
do_queue_show(struct ctl *ctl)
{
	json_t *result, *one;
	int64_t most;

	if (!option_number(ctl, "most", 1, 200, 20, &most))
		return STATUS_USAGE;
	result = call(ctl, "queue.show",
		json_pack("{s:s, s:I}", "queue", ctl->word[0], "most", (json_int_t)most));
	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json) {
		print_json(result);
	} else {
		one = json_pack("[O]", json_object_get(result, "queue"));
		queue_table(ctl, one);
		json_decref(one);
		printf("\n");
		waiting_table(ctl, json_object_get(result, "waiting"));
	}
	json_decref(result);
	return STATUS_OK;
}

static enum status
set_open(struct ctl *ctl, const char *method, const char *done)
{
	json_t *params = json_pack("{s:s}", "queue", ctl->word[0]);

	set_text(params, "reason", option(ctl, "reason"));
	return finish(ctl, call(ctl, method, params), done);
}

enum status
do_queue_open(struct ctl *ctl)
{
	return set_open(ctl, "queue.open", "The queue takes contacts.");
}

enum status
do_queue_close(struct ctl *ctl)
{
	return set_open(ctl, "queue.close",
		"The queue takes no new contacts; what waits is served.");
}

/* ---- contacts ---- */

static void
held_table(struct ctl *ctl, const json_t *list)
{
	struct table *t = table_create(
		ctl, "CONTACT|STATE|AGENT|QUEUE|CHANNEL|TIER|>HANDLED|CUSTOMER|TITLE");
	json_t *c;
	size_t i;

	json_array_foreach(list, i, c)
	{
		table_cell(t, member(c, "id"));
		table_cell(t, member(c, "state"));
		table_cell(t, member(c, "agent"));
		table_cell(t, member(c, "queue"));
		table_cell(t, member(c, "channel"));
		table_cell(t, member(c, "tier"));
		table_duration(t, json_object_get(c, "handled_ms"));
		table_cell(t, member(c, "customer_id"));
		table_cell(t, member(c, "title"));
	}
	table_print(t, "Agents hold none.");
}

/* Adds a list's page up to `most` in all; false: it has as many. */
static bool
extend(json_t *list, const json_t *page, int64_t most)
{
	json_t *one;
	size_t i;

	json_array_foreach(page, i, one)
	{
		if ((int64_t)json_array_size(list) < most)
			json_array_append(list, one);
	}
	return (int64_t)json_array_size(list) < most;
}

/* Both lists, page by page, until they are over or have `most`. NULL: said why. */
static json_t *
contact_lists(struct ctl *ctl, int64_t most)
{
	json_t *waiting = json_array(), *held = json_array(), *next = NULL, *page;
	bool more_waiting = true, more_held = true;

	do {
		json_t *params = json_pack("{s:I}", "most",
			(json_int_t)(most < PAGE_MOST ? most : PAGE_MOST));

		set_text(params, "queue", option(ctl, "queue"));
		set_text(params, "agent", option(ctl, "agent"));
		if (next != NULL)
			json_object_set_new(params, "after", next);
		if (!more_waiting)
			json_object_set_new(params, "waiting", json_false());
		if (!more_held)
			json_object_set_new(params, "held", json_false());
		page = call(ctl, "contact.list", params);
		if (page == NULL) {
			json_decref(waiting);
			json_decref(held);
			return NULL;
		}
		more_waiting = extend(waiting, json_object_get(page, "waiting"), most);
		more_held = extend(held, json_object_get(page, "held"), most);
		next = json_incref(json_object_get(page, "next"));
		json_decref(page);
	} while (next != NULL && (more_waiting || more_held));
	json_decref(next);
	return json_pack("{s:o, s:o}", "waiting", waiting, "held", held);
}

enum status
do_contact_list(struct ctl *ctl)
{
	json_t *result;
	int64_t most;

	if (!option_number(ctl, "most", 1, LISTED_MOST, 100, &most))
		return STATUS_USAGE;
	result = contact_lists(ctl, most);
	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json) {
		print_json(result);
	} else {
		if (option(ctl, "agent") == NULL) {
			waiting_table(ctl, json_object_get(result, "waiting"));
			printf("\n");
		}
		held_table(ctl, json_object_get(result, "held"));
	}
	json_decref(result);
	return STATUS_OK;
}

static bool
is_moment(const char *name)
{
	static const char *const moments[] = {"created_ms", "t0_ms", "eligible_ms",
		"deadline_ms", "expires_ms", "connected_ms", "wrapup_end_ms",
		"parked_ms"};

	for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
		if (strcmp(name, moments[i]) == 0)
			return true;
	}
	return false;
}

/* "created 2026-11-30T08:00:00.000Z", "slack 3h59m": what is milliseconds in JSON. */
static void
put_time(const char *name, int64_t ms)
{
	char text[MOMENT_TEXT > 24 ? MOMENT_TEXT : 24];

	if (is_moment(name))
		moment_format(text, ms);
	else
		duration_text(text, ms);
	printf("%-18.*s %s\n", (int)(strlen(name) - 3), name, text);
}

static void
put_value(const char *name, const json_t *value)
{
	size_t n = strlen(name);
	char *text;

	if (json_is_integer(value) && n > 3 && strcmp(name + n - 3, "_ms") == 0) {
		put_time(name, json_integer_value(value));
		return;
	}
	if (json_is_string(value))
		text = xstrdup(json_string_value(value));
	else
		text = json_dumps(
			value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
	for (char *c = text; c != NULL && *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20)
			*c = '?';
	}
	printf("%-18s %s\n", name, text != NULL ? text : "");
	free(text);
}

enum status
do_contact_show(struct ctl *ctl)
{
	json_t *result = call(ctl, "contact.get",
		json_pack("{s:s, s:b}", "contact", ctl->word[0], "payload",
			option(ctl, "payload") != NULL));
	json_t *contact = json_object_get(result, "contact"), *value;
	const char *name;

	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json) {
		print_json(contact);
	} else {
		json_object_foreach(contact, name, value)
		{
			put_value(name, value);
		}
	}
	json_decref(result);
	return STATUS_OK;
}

enum status
do_contact_move(struct ctl *ctl)
{
	json_t *params = json_pack("{s:s}", "contact", ctl->word[0]);

	if ((option(ctl, "queue") == NULL) == (option(ctl, "agent") == NULL)) {
		complain("name --queue or --agent, and only one of them");
		json_decref(params);
		return STATUS_USAGE;
	}
	set_text(params, "queue", option(ctl, "queue"));
	set_text(params, "agent", option(ctl, "agent"));
	set_text(params, "reason", option(ctl, "reason"));
	return finish(ctl, call(ctl, "contact.move", params),
		"Moved; its age and place are kept.");
}

enum status
do_contact_prioritise(struct ctl *ctl)
{
	const char *sooner = option(ctl, "sooner");
	json_t *params;
	int64_t ms = 0;

	if (sooner == NULL && option(ctl, "tier") == NULL) {
		complain("name --sooner or --tier");
		return STATUS_USAGE;
	}
	if (sooner != NULL && (!read_duration(sooner, &ms) || ms == 0)) {
		complain("--sooner takes a duration such as 30s, 5m or 1h, not %s",
			sooner);
		return STATUS_USAGE;
	}
	params = json_pack("{s:s}", "contact", ctl->word[0]);
	if (ms > 0)
		json_object_set_new(params, "sooner_ms", json_integer(ms));
	set_text(params, "tier", option(ctl, "tier"));
	set_text(params, "reason", option(ctl, "reason"));
	return finish(ctl, call(ctl, "contact.prioritise", params), "Done.");
}

enum status
do_contact_cancel(struct ctl *ctl)
{
	json_t *params = json_pack("{s:s}", "contact", ctl->word[0]);

	set_text(params, "reason", option(ctl, "reason"));
	return finish(ctl, call(ctl, "contact.withdraw", params), "Withdrawn.");
}

/* ---- agents ---- */

static void
agent_table(struct ctl *ctl, const json_t *list)
{
	struct table *t = table_create(ctl,
		"AGENT|NAME|TEAM|STATE|REASON|>SINCE|>LOAD|>CAPACITY|>CONTACTS|>HANDLED|"
		">OCCUPANCY");
	char percent[16];
	json_t *a;
	size_t i;

	json_array_foreach(list, i, a)
	{
		json_t *n = json_integer(
			(json_int_t)json_array_size(json_object_get(a, "contacts")));

		table_cell(t, member(a, "id"));
		table_cell(t, member(a, "name"));
		table_cell(t, member(a, "team"));
		table_cell(t, json_is_true(json_object_get(a, "desktop_lost"))
				      ? "desktop lost"
				      : member(a, "state"));
		table_cell(t,
			member(a, "pending") != NULL ? "pending" : member(a, "reason"));
		table_duration(t, json_object_get(a, "in_state_ms"));
		table_number(t, json_object_get(a, "load"));
		table_number(t, json_object_get(a, "capacity"));
		table_number(t, n);
		table_number(t, json_object_get(a, "handled"));
		snprintf(percent, sizeof percent, "%.0f%%",
			100 * json_number_value(json_object_get(a, "occupancy")));
		table_cell(t, percent);
		json_decref(n);
	}
	table_print(t, "No agents.");
}

json_t *
all_agents(struct ctl *ctl)
{
	json_t *all = json_array(), *result;
	bool more = true;

	while (more) {
		const json_t *last = json_array_get(all, json_array_size(all) - 1);
		json_t *params = json_object();

		set_text(params, "team", option(ctl, "team"));
		set_text(params, "state", option(ctl, "state"));
		set_text(params, "after", last != NULL ? member(last, "id") : NULL);
		result = call(ctl, "agent.list", params);
		if (result == NULL) {
			json_decref(all);
			return NULL;
		}
		more = json_is_true(json_object_get(result, "more"));
		json_array_extend(all, json_object_get(result, "agents"));
		json_decref(result);
	}
	return all;
}

enum status
do_agent_list(struct ctl *ctl)
{
	json_t *all = all_agents(ctl);

	return all != NULL ? print_list(ctl, all, agent_table) : STATUS_FAILED;
}

enum status
do_agent_set_state(struct ctl *ctl)
{
	json_t *params =
		json_pack("{s:s, s:s}", "agent", ctl->word[0], "state", ctl->word[1]);

	set_text(params, "reason", option(ctl, "reason"));
	return finish(ctl, call(ctl, "agent.force_state", params), "Done.");
}

/* "english:5,billing:3" as an object; NULL: said what is wrong. */
static json_t *
read_skills(const char *text)
{
	char *copy = xstrdup(text), *rest = copy;
	json_t *skills = json_object();

	for (char *one; skills != NULL && (one = strsep(&rest, ",")) != NULL;) {
		char *colon = strchr(one, ':'), *end = NULL;
		long level = colon != NULL ? strtol(colon + 1, &end, 10) : 0;

		if (one[0] == '\0')
			continue;
		if (colon == NULL || end == colon + 1 || *end != '\0') {
			complain("--skills takes a list such as english:5,billing:3");
			json_decref(skills);
			skills = NULL;
			break;
		}
		*colon = '\0';
		json_object_set_new(skills, one, json_integer(level));
	}
	free(copy);
	return skills;
}

enum status
do_agent_edit(struct ctl *ctl)
{
	const char *skills = option(ctl, "skills");
	json_t *params = json_pack("{s:s}", "agent", ctl->word[0]), *list = NULL;
	int64_t capacity;

	if (!option_number(ctl, "capacity", 0, 10000, -1, &capacity) ||
		(skills != NULL && (list = read_skills(skills)) == NULL)) {
		json_decref(params);
		return STATUS_USAGE;
	}
	if (list == NULL && capacity < 0) {
		complain("name --skills or --capacity");
		json_decref(params);
		return STATUS_USAGE;
	}
	if (list != NULL)
		json_object_set_new(params, "skills", list);
	if (capacity >= 0)
		json_object_set_new(params, "capacity", json_integer(capacity));
	return finish(ctl, call(ctl, "agent.edit", params),
		"Done; it stands above the settings file.");
}

/* ---- status ---- */

enum status
do_status(struct ctl *ctl)
{
	json_t *result = call(ctl, "server.status", NULL), *counts, *value;
	const char *name;
	char uptime[24];

	if (result == NULL)
		return STATUS_FAILED;
	counts = json_object_get(result, "counts");
	if (ctl->json) {
		print_json(result);
	} else {
		duration_text(uptime, member_int(result, "uptime_ms"));
		printf("usherd %s, centre %s, settings version %lld, up %s, %lld "
		       "sessions\n",
			member(result, "version"), member(result, "centre"),
			(long long)member_int(result, "config"), uptime,
			(long long)member_int(result, "sessions"));
		if (member(result, "promise") != NULL)
			printf("level %s: %s\n", member(result, "promise"),
				member(result, "store"));
		printf("\n");
		json_object_foreach(counts, name, value)
		{
			printf("%-18s %12lld\n", name,
				(long long)json_integer_value(value));
		}
	}
	json_decref(result);
	return STATUS_OK;
}
