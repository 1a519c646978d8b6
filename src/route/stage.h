/*
 * route/stage.h - the stages' own functions, for each other: what router.h's commands are
 * made of.
 *
 * A command runs between router_enter and router_leave. It changes the state, puts what
 * is to be said on a step, and hands the step to the store; router_leave carries out the
 * effects of steps committed meanwhile.
 */
#ifndef USHER_ROUTE_STAGE_H
#define USHER_ROUTE_STAGE_H

#include "route/state.h"

/* ---- commit.c: steps and what follows them ---- */

void router_enter(struct router *r, int64_t now_ms);
void router_leave_command(struct router *r);

struct step *step_begin(struct router *r, enum step_kind kind, int64_t now_ms);
/* The contact's place among the step's parts; its record is packed when the step is
 * committed. */
void step_contact(struct router *r, struct step *step, struct contact *c);
void step_agent(struct router *r, struct step *step, struct agent *a);
/* One event, once the step is committed. The pointer may be refined until then. */
struct effect *step_event(struct step *step, enum event_kind kind,
	const struct contact *c, const struct agent *a);
void effect_reason(struct effect *e, const char *reason); /* copies */
void step_reply(struct step *step, struct reply reply, const struct contact *c);
void step_commit(struct router *r, struct step *step);
void commit_attach(struct router *r); /* to its store */
void commit_finish(struct router *r);

/* Answers at once: a refusal, or what is known to be committed. */
void reply_now(struct reply reply, enum outcome_kind kind, const char *message,
	uint64_t contact, uint64_t offer);
/* OK, once what is in flight for the contact is committed. */
void reply_after(struct router *r, struct contact *c, struct reply reply);

/* ---- contacts.c: the table, timers ---- */

struct contact *contact_create(struct router *r, uint64_t id);
void contact_destroy(
	struct router *r, struct contact *c); /* out of every list; NULL is fine */
void contact_free(struct contact *c);	      /* its memory alone: the lists go, too */
struct contact *contact_find(const struct router *r, uint64_t id); /* NULL: not live */
void contact_set_state(struct router *r, struct contact *c, enum contact_state state);
void contact_plan(
	struct router *r, struct contact *c, int64_t now_ms); /* sets its next moment */
void contact_unplan(struct router *r, struct contact *c);
void contact_dirty(struct router *r, struct contact *c);
void contact_cool(struct contact *c, int agent, int64_t until_ms);

/* ---- alarms.c ---- */

/* What the store keeps of a queue (-1: of the floor); the caller owns it. */
char *queue_record(const struct router *r, int queue);

/* ---- identify.c: who it is ---- */

struct directory_answer;
/* False: nobody is asked, the contact goes on now. */
bool identify_ask(
	struct router *r, const struct submission *s, int64_t now_ms, struct reply reply);
void identify_learn(
	struct router *r, struct contact *c, const struct directory_answer *answer);
void identify_finish(struct router *r);

/* ---- router.c ---- */

void router_size_queues(struct router *r); /* what is kept by queue, as the centre's */

/* Classified, admitted, stored and matched. Returns its id; 0 when it was refused or was
 * known already. answer NULL: nothing is known. */
uint64_t intake_take(struct router *r, int64_t now_ms, const struct submission *s,
	const struct directory_answer *answer, struct reply reply);

/* ---- classify.c: queue, tier, need, law ---- */

/* Fills queue, tier, points, own, law, T and d of a contact from its submission's fields
 * and the rules. */
enum outcome_kind classify(struct router *r, struct contact *c,
	const struct submission *s, int64_t now_ms, const char **message);
/* The same for a waiting contact after a reload: place and age kept (ROUTING 9). */
void reclassify(struct router *r, struct contact *c, int64_t now_ms);
/* Law and T of its law_queue and tier; d follows T unless it is its own. */
void classify_law(struct router *r, struct contact *c, bool settle_deadline);
/* T by queue and tier (or a rule), law and d after a change; what moved d before stays.
 */
void classify_promise(struct router *r, struct contact *c, int64_t rule_sla_ms);
void classify_need(struct router *r,
	struct contact *c); /* need = own + queue's, then the steps taken */
int64_t open_add_ms(const struct router *r, const struct contact *c, int64_t from_ms,
	int64_t open_ms);
/* When it will have waited so long since t0; time with the customer connected is none. */
int64_t waited_ms_at(const struct router *r, const struct contact *c, int64_t wait_ms);
int64_t open_between_ms(
	const struct router *r, const struct contact *c, int64_t a_ms, int64_t b_ms);

/* ---- wait.c: into and out of classes, steps, what time changes ---- */

void wait_enter(struct router *r, struct contact *c,
	int64_t now_ms); /* state queued or scheduled */
void wait_leave(struct router *r, struct contact *c);
void wait_relane(struct router *r, struct contact *c,
	int64_t now_ms); /* its class may be another one now */
void wait_advance(
	struct router *r, int64_t now_ms); /* eligibility as of now, nothing matched */
/* Steps that nobody logged in makes senseless are skipped (ROUTING 9); after logins and
 * logouts. */
void wait_skip_steps(struct router *r, int64_t now_ms);
/* Contacts held for this agent (affinity) may go to anybody, unless he is still worth
 * waiting for. */
void wait_release_holds(struct router *r, const struct agent *a, int64_t now_ms);
int wait_overflow_to(
	const struct router *r, const struct contact *c); /* queue; -1: none is left */
void wait_overflow(struct router *r, struct contact *c, int64_t now_ms);
void wait_remember(
	struct router *r, const struct contact *c, int64_t waited_ms); /* for estimates */
