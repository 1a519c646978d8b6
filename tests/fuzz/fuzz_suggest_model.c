/*
 * tests/fuzz/fuzz_suggest_model.c - any bytes as a model file: refused, or a learner that
 * ranks, learns and is the same when it is saved and read again.
 *
 * No fuzzer finds a checksum, so what is tried is a saved learner with some of its bytes
 * changed and the checksum made anew: four bytes say where, one by what.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suggest/model_file.h"

static char *whole;
static size_t n_whole;
static struct bag bag;

static void
prepare(void)
{
	struct words_reader *reader = words_reader_create("en");
	struct learner *l = learner_create("en");
	struct words words = {0};
	struct features features = {0};
	FILE *f = open_memstream(&whole, &n_whole);

	words_add(reader, &words, FIELD_BODY, "alpha beta", 10);
	features_make(&features, &words);
	bag_make(&bag, &features);
	for (int i = 0; i < 3; i++) {
		char name[2] = {(char)('a' + i), '\0'};
		int label = learner_label(l, name, true);

		learner_learn(l, &(struct learner_case){&bag, &label, 1, 1});
	}
	if (!model_write(l, f))
		abort();
	fclose(f);
	learner_destroy(l);
	features_finish(&features);
	words_finish(&words);
	words_reader_destroy(reader);
}

static void
use(struct learner *l)
{
	struct proposal out[PROPOSALS_MAX];
	int n = learner_rank(l, &bag, NULL, out, PROPOSALS_MAX, NULL);
	int label = learner_label(l, "new", true);

	for (int i = 0; i < n; i++)
		if (out[i].label <= 0 || out[i].label >= learner_labels(l))
			abort();
	if (label > 0)
		learner_learn(l, &(struct learner_case){&bag, &label, 1, 1});
}

/* FNV-1a, as the file has it. */
static void
seal(char *bytes, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i + 8 < n; i++)
		sum = (sum ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	memcpy(bytes + n - 8, &sum, 8);
}

static void
try_bytes(char *bytes, size_t n)
{
	char problem[MODEL_PROBLEM] = "";
	FILE *f = fmemopen(bytes, n, "rb");
	struct learner *l = model_read(f, problem);

	fclose(f);
	if (l != NULL)
		use(l);
	else if (problem[0] == '\0')
		abort();
	learner_destroy(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *copy;

	if (whole == NULL)
		prepare();
	if (n == 0)
		return 0;
	copy = xmalloc(n_whole > n ? n_whole : n);
	memcpy(copy, data, n);
	try_bytes(copy, n);
	memcpy(copy, whole, n_whole);
	for (size_t i = 0; i + 5 <= n; i += 5) {
		uint32_t at;

		/* Half of the places lie in the head, where most can go wrong. */
		memcpy(&at, data + i, sizeof at);
		copy[at % 2 ? at / 2 % 1024 : at / 2 % n_whole] ^= (char)data[i + 4];
	}
	seal(copy, n_whole);
	try_bytes(copy, n_whole);
	free(copy);
	return 0;
}
