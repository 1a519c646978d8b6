/* route/record.c - contacts' and agents' routing state as text. */
#include "route/record.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* ---- writing ---- */

static void
put_name(struct text *t, const char *name)
{
	if (t->n > 0)
		text_add_n(t, " ", 1);
	text_add(t, name);
	text_add_n(t, "=", 1);
}

static bool
is_plain(unsigned char c)
{
	return c > 0x20 && c < 0x7f && c != '%' && c != '=';
}

void
record_put_text(struct text *t, const char *name, const char *value)
{
	if (value == NULL)
		return;
	put_name(t, name);
	while (*value != '\0') {
		size_t run = 0;

		while (is_plain((unsigned char)value[run]))
			run++;
		text_add_n(t, value, run);
		value += run;
		if (*value != '\0')
			text_addf(t, "%%%02x", (unsigned char)*value++);
	}
}

static void
put_int(struct text *t, const char *name, int64_t value)
{
	if (value == 0)
		return; /* the default */
	put_name(t, name);
	text_add_int(t, value);
}

static void
put_number(struct text *t, const char *name, double value)
{
	if (isnan(value))
		return;
	put_name(t, name);
	text_add_number(t, value);
}

static void
put_skills(struct text *t, const struct router *r, const char *name,
	const struct skill_level *skill, int n)
{
	if (n == 0)
		return;
	put_name(t, name);
	for (int i = 0; i < n; i++) {
		if (i > 0)
			text_add_n(t, "+", 1);
		text_add(t, r->centre->skills[skill[i].skill]);
		text_add_n(t, ":", 1);
		text_add_int(t, skill[i].level);
	}
}

static const char *
agent_id(const struct router *r, int agent)
{
	return agent >= 0 ? r->centre->agents[agent].id : NULL;
}

static void
put_lists(struct text *t, const struct router *r, const struct contact *c)
{
	const struct centre *s = r->centre;
	char cool[ID_MAX + 32];

	for (int i = 0; i < c->n_teams; i++)
		record_put_text(t, "team", s->teams[c->teams[i]].name);
	for (int i = 0; i < c->n_overflows; i++)
		record_put_text(t, "from", s->queues[c->overflows[i]].name);
	for (int i = 0; i < c->n_cooldowns; i++) {
		snprintf(cool, sizeof cool, "%s:%" PRId64,
			s->agents[c->cooldowns[i].agent].id, c->cooldowns[i].until_ms);
		record_put_text(t, "cool", cool);
	}
}

/* Unknown is the default, so one more is written. */
static void
put_measures(struct text *t, const struct contact *c)
{
	char leg[256];

	put_int(t, "ivr", c->measured.ivr_ms + 1);
	put_int(t, "ring", c->measured.ring_ms + 1);
	put_int(t, "talk", c->measured.talk_ms + 1);
	put_int(t, "hold", c->measured.hold_ms + 1);
	put_int(t, "queued", c->measured.queue_ms + 1);
	put_int(t, "transfers", c->measured.transfers);
	put_int(t, "attempts", c->attempts);
	put_int(t, "attempt_open", c->attempt_open);
	put_int(t, "missed", c->missed);
	record_put_text(t, "number", c->number);
	for (int i = 0; i < c->n_legs; i++) {
		const struct leg_record *l = &c->legs[i];

		snprintf(leg, sizeof leg,
			"%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s|%s|%s",
			l->at_ms, l->ring_ms, l->talk_ms, l->hold_ms, l->agent, l->end,
			l->device);
		record_put_text(t, "leg", leg);
	}
}

