/* tests/flow/store_load.c - what the Redis store reads back: everything, once, and in its
 * right place. With the argument "cluster": on a cluster of one node. */
#include "store_support.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define T "usher:{t}:"

struct dump {
	int n;
	char line[400][200];
};

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
add_line(struct dump *d, const char *a, const char *b, const char *c, const char *e)
{
	if (d->n == 400)
		fail_msg("too much");
	snprintf(d->line[d->n++], sizeof d->line[0], "%s|%s|%s|%s", a, b, c, e);
}

static bool
dump_contact(void *owner, const struct stored_contact *found)
{
	char text[120];

	snprintf(text, sizeof text, "%" PRIu64 " %s %s", found->contact,
		contact_state_name[found->state],
		found->class_key != NULL ? found->class_key : "-");
	add_line(owner, text, found->record, found->payload,
		found->n_decisions > 0 ? found->decisions[found->n_decisions - 1] : "-");
	return true;
}

static bool
dump_record(void *owner, const char *id, const char *record)
{
	add_line(owner, id, record, "", "");
	return true;
}

static void
dump_begin(struct dump *d, struct store_load *load)
{
	d->n = 0;
	*load = (struct store_load){dump_contact, dump_record, dump_record, d};
}

static void
dump_end(struct dump *d)
{
	qsort(d->line, (size_t)d->n, sizeof d->line[0], by_text);
}

static void
same_dump(const struct dump *a, const struct dump *b)
{
	assert_int_equal(a->n, b->n);
	for (int i = 0; i < a->n; i++)
		assert_string_equal(a->line[i], b->line[i]);
}

static void
no_effects(void *router USHER_UNUSED, struct step *step USHER_UNUSED,
	enum step_result result, uint64_t existing USHER_UNUSED)
{
	assert_int_equal(result, STEP_COMMITTED);
}

/* Hands the same steps to Redis and to memory, which says what must be there. */
static void
commit_both(struct side *side, struct store *memory, struct step *step)
{
	struct step *copy = xcalloc(1, sizeof *copy);

	*copy = *step;
	copy->event = NULL;
	for (int i = 0; i < step->n_parts; i++) {
		const struct step_part *from = &step->part[i];
		struct step_part *to = &copy->part[i];

		to->record = xstrdup(from->record);
		to->payload = xstrdup(from->payload);
		to->from_class = xstrdup(from->from_class);
		to->to_class = xstrdup(from->to_class);
		to->external = xstrdup(from->external);
		to->decision = xstrdup(from->decision);
	}
	for (int i = 0; i < step->n_agents; i++) {
		copy->agent[i].id = xstrdup(step->agent[i].id);
		copy->agent[i].record = xstrdup(step->agent[i].record);
	}
	memory->commit(memory, copy);
	commit(side, step);
}

static const char *const class_names[] = {"a", "b:c", "d e"};

/* A random step that fits what the contact is; *place: its class, or NULL. */
static struct step *
random_step(struct side *side, uint64_t id, enum contact_state *is, const char **place)
{
	const char *to = class_names[rand() % 3];
	enum contact_state next;
	enum step_kind kind;
	struct step *step;
	struct step_part *p;

	if (*is == CONTACT_NEW) {
		kind = rand() % 2 ? STEP_ADD : STEP_ADD_OFFER;
		next = kind == STEP_ADD_OFFER ? CONTACT_OFFERED
		       : rand() % 4	      ? CONTACT_QUEUED
					      : CONTACT_SCHEDULED;
	} else if (*is == CONTACT_QUEUED) {
		kind = (enum step_kind[]){
			STEP_OFFER, STEP_MOVE, STEP_MOVE, STEP_FINISH}[rand() % 4];
		next = kind == STEP_OFFER  ? CONTACT_OFFERED
		       : kind == STEP_MOVE ? CONTACT_QUEUED
					   : CONTACT_ABANDONED;
	} else if (*is == CONTACT_SCHEDULED) {
		kind = STEP_MOVE;
		next = CONTACT_QUEUED;
	} else if (*is == CONTACT_OFFERED) {
		kind = rand() % 2 ? STEP_BACK : STEP_CONNECT;
		next = kind == STEP_BACK ? CONTACT_QUEUED : CONTACT_CONNECTED;
	} else {
		kind = rand() % 3 ? STEP_HOLD : STEP_FINISH;
		next = kind == STEP_FINISH ? CONTACT_COMPLETED
		       : rand() % 2	   ? CONTACT_PARKED
					   : CONTACT_WRAPUP;
	}
	step = a_step(side, kind);
	p = a_part(step, id, *is == CONTACT_NEW ? 0 : IN(*is), next, *place,
		next == CONTACT_QUEUED ? to : NULL, 1.79e12 + rand() % 1000);
	if (kind == STEP_OFFER || kind == STEP_ADD_OFFER) {
		p->decision = xasprintf("decision of %" PRIu64, step->op);
		p->n_decisions = 1;
	}
	if (rand() % 3 == 0)
		an_agent(step, rand() % 2 ? "ann" : "bob", p->record);
	*place = next == CONTACT_QUEUED ? to : NULL;
	*is = next;
	return step;
}

