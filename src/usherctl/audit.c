/*
 * usherctl/audit.c - reads the audit of a state directory: whether its chain holds, and
 * what it says. Needs no daemon; the files are the daemon's account's alone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/audit.h"
#include "base/moment.h"
#include "usherctl/usherctl.h"

#define SHOW_MOST 100000 /* records that audit show keeps in memory */

/* Said why when the folder cannot be read. */
static bool
walk(struct ctl *ctl, const char *anchor, void (*each)(void *owner, json_t *record),
	void *owner, struct audit_report *report)
{
	if (audit_verify(ctl->state, anchor, each, owner, report))
		return true;
	complain("%s", report->wrong);
	return false;
}

enum status
do_audit_verify(struct ctl *ctl)
{
	struct audit_report r;

	if (!walk(ctl, option(ctl, "anchor"), NULL, NULL, &r))
		return STATUS_FAILED;
	if (ctl->json) {
		json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:I, s:s, s:s*}", "ok",
			r.wrong[0] == '\0', "files", (json_int_t)r.files, "records",
			(json_int_t)r.records, "last", (json_int_t)r.last, "torn",
			(json_int_t)r.torn, "head", r.head, "wrong",
			r.wrong[0] != '\0' ? r.wrong : NULL);

		print_json(o);
		json_decref(o);
	} else if (r.wrong[0] != '\0') {
		complain("the audit does not hold: %s", r.wrong);
	} else {
		printf("%lld records in %lld files, %lld lines cut off by crashes; the "
		       "chain "
		       "holds.\n",
			(long long)r.records, (long long)r.files, (long long)r.torn);
		if (r.records > 0)
			printf("Keep this elsewhere, and hand it to --anchor next "
			       "time:\n%s\n",
				r.head);
	}
	return r.wrong[0] == '\0' ? STATUS_OK : STATUS_FAILED;
}

/* What audit show is asked for. */
struct wish {
	const char *who, *what, *object;
	int64_t since_ms;
	size_t most;
	json_t *list; /* the last ones that fit */
};

static bool
fits(const json_t *record, const char *name, const char *wanted)
{
	const char *value = member(record, name);

	return wanted == NULL || (value != NULL && strstr(value, wanted) != NULL);
}

static void
gather(void *owner, json_t *record)
{
	struct wish *w = owner;
	int64_t at_ms = 0;
	const char *at = member(record, "at");

	if (!fits(record, "who", w->who) || !fits(record, "what", w->what) ||
		!fits(record, "object", w->object) ||
		(w->since_ms > 0 && at != NULL && moment_parse(at, &at_ms) &&
			at_ms < w->since_ms))
		return;
	json_array_append(w->list, record);
	if (json_array_size(w->list) > w->most)
		json_array_remove(w->list, 0);
}

static void
print_records(struct ctl *ctl, const json_t *list)
{
	struct table *t =
		table_create(ctl, ">N|TIME|WHO|ROLE|FROM|WHAT|OBJECT|DETAIL|OUTCOME");
	static const char *const names[] = {
		"at", "who", "role", "from", "what", "object", "detail", "outcome"};
	json_t *record;
	size_t i;

	json_array_foreach(list, i, record)
	{
		table_number(t, json_object_get(record, "n"));
		for (size_t j = 0; j < sizeof names / sizeof *names; j++)
			table_cell(t, member(record, names[j]));
	}
	table_print(t, "No such records.");
}

enum status
do_audit_show(struct ctl *ctl)
{
	struct wish w = {.who = option(ctl, "who"),
		.what = option(ctl, "what"),
		.object = option(ctl, "object")};
	const char *since = option(ctl, "since");
	struct audit_report report;
	int64_t most;
	enum status status = STATUS_FAILED;

	if (!option_number(ctl, "most", 1, SHOW_MOST, 50, &most))
		return STATUS_USAGE;
	if (since != NULL && !moment_parse(since, &w.since_ms)) {
		complain("--since takes a moment such as 2026-11-29T08:00:00Z");
		return STATUS_USAGE;
	}
	w.most = (size_t)most;
	w.list = json_array();
	if (walk(ctl, NULL, gather, &w, &report)) {
		status = report.wrong[0] == '\0' ? STATUS_OK : STATUS_FAILED;
		if (ctl->json)
			print_json(w.list);
		else
			print_records(ctl, w.list);
		if (status != STATUS_OK)
			complain("the audit does not hold: %s", report.wrong);
	}
	json_decref(w.list);
	return status;
}