char *
record_pack_contact(const struct router *r, const struct contact *c)
{
	const struct centre *s = r->centre;
	struct text t = {0};

	record_put_text(&t, "channel", s->channels[c->channel].name);
	record_put_text(&t, "queue", s->queues[c->queue].name);
	record_put_text(&t, "tier", s->tiers[c->tier].name);
	if (c->law_queue != c->queue)
		record_put_text(&t, "law_queue", s->queues[c->law_queue].name);
	put_int(&t, "t0", c->t0_ms);
	put_int(&t, "d", c->d_ms);
	put_int(&t, "sla", c->sla_ms);
	put_int(&t, "created", c->created_ms);
	put_int(&t, "own_d", c->own_deadline);
	put_int(&t, "fixed", c->fixed_queue + 2 * c->fixed_tier);
	put_int(&t, "party", (int64_t)c->party);
	put_int(&t, "own_pts", c->own_points);
	put_skills(&t, r, "given", c->given.skill, c->given.n);
	if (c->points != 0)
		put_number(&t, "points", c->points);
	if (c->base_points != 0)
		put_number(&t, "base_points", c->base_points);
	put_skills(&t, r, "own", c->own.skill, c->own.n);
	put_int(&t, "step", c->step);
	put_lists(&t, r, c);
	record_put_text(&t, "target", agent_id(r, c->target));
	put_int(&t, "target_until", c->target >= 0 ? c->target_until_ms : 0);
	record_put_text(&t, "last", agent_id(r, c->last_agent));
	put_int(&t, "hold_until", c->hold_until_ms);
	put_int(&t, "eligible", c->eligible_ms);
	put_int(&t, "offer", (int64_t)c->offer);
	put_int(&t, "offered", c->offered_ms);
	record_put_text(&t, "agent", agent_id(r, c->agent));
	put_int(&t, "cost", c->cost_pts);
	put_int(&t, "connected", c->connected_ms);
	put_int(&t, "handled", c->handled_ms);
	put_int(&t, "owed", c->owed_ms);
	put_int(&t, "wrapup", c->wrapup_ms);
	put_int(&t, "wrapup_end", c->wrapup_end_ms);
	put_int(&t, "parked", c->parked_ms);
	put_int(&t, "park_until", c->park_until_ms);
	put_int(&t, "parked_by", (int64_t)c->parked_by);
	put_int(&t, "version", (int64_t)c->version);
	if (c->version == s->version)
		put_int(&t, "under", (int64_t)s->digest);
	put_measures(&t, c);
	record_put_text(&t, "reason", c->end_reason);
	record_put_text(&t, "disposition", c->disposition);
	record_put_text(&t, "currency", c->currency);
	put_number(&t, "amount", c->amount);
	put_number(&t, "satisfaction", c->satisfaction);
	return text_take(&t);
}

uint32_t
record_agent_digest(const struct centre *s, int agent)
{
	const struct agent_settings *a = &s->agents[agent];
	struct text t = {0};
	uint32_t digest;

	text_add_int(&t, a->capacity_pts);
	for (int i = 0; i < a->n_skills; i++)
		text_addf(
			&t, " %s:%d", s->skills[a->skills[i].skill], a->skills[i].level);
	digest = text_digest(t.s, t.n);
	text_finish(&t);
	return digest;
}

char *
record_pack_agent(const struct router *r, const struct agent *a)
{
	struct text t = {0};

	record_put_text(&t, "state", agent_state_name[a->state]);
	if (a->reason[0] != '\0')
		record_put_text(&t, "reason", a->reason);
	if (a->pending)
		record_put_text(&t, "pending", a->pending_reason);
	put_int(&t, "drain", !a->routable);
	put_int(&t, "login", a->login_ms);
	put_int(&t, "since", a->since_ms);
	put_int(&t, "idle", a->idle_since_ms);
	put_int(&t, "busy", a->busy_ms);
	put_int(&t, "handled", (int64_t)a->handled);
	record_put_text(&t, "device", a->device);
	if (a->edited) {
		put_int(&t, "over", a->edited_over);
		put_int(&t, "capacity", a->capacity_pts);
		put_int(&t, "edited", 1);
		put_skills(&t, r, "skills", a->skills, a->n_skills);
	}
	for (int i = 0; i < a->n_channels; i++) {
		char cost[ID_MAX + 16];

		if (a->channel_off[i])
			record_put_text(&t, "off", r->centre->channels[i].name);
		if (a->channel_cost[i] < 0)
			continue;
		snprintf(cost, sizeof cost, "%s:%d", r->centre->channels[i].name,
			a->channel_cost[i]);
		record_put_text(&t, "cost", cost);
	}
	return text_take(&t);
}

/* ---- reading ---- */

struct reader {
	const char *at;
	char name[32];
	char *value; /* owned; room for the whole record */
};

