/*
 * tests/fuzz/fuzz_chat.c - what strangers send: requests of customers against their
 * table, words as they are cleaned, telephone numbers under a plan.
 *
 * The first byte chooses which.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "intake/chat_inner.h"
#include "intake/number_plan.h"

static int frames;

static bool
catch_frame(void *owner, uint64_t who, const char *text, size_t n)
{
	json_t *frame = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);

	if (frame == NULL || ++frames > 1)
		abort();
	json_decref(frame);
	return true;
}

static void
run(void *owner, const struct rpc_call *call)
{
	struct rpc_fault fault;

	if (!rpc_params_fit(call->command->params, call->params, &fault))
		abort();
	rpc_answer(call->rpc, call->tag, json_deep_copy(call->params));
}

static void
requests(const char *text, size_t n)
{
	static struct rpc_command table[32];
	struct rpc *rpc = rpc_create(catch_frame, NULL);

	for (int i = 0; i < chat_n_visit_commands; i++) {
		table[i] = chat_visit_commands[i];
		table[i].run = run;
	}
	rpc_add(rpc, table, chat_n_visit_commands, NULL);
	rpc_open(rpc, 1);
	frames = 0;
	rpc_receive(rpc, 1, RPC_NOBODY, text, n);
	rpc_destroy(rpc);
}

/* Nothing that steers a terminal or ends a line elsewhere is left, and cleaning twice is
 * cleaning once. */
static void
words(const char *text)
{
	struct text once = {0}, twice = {0};
	json_t *valid = json_string(text);

	if (valid == NULL)
		return; /* JSON lets UTF-8 in alone */
	json_decref(valid);
	if (chat_clean(text, &once)) {
		for (size_t i = 0; i < once.n; i++) {
			unsigned char c = (unsigned char)once.s[i];

			if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
				abort();
		}
		if (!chat_clean(once.s, &twice) || strcmp(once.s, twice.s) != 0)
			abort();
	}
	text_finish(&once);
	text_finish(&twice);
}

static void
number(const char *text)
{
	static char country[] = "44", trunk[] = "0", abroad[] = "00", no[] = "449";
	static struct number_rule rules[] = {{country, true}, {no, false}};
	const struct number_plan plan = {.country = country,
		.trunk = trunk,
		.international = abroad,
		.least = 8,
		.most = 15,
		.n_rules = 2,
		.rules = rules};
	char out[NUMBER_TEXT], again[NUMBER_TEXT];

	if (number_read(&plan, text, out) != NULL)
		return;
	if (strncmp(out, "+44", 3) != 0 || strncmp(out, "+449", 4) == 0 ||
		strspn(out + 1, "0123456789") != strlen(out + 1) ||
		number_read(&plan, out, again) != NULL || strcmp(out, again) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text;

	if (n < 2 || n > WIRE_MESSAGE_MAX)
		return 0;
	text = xstrndup((const char *)data + 1, n - 1);
	if (data[0] % 3 == 0)
		requests(text, strlen(text));
	else if (data[0] % 3 == 1)
		words(text);
	else
		number(text);
	free(text);
	return 0;
}
