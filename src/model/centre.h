/*
 * model/centre.h - one version of a centre's settings, compiled: what may be routed, to
 * whom, under which law.
 *
 * Made by control/config from YAML, immutable afterwards, held by reference count. Every
 * list is index-stable over reloads: a name keeps its index for the life of the process;
 * a removed entry stays with `removed` set and its old settings, takes nothing new and
 * drains (CONTRACTS 8.7). Times in ms, values as named. Index -1: none.
 */
#ifndef USHER_MODEL_CENTRE_H
#define USHER_MODEL_CENTRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "model/calendar.h"
#include "model/rule.h"

#define CENTRE_LIST_MAX 4096 /* queues, channels, tiers, skills, calendars or teams */
#define CENTRE_AGENTS_MAX 50000
#define REQUIRE_MAX 16	   /* skills a contact may require */
#define STEPS_MAX 10	   /* relaxation steps of a queue (FEATURES C8) */
#define ADDED_TEAMS_MAX 10 /* teams that all steps of a queue add */
#define SKILL_LEVEL_MAX 10
#define COST_MAX 10000 /* capacity points */

/* A required or held skill; lists of them are sorted by skill. level 1..10. */
struct skill_level {
	int skill;
	int level;
};

struct require {
	int n;
	struct skill_level skill[REQUIRE_MAX];
};

/* The law's numbers for a class (ROUTING 2). half_life is the centre's. */
struct law {
	double late_weight; /* e, > 0 .. 1 */
	double second;	    /* m, x T, >= 1 */
	double ageing_ms;   /* A, > 0; may be below one ms */
};

/* Laws for comparison live beside ours (ROUTING 8): the simulator and the benchmark show
 * what a choice costs. */
enum law_kind {
	LAW_DPV,
	LAW_FCFS,
	LAW_STRICT_TIER,
	LAW_FIXED_PRIORITY,
	LAW_QUEUE_WEIGHTS,
	LAW_APQ,
	LAW_EDF
};

enum strategy {
	STRATEGY_LONGEST_IDLE,
	STRATEGY_RANKED,
	STRATEGY_LEAST_OCCUPIED,
	STRATEGY_MOST_SKILLED,
	STRATEGY_LEAST_SKILLED,
	STRATEGY_ROUND_ROBIN,
	STRATEGY_FEWEST_CONTACTS,
};

struct channel {
	char *name;
	bool removed;
	bool recalled; /* it was removed before this process began, which knows its name
			  alone: what its contacts were promised stays */
	int cost_pts;  /* 0..COST_MAX of an agent's capacity */
	int64_t offer_timeout_ms;
	int64_t wrapup_ms;     /* 0: none */
	int64_t wrapup_cap_ms; /* the longest that an agent may ask for */
	int64_t sla_ms;	       /* T where the queue names none */
	int64_t resolve_ms;    /* until it is completed, likewise; 0: no promise */
	int calendar;	       /* open time in which the SLA runs; -1: always */
	bool interruptible;    /* may be parked by a contact that is not */
	bool deferrable;       /* held back by the reserve; not "live" */
	bool dial_first;   /* its turn is to be dialled, not to be offered (callbacks) */
	bool accept_first; /* the desktop answers before the device rings (voice) */
};

struct tier {
	char *name;
	bool removed;
	double value;	    /* V, > 0 */
	double from_points; /* customer's value points from which the tier holds; NAN: by
			       rule only */
	bool never_demoted; /* after settling "without any flag the last of several"
			       (ROUTING 9) */
};

struct team {
	char *name;
	bool removed;
	int n_supervisors;
	char **supervisors; /* account names */
};

struct relax_step {
	int64_t after_ms;     /* from t0, in open time */
	struct require lower; /* levels become at most these */
	int n_drop, drop[REQUIRE_MAX];
	int n_add, add[ADDED_TEAMS_MAX]; /* teams */
};

/* A promise of one channel in a queue: time by tier, -1 where the default holds. */
struct queue_sla {
	int channel;
	int64_t default_ms;
	int n_tiers;
	int64_t *tier_ms; /* by tier index, -1: default_ms */
};

struct queue_limit { /* by channel */
	int channel;
	int64_t ms;
};

struct queue {
	char *name;
	bool removed;
	bool recalled;	/* as a channel's */
	int order;	/* place in the file */
	int n_channels; /* that it takes; 0: all */
	int *channels;
	int n_teams; /* open to; 0: every team */
	int *teams;
	struct require require;
	int n_sla;
	struct queue_sla *sla;
	int n_resolve; /* promised times until completion */
	struct queue_sla *resolve;
	int n_laws; /* by tier index; filled for every tier: override, preset, top tier
		       settled */
	struct law *laws;
	double weight; /* for the queue_weights comparator only; default 1 */
	enum strategy strategy;
	bool scarce_last;
	int reserve; /* R; -1: auto (ROUTING 9) */
	int64_t affinity_ms;
	int64_t target_wait_ms; /* how long a named agent is waited for; then any agent of
				   the queue; 0: for ever */
	int n_steps;
	struct relax_step steps[STEPS_MAX];
	int64_t length_limit; /* waiting contacts; > 0 */
	bool length_given;    /* the settings name it; else it is the default */
	int n_wait_limits;
	struct queue_limit *wait_limits; /* channels not named never expire */
	int n_wrapups;
	struct queue_limit *wrapups; /* wrap-up by channel, above the channel's own */
	int64_t overflow_ms;	     /* 0: none */
	int overflow_to;	     /* queue; -1: none */
	int hours;		     /* calendar of admission; -1: always open */
	bool admit_empty; /* take contacts while nobody who could serve them is logged in
			   */
	int n_alternatives; /* channels named to a customer who is refused, in order */
	int *alternatives;
	bool disposition_required;
	int n_dispositions;
	char **dispositions; /* codes; none: any code is taken */
};