static struct reader
reader_of(const char *record)
{
	return (struct reader){.at = record, .value = xmalloc(strlen(record) + 1)};
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
next_pair(struct reader *p)
{
	size_t n = 0;

	while (*p->at == ' ')
		p->at++;
	if (*p->at == '\0')
		return false;
	while (*p->at != '\0' && *p->at != '=' && *p->at != ' ') {
		if (n + 1 < sizeof p->name)
			p->name[n++] = *p->at;
		p->at++;
	}
	p->name[n] = '\0';
	n = 0;
	if (*p->at == '=')
		p->at++;
	while (*p->at != '\0' && *p->at != ' ') {
		char c = *p->at++;

		if (c == '%' && hex(p->at[0]) >= 0 && hex(p->at[1]) >= 0) {
			c = (char)(hex(p->at[0]) << 4 | hex(p->at[1]));
			p->at += 2;
		}
		p->value[n++] = c;
	}
	p->value[n] = '\0';
	return true;
}

char *
record_get(const char *record, const char *name)
{
	struct reader p = reader_of(record);

	while (next_pair(&p))
		if (strcmp(p.name, name) == 0)
			return p.value;
	free(p.value);
	return NULL;
}

/* "a:5+b:3" into a list; unknown skills are left out. */
static void
read_skills(const struct router *r, char *text, struct require *out)
{
	char *rest = text;

	out->n = 0;
	for (char *one; (one = strsep(&rest, "+")) != NULL;) {
		char *colon = strrchr(one, ':');
		int skill;

		if (colon == NULL)
			continue;
		*colon = '\0';
		skill = centre_skill(r->centre, one);
		if (skill < 0 || !require_add(out, skill, atoi(colon + 1), true))
			log_warn("record: skill left out name=\"%s\"", one);
	}
}

static void
read_cooldown(const struct router *r, char *text, struct contact *c)
{
	char *colon = strrchr(text, ':');
	int agent;

	if (colon == NULL)
		return;
	*colon = '\0';
	agent = centre_agent(r->centre, text);
	if (agent < 0)
		return;
	c->cooldowns = xreallocarray(
		c->cooldowns, (size_t)c->n_cooldowns + 1, sizeof c->cooldowns[0]);
	c->cooldowns[c->n_cooldowns++] =
		(struct cooldown){agent, strtoll(colon + 1, NULL, 10)};
}

static void
read_leg(const char *text, struct contact *c)
{
	struct leg_record l = {.at_ms = 0};
	const char *bar = strchr(text, '|'),
		   *end = bar != NULL ? strchr(bar + 1, '|') : NULL;

	if (end == NULL || c->n_legs == LEGS_KEPT ||
		sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %64[^|]",
			&l.at_ms, &l.ring_ms, &l.talk_ms, &l.hold_ms, l.agent) < 4)
		return;
	snprintf(l.end, sizeof l.end, "%.*s", (int)(end - bar - 1), bar + 1);
	snprintf(l.device, sizeof l.device, "%.64s", end + 1);
	c->legs = xreallocarray(c->legs, (size_t)c->n_legs + 1, sizeof c->legs[0]);
	c->legs[c->n_legs++] = l;
}

static bool
read_measures(const struct reader *p, struct contact *c)
{
	int64_t value = strtoll(p->value, NULL, 10);

	if (strcmp(p->name, "ivr") == 0)
		c->measured.ivr_ms = value - 1;
	else if (strcmp(p->name, "ring") == 0)
		c->measured.ring_ms = value - 1;
	else if (strcmp(p->name, "talk") == 0)
		c->measured.talk_ms = value - 1;
	else if (strcmp(p->name, "hold") == 0)
		c->measured.hold_ms = value - 1;
	else if (strcmp(p->name, "queued") == 0)
		c->measured.queue_ms = value - 1;
	else if (strcmp(p->name, "transfers") == 0)
		c->measured.transfers = (int)value;
	else if (strcmp(p->name, "attempts") == 0)
		c->attempts = (int)value;
	else if (strcmp(p->name, "attempt_open") == 0)
		c->attempt_open = value != 0;
	else if (strcmp(p->name, "missed") == 0)
		c->missed = (int)value;
	else if (strcmp(p->name, "number") == 0)
		c->number = xstrdup(p->value);
	else if (strcmp(p->name, "leg") == 0)
		read_leg(p->value, c);
	else
		return false;
	return true;
}

/* Numbers of a contact by name. */
static int64_t *
int_field(struct contact *c, const char *name)
{
	struct {
		const char *name;
		int64_t *to;
	} const fields[] = {{"t0", &c->t0_ms}, {"d", &c->d_ms}, {"sla", &c->sla_ms},
		{"created", &c->created_ms}, {"target_until", &c->target_until_ms},
		{"hold_until", &c->hold_until_ms}, {"eligible", &c->eligible_ms},
		{"offered", &c->offered_ms}, {"connected", &c->connected_ms},
		{"handled", &c->handled_ms}, {"owed", &c->owed_ms},
		{"wrapup", &c->wrapup_ms}, {"wrapup_end", &c->wrapup_end_ms},
		{"parked", &c->parked_ms}, {"park_until", &c->park_until_ms}};

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].to;
	return NULL;
}

