/*
 * plugins/asterisk/dial.c - legs: telephones that ring and talk for a call, and the
 * bridges in which they meet it.
 *
 *   DialBegin -> ringing --DialEnd ANSWER--> picked up --second BridgeEnter--> answered
 *   DialEnd of another kind, UsherDialEnd, UsherWait, Hangup -> released, once
 *
 * Who talks, and how long, is counted from who is in the caller's bridge, not from the
 * number or order of events (CTI 3.1, 2, 3 and 8).
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "link.h"

/* ---- names and words ---- */

void
device_of(char out[CHANNEL_NAME_MAX + 1], const char *name)
{
	size_t n = strnlen(name, CHANNEL_NAME_MAX), end = n;

	memcpy(out, name, n);
	if (n >= 2 && name[n - 2] == ';')
		end = n - 2;
	while (end > 0 && name[end - 1] != '-' && name[end - 1] != '/')
		end--;
	if (end > 1 && name[end - 1] == '-')
		n = end - 1;
	out[n] = '\0';
}

/* The other half of "Local/1001@phones-00000007;1"; NULL: it is no half. */
static struct channel *
other_half(const struct link *l, const char *name)
{
	char other[CHANNEL_NAME_MAX + 1];
	size_t n = strlen(name);

	if (strncmp(name, "Local/", 6) != 0 || n < 2 || name[n - 2] != ';')
		return NULL;
	memcpy(other, name, n + 1);
	other[n - 1] = name[n - 1] == '1' ? '2' : '1';
	return channels_by_name(&l->channels, other);
}

enum usher_leg_reason
reason_of_status(const char *status)
{
	static const struct {
		const char *status;
		enum usher_leg_reason reason;
	} rows[] = {
		{"NOANSWER", USHER_REASON_NO_ANSWER},
		{"BUSY", USHER_REASON_BUSY},
		{"CHANUNAVAIL", USHER_REASON_UNAVAILABLE},
		{"CONGESTION", USHER_REASON_CONGESTION},
		{"CANCEL", USHER_REASON_CANCELLED},
		{"ABORT", USHER_REASON_CANCELLED},
	};

	for (size_t i = 0; status != NULL && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(status, rows[i].status) == 0)
			return rows[i].reason;
	return USHER_REASON_OTHER;
}

/* Of a leg that nobody picked up. Of a caller a cause says nothing (CTI 3.1, 5). */
enum usher_leg_reason
reason_of_cause(const char *cause)
{
	switch (cause != NULL ? atoi(cause) : 0) {
	case 17:
	case 21:
		return USHER_REASON_BUSY;
	case 18:
	case 19:
		return USHER_REASON_NO_ANSWER;
	case 1:
	case 3:
	case 20:
	case 27:
		return USHER_REASON_UNAVAILABLE;
	case 34:
	case 38:
	case 42:
		return USHER_REASON_CONGESTION;
	case 16:
	case 26:
		return USHER_REASON_CANCELLED;
	default:
		return USHER_REASON_OTHER;
	}
}

/* ---- the life of a leg ---- */

static bool
is_leg(const struct channel *ch)
{
	return ch->role == CHANNEL_LEG || (ch->role == CHANNEL_CALL && ch->ours);
}

/* The call that a leg serves, alive or not; NULL: forgotten. */
static struct channel *
call_of(const struct link *l, const struct channel *leg)
{
	if (leg->role == CHANNEL_CALL)
		return channels_find(&l->channels, leg->id);
	return channels_find(&l->channels, leg->call);
}

static void
tell_leg(struct link *l, const struct channel *leg, struct usher_switch_event *e)
{
	char device[CHANNEL_NAME_MAX + 1];

	device_of(device, leg->name);
	e->call = leg->role == CHANNEL_CALL ? leg->id : leg->call;
	e->leg = leg->id;
	e->device = device;
	e->consult = leg->consult;
	if (leg->offer[0] != '\0')
		e->offer = leg->offer;
	emit(l, e);
}

/* The latest order, unless it was the one before it that wanted this telephone. */
const char *
offer_of(const struct channel *call, const char *device)
{
	char extension[CHANNEL_NAME_MAX + 1];
	int i;

	extension_of(extension, device != NULL ? device : "");
	i = strcmp(call->wanted[0].extension, extension) != 0 &&
	    strcmp(call->wanted[1].extension, extension) == 0;
	return call->wanted[i].offer[0] != '\0' ? call->wanted[i].offer : NULL;
}

