/* control/ctl.c - the daemon's own socket for usherctl; see ctl.h. */
#include "control/ctl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/log.h"

char *
ctl_path(const char *state_directory)
{
	return xasprintf("%s/%s", state_directory, CTL_SOCKET);
}

bool
ctl_listen(struct wires *wires, const char *state_directory,
	const struct wire_handler *handler)
{
	char *path = ctl_path(state_directory);
	char *address = xasprintf("unix:%s", path);
	struct wire_listen listen = {.address = address, .most = CTL_PEERS_MAX};
	bool ok = strlen(path) < sizeof((struct sockaddr_un *)0)->sun_path;

	if (!ok)
		log_error("ctl: the path %s is too long for a socket; take a shorter "
			  "state directory",
			path);
	ok = ok && wires_listen(wires, &listen, handler) >= 0;
	free(address);
	free(path);
	return ok;
}