static void
what_is_loaded_is_what_was_committed(void **state)
{
	struct rig *rig = *state;
	struct side *side = side_begin(rig, NULL);
	struct store *memory = store_memory_create(false);
	struct dump expected, got;
	struct store_load load;
	struct store_loaded figures;
	enum contact_state is[201] = {CONTACT_NEW};
	const char *place[201] = {NULL}, *what = "";
	int steps = 0;

	memory->done = no_effects;
	wait_ready(side);
	for (int i = 0; i < 700; i++) {
		uint64_t id = 1 + (uint64_t)(rand() % 200);

		if (contact_is_over(is[id]))
			continue;
		commit_both(side, memory, random_step(side, id, &is[id], &place[id]));
		steps++;
	}
	if (store_memory_wrong(memory, &what) != 0)
		fail_msg("%s", what);
	wait_answers(side, steps);
	dump_begin(&expected, &load);
	store_memory_load(memory, &load, &figures);
	dump_end(&expected);
	assert_true(figures.contacts > 20);
	/* A crash of everything, then a new router on the same log. */
	kill(store_redis_server_pid(side->redis), SIGKILL);
	side_finish(side);
	side = side_begin(rig, NULL);
	wait_ready(side);
	dump_begin(&got, &load);
	load_into(side, &load);
	dump_end(&got);
	same_dump(&expected, &got);
	assert_int_equal(side->loaded.contacts, figures.contacts);
	assert_int_equal(side->loaded.agents, figures.agents);
	assert_int_equal(side->loaded.repaired, 0);
	store_memory_destroy(memory);
}

static bool
count_contact(void *owner, const struct stored_contact *found)
{
	++*(int *)owner;
	return found->contact != 17; /* one cannot be read */
}

static bool
take_any(void *owner USHER_UNUSED, const char *id USHER_UNUSED,
	const char *record USHER_UNUSED)
{
	return true;
}

static void
a_large_queue_is_loaded_whole(void **state)
{
	struct rig *rig = *state;
	struct side *side = side_begin(rig, NULL);
	int count = 0;
	struct store_load load = {count_contact, take_any, take_any, &count};

	wait_ready(side);
	for (uint64_t id = 1; id <= 6100; id++)
		do_add(side, id, id > 5000 ? "small" : "large", NULL);
	wait_answers(side, 6100);
	side_end(side);
	side = side_begin(rig, NULL);
	wait_ready(side);
	load_into(side, &load);
	assert_int_equal(count, 6100);
	assert_int_equal(side->loaded.contacts, 6100);
	assert_int_equal(side->loaded.unreadable, 1);
	assert_int_equal(side->loaded.repaired, 0);
}

