/* tests/unit/test_store_memory.c - the store in memory holds what steps say, and refuses
 * what does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "route/store.h"

#define IN(state) (1u << (state))
#define ANSWERS_MAX 64

struct rig {
	struct store *store;
	uint64_t op;
	int64_t now_ms;
	int n;
	struct {
		uint64_t op, existing;
		enum step_result result;
	} answer[ANSWERS_MAX];
	void (*then)(struct rig *rig, const struct step *step);
};

static void
on_done(void *router, struct step *step, enum step_result result, uint64_t existing)
{
	struct rig *rig = router;

	rig->answer[rig->n].op = step->op;
	rig->answer[rig->n].existing = existing;
	rig->answer[rig->n++].result = result;
	if (rig->then != NULL)
		rig->then(rig, step);
}

static struct rig
rig_of(bool later)
{
	return (struct rig){.store = store_memory_create(later), .now_ms = 1000};
}

static void
attach(struct rig *rig)
{
	rig->store->done = on_done;
	rig->store->router = rig;
}

static struct step *
a_step(struct rig *rig, enum step_kind kind, uint64_t contact, unsigned expect,
	enum contact_state state, const char *from, const char *to)
{
	struct step *step = xcalloc(1, sizeof *step);

	step->kind = kind;
	step->op = ++rig->op;
	step->at_ms = rig->now_ms;
	step->keep_ms = 100;
	step->external_ttl_ms = 500;
	step->n_parts = 1;
	step->part[0] = (struct step_part){.contact = contact,
		.expect = expect,
		.state = state,
		.record = xstrdup("r"),
		.payload = expect == 0 ? xstrdup("p") : NULL,
		.from_class = xstrdup(from),
		.to_class = xstrdup(to),
		.key = 5};
	return step;
}

static void
commit(struct rig *rig, struct step *step)
{
	rig->store->commit(rig->store, step);
}

static enum step_result
last(const struct rig *rig)
{
	return rig->answer[rig->n - 1].result;
}

static void
add(struct rig *rig, uint64_t contact, const char *class, const char *external)
{
	struct step *step =
		a_step(rig, STEP_ADD, contact, 0, CONTACT_QUEUED, NULL, class);

	step->part[0].external = xstrdup(external);
	commit(rig, step);
}

static char seen[200];

static void
note(void *owner, const struct stored_contact *found, bool away)
{
	assert_false(away);
	if (found == NULL) {
		strcpy(seen, "none");
		return;
	}
	snprintf(seen, sizeof seen, "%s %s %s %s", contact_state_name[found->state],
		found->record, found->payload,
		found->n_decisions > 0 ? found->decisions[found->n_decisions - 1] : "-");
}

static void
a_life_is_kept_and_forgotten(void **state)
{
	struct rig rig = rig_of(false);
	struct step *step;

	attach(&rig);
	add(&rig, 1, "k", "web a");
	assert_string_equal(store_memory_class(rig.store, 1), "k");
	step = a_step(
		&rig, STEP_OFFER, 1, IN(CONTACT_QUEUED), CONTACT_OFFERED, "k", NULL);
	step->part[0].decision = xstrdup("why");
	step->part[0].n_decisions = 1;
	commit(&rig, step);
	assert_null(store_memory_class(rig.store, 1));
	commit(&rig, a_step(&rig, STEP_CONNECT, 1, IN(CONTACT_OFFERED), CONTACT_CONNECTED,
			     NULL, NULL));
	commit(&rig, a_step(&rig, STEP_FINISH, 1, IN(CONTACT_CONNECTED),
			     CONTACT_COMPLETED, NULL, NULL));
	assert_int_equal(last(&rig), STEP_COMMITTED);
	rig.store->fetch(rig.store, 1, note, NULL);
	assert_string_equal(seen, "completed r p why");
	add(&rig, 2, "k", "web a");
	assert_int_equal(last(&rig), STEP_DUPLICATE);
	assert_int_equal(rig.answer[rig.n - 1].existing, 1);
	/* Its time over, the contact goes; its external id is known for longer. */
	rig.now_ms += 100;
	add(&rig, 3, "k", "web a");
	assert_int_equal(last(&rig), STEP_DUPLICATE);
	rig.store->fetch(rig.store, 1, note, NULL);
	assert_string_equal(seen, "none");
	rig.now_ms += 400;
	add(&rig, 4, "k", "web a");
	assert_int_equal(last(&rig), STEP_COMMITTED);
	assert_int_equal(store_memory_wrong(rig.store, NULL), 0);
	store_memory_destroy(rig.store);
}