void
leg_begin(struct link *l, struct channel *leg, const struct channel *call,
	const char *dialler, bool consult)
{
	char device[CHANNEL_NAME_MAX + 1];
	const char *offer;

	leg->role = CHANNEL_LEG;
	leg->leg_state = LEG_RINGING;
	leg->consult = consult;
	device_of(device, leg->name);
	offer = consult ? NULL : offer_of(call, device);
	copy_text(leg->offer, sizeof(leg->offer), offer != NULL ? offer : "");
	memcpy(leg->call, call->id, sizeof(leg->call));
	memcpy(leg->dialler, dialler, strlen(dialler) + 1);
}

/* It rings no more, for better or worse. */
static void
stops_ringing(struct link *l, const struct channel *leg)
{
	struct channel *call = call_of(l, leg);

	if (call != NULL && call != leg && !leg->consult && call->n_ringing > 0)
		call->n_ringing--;
}

static void
leg_answered(struct link *l, struct channel *leg, int64_t t_us)
{
	if (leg->leg_state == LEG_ANSWERED || leg->leg_state == LEG_RELEASED)
		return;
	leg->leg_state = LEG_ANSWERED;
	stops_ringing(l, leg);
	tell_leg(l, leg,
		&(struct usher_switch_event){.kind = USHER_LEG_ANSWERED,
			.t_us = t_us,
			.picked_up_us = leg->picked_up_us});
}

static void
end_hold(struct link *l, struct channel *leg)
{
	struct channel *call = call_of(l, leg);

	if (leg->held_us != 0 && call != NULL && l->t_us > leg->held_us) {
		call->hold_us += l->t_us - leg->held_us;
		/* Talk includes the holds; apart the two were in no bridge. */
		if (leg->apart)
			call->talk_us += l->t_us - leg->held_us;
	}
	leg->held_us = 0;
	leg->apart = false;
}

/* Their answers bear no time: the latest one that the switch told stands for it. */
void
hold_apart(struct link *l, struct channel *leg, bool held)
{
	if (leg->role != CHANNEL_LEG || leg->leg_state != LEG_ANSWERED ||
		held == (leg->held_us != 0))
		return;
	if (l->t_us == 0)
		l->t_us = l->figures.last_us;
	if (held) {
		leg->held_us = l->t_us != 0 ? l->t_us : 1;
		leg->apart = true;
	} else {
		end_hold(l, leg);
	}
	tell_leg(l, leg,
		&(struct usher_switch_event){
			.kind = held ? USHER_LEG_HELD : USHER_LEG_RETRIEVED});
}

bool
leg_release(struct link *l, struct channel *leg, enum usher_leg_reason reason,
	const char *why)
{
	bool rang_only = leg->leg_state < LEG_ANSWERED;
	struct channel *call = call_of(l, leg);

	if (leg->leg_state == LEG_RELEASED)
		return false;
	end_hold(l, leg);
	if (rang_only)
		stops_ringing(l, leg);
	if (rang_only && call != NULL && !leg->consult)
		call->dial_ended = true;
	leg->leg_state = LEG_RELEASED;
	tell_leg(l, leg,
		&(struct usher_switch_event){.kind = USHER_LEG_RELEASED,
			.reason = reason,
			.why = why,
			.picked_up_us = leg->picked_up_us});
	return true;
}

int
legs_give_up(struct link *l, const struct channel *call, enum usher_leg_reason reason,
	const char *why)
{
	int n = 0;

	if (call->n_ringing == 0)
		return 0;
	for (struct channel *ch = l->channels.oldest; ch != NULL; ch = ch->newer)
		if (ch->role == CHANNEL_LEG && !ch->consult &&
			ch->leg_state < LEG_ANSWERED && strcmp(ch->call, call->id) == 0)
			n += leg_release(l, ch, reason, why);
	return n;
}

/* ---- dialling ---- */

/* Nobody dials it but the switch, and we said its id: a call of ours. */
static void
placed(struct link *l, struct channel *ch)
{
	if (strncmp(ch->id, l->settings->id_prefix, strlen(l->settings->id_prefix)) != 0)
		return;
	ch->role = CHANNEL_CALL;
	ch->ours = ch->reported = true;
	ch->leg_state = LEG_RINGING;
	emit(l, &(struct usher_switch_event){.kind = USHER_CALL_PLACED, .call = ch->id});
	tell_leg(l, ch, &(struct usher_switch_event){.kind = USHER_LEG_RINGING});
}