static void
misplaced_contacts_are_put_right(void **state)
{
	struct rig *rig = *state;
	struct side *side = side_begin(rig, NULL);
	struct dump got;
	struct store_load load;

	wait_ready(side);
	do_add(side, 1, "a", NULL);
	do_add(side, 2, "a", NULL);
	do_add(side, 3, "b", NULL);
	do_add_offer(side, 4, NULL);
	do_add_offer(side, 5, NULL);
	do_add(side, 6, "a", NULL);
	wait_answers(side, 6);
	look(rig, "DEL %s", contact_key(1));	    /* in a set, but not there */
	look(rig, "ZADD " T "q:b 5 c000000000002"); /* in two sets */
	look(rig, "ZREM " T "held c000000000004");  /* lives, is in none */
	look(rig, "ZREM " T "held c000000000005");  /* is in the wrong one */
	look(rig, "ZADD " T "q:a 5 c000000000005");
	look(rig, "ZREM " T "q:a c000000000006"); /* waits, is in none */
	side_end(side);
	side = side_begin(rig, NULL);
	wait_ready(side);
	dump_begin(&got, &load);
	load_into(side, &load);
	assert_int_equal(got.n, 5);
	assert_int_equal(side->loaded.contacts, 5);
	assert_int_equal(side->loaded.repaired, 6);
	run_ms(rig, 100);
	assert_int_equal(
		look_int(rig, "ZCARD " T "q:a") + look_int(rig, "ZCARD " T "q:b"),
		2);					       /* 2 and 3 */
	assert_int_equal(look_int(rig, "ZCARD " T "held"), 3); /* 4, 5, 6 */
	/* The router moves 6 from among those held to its class. */
	{
		struct step *step = a_step(side, STEP_MOVE);

		a_part(step, 6, IN(CONTACT_QUEUED), CONTACT_QUEUED, NULL, "a", 1);
		commit(side, step);
		wait_answers(side, 1);
	}
	side_end(side);
	side = side_begin(rig, NULL);
	wait_ready(side);
	dump_begin(&got, &load);
	load_into(side, &load);
	assert_int_equal(side->loaded.contacts, 5);
	assert_int_equal(side->loaded.repaired, 0);
}

static bool fetched;
static char fetched_text[200];

static void
on_fetch(void *owner USHER_UNUSED, const struct stored_contact *found, bool away)
{
	fetched = true;
	snprintf(fetched_text, sizeof fetched_text, "%s",
		found == NULL ? away ? "away" : "none"
			      : contact_state_name[found->state]);
	if (found != NULL && found->n_decisions > 0)
		strcat(fetched_text, found->decisions[0]);
}

static void
one_contact_is_fetched_finished_or_not(void **state)
{
	struct rig *rig = *state;
	struct side *side = side_begin(rig, NULL);
	struct store *store = store_redis_door(side->redis);

	wait_ready(side);
	do_add_offer(side, 1, NULL);
	do_connect(side, 1);
	do_finish(side, 1, NULL);
	wait_answers(side, 3);
	store->fetch(store, 1, on_fetch, NULL);
	wait_for(rig, &fetched);
	assert_string_equal(fetched_text, "completedbecause");
	fetched = false;
	store->fetch(store, 2, on_fetch, NULL);
	wait_for(rig, &fetched);
	assert_string_equal(fetched_text, "none");
}

/* Whoever takes that for "unknown" tells a lie. */
static void
a_fetch_that_redis_did_not_answer_says_that_it_was_away(void **state)
{
	struct rig *rig = *state;
	struct side *side = side_begin(rig, NULL);
	struct store *store = store_redis_door(side->redis);
	pid_t server;

	wait_ready(side);
	server = store_redis_server_pid(side->redis);
	if (server == 0)
		skip(); /* it is not ours to kill */
	do_add_offer(side, 1, NULL);
	do_connect(side, 1);
	do_finish(side, 1, NULL);
	wait_answers(side, 3);
	assert_int_equal(kill(server, SIGSTOP), 0);
	fetched = false;
	store->fetch(store, 1, on_fetch, NULL);
	assert_int_equal(kill(server, SIGKILL), 0);
	wait_for(rig, &fetched);
	assert_string_equal(fetched_text, "away");
	side->is_up = false;
	wait_for(rig, &side->is_up);
	fetched = false;
	store->fetch(store, 1, on_fetch, NULL);
	wait_for(rig, &fetched);
	assert_string_equal(fetched_text, "completedbecause");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_begin, rig_end)
		TEST(what_is_loaded_is_what_was_committed),
		TEST(a_large_queue_is_loaded_whole),
		TEST(misplaced_contacts_are_put_right),
		TEST(one_contact_is_fetched_finished_or_not),
		TEST(a_fetch_that_redis_did_not_answer_says_that_it_was_away),
	};

	in_cluster = argc > 1 && strcmp(argv[1], "cluster") == 0;
	srand(20261122);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
