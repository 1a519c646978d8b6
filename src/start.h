/* start.h - what usherd does before anything runs: its arguments, its state directory,
 * its rights. */
#ifndef USHER_START_H
#define USHER_START_H

#include <stdbool.h>
#include <stdio.h>

#include "base/xalloc.h"
#include "control/config.h"

struct ssl_ctx_st;

struct start_options {
	const char *config; /* path of the settings */
	const char *state;  /* state directory */
	const char *user;   /* to become; NULL: stay */
	double speed;	    /* of a play; 1 live */
	bool methods;	    /* print the protocol's methods and end */
	bool standby;	    /* wait for the centre's living owner to end */
};

/* Reads the arguments. Returns -1 to go on, else the exit status (help, version, a wrong
 * argument). */
int start_arguments(int argc, char **argv, struct start_options *options);

/*
 * start_state_directory - makes and locks it (one usherd a directory).
 * Returns the locked descriptor, kept open for the life of the process; -1 with the
 * reason printed.
 */
int start_state_directory(const char *path);

/* Gives up root's rights. False with the reason printed; root without --user is refused
 * (RELIABILITY S2). */
bool start_drop_rights(const char *user, const char *state) USHER_MUST_CHECK;

/* More descriptors, no core dumps, no death by SIGPIPE. */
void start_limits(void);

/*
 * start_tls - the context of a listener; certificate and key are self-made in the state
 * directory when the settings name none and it is on loopback. Returns  false with the
 * reason printed; *tls NULL where TLS is off, which is refused off loopback unless
 *          `insecure` says so (RELIABILITY S1)
 */
bool start_tls(const char *name, const struct config_listen *listen, const char *state,
	struct ssl_ctx_st **tls) USHER_MUST_CHECK;

/* Tells systemd how it stands ("READY=1", "WATCHDOG=1", "STOPPING=1"); nothing where
 * nobody asked (sd_notify(3)). */
void start_notify(const char *state);
/* How often the watchdog wants to hear of us, in ms; 0: there is none. */
long start_watchdog_ms(void);

#endif