/* A Local pair that rings as a leg: what its far half dials is the same telephone. */
static bool
is_far_half_of_a_leg(const struct link *l, const struct channel *ch)
{
	const struct channel *near = other_half(l, ch->name);

	return near != NULL && near->role == CHANNEL_LEG && near->dialler[0] != '\0';
}

void
on_dial_begin(struct link *l, const struct ami_message *m)
{
	struct channel *dialler = see(l, m, "", true), *call = dialler;
	struct channel *leg = see(l, m, "Dest", true);
	bool consult = false;

	if (leg == NULL)
		return;
	if (leg->role != CHANNEL_OTHER) {
		l->figures.late++;
		return;
	}
	if (dialler == NULL) {
		if (known(ami_get(m, "Uniqueid")) == NULL)
			placed(l, leg);
		return;
	}
	if (dialler->role != CHANNEL_CALL) {
		/* An agent asks another one while the caller holds. */
		call = is_far_half_of_a_leg(l, dialler)
			       ? NULL
			       : channels_call_of(&l->channels, dialler->linkedid);
		consult = true;
	}
	if (call == NULL || call == leg || call->gone)
		return;
	leg_begin(l, leg, call, dialler->id, consult);
	if (!consult)
		call->n_ringing++;
	tell_leg(l, leg, &(struct usher_switch_event){.kind = USHER_LEG_RINGING});
}

void
on_dial_end(struct link *l, const struct ami_message *m)
{
	struct channel *leg = see(l, m, "Dest", false);
	const char *status = ami_get(m, "DialStatus");

	if (leg == NULL || !is_leg(leg))
		return;
	if (status != NULL && strcmp(status, "ANSWER") == 0) {
		if (leg->leg_state != LEG_RINGING)
			return;
		leg->picked_up_us = l->t_us;
		leg->leg_state = LEG_PICKED_UP;
		/* The first leg of a call of ours has nobody to be put through to. */
		if (leg->ours)
			leg_answered(l, leg, l->t_us);
	} else if (leg->leg_state == LEG_RINGING) {
		leg_release(l, leg, reason_of_status(status), status);
	} else {
		l->figures.late++; /* the first end counts (CTI 3.1, 3) */
	}
}

/* ---- bridges ---- */

static bool
is_local(const struct channel *ch)
{
	return strncmp(ch->name, "Local/", 6) == 0;
}

/* A telephone that got to the caller without being dialled for him: picked up, or handed
 * on by another exchange's means. */
static void
joins(struct link *l, struct channel *ch, const struct channel *call)
{
	leg_begin(l, ch, call, "", false);
	leg_answered(l, ch, l->t_us);
}

/* Somebody entered: who was alone is so no more. */
static void
bridge_meets(struct link *l, struct bridge *b)
{
	struct channel *call = NULL;

	if (b->n < 2)
		return;
	for (struct channel *ch = b->members; ch != NULL; ch = ch->bridge_next) {
		if (ch->role == CHANNEL_CALL) {
			call = ch;
			ch->put_through = true;
			if (ch->together_us == 0)
				ch->together_us = l->t_us;
		}
	}
	for (struct channel *ch = b->members; ch != NULL; ch = ch->bridge_next) {
		if (ch->role == CHANNEL_LEG)
			leg_answered(l, ch, l->t_us);
		else if (ch->role == CHANNEL_OTHER && call != NULL && !is_local(ch))
			joins(l, ch, call);
	}
}

static void
ends_together(const struct link *l, struct channel *ch)
{
	if (ch->together_us != 0 && l->t_us > ch->together_us)
		ch->talk_us += l->t_us - ch->together_us;
	ch->together_us = 0;
}

void
bridge_leave(struct link *l, struct channel *ch)
{
	struct bridge *b = channels_leave(&l->channels, ch);

	ends_together(l, ch);
	if (b != NULL && b->n == 1)
		ends_together(l, b->members);
}

void
on_bridge_enter(struct link *l, const struct ami_message *m)
{
	const char *id = ami_get(m, "BridgeUniqueid");
	const char *kind = ami_get(m, "BridgeTechnology");
	struct channel *swapped = channels_find(&l->channels, ami_get(m, "SwapUniqueid"));
	struct channel *ch = see(l, m, "", true);
	struct bridge *b;

	/* Who are parked together cannot hear each other. */
	if (ch == NULL || id == NULL ||
		(kind != NULL && strcmp(kind, "holding_bridge") == 0))
		return;
	if (ch->bridge != NULL && strcmp(ch->bridge->id, id) == 0)
		return;
	bridge_leave(l, ch);
	b = channels_enter(&l->channels, ch, id, l->t_us);
	if (swapped != NULL && swapped != ch && swapped->bridge == b)
		channels_leave(&l->channels, swapped);
	if (b != NULL)
		bridge_meets(l, b);
}

