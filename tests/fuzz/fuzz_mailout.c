/*
 * tests/fuzz/fuzz_mailout.c - a mail of ours made of anything: it is fit to be sent, has
 * the header fields that we write and no others, and no line end of its own kind.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mail.h"
#include "intake/compose.h"
#include "intake/message_id.h"

#define FIELDS 6

static const char *const known[] = {"From", "To", "Cc", "Subject", "Date", "Message-Id",
	"In-Reply-To", "References", "Auto-Submitted", "X-Auto-Response-Suppress",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding", NULL};

static void
check_header(const char *text)
{
	int seen[sizeof known / sizeof *known] = {0};

	while (*text != '\n') {
		size_t n = strcspn(text, "\n"), name = strcspn(text, ":");
		int found = -1;

		for (int i = 0; *text != ' ' && *text != '\t' && known[i] != NULL; i++)
			if (strlen(known[i]) == name &&
				strncasecmp(known[i], text, name) == 0)
				found = i;
		if (*text != ' ' && *text != '\t' && (found < 0 || seen[found]++ > 0))
			abort();
		text += n + 1;
	}
}

static void
check_wire(const char *text, size_t n)
{
	size_t length;
	char *wire = mailer_with_crlf(text, n, &length);

	for (size_t i = 0; i < length; i++)
		if ((wire[i] == '\n' && (i == 0 || wire[i - 1] != '\r')) ||
			(wire[i] == '\r' && wire[i + 1] != '\n'))
			abort();
	free(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *copy = calloc(n + FIELDS + 1, 1), *field[FIELDS], *at = copy, *made;
	char clean[64], case_id[NUMBER_ID_TEXT], out_id[OUT_ID_TEXT];
	const char *to[1], *ids[1], *fault, *domain;
	struct outgoing_file file;
	size_t length;

	if (n > 0)
		memcpy(copy, data, n);
	for (int i = 0; i < FIELDS; i++) {
		field[i] = at;
		at += strlen(at) + 1;
		if (at > copy + n)
			at = copy + n;
	}
	to[0] = field[1];
	ids[0] = field[4];
	file = (struct outgoing_file){field[2], field[5], field[3], strlen(field[3])};
	struct outgoing mail = {.from_name = field[0],
		.from = "help@desk.example",
		.n_to = 1,
		.to = to,
		.subject = field[2],
		.text = field[3],
		.message_id = "c000010000001.0123456789abcdef@desk.example",
		.in_reply_to = ids[0],
		.n_references = 1,
		.references = ids,
		.date_ms = 1795945200000,
		.n_files = n % 3 == 0,
		.files = &file,
		.automatic = n % 2};
	made = compose_mail(&mail, &length, &fault);
	if (made != NULL) {
		if (mailer_check(made, length) != NULL || strlen(made) != length)
			abort();
		check_header(made);
		check_wire(made, length);
	}
	free(made);
	if (n > 0)
		check_wire(copy, n);
	mailer_text_clean(field[5], clean, sizeof clean);
	if (!mailer_text_valid(clean))
		abort();
	if (message_id_read(field[5], case_id, out_id, &domain) && *domain == '\0')
		abort();
	free(compose_reply_subject(field[2], "Re: ", field[5]));
	free(compose_quote(field[3], field[0], 0, 100));
	free(copy);
	return 0;
}
