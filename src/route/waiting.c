/*
 * route/waiting.c - the waiting contacts in the very order in which they would be served.
 *
 * Each class is two runs in which the deadline orders for good: its late members and
 * those in time (class.h). The list is the merge of all runs, so its cost is that of what
 * is listed, however many wait.
 */
#include <stdlib.h>

#include "route/class.h"
#include "route/stage.h"

struct run {
	struct class *class;
	struct order_at at;
	int64_t until_ms;      /* the run ends before this deadline */
	struct candidate next; /* contact NULL: over */
};

/* Takes the entry, which may be NULL, as the run's next. */
static void
run_at(const struct router *r, struct run *run, const struct order_entry *e,
	int64_t now_ms)
{
	if (e == NULL || e->key.d_ms >= run->until_ms) {
		run->next.contact = NULL;
		return;
	}
	run->next.contact = e->item;
	run->next.log2_score =
		class_log2_score(r, run->class, e->key.d_ms, e->key.t0_ms, now_ms);
}

/* The two runs of a class; returns how many have members. */
static int
open_runs(const struct router *r, struct class *k, struct run *out, int64_t now_ms)
{
	int64_t from_ms = class_in_time_from_ms(r, k, now_ms);
	struct run late = {.class = k, .until_ms = from_ms};
	struct run in_time = {.class = k, .until_ms = INT64_MAX};
	int n = 0;

	run_at(r, &late, order_first(&k->order, &late.at), now_ms);
	run_at(r, &in_time, order_from(&k->order, from_ms, &in_time.at), now_ms);
	if (late.next.contact != NULL)
		out[n++] = late;
	if (in_time.next.contact != NULL)
		out[n++] = in_time;
	return n;
}

/* The runs as a binary heap, the best on top. */
static void
sift(struct run *heap, int n, int i)
{
	for (int child; (child = 2 * i + 1) < n; i = child) {
		struct run swap = heap[i];

		if (child + 1 < n &&
			candidate_before(&heap[child + 1].next, &heap[child].next))
			child++;
		if (!candidate_before(&heap[child].next, &heap[i].next))
			return;
		heap[i] = heap[child];
		heap[child] = swap;
	}
}

/* Calls fn for the first `most`, in order. */
static void
walk(struct router *r, int64_t now_ms, int queue, int most,
	void (*fn)(struct router *r, const struct candidate *c, int place, int64_t now_ms,
		void *out),
	void *out)
{
	struct run *heap = xcalloc(2 * r->n_classes + 1, sizeof *heap);
	int n = 0;

	for (size_t i = 0; i < r->n_classes; i++)
		if (r->classes[i]->n > 0 && (queue < 0 || r->classes[i]->queue == queue))
			n += open_runs(r, r->classes[i], heap + n, now_ms);
	for (int i = n / 2; i-- > 0;)
		sift(heap, n, i);
	for (int place = 0; place < most && n > 0; place++) {
		fn(r, &heap[0].next, place, now_ms, out);
		run_at(r, &heap[0], order_next(&heap[0].class->order, &heap[0].at),
			now_ms);
		if (heap[0].next.contact == NULL)
			heap[0] = heap[--n];
		sift(heap, n, 0);
	}
	free(heap);
}

static void
list_json(
	struct router *r, const struct candidate *c, int place, int64_t now_ms, void *out)
{
	json_t *o = describe_contact(r, now_ms, c->contact, DESCRIBE_BRIEF);

	json_object_set_new(o, "slack_ms",
		json_integer(
			class_slack_ms(r, c->contact->class, c->contact->d_ms, now_ms)));
	json_object_set_new(o, "log2_score", json_real(c->log2_score));
	json_object_set_new(o, "place", json_integer(place));
	json_array_append_new(out, o);
}

json_t *
router_waiting_json(struct router *r, int64_t now_ms, int queue, int most)
{
	json_t *list = json_array();

	walk(r, now_ms, queue, most, list_json, list);
	return list;
}

struct rows {
	struct waiting_contact *row;
	int n;
};

static void
list_row(
	struct router *r, const struct candidate *c, int place, int64_t now_ms, void *out)
{
	struct rows *rows = out;

	rows->row[rows->n++] = (struct waiting_contact){.contact = c->contact->id,
		.queue = c->contact->queue,
		.t0_ms = c->contact->t0_ms,
		.deadline_ms = c->contact->d_ms};
}

int
router_waiting(struct router *r, int64_t now_ms, int queue, int most,
	struct waiting_contact *out)
{
	struct rows rows = {.row = out};

	walk(r, now_ms, queue, most, list_row, &rows);
	return rows.n;
}
