/*
 * usher/channel.h - plugins that bring contacts in: a folder, a gateway, a device.
 *
 *   plugin --take(tag, contact)--> usher ... --taken(tag, outcome)--> plugin
 *
 * A contact is the JSON object of POST /v1/contacts. Accepted means kept: only then may a
 * plugin forget what it handed in. The same source and external_id give the first contact
 * again, so whatever is not known to be accepted is handed in once more.
 */
#ifndef USHER_CHANNEL_H
#define USHER_CHANNEL_H

#include <usher/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define USHER_CHANNEL_ABI 1
#define USHER_CONTACT_BYTES_MOST 65536 /* of one contact as JSON */
#define USHER_TOLD_BYTES_MOST 49152    /* of what a plugin tells of one contact */

enum usher_taken {
	USHER_TAKEN = 0,	 /* kept; contact has its id */
	USHER_TAKEN_ALREADY = 1, /* the same was handed in before */
	USHER_NOT_NOW = 2,	 /* try again later */
	USHER_NOT_LIKE_THIS = 3, /* never: why says what is wrong */
};

struct usher_channel_sink {
	uint32_t abi, size;
	/*
	 * take - hands a contact in. May be called on any thread; json is copied.
	 *
	 * tag      comes back with taken()
	 * Returns  false: too much waits already; taken() is not called, try later
	 */
	bool (*take)(
		const struct usher_channel_sink *sink, uint64_t tag, const char *json);
};

struct usher_channel {
	uint32_t abi;  /* USHER_CHANNEL_ABI */
	uint32_t size; /* sizeof(struct usher_channel) */

	/*
	 * open - begins to bring contacts in; may start threads.
	 *
	 * state   the plugin's, with its settings; outlives the channel
	 * sink    outlives the channel
	 * Returns owned by usher until close; NULL with the problem in a sentence
	 */
	void *(*open)(void *state, const struct usher_channel_sink *sink, char *problem,
		size_t room);
	/* Ends it; take() is not called any more once this has returned. Short. */
	void (*close)(void *channel);

	/* What became of a contact. On the one thread that routes: never blocks. contact:
	 * its id, or ""; why: a sentence, or "". Borrowed for the call. */
	void (*taken)(void *channel, uint64_t tag, enum usher_taken outcome,
		const char *contact, const char *why);

	/*
	 * forget - the customer of a contact is erased, or the contact was kept for as
	 * long as the settings say: whatever the plugin keeps of it outside usher (a
	 * scan) is removed now. NULL: it keeps nothing. On the one thread that routes: a
	 * few file operations at most.
	 *
	 * contact  its id, as taken() told it; may be none of the plugin's; borrowed
	 * Returns  false: not possible now; usher refuses the erasure, or keeps the
	 *          record, and asks again with the next one
	 */
	bool (*forget)(void *channel, const char *contact);

	/*
	 * tell - a customer asks for all that is kept about him: what the plugin keeps of
	 * a contact outside usher, and how it can be had. NULL: nothing. On the one
	 * thread that routes: a few file operations at most.
	 *
	 * contact  its id, as taken() told it; borrowed for the call
	 * json     filled with one JSON object, as text; room is USHER_TOLD_BYTES_MOST
	 * Returns  false: nothing is kept of this contact
	 */
	bool (*tell)(void *channel, const char *contact, char *json, size_t room);
};

#ifdef __cplusplus
}
#endif

#endif