void wait_remember_handle(struct router *r, const struct contact *c, int64_t handle_ms);

/* ---- match.c ---- */

bool match_contact(struct router *r, struct contact *c, int64_t now_ms, struct step *add,
	const char *trigger);
void match_agent(struct router *r, struct agent *a, int64_t now_ms, const char *trigger);
void match_held_back(struct router *r,
	int64_t now_ms); /* deferrable heads that the reserve may let go now */
void match_held_back_for(struct router *r, const struct agent *a, int64_t now_ms);
void match_dirty(struct router *r, int64_t now_ms);

/* ---- offer.c ---- */

/* Makes the offer; `add` is the uncommitted step of a new contact to join, or NULL. */
void offer_make(struct router *r, struct contact *c, struct agent *a, bool parks,
	int64_t now_ms, struct step *add, const char *why);
/* Ends an open offer: agent freed, the contact left without place; the caller says what
 * comes next. */
void offer_end(struct router *r, struct contact *c, enum offer_state how, int64_t now_ms);
void offer_timed_out(struct router *r, struct contact *c, int64_t now_ms);
/* Offer ended, contact back at its old place; both sides are matched again. fault: the
 * agent becomes not ready with this reason in the same step; NULL: he does not. */
void offer_back(struct router *r, struct contact *c, enum offer_state how,
	const char *reason, const char *fault, int64_t now_ms, struct reply reply);
/* Its agent has it now. */
void offer_accept(
	struct router *r, struct contact *c, int64_t now_ms, struct reply reply);

/* ---- carry.c ---- */

/* The telephone accepts its offers, and the dial result ends them. */
bool carry_rings(const struct router *r, const struct contact *c);
int64_t carry_due_ms(const struct contact *c); /* of its open offer */
void carry_overdue(struct router *r, struct contact *c, int64_t now_ms);
/* It is not offered but dialled, now that an agent could take it: true. add: as for
 * match_contact. */
bool carry_summons(struct router *r, struct contact *c, int64_t now_ms, struct step *add);
bool carry_holds(const struct agent *a); /* he talks */

/* ---- work.c ---- */

void work_finish(struct router *r, struct contact *c, enum contact_state end,
	const char *reason, int64_t now_ms, struct reply reply);
/* Ends the present stretch of connected time; returns its length. What of it was open
 * time is owed to the deadline. */
int64_t work_end_connection(struct router *r, struct contact *c, int64_t now_ms);
void work_requeue(struct router *r, struct contact *c, int64_t now_ms, struct reply reply,
	enum event_kind kind, const char *reason);
void work_park_for(struct router *r, struct step *step, struct agent *a,
	struct contact *by, int need_pts, int64_t now_ms);
/* The contact that parked them was not taken by the store: they never were parked. */
void work_unpark_for(struct router *r, struct agent *a, uint64_t by, int64_t now_ms);
void work_resume_parked(struct router *r, struct agent *a, int64_t now_ms);
void work_due(struct router *r, struct contact *c, int64_t now_ms);

/* ---- agents.c ---- */

struct agent *agent_at(struct router *r, int index); /* NULL: no such agent */
void agent_hold(struct router *r, struct agent *a, struct contact *c,
	int64_t now_ms); /* takes its cost */
/* A contact that he holds gets another state: what it takes of him follows. */
void agent_turn(
	struct router *r, struct agent *a, struct contact *c, enum contact_state state);
/* May more urgent work of its agent park it? */
bool agent_may_park(const struct router *r, const struct contact *c);
void agent_release(struct router *r, struct agent *a, struct contact *c,
	int64_t now_ms); /* gives it back */
/* Anew whether he takes work that cannot wait (`takes_live`), for the reserve; not
 * counted as idle until agent_settle(). */
void agent_judge_live(struct router *r, struct agent *a);
void agent_settle(struct router *r, struct agent *a,
	int64_t now_ms); /* room, idle, pending state, after any change */
void agent_set(struct router *r, struct agent *a, enum agent_state state,
	const char *reason, int64_t now_ms, struct reply reply);
void agent_log_in(struct router *r, struct agent *a, int64_t now_ms);
/* Wrap-ups end, other work goes back to its place; the reply follows the commit. */
void agent_log_out(struct router *r, struct agent *a, int64_t now_ms, const char *reason,
	struct reply reply);
/* Open offers of an agent who takes nothing now go to somebody else. */
void agent_withdraw_offers(
	struct router *r, struct agent *a, const char *reason, int64_t now_ms);
void agent_configure(struct router *r,
	struct agent *a); /* skills, capacity, channels as they hold now */
void agents_count_skilled(struct router *r);
void agents_configure(struct router *r, int64_t now_ms);
void agents_tick(struct router *r, int64_t now_ms); /* desktops lost too long */
void agents_finish(struct router *r);
/* What an agent's freed room is used for: parked work, then new offers, then held-back
 * heads. */
void agent_freed(struct router *r, struct agent *a, int64_t now_ms, const char *trigger);

/* ---- estimate.c ---- */

int64_t estimate_wait_ms(struct router *r, const struct contact *c,
	int64_t now_ms); /* newcomer's; -1 unknown */

/* ---- admit.c ---- */

enum outcome_kind admit(
	struct router *r, const struct contact *c, int64_t now_ms, const char **message);

/* ---- describe.c ---- */

/* A contact as people and programs see it; flags: enum describe. The caller's. */
json_t *describe_contact(
	struct router *r, int64_t now_ms, const struct contact *c, unsigned flags);

#endif