static void
what_does_not_fit_is_refused_and_counted(void **state)
{
	static const struct {
		enum step_kind kind;
		uint64_t contact;
		unsigned expect;
		enum contact_state state;
		const char *from, *to, *why;
	} cases[] = {
		{STEP_OFFER, 1, IN(CONTACT_OFFERED), CONTACT_OFFERED, "k", NULL,
			"another state"},
		{STEP_OFFER, 1, IN(CONTACT_QUEUED), CONTACT_OFFERED, NULL, NULL,
			"another class"},
		{STEP_OFFER, 1, IN(CONTACT_QUEUED), CONTACT_OFFERED, "other", NULL,
			"another class"},
		{STEP_OFFER, 1, IN(CONTACT_QUEUED), CONTACT_OFFERED, "k", "k",
			"without waiting"},
		{STEP_MOVE, 1, IN(CONTACT_QUEUED), CONTACT_QUEUED, "k", NULL,
			"without a class"},
		{STEP_HOLD, 1, IN(CONTACT_QUEUED), CONTACT_COMPLETED, "k", NULL,
			"an end outside"},
		{STEP_FINISH, 1, IN(CONTACT_QUEUED), CONTACT_OFFERED, "k", NULL,
			"finish without"},
		{STEP_OFFER, 9, IN(CONTACT_QUEUED), CONTACT_OFFERED, "k", NULL,
			"no such contact"},
		{STEP_ADD, 1, 0, CONTACT_QUEUED, NULL, "k", "there already"},
		{STEP_ADD, 2, 0, CONTACT_QUEUED, "k", "k", "from anywhere"},
		{STEP_AGENT, 1, IN(CONTACT_QUEUED), CONTACT_QUEUED, "k", "k",
			"agents only"},
		{STEP_FINISH, 7, IN(CONTACT_COMPLETED), CONTACT_ABANDONED, NULL, NULL,
			"is over"},
	};
	struct rig rig = rig_of(false);
	const char *why = "";

	attach(&rig);
	add(&rig, 1, "k", NULL);
	add(&rig, 7, "k", NULL);
	commit(&rig, a_step(&rig, STEP_FINISH, 7, IN(CONTACT_QUEUED), CONTACT_ABANDONED,
			     "k", NULL));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		commit(&rig,
			a_step(&rig, cases[i].kind, cases[i].contact, cases[i].expect,
				cases[i].state, cases[i].from, cases[i].to));
		assert_int_equal(last(&rig), STEP_REFUSED);
		assert_int_equal(store_memory_wrong(rig.store, &why), i + 1);
		if (strstr(why, cases[i].why) == NULL)
			fail_msg("case %zu: %s", i, why);
	}
	rig.store->fetch(rig.store, 1, note, NULL);
	assert_string_equal(seen, "queued r p -");
	rig.op = 3; /* an op id that was there */
	add(&rig, 20, "k", NULL);
	assert_int_equal(last(&rig), STEP_REFUSED);
	store_memory_destroy(rig.store);
}

static void
a_deadline_must_be_a_number(void **state)
{
	struct rig rig = rig_of(false);
	struct step *step;

	attach(&rig);
	step = a_step(&rig, STEP_ADD, 1, 0, CONTACT_QUEUED, NULL, "k");
	step->part[0].key = NAN;
	commit(&rig, step);
	assert_int_equal(last(&rig), STEP_REFUSED);
	store_memory_destroy(rig.store);
}

/* All parts or none. */
static void
parts_go_together(void **state)
{
	struct rig rig = rig_of(false);

	attach(&rig);
	add(&rig, 1, "k", NULL);
	add(&rig, 2, "k", NULL);
	for (int fits = 0; fits <= 1; fits++) {
		struct step *step = a_step(&rig, STEP_OFFER, 1, IN(CONTACT_QUEUED),
			CONTACT_OFFERED, "k", NULL);

		step->n_parts = 2;
		step->part[1] = (struct step_part){.contact = 2,
			.expect = fits ? IN(CONTACT_QUEUED) : IN(CONTACT_PARKED),
			.state = CONTACT_OFFERED,
			.record = xstrdup("r"),
			.from_class = xstrdup("k")};
		commit(&rig, step);
		assert_int_equal(last(&rig), fits ? STEP_COMMITTED : STEP_REFUSED);
		rig.store->fetch(rig.store, 1, note, NULL);
		assert_string_equal(seen, fits ? "offered r p -" : "queued r p -");
	}
	store_memory_destroy(rig.store);
}

