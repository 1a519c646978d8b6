/* desk/vault.c - who may come in; see vault.h. */
#include "desk/vault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "desk/ledger.h"

static int
take_lock(const char *state_directory)
{
	char *path = xasprintf("%s/vault.lock", state_directory);
	int fd = ledger_open_file(path, 0);

	if (fd < 0) {
		log_error("desk: cannot open %s: %s", path, strerror(errno));
	} else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		log_error("desk: accounts in %s are held by another process; is usherd "
			  "running there?",
			state_directory);
		close(fd);
		fd = -1;
	}
	free(path);
	return fd;
}

struct vault *
vault_open(const char *state_directory, int64_t wall_ms)
{
	struct vault *v = xcalloc(1, sizeof *v);

	v->lock = take_lock(state_directory);
	if (v->lock >= 0)
		v->accounts = accounts_open(state_directory);
	if (v->accounts != NULL)
		v->tokens = tokens_open(state_directory, wall_ms);
	if (v->tokens != NULL)
		v->keys = keys_open(state_directory);
	if (v->keys != NULL)
		v->audit = audit_open(state_directory);
	if (v->audit == NULL) {
		vault_close(v);
		return NULL;
	}
	return v;
}

void
vault_close(struct vault *v)
{
	if (v == NULL)
		return;
	audit_close(v->audit);
	keys_close(v->keys);
	tokens_close(v->tokens);
	accounts_close(v->accounts);
	if (v->lock >= 0)
		close(v->lock);
	free(v);
}
