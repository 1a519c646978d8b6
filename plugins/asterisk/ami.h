/*
 * plugins/asterisk/ami.h - the words of the Asterisk Manager Interface: bytes to
 * messages.
 *
 * A message is lines of "Key: value", ended by an empty line; lines end with LF, or CR
 * LF. The first line of a connection is a greeting and no part of a message. Values are
 * raw bytes. The switch sets no bounds, so these are ours; a message that breaks one, or
 * has a line without a colon, a NUL, or says in two ways who it is about, is refused
 * whole, counted, and the next one begins after the next empty line.
 */
#ifndef USHER_ASTERISK_AMI_H
#define USHER_ASTERISK_AMI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AMI_LINE_MAX 8192      /* bytes of a line without its end */
#define AMI_HEADERS_MAX 256    /* of a message */
#define AMI_MESSAGE_MAX 262144 /* bytes of a message */
#define AMI_GREETING "Asterisk Call Manager/"

struct ami_header {
	uint32_t key, value; /* where they begin in the message's bytes */
};

/* A whole message; borrowed for the call. */
struct ami_message {
	const char *bytes; /* texts, each ended by a NUL */
	const struct ami_header *header;
	int n;
};

/* The first value of a key, which may be written in any case; NULL: there is none. */
const char *ami_get(const struct ami_message *m, const char *key);
const char *ami_key(const struct ami_message *m, int i);
const char *ami_value(const struct ami_message *m, int i);

struct ami_reader {
	char *bytes; /* owned; the message so far */
	size_t n, room;
	size_t line; /* where the unfinished line begins */
	struct ami_header header[AMI_HEADERS_MAX];
	int n_headers;
	bool cut;		    /* bytes of the unfinished line were not kept */
	bool greeted;		    /* the first line was seen */
	const char *wrong;	    /* why the message is refused; NULL: nothing so far */
	uint64_t messages, refused; /* since init */
	const char *problem;	    /* of the last refused message; NULL: none */
};

void ami_reader_init(struct ami_reader *r);
/* A new connection follows: what was half read is forgotten, the counts stay. */
void ami_reader_restart(struct ami_reader *r);
void ami_reader_finish(struct ami_reader *r);

/*
 * ami_reader_feed - reads bytes, cut anywhere.
 *
 * got      is called with each whole message
 * Returns  false: the greeting is none of Asterisk's; nothing was read
 */
bool ami_reader_feed(struct ami_reader *r, const char *bytes, size_t n,
	void (*got)(void *context, const struct ami_message *m), void *context);

/*
 * ami_time_us - "1795335025.462242" as microseconds.
 *
 * Returns  0 when it is no time from 1970 to 9999
 */
int64_t ami_time_us(const char *text);

/* Undoes URIENCODE (%41) in place. False: it is none; the text is as it was. */
bool ami_uri_decode(char *text);

/* Memory that is there, or the end of the program; zeroed. */
void *ami_alloc(size_t n, size_t size);

#endif
