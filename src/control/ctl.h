/* control/ctl.h - the daemon's own socket for usherctl: STATE/usherd.sock, the owner's
 * alone, the same protocol as everywhere. Who is let in, the handler decides by uid. */
#ifndef USHER_CONTROL_CTL_H
#define USHER_CONTROL_CTL_H

#include <stdbool.h>

#include "base/wire.h"

#define CTL_SOCKET "usherd.sock"
#define CTL_PEERS_MAX 64 /* usherctl's at a time */

/* Path of the socket; the caller owns it. */
char *ctl_path(const char *state_directory);

/* Listens there. False with the reason logged: another daemon answers, or the path is
 * longer than a Unix socket may have (107 bytes). */
bool ctl_listen(struct wires *wires, const char *state_directory,
	const struct wire_handler *handler) USHER_MUST_CHECK;

#endif
