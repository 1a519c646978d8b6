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

static bool
is_wanted(const struct waiting_page *page, int queue)
{
	return (page->queue < 0 || page->queue == queue) &&
	       (page->sees == NULL || page->sees(page->owner, queue));
}

/* Calls fn for who waits in the page's queues, in order, until it says that it is enough.
 */
static void
walk(struct router *r, int64_t now_ms, const struct waiting_page *page,
	bool (*fn)(struct router *r, const struct candidate *c, int place, int64_t now_ms,
		void *out),
	void *out)
{
	struct run *heap = xcalloc(2 * r->n_classes + 1, sizeof *heap);
	int n = 0;

	for (size_t i = 0; i < r->n_classes; i++)
		if (r->classes[i]->n > 0 && is_wanted(page, r->classes[i]->queue))
			n += open_runs(r, r->classes[i], heap + n, now_ms);
	for (int i = n / 2; i-- > 0;)
		sift(heap, n, i);
	for (int place = 0; n > 0 && fn(r, &heap[0].next, place, now_ms, out); place++) {
		run_at(r, &heap[0], order_next(&heap[0].class->order, &heap[0].at),
			now_ms);
		if (heap[0].next.contact == NULL)
			heap[0] = heap[--n];
		sift(heap, n, 0);
	}
	free(heap);
}

struct listing {
	struct waiting_page *page;
	json_t *list;
	uint64_t behind; /* the page begins behind it; 0: at its place */
	size_t bytes;
};

static bool
list_json(
	struct router *r, const struct candidate *c, int place, int64_t now_ms, void *out)
{
	struct listing *l = out;
	struct waiting_page *page = l->page;
	json_t *o;

	if (l->behind != 0 || place < page->place) {
		if (c->contact->id == l->behind) {
			l->behind = 0;
			page->place = place + 1;
		}
		page->far = place >= WAITING_PLACES_MAX;
		return !page->far;
	}
	page->more = (int)json_array_size(l->list) == page->most ||
		     (page->bytes > 0 && l->bytes >= page->bytes);
	if (page->more)
		return false;
	o = describe_contact(r, now_ms, c->contact, DESCRIBE_BRIEF);
	json_object_set_new(o, "slack_ms",
		json_integer(
			class_slack_ms(r, c->contact->class, c->contact->d_ms, now_ms)));
	json_object_set_new(o, "log2_score", json_real(c->log2_score));
	json_object_set_new(o, "place", json_integer(place));
	l->bytes += json_dumpb(o, NULL, 0, 0);
	json_array_append_new(l->list, o);
	page->place = place + 1;
	page->last = c->contact->id;
	return true;
}

json_t *
router_waiting_json(struct router *r, int64_t now_ms, struct waiting_page *page)
{
	const struct contact *last = page->last != 0 ? contact_find(r, page->last) : NULL;
	struct listing l = {.page = page, .list = json_array()};

	page->more = page->far = false;
	if (last != NULL && last->class != NULL && is_wanted(page, last->class->queue)) {
		l.behind = page->last;
		page->place = 0;
	}
	walk(r, now_ms, page, list_json, &l);
	return l.list;
}

struct rows {
	struct waiting_contact *row;
	int n, most;
};

static bool
list_row(
	struct router *r, const struct candidate *c, int place, int64_t now_ms, void *out)
{
	struct rows *rows = out;

	if (rows->n == rows->most)
		return false;
	rows->row[rows->n++] = (struct waiting_contact){.contact = c->contact->id,
		.queue = c->contact->queue,
		.t0_ms = c->contact->t0_ms,
		.deadline_ms = c->contact->d_ms};
	return true;
}

int
router_waiting(struct router *r, int64_t now_ms, int queue, int most,
	struct waiting_contact *out)
{
	struct rows rows = {.row = out, .most = most};
	struct waiting_page page = {.queue = queue};

	walk(r, now_ms, &page, list_row, &rows);
	return rows.n;
}
