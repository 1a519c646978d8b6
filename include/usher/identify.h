/*
 * usher/identify.h - plugins that know customers: a site's own CRM, a directory.
 *
 * usher asks its own directory first and never waits for a plugin: the contact goes on
 * with what is known, and is scored again when the plugin's answer comes. What a plugin
 * says is kept as attributes of the customer, with the plugin's name as their source.
 *
 *   usher --ask(ticket, identities)--> plugin ... --found(ticket, customer)--> usher
 */
#ifndef USHER_IDENTIFY_H
#define USHER_IDENTIFY_H

#include <usher/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define USHER_IDENTIFY_ABI 1
#define USHER_FIGURES_MOST 64 /* of one customer; more are not read */

/* What a contact's customer is known by, in usher's form: telephone numbers as
 * "+441632960001", e-mail addresses in lower case. */
struct usher_identity {
	const char *kind; /* "account", "email", "phone", "cookie", ... */
	const char *value;
};

struct usher_question {
	uint32_t size;	 /* of this struct */
	uint64_t ticket; /* to be given back by found(), once */
	const char *channel;
	const struct usher_identity *identities; /* the surest first */
	size_t n_identities;
};

/* A value of the customer: attribute of rules and figure of the value points. */
struct usher_figure {
	const char *name;	    /* 1 to 64 of letters, digits, ".", "_", "-" */
	enum usher_value_kind kind; /* BOOL, NUMBER or TEXT; NONE: not known any more */
	bool boolean;
	double number;	  /* finite */
	const char *text; /* at most 1024 bytes of UTF-8 */
};

struct usher_found {
	uint32_t size;	  /* of this struct */
	const char *name; /* NULL: not known */
	const char *type; /* "person", "household", "business"; NULL: not known */
	const struct usher_figure *figures;
	size_t n_figures;
};

/* What usher gives to a plugin that knows customers. */
struct usher_identify_sink {
	uint32_t abi, size;
	/*
	 * found - the answer to one question. May be called on any thread, also from
	 * within ask; what it is given is copied.
	 *
	 * customer  NULL: he is not known there, or could not be asked
	 */
	void (*found)(const struct usher_identify_sink *sink, uint64_t ticket,
		const struct usher_found *customer);
};

/* Counted since open. */
struct usher_identify_figures {
	uint32_t size; /* room for this struct, set by the caller */
	uint64_t asked, cached, found, unknown, failed, refused;
	bool resting;	   /* the circuit breaker is open: nobody is asked */
	char problem[160]; /* of the last failure; "" if none */
};

struct usher_identify {
	uint32_t abi;  /* USHER_IDENTIFY_ABI */
	uint32_t size; /* sizeof(struct usher_identify) */

	/*
	 * open - gets ready to be asked; may start threads.
	 *
	 * state   the plugin's, with its settings; outlives the directory
	 * sink    outlives the directory
	 * Returns owned by usher until close; NULL with the problem in a sentence
	 */
	void *(*open)(void *state, const struct usher_identify_sink *sink, char *problem,
		size_t room);
	/* Ends it: found() is not called any more once this has returned. Short. */
	void (*close)(void *directory);

	/*
	 * ask - begins to look somebody up. On the one thread that routes: never blocks.
	 *
	 * Returns  false: not now (too much to do, the other side rests) or nothing to
	 *          look up; found() is then not called
	 */
	bool (*ask)(void *directory, const struct usher_question *question);

	void (*figures)(const void *directory, struct usher_identify_figures *out);
};

#ifdef __cplusplus
}
#endif

#endif
