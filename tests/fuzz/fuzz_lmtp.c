/*
 * tests/fuzz/fuzz_lmtp.c - any bytes as an LMTP client's, cut anywhere: every whole mail
 * gets one answer a recipient, answers are well-formed lines, nothing is taken beyond the
 * bounds, and how the stream is cut changes nothing.
 *
 * The first byte chooses the cuts and when answers come.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "intake/lmtp.h"

#define MOST 4096

struct scene {
	struct lmtp *lmtp;
	struct text said;
	size_t content;
	int recipients, wholes, pending;
	bool begun, ended, later;
};

static void
on_say(void *owner, const char *data, size_t n)
{
	struct scene *s = owner;

	if (n < 6 || memcmp(data + n - 2, "\r\n", 2) != 0 || data[0] < '2' ||
		data[0] > '5')
		abort();
	text_add_n(&s->said, data, n);
}

static enum lmtp_verdict
on_sender(void *owner, const char *sender)
{
	struct scene *s = owner;

	if (strlen(sender) > LMTP_ADDRESS_MAX || s->begun)
		abort();
	s->begun = true;
	s->recipients = 0;
	s->content = 0;
	if (sender[0] != 'L')
		return LMTP_OK;
	s->begun = false;
	return LMTP_LATER;
}

static enum lmtp_verdict
on_recipient(void *owner, const char *recipient)
{
	struct scene *s = owner;

	if (!s->begun || strlen(recipient) > LMTP_ADDRESS_MAX)
		abort();
	if (recipient[0] == 'U')
		return LMTP_UNKNOWN;
	if (++s->recipients > LMTP_RECIPIENTS_MAX)
		abort();
	return LMTP_OK;
}

static bool
on_content(void *owner, const char *data, size_t n)
{
	struct scene *s = owner;

	s->content += n;
	if (!s->begun || s->recipients == 0 || s->content > MOST)
		abort();
	return true;
}

static void
answer(struct scene *s)
{
	int n = s->pending;

	s->pending = 0;
	for (int i = n - 1; i >= 0; i--)
		lmtp_answer(s->lmtp, i, (enum lmtp_verdict)(i % LMTP_VERDICTS), NULL);
	if (n > 0 && lmtp_waits(s->lmtp))
		abort();
}

static void
on_whole(void *owner, int n)
{
	struct scene *s = owner;

	if (!s->begun || n != s->recipients || n == 0)
		abort();
	s->begun = false;
	s->wholes++;
	s->pending = n;
	if (!s->later)
		answer(s);
}

static void
on_dropped(void *owner)
{
	((struct scene *)owner)->begun = false;
}

static void
on_ended(void *owner)
{
	struct scene *s = owner;

	if (s->ended)
		abort();
	s->ended = true;
}

static void
play(struct scene *s, const char *data, size_t n, size_t piece, bool later)
{
	struct lmtp_handler handler = {s, on_say, on_sender, on_recipient, on_content,
		on_whole, on_dropped, on_ended};

	*s = (struct scene){.later = later};
	s->lmtp = lmtp_create(&handler, "desk.example", MOST);
	lmtp_begin(s->lmtp);
	while (n > 0 && !s->ended) {
		size_t size = n < piece ? n : piece;
		size_t used = lmtp_feed(s->lmtp, data, size);

		if (used > size || (used < size && !s->ended && !lmtp_waits(s->lmtp)))
			abort();
		data += used;
		n -= used;
		answer(s);
	}
	lmtp_destroy(s->lmtp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct scene whole, cut;

	if (n < 1)
		return 0;
	play(&whole, (const char *)data + 1, n - 1, n, (data[0] & 1) != 0);
	play(&cut, (const char *)data + 1, n - 1, 1 + data[0] % 7, true);
	if (whole.wholes != cut.wholes || whole.ended != cut.ended ||
		whole.said.n != cut.said.n ||
		memcmp(whole.said.s, cut.said.s, whole.said.n) != 0)
		abort();
	text_finish(&whole.said);
	text_finish(&cut.said);
	return 0;
}