static void
add_another(struct rig *rig, const struct step *step)
{
	if (step->part[0].contact < 20000)
		add(rig, step->part[0].contact + 1, "k", NULL);
	rig->n = 0;
}

static void
steps_made_within_an_answer_come_after_it(void **state)
{
	struct rig rig = rig_of(false);

	attach(&rig);
	rig.then = add_another; /* 20,000 deep, were it a recursion */
	add(&rig, 1, "k", NULL);
	rig.store->fetch(rig.store, 20000, note, NULL);
	assert_string_equal(seen, "queued r p -");
	store_memory_destroy(rig.store);
}

static void
later_means_when_it_is_run(void **state)
{
	struct rig rig = rig_of(true);

	attach(&rig);
	add(&rig, 1, "k", NULL);
	add(&rig, 2, "k", NULL);
	assert_int_equal(rig.n, 0);
	store_memory_run(rig.store);
	assert_int_equal(rig.n, 2);
	assert_true(rig.answer[0].op < rig.answer[1].op);
	add(&rig, 3, "k", NULL);
	store_memory_crash(rig.store);
	store_memory_run(rig.store);
	assert_int_equal(rig.n, 2);
	rig.store->fetch(rig.store, 3, note, NULL);
	assert_string_equal(seen, "none");
	store_memory_destroy(rig.store);
}

static void
simulations_may_forget_at_once(void **state)
{
	struct rig rig = rig_of(false);

	attach(&rig);
	store_memory_forget(rig.store, true);
	add(&rig, 1, "k", NULL);
	commit(&rig, a_step(&rig, STEP_FINISH, 1, IN(CONTACT_QUEUED), CONTACT_ABANDONED,
			     "k", NULL));
	add(&rig, 2, "k", NULL);
	rig.store->fetch(rig.store, 1, note, NULL);
	assert_string_equal(seen, "none");
	store_memory_destroy(rig.store);
}

static bool
refuse_contact(void *owner, const struct stored_contact *found)
{
	assert_string_equal(found->class_key, "k");
	return found->contact == 1;
}

static bool
take_record(void *owner, const char *id, const char *record)
{
	assert_string_equal(id, "ann");
	assert_string_equal(record, "new");
	return true;
}

static void
live_contacts_and_newest_records_are_loaded(void **state)
{
	struct rig rig = rig_of(false);
	struct store_load load = {refuse_contact, take_record, take_record, NULL};
	struct store_loaded loaded;

	attach(&rig);
	for (uint64_t id = 1; id <= 3; id++)
		add(&rig, id, "k", NULL);
	commit(&rig, a_step(&rig, STEP_FINISH, 3, IN(CONTACT_QUEUED), CONTACT_CANCELLED,
			     "k", NULL));
	for (int i = 0; i < 2; i++) {
		struct step *step =
			a_step(&rig, STEP_AGENT, 1, 0, CONTACT_NEW, NULL, NULL);

		free(step->part[0].record);
		free(step->part[0].payload);
		step->n_parts = 0;
		step->n_agents = 1;
		step->agent[0] = (struct step_agent){
			xstrdup("ann"), xstrdup(i == 0 ? "old" : "new")};
		commit(&rig, step);
	}
	store_memory_load(rig.store, &load, &loaded);
	assert_int_equal(loaded.contacts, 2);
	assert_int_equal(loaded.agents, 1);
	assert_int_equal(loaded.queues, 0);
	assert_int_equal(loaded.unreadable, 1);
	store_memory_destroy(rig.store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_life_is_kept_and_forgotten),
		cmocka_unit_test(what_does_not_fit_is_refused_and_counted),
		cmocka_unit_test(a_deadline_must_be_a_number),
		cmocka_unit_test(parts_go_together),
		cmocka_unit_test(steps_made_within_an_answer_come_after_it),
		cmocka_unit_test(later_means_when_it_is_run),
		cmocka_unit_test(simulations_may_forget_at_once),
		cmocka_unit_test(live_contacts_and_newest_records_are_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
