/* model/mailout.c - settings of mail that leaves. */
#include "model/mailout.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

struct mailout_settings *
mailout_settings_create(void)
{
	struct mailout_settings *s = xcalloc(1, sizeof *s);

	*s = (struct mailout_settings){.refs = 1,
		.port = 25,
		.timeout_ms = 30000,
		.threads = 4,
		.undo_ms = 10000,
		.give_up_ms = 172800000,
		.keep_ms = 90 * INT64_C(86400000),
		.quote = true,
		.answers = true,
		.none_most = 0.05,
		.audit_share = 0.05,
		.customer_points = 80,
		.sender_most = 1,
		.sender_ms = 86400000,
		.response_most = 100,
		.hourly_most = 100,
		.hold_ms = 300000,
		.rebuild_ms = 86400000,
		.verdicts_kept = 5000};
	return s;
}

struct mailout_settings *
mailout_settings_ref(struct mailout_settings *s)
{
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

void
mailout_settings_unref(struct mailout_settings *s)
{
	char **owned[] = {&s->host, &s->ca_file, &s->user, &s->password_file, &s->name,
		&s->envelope, &s->ack_open, &s->ack_closed, &s->ack_calendar};

	if (s == NULL || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		free(*owned[i]);
	for (int i = 0; i < s->n_review; i++)
		free(s->review[i].category);
	for (int i = 0; i < s->n_days; i++)
		free(s->days[i].response);
	free(s->review);
	free(s->days);
	free(s);
}

static const struct mailout_review *
review_of(const struct mailout_settings *s, const char *category, size_t n)
{
	for (int i = 0; i < s->n_review; i++)
		if (strlen(s->review[i].category) == n &&
			strncmp(s->review[i].category, category, n) == 0)
			return &s->review[i];
	return NULL;
}

double
mailout_review_share(const struct mailout_settings *s, const char *category)
{
	const char *path = category != NULL ? category : "";
	size_t n = strlen(path);
	const struct mailout_review *r;

	for (;;) {
		r = review_of(s, path, n);
		if (r != NULL)
			return r->share;
		if (n == 0)
			return 0;
		while (n > 0 && path[n - 1] != '/')
			n--;
		n -= n > 0; /* without the slash */
	}
}