/* How an agent's telephone takes the calls that he is given. */
enum agent_answer {
	ANSWER_AS_SWITCH, /* as the settings of the switch say */
	ANSWER_RING,
	ANSWER_AUTO, /* it is asked to pick up by itself */
};

struct agent_settings {
	char *id;
	char *name; /* owned; "" if none */
	bool removed;
	int order; /* place in the file */
	int team;  /* -1: none */
	int n_skills;
	struct skill_level *skills; /* sorted by skill */
	int capacity_pts;
	int rank;     /* for strategy ranked; lowest first */
	char *device; /* owned; NULL if none */
	enum agent_answer answer;
	int n_channels; /* that he takes; 0: all */
	int *channels;
	int n_costs; /* own costs by channel (ms holds points) */
	struct queue_limit *costs;
};

/* Effects of a rule that fired; of several the highest level, the first queue and the
 * first tier stand. */
struct rule_effect {
	int queue, tier; /* -1: not set */
	struct require require;
	double points;	/* added to the customer's value points */
	int64_t sla_ms; /* -1: not set */
};

struct rule {
	char *name;	   /* "rule 3" where the file gives none; shown by explain */
	char *text;	   /* the expression as written */
	struct expr *when; /* owned; NULL: always */
	struct rule_effect set;
};

/* When supervisors are alarmed, queue by queue; 0: never. */
struct alarm_settings {
	int late, forecast, waiting; /* contacts past their deadline, foreseen to be, in
					all */
	double service_level;	     /* percent of the last half hour, below which */
	int not_responding;	     /* agents */
	int64_t hold_ms;	     /* so long it must be so before it is raised */
};

struct centre {
	int refs;
	uint64_t version; /* counts up with each reload of this centre; each decision
			     carries it */
	uint32_t digest;  /* of all that the file says, defaults included: the same over
			     restarts */
	char *name;
	char *timezone;
	struct calendar *local; /* owned; tells local time in that zone, has no hours */
	double half_life_ms;	/* H */
	enum law_kind kind;
	double speed; /* of a play; 1 live (CONTRACTS 1): durations, H and A are divided
			 already */

	int n_channels, n_tiers, n_skills, n_calendars, n_teams, n_queues, n_agents,
		n_rules;
	struct channel *channels;
	struct tier *tiers;
	char **skills;
	struct calendar **calendars; /* owned; removed ones stay */
	char **calendar_names;
	struct team *teams;
	struct queue *queues;
	struct agent_settings *agents;
	struct rule *rules;
	int default_queue;
	int default_tier;
	int n_reasons; /* not-ready reasons agents may choose; none: any */
	char **reasons;

	struct map channel_by_name, tier_by_name, skill_by_name, team_by_name,
		queue_by_name, agent_by_id; /* index + 1 */

	struct alarm_settings alarms;

	/* Engine-wide times, ms. */
	int64_t reject_cooldown_ms; /* 10 s */
	int64_t desk_grace_ms;	    /* 120 s */
	int64_t park_limit_ms;	    /* 30 min */
	int64_t keep_finished_ms;   /* 1 h */
	int64_t external_id_ms; /* 7 d: a re-sent intake is known that long after the end
				 */
};

struct centre *centre_ref(struct centre *centre);
void centre_unref(
	struct centre *centre); /* NULL is fine; frees with the last reference */

/* Index by name, -1 when unknown; a removed entry is found too. */
int centre_channel(const struct centre *c, const char *name);
int centre_tier(const struct centre *c, const char *name);
int centre_skill(const struct centre *c, const char *name);
int centre_team(const struct centre *c, const char *name);
int centre_queue(const struct centre *c, const char *name);
int centre_agent(const struct centre *c, const char *id);

/*
 * centre_recall_channel, centre_recall_queue - a removed entry for a name that the file
 * had before this process began: what is left of it drains (CONTRACTS 8.7). Apart from
 * reloads the one change of a centre, and only while the store is loaded, when nobody
 * has sized anything by its lists but the router.
 *
 * A channel costs and takes time as one of which the file says nothing; a queue is open
 * to every team and requires nothing, under the laws of the default queue. Returns the
 * index; -1: not a name, or CENTRE_LIST_MAX are there.
 */
int centre_recall_channel(struct centre *c, const char *name);
int centre_recall_queue(struct centre *c, const char *name);

bool queue_takes(const struct queue *queue, int channel);

/* T in ms for a contact of this queue, channel and tier. */
int64_t queue_sla_ms(
	const struct centre *c, const struct queue *queue, int channel, int tier);
/* Likewise until it is completed; 0: nothing is promised. */
int64_t queue_resolve_ms(
	const struct centre *c, const struct queue *queue, int channel, int tier);
int64_t queue_wrapup_ms(const struct centre *c, const struct queue *queue, int channel);
int64_t queue_wait_limit_ms(
	const struct queue *queue, int channel); /* 0: never expires */

/* Level that must be held; 0 when the skill is not required. */
int require_level(const struct require *r, int skill);
/* Raises (or, with `exact`, sets) the level; keeps the order. False when REQUIRE_MAX is
 * reached. */
bool require_add(struct require *r, int skill, int level, bool exact) USHER_MUST_CHECK;
void require_drop(struct require *r, int skill);
bool require_met(const struct require *r, const struct skill_level *held, int n_held);

#endif
