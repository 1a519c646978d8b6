/* control/config_libraries.c - the folders of responses that mailboxes name, read and
 * checked as they are when they come into use. */
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "model/mailbox.h"
#include "model/mailout.h"
#include "suggest/library.h"

/* "cards/lost.md:12: sentence" as a problem of that file and line. */
static void
take_line(struct config_problems *problems, const char *folder, const char *line)
{
	const char *colon = strchr(line, ':'), *said = colon;
	char *file, *end;
	long at;

	if (colon == NULL) {
		config_problems_add(problems, false, folder, 1, "%s", line);
		return;
	}
	at = strtol(colon + 1, &end, 10);
	if (end != colon + 1 && *end == ':')
		said = end;
	else
		at = 1;
	/* What is wrong with the folder itself is told with its whole path. */
	file = line[0] == '/' ? xstrndup(line, (size_t)(colon - line))
			      : xasprintf("%s/%.*s", folder, (int)(colon - line), line);
	config_problems_add(
		problems, false, file, (int)at, "%s", said + 1 + strspn(said + 1, " "));
	free(file);
}

static void
take_lines(struct config_problems *problems, const char *folder, char *said)
{
	char *line;

	while ((line = strsep(&said, "\n")) != NULL)
		if (*line != '\0')
			take_line(problems, folder, line);
}

/* Two mailboxes may share a folder: it is read once. */
static bool
is_first(const struct mail_settings *mail, int box)
{
	for (int i = 0; i < box; i++)
		if (mail->boxes[i].library != NULL &&
			strcmp(mail->boxes[i].library, mail->boxes[box].library) == 0)
			return false;
	return true;
}

/* ---- acknowledgements ---- */

/* Responses of all libraries together, to find out whether one is there. */
struct known {
	struct library *list[MAILBOXES_MAX]; /* owned, each */
	int n;
};

static void
check_named(struct config_problems *problems, const struct known *known, const char *path,
	const char *key, const char *response)
{
	if (response == NULL)
		return;
	for (int i = 0; i < known->n; i++)
		if (library_find(known->list[i], response) != NULL)
			return;
	config_problems_add(problems, true, path, 1,
		"mail.out.acknowledge.%s: no mailbox's library has a file of the "
		"response \"%s\": nothing is confirmed by it until one has",
		key, response);
}

static void
check_acknowledgements(struct config_problems *problems, const struct known *known,
	const char *path, const struct mailout_settings *out)
{
	check_named(problems, known, path, "open", out->ack_open);
	check_named(problems, known, path, "closed", out->ack_closed);
	for (int i = 0; i < out->n_days; i++)
		check_named(problems, known, path, "days", out->days[i].response);
}

/* ---- shares of review ---- */

/* Some response lies in the category, or below it (mailout_review_share()). */
static bool
has_category(const struct library *library, const char *category)
{
	size_t n = strlen(category);

	for (int i = 0; i < library->n; i++) {
		const char *of = library->list[i].category;

		if (strncmp(of, category, n) == 0 && (of[n] == '\0' || of[n] == '/'))
			return true;
	}
	return false;
}

static void
check_review(struct config_problems *problems, const struct known *known,
	const char *path, const struct mailout_settings *out)
{
	for (int i = 0; i < out->n_review; i++) {
		const char *category = out->review[i].category;
		bool there = *category == '\0'; /* all else */

		for (int j = 0; j < known->n; j++)
			there = there || has_category(known->list[j], category);
		if (!there)
			config_problems_add(problems, true, path, 1,
				"mail.out.review: no mailbox's library has a response of "
				"the category \"%s\": its share holds for no answer "
				"until one has",
				category);
	}
}

/* ---- the whole ---- */

bool
config_check_libraries(
	const struct config *config, const char *path, struct config_problems *problems)
{
	const struct mail_settings *mail = config->mail;
	struct known known = {0};
	bool fine = true;

	for (int i = 0; i < mail->n_boxes; i++) {
		struct library_problems wrong = {0};
		struct library *library;

		if (mail->boxes[i].library == NULL || !is_first(mail, i))
			continue;
		library = library_load(mail->boxes[i].library, &wrong);
		if (library != NULL)
			known.list[known.n++] = library;
		else if (wrong.said.s != NULL)
			take_lines(problems, mail->boxes[i].library, wrong.said.s);
		fine &= library != NULL;
		text_finish(&wrong.said);
	}
	if (fine) {
		check_acknowledgements(problems, &known, path, mail->out);
		check_review(problems, &known, path, mail->out);
	}
	for (int i = 0; i < known.n; i++)
		library_destroy(known.list[i]);
	return fine;
}
