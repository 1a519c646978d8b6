/*
 * base/people.h - the door by which parts with methods of their own (chat, e-mail, calls,
 * history) ask who calls and what he may touch, and tell desktops what became true. The
 * desk implements it; its words and scopes are those of docs/protocol.md, section 5.
 */
#ifndef USHER_BASE_PEOPLE_H
#define USHER_BASE_PEOPLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/rpc.h"

/*
 * A member that a part adds to the contact that is shown to people.
 *
 * contact  a live one
 * role     who will see it: fields that he may not see are left out
 * Returns  owned by the caller; NULL: nothing to add now
 */
typedef json_t *(*people_member)(void *owner, uint64_t contact, enum rpc_role role);

struct people {
	void *owner;

	/* ---- who calls; for the call of a command only ---- */

	/* Index of the caller's agent; -1: he is none. */
	int (*agent)(void *owner, const struct rpc_call *call);
	/* Account, agent, key or uid, for records; borrowed for the call. */
	const char *(*who)(void *owner, const struct rpc_call *call);
	/* Address of the caller, for records; borrowed for the call. */
	const char *(*from)(void *owner, const struct rpc_call *call);

	/* Name of the caller's session, for tell_session; borrowed for the call. */
	const char *(*session)(void *owner, const struct rpc_call *call);

	/* ---- what he may touch; false: the call has been refused already ---- */

	/* The live contact named by the param "contact", in the caller's scope. */
	bool (*contact)(void *owner, const struct rpc_call *call, uint64_t *out);
	/* The agent or queue that a param names; -1 when the param is absent. */
	bool (*named_agent)(
		void *owner, const struct rpc_call *call, const char *param, int *out);
	bool (*named_queue)(
		void *owner, const struct rpc_call *call, const char *param, int *out);

	/* Whether he sees this queue, this agent; nothing is refused. */
	bool (*sees_queue)(void *owner, const struct rpc_call *call, int queue);
	bool (*sees_agent)(void *owner, const struct rpc_call *call, int agent);

	/* Whether a peer may see a contact that has ended, by {queue, channel, agent} of
	 * its record; for answers that come later, when he may be gone (false). Nothing
	 * is refused. */
	bool (*sees_ended)(void *owner, uint64_t who, const json_t *contact);

	/* The record of a privileged act or of a data read in the audit, before its
	 * effect can be seen; object, detail: NULL when there is none. False: it cannot
	 * be written and the call has been refused; do nothing. */
	bool (*audit)(void *owner, const struct rpc_call *call, const char *object,
		const char *detail);

	/* The router's answer as the answer to the call. */
	void (*refuse)(void *owner, uint64_t tag, const void *outcome);

	/* ---- what is told; objects are stolen ---- */

	/* An event to the desktop of an agent; false: he has none now. */
	bool (*tell_agent)(void *owner, int agent, const char *event, json_t *object);
	/* An event to all supervisors and administrators whose scope has the queue (-1:
	 * all) and the agent (-1: all) and who subscribed to queues (queue.subscribe). */
	void (*tell_watchers)(
		void *owner, int queue, int agent, const char *event, json_t *object);

	/* An event to one session; false: it is gone. */
	bool (*tell_session)(
		void *owner, const char *session, const char *event, json_t *object);

	/* Has `fn` asked for member `name` whenever a contact is shown to an agent with
	 * its offer, its changes and in a snapshot. name is borrowed, static. */
	void (*enrich)(
		void *owner, const char *name, people_member fn, void *member_owner);
	/* What a member says has changed: the agent who has the contact (offered,
	 * connected, parked, wrap-up) gets contact.updated. */
	void (*changed)(void *owner, uint64_t contact);
};

#endif
