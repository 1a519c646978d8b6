/* part_chat_write.h - messages left instead of chats: what part_chat.c needs of them. */
#ifndef USHER_PART_CHAT_WRITE_H
#define USHER_PART_CHAT_WRITE_H

#include <stdbool.h>
#include <stdint.h>

struct chat_note_in;
struct chat_writes;
struct chats;
struct usher;

struct chat_writes *chat_writes_create(struct usher *u, struct chats *chats);
void chat_writes_destroy(struct chat_writes *writes); /* NULL is fine */
/* Once mail can come in (part_mailin_open), before the loop runs. */
void chat_writes_listen(struct chat_writes *writes);

/* For chat_parts; owner: the usher. */
void part_chat_write(void *owner, const struct chat_note_in *note, uint64_t tag);
bool part_chat_offers(void *owner, const char *way);

/* ---- part_chat.c ---- */

struct chat_writes *part_chat_writes(const struct usher *u);
bool part_chat_calls(const struct usher *u); /* may customers ask to be called? */

#endif