/* While the store is loaded, a name that the settings had before is known again as
 * removed. found: its index, -1 when it is not in the settings. */
static int
or_recalled(const struct router *r, int found, const char *what, const char *name,
	int (*recall)(struct centre *centre, const char *name))
{
	if (found >= 0 || r->started)
		return found;
	found = recall(r->centre, name);
	if (found >= 0)
		log_warn("recover: a %s is no longer in the settings, its contacts drain "
			 "%s=\"%s\"",
			what, what, name);
	return found;
}

static int
channel_of(const struct router *r, const char *name)
{
	return or_recalled(r, centre_channel(r->centre, name), "channel", name,
		centre_recall_channel);
}

static int
queue_of(const struct router *r, const char *name)
{
	return or_recalled(
		r, centre_queue(r->centre, name), "queue", name, centre_recall_queue);
}

static bool
read_reference(const struct router *r, const struct reader *p, struct contact *c)
{
	const struct centre *s = r->centre;
	const char *v = p->value;
	int found;

	if (strcmp(p->name, "channel") == 0)
		c->channel = channel_of(r, v);
	else if (strcmp(p->name, "queue") == 0)
		c->queue = queue_of(r, v);
	else if (strcmp(p->name, "law_queue") == 0)
		c->law_queue = queue_of(r, v);
	else if (strcmp(p->name, "tier") == 0)
		c->tier = centre_tier(s, v);
	else if (strcmp(p->name, "target") == 0)
		c->target = centre_agent(s, v);
	else if (strcmp(p->name, "last") == 0)
		c->last_agent = centre_agent(s, v);
	else if (strcmp(p->name, "agent") == 0)
		c->agent = centre_agent(s, v);
	else if (strcmp(p->name, "team") == 0 && (found = centre_team(s, v)) >= 0 &&
		 c->n_teams < ADDED_TEAMS_MAX)
		c->teams[c->n_teams++] = found;
	else if (strcmp(p->name, "from") == 0 && c->n_overflows < OVERFLOWS_MAX &&
		 (found = queue_of(r, v)) >= 0)
		c->overflows[c->n_overflows++] = found;
	else
		return false;
	return true;
}

static void
read_rest(const struct router *r, struct reader *p, struct contact *c)
{
	if (strcmp(p->name, "points") == 0)
		c->points = strtod(p->value, NULL);
	else if (strcmp(p->name, "base_points") == 0)
		c->base_points = strtod(p->value, NULL);
	else if (strcmp(p->name, "own") == 0)
		read_skills(r, p->value, &c->own);
	else if (strcmp(p->name, "given") == 0)
		read_skills(r, p->value, &c->given);
	else if (strcmp(p->name, "party") == 0)
		c->party = strtoull(p->value, NULL, 10);
	else if (strcmp(p->name, "own_pts") == 0)
		c->own_points = true;
	else if (strcmp(p->name, "own_d") == 0)
		c->own_deadline = true;
	else if (strcmp(p->name, "fixed") == 0) {
		c->fixed_queue = (atoi(p->value) & 1) != 0;
		c->fixed_tier = (atoi(p->value) & 2) != 0;
	} else if (strcmp(p->name, "step") == 0)
		c->step = atoi(p->value);
	else if (strcmp(p->name, "cool") == 0)
		read_cooldown(r, p->value, c);
	else if (strcmp(p->name, "offer") == 0)
		c->offer = strtoull(p->value, NULL, 10);
	else if (strcmp(p->name, "cost") == 0)
		c->cost_pts = atoi(p->value);
	else if (strcmp(p->name, "parked_by") == 0)
		c->parked_by = strtoull(p->value, NULL, 10);
	else if (strcmp(p->name, "version") == 0)
		/* Each process counts them anew: what it loads stands under its own, if
		 * they say the same. */
		c->version = r->started ? strtoull(p->value, NULL, 10) : 0;
	else if (strcmp(p->name, "under") == 0 && !r->started &&
		 strtoul(p->value, NULL, 10) == r->centre->digest)
		c->version = r->centre->version;
	else if (strcmp(p->name, "reason") == 0)
		c->end_reason = xstrdup(p->value);
	else if (strcmp(p->name, "disposition") == 0)
		c->disposition = xstrdup(p->value);
	else if (strcmp(p->name, "currency") == 0)
		c->currency = xstrdup(p->value);
	else if (strcmp(p->name, "amount") == 0)
		c->amount = strtod(p->value, NULL);
	else if (strcmp(p->name, "satisfaction") == 0)
		c->satisfaction = strtod(p->value, NULL);
}

