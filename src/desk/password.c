/* desk/password.c - passwords are hashed on threads of their own; see inner.h. */
#include <stdlib.h>

#include "base/worker.h"
#include "desk/inner.h"

struct password_job *
password_job_create(struct desk *desk, const struct rpc_call *call, const char *account,
	const char *password)
{
	struct password_job *job = xcalloc(1, sizeof *job);

	job->desk = desk;
	job->wire = call->who;
	job->tag = call->tag;
	job->account = xstrdup(account);
	job->password = xstrdup(password);
	job->params = json_deep_copy(call->params);
	json_object_del(job->params, "password");
	return job;
}

void
password_job_destroy(void *arg)
{
	struct password_job *job = arg;

	secret_forget(job->password);
	free(job->password);
	free(job->account);
	free(job->hash);
	free(job->made);
	json_decref(job->params);
	free(job);
}

/* On a thread. */
static void
work(void *arg)
{
	struct password_job *job = arg;

	if (job->make)
		job->made = password_hash(job->password);
	else
		job->matches = password_matches(job->password, job->hash);
}

/* On the loop again. */
static void
finish(void *arg)
{
	struct password_job *job = arg;

	job->done(job->desk, job);
	password_job_destroy(job);
}

bool
password_job_run(struct desk *desk, struct password_job *job)
{
	if (worker_run(desk->workers, work, finish, job))
		return true;
	desk_refuse_later(desk, job->tag, "busy",
		"Many passwords are being checked: try again soon.", 3000);
	password_job_destroy(job);
	return false;
}

void
desk_refuse_later(struct desk *desk, uint64_t tag, const char *type, const char *message,
	int64_t retry_ms)
{
	rpc_refuse(desk->rpc, tag, RPC_LATER, type, message,
		json_pack("{s:I}", "retry_ms", (json_int_t)retry_ms));
}
