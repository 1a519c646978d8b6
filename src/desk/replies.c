/* desk/replies.c - the router's outcomes as replies. */
#include "base/moment.h"
#include "desk/inner.h"

json_t *
desk_contact_id(uint64_t contact)
{
	char id[NUMBER_ID_TEXT];

	number_id_format(id, 'c', contact);
	return json_string(id);
}

json_t *
desk_time(int64_t ms)
{
	char at[MOMENT_TEXT];

	moment_format(at, ms);
	return json_string(at);
}

int
object_weight(const json_t *object)
{
	return 1 + (int)json_array_size(json_object_get(object, "contacts")) / 5;
}

static enum rpc_code
code_of(enum outcome_kind kind)
{
	switch (kind) {
	case OUTCOME_NO_CONTACT:
	case OUTCOME_NO_AGENT:
	case OUTCOME_NO_QUEUE:
	case OUTCOME_NO_CHANNEL:
	case OUTCOME_NO_TIER:
	case OUTCOME_NO_SKILL:
		return RPC_NOT_FOUND;
	case OUTCOME_OFFER_GONE:
	case OUTCOME_NOT_YOURS:
	case OUTCOME_WRONG_STATE:
	case OUTCOME_BAD_VALUE:
	case OUTCOME_DISPOSITION:
		return RPC_CONFLICT;
	case OUTCOME_QUEUE_FULL:
	case OUTCOME_WAIT_TOO_LONG:
	case OUTCOME_NO_AGENTS:
	case OUTCOME_QUEUE_CLOSED:
	case OUTCOME_BLOCKED:
		return RPC_ADMISSION;
	case OUTCOME_STORE_AWAY:
		return RPC_LATER;
	case OUTCOME_OK:
	case OUTCOME_KINDS:
		break;
	}
	return RPC_INTERNAL_ERROR;
}

static json_t *
alternatives_json(const struct desk *desk, const struct outcome *outcome)
{
	const struct centre *centre = router_centre(desk->parts.router);
	json_t *list = json_array();

	for (int i = 0; i < outcome->n_alternatives; i++)
		json_array_append_new(list,
			json_string(centre->channels[outcome->alternatives[i]].name));
	return list;
}

void
desk_refuse_outcome(struct desk *desk, uint64_t tag, const struct outcome *outcome)
{
	json_t *more = json_object();

	if (outcome->n_alternatives > 0)
		json_object_set_new(
			more, "alternatives", alternatives_json(desk, outcome));
	if (outcome->kind == OUTCOME_STORE_AWAY)
		json_object_set_new(more, "retry_ms", json_integer(1000));
	if (outcome->contact != 0)
		json_object_set_new(more, "contact", desk_contact_id(outcome->contact));
	rpc_refuse(desk->rpc, tag, code_of(outcome->kind), outcome_name(outcome->kind),
		outcome->message != NULL ? outcome->message : "The request is refused.",
		more);
}

static void
replied(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct desk *desk = owner;
	char id[NUMBER_ID_TEXT];
	json_t *result;

	if (outcome->kind != OUTCOME_OK) {
		desk_refuse_outcome(desk, tag, outcome);
		return;
	}
	result = json_pack("{s:b}", "accepted", 1);
	if (outcome->contact != 0)
		json_object_set_new(result, "contact", desk_contact_id(outcome->contact));
	if (outcome->offer != 0) {
		number_id_format(id, 'o', outcome->offer);
		json_object_set_new(result, "offer", json_string(id));
	}
	rpc_answer(desk->rpc, tag, result);
}

struct reply
desk_reply(struct desk *desk, const struct rpc_call *call)
{
	return (struct reply){replied, desk, call->who, call->tag};
}