void
on_bridge_leave(struct link *l, const struct ami_message *m)
{
	const char *id = ami_get(m, "BridgeUniqueid");
	struct channel *ch = see(l, m, "", false);

	/* It may have entered another one in between. */
	if (ch != NULL && ch->bridge != NULL && id != NULL &&
		strcmp(ch->bridge->id, id) == 0)
		bridge_leave(l, ch);
}

/* ---- hold and transfer ---- */

void
on_hold(struct link *l, const struct ami_message *m)
{
	struct channel *leg = see(l, m, "", false);

	if (leg == NULL || !is_leg(leg) || leg->leg_state != LEG_ANSWERED ||
		leg->held_us != 0)
		return;
	leg->held_us = l->t_us != 0 ? l->t_us : 1;
	tell_leg(l, leg, &(struct usher_switch_event){.kind = USHER_LEG_HELD});
}

void
on_unhold(struct link *l, const struct ami_message *m)
{
	struct channel *leg = see(l, m, "", false);

	/* The switch says it once too often before a transfer (CTI 3.1, 7). */
	if (leg == NULL || leg->held_us == 0)
		return;
	end_hold(l, leg);
	tell_leg(l, leg, &(struct usher_switch_event){.kind = USHER_LEG_RETRIEVED});
}

static bool
succeeded(const struct ami_message *m)
{
	const char *result = ami_get(m, "Result");

	return result != NULL && strcasecmp(result, "Success") == 0;
}

static void
tell_transferred(struct link *l, struct channel *leg, struct usher_switch_event *e)
{
	if (leg->transferred || leg->leg_state == LEG_RELEASED) {
		l->figures.late++;
		return;
	}
	leg->transferred = true;
	end_hold(l, leg);
	e->kind = USHER_LEG_TRANSFERRED;
	tell_leg(l, leg, e);
}

void
on_blind_transfer(struct link *l, const struct ami_message *m)
{
	struct channel *leg = see(l, m, "Transferer", false);

	see(l, m, "Transferee", false);
	if (leg != NULL && leg->role == CHANNEL_LEG && succeeded(m))
		tell_transferred(l, leg,
			&(struct usher_switch_event){.by = USHER_TRANSFER_BLIND,
				.target = known(ami_get(m, "Extension"))});
}

/* The telephone behind a channel: a Local half leads to what its other half dialled. */
static struct channel *
telephone_behind(struct link *l, struct channel *ch)
{
	struct channel *far = ch != NULL ? other_half(l, ch->name) : NULL;

	if (far == NULL)
		return ch;
	for (struct channel *leg = l->channels.newest; leg != NULL; leg = leg->older)
		if (leg->role == CHANNEL_LEG && strcmp(leg->dialler, far->id) == 0)
			return leg;
	return ch;
}

void
on_attended_transfer(struct link *l, const struct ami_message *m)
{
	struct channel *first = see(l, m, "OrigTransferer", false);
	struct channel *second = see(l, m, "SecondTransferer", false);
	struct channel *to = telephone_behind(l, see(l, m, "TransferTarget", false));
	struct channel *leg = first, *call;
	char device[CHANNEL_NAME_MAX + 1] = "";

	see(l, m, "Transferee", false);
	if (!succeeded(m))
		return;
	if (leg == NULL || leg->role != CHANNEL_LEG || leg->consult)
		leg = second;
	if (leg == NULL || leg->role != CHANNEL_LEG)
		return;
	call = call_of(l, leg);
	if (to != NULL && to != leg) {
		device_of(device, to->name);
		if (to->role == CHANNEL_OTHER && call != NULL && !is_local(to)) {
			leg_begin(l, to, call, "", false);
			to->leg_state = LEG_ANSWERED;
		}
		if (to->role == CHANNEL_LEG) {
			to->consult = false;
			memcpy(to->call, leg->call, sizeof(to->call));
		}
	}
	tell_transferred(l, leg,
		&(struct usher_switch_event){.by = USHER_TRANSFER_ATTENDED,
			.to_leg = to != NULL && to->role == CHANNEL_LEG ? to->id : NULL,
			.target = device[0] != '\0' ? device : NULL});
}