bool
record_unpack_contact(const struct router *r, const char *record, struct contact *c)
{
	struct reader p = reader_of(record);

	c->channel = c->queue = c->tier = c->law_queue = c->target = c->last_agent =
		c->agent = c->affinity = -1;
	c->measured = MEASURES_NONE;
	while (next_pair(&p)) {
		int64_t *number = int_field(c, p.name);

		if (number != NULL)
			*number = strtoll(p.value, NULL, 10);
		else if (!read_reference(r, &p, c) && !read_measures(&p, c))
			read_rest(r, &p, c);
	}
	free(p.value);
	if (c->queue < 0)
		c->queue = r->centre->default_queue;
	if (c->law_queue < 0)
		c->law_queue = c->queue;
	if (c->tier < 0)
		c->tier = r->centre->default_tier;
	return c->channel >= 0;
}

void
record_unpack_agent(const struct router *r, const char *record, struct agent *a)
{
	struct reader p = reader_of(record);
	struct require skills = {0};

	while (next_pair(&p)) {
		char *colon = strrchr(p.value, ':');
		int channel;

		if (strcmp(p.name, "state") == 0)
			a->state = agent_state_parse(p.value);
		else if (strcmp(p.name, "reason") == 0)
			snprintf(
				a->reason, sizeof a->reason, "%.*s", REASON_MAX, p.value);
		else if (strcmp(p.name, "pending") == 0) {
			a->pending = true;
			snprintf(a->pending_reason, sizeof a->pending_reason, "%.*s",
				REASON_MAX, p.value);
		} else if (strcmp(p.name, "drain") == 0)
			a->routable = false;
		else if (strcmp(p.name, "login") == 0)
			a->login_ms = strtoll(p.value, NULL, 10);
		else if (strcmp(p.name, "since") == 0)
			a->since_ms = strtoll(p.value, NULL, 10);
		else if (strcmp(p.name, "idle") == 0)
			a->idle_since_ms = strtoll(p.value, NULL, 10);
		else if (strcmp(p.name, "busy") == 0)
			a->busy_ms = strtoll(p.value, NULL, 10);
		else if (strcmp(p.name, "handled") == 0)
			a->handled = strtoull(p.value, NULL, 10);
		else if (strcmp(p.name, "device") == 0) {
			free(a->device);
			a->device = xstrdup(p.value);
		} else if (strcmp(p.name, "capacity") == 0)
			a->capacity_pts = atoi(p.value);
		else if (strcmp(p.name, "over") == 0)
			a->edited_over = (uint32_t)strtoul(p.value, NULL, 10);
		else if (strcmp(p.name, "edited") == 0)
			a->edited = true;
		else if (strcmp(p.name, "skills") == 0)
			read_skills(r, p.value, &skills);
		else if (strcmp(p.name, "off") == 0 &&
			 (channel = centre_channel(r->centre, p.value)) >= 0 &&
			 channel < a->n_channels)
			a->channel_off[channel] = true;
		else if (strcmp(p.name, "cost") == 0 && colon != NULL) {
			*colon = '\0';
			channel = centre_channel(r->centre, p.value);
			if (channel >= 0 && channel < a->n_channels)
				a->channel_cost[channel] = atoi(colon + 1);
		}
	}
	free(p.value);
	if (a->state == AGENT_STATES)
		a->state = AGENT_OFFLINE;
	/* The file's entry changed meanwhile: it holds again. */
	if (a->edited && a->edited_over != record_agent_digest(r->centre, a->index)) {
		a->edited = false;
		a->capacity_pts = r->centre->agents[a->index].capacity_pts;
	}
	if (!a->edited)
		return;
	a->skills = xreallocarray(a->skills, (size_t)skills.n + 1, sizeof a->skills[0]);
	memcpy(a->skills, skills.skill, (size_t)skills.n * sizeof skills.skill[0]);
	a->n_skills = skills.n;
}
