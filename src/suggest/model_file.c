/* suggest/model_file.c - learners on disk. */
#include "suggest/model_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suggest/learner_inner.h"

/* What features are made of: a model learnt otherwise would meet strangers. */
#ifdef USHER_ICU
#define READING 1u
#else
#define READING 2u
#endif
#define FORMAT 1u
#define BYTE_ORDER_MARK 0x01020304u

struct head {
	char magic[8];
	uint32_t format, order, reading, buckets;
	uint32_t labels, rows; /* of weights that follow */
	uint32_t trained, spare;
	uint64_t cases, idf_cases;
	double temperature;
	char lang[WORD_LANG_MAX];
};

static const char magic[8] = "ushermdl";

/* A stream with the checksum (FNV-1a) of all that went through it. */
struct channel {
	FILE *f; /* borrowed */
	uint64_t sum;
	bool ok;
};

static void
add_to_sum(struct channel *c, const void *data, size_t n)
{
	const unsigned char *byte = data;
	uint64_t sum = c->sum;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ byte[i]) * UINT64_C(0x100000001b3);
	c->sum = sum;
}

static void
put(struct channel *c, const void *data, size_t n)
{
	c->ok = c->ok && fwrite(data, 1, n, c->f) == n;
	add_to_sum(c, data, n);
}

static bool
get(struct channel *c, void *data, size_t n)
{
	c->ok = c->ok && fread(data, 1, n, c->f) == n;
	if (c->ok)
		add_to_sum(c, data, n);
	return c->ok;
}

/* A row that no step has moved need not be kept. */
static bool
row_is_used(const struct learner *l, size_t row)
{
	const float *sum = l->sum + row * (size_t)l->room;

	for (int k = 0; k < l->n; k++)
		if (sum[k] > 0)
			return true;
	return false;
}

static uint32_t
count_rows(const struct learner *l)
{
	uint32_t n = 0;

	for (size_t row = 0; row < LEARNER_ROWS; row++)
		n += row_is_used(l, row);
	return n;
}

bool
model_write(const struct learner *l, FILE *f)
{
	struct channel c = {.f = f, .ok = true};
	struct head head = {.format = FORMAT,
		.order = BYTE_ORDER_MARK,
		.reading = READING,
		.buckets = LEARNER_BUCKETS,
		.labels = (uint32_t)l->n,
		.rows = count_rows(l),
		.trained = l->trained,
		.cases = l->n_cases,
		.idf_cases = l->idf_cases,
		.temperature = l->temperature};
	size_t n = (size_t)l->n * sizeof(float);

	memcpy(head.magic, magic, sizeof magic);
	memcpy(head.lang, l->lang, sizeof head.lang);
	put(&c, &head, sizeof head);
	for (int k = 0; k < l->n; k++) {
		uint32_t listed = l->listed[k];

		put(&c, l->name[k], sizeof l->name[k]);
		put(&c, &l->seen[k], sizeof l->seen[k]);
		put(&c, &listed, sizeof listed);
	}
	put(&c, l->df, LEARNER_BUCKETS * sizeof *l->df);
	put(&c, l->idf, LEARNER_BUCKETS * sizeof *l->idf);
	for (uint32_t row = 0; row < LEARNER_ROWS; row++) {
		if (!row_is_used(l, row))
			continue;
		put(&c, &row, sizeof row);
		put(&c, l->weight + row * (size_t)l->room, n);
		put(&c, l->sum + row * (size_t)l->room, n);
	}
	head.cases = c.sum;
	put(&c, &head.cases, sizeof head.cases);
	return c.ok;
}

/* ---- reading ---- */

static struct learner *
refuse(struct learner *l, char problem[MODEL_PROBLEM], const char *what)
{
	learner_destroy(l);
	snprintf(problem, MODEL_PROBLEM, "%s", what);
	return NULL;
}

static const char *
head_problem(const struct head *h)
{
	if (memcmp(h->magic, magic, sizeof magic) != 0)
		return "this is no model of the matcher";
	if (h->order != BYTE_ORDER_MARK || h->format != FORMAT ||
		h->buckets != LEARNER_BUCKETS)
		return "the model was saved by another version or machine: train it anew";
	if (h->reading != READING)
		return "the model was learnt by a build that reads words otherwise (with "
		       "or without ICU): train it anew";
	if (h->labels == 0 || h->labels > LEARNER_LABELS_MAX + 1 ||
		h->rows > LEARNER_ROWS || memchr(h->lang, '\0', sizeof h->lang) == NULL ||
		!(h->temperature >= 0.01 && h->temperature <= 100))
		return "the model's head is damaged";
	return NULL;
}

static bool
read_labels(struct channel *c, struct learner *l, int labels)
{
	for (int k = 0; k < labels; k++) {
		uint32_t listed = 0;
		char name[LEARNER_LABEL_BYTES];

		if (!get(c, name, sizeof name) ||
			!get(c, &l->seen[k], sizeof l->seen[k]) ||
			!get(c, &listed, sizeof listed) ||
			memchr(name, '\0', sizeof name) == NULL ||
			(k > 0 && (name[0] == '\0' || learner_find(l, name) > 0)))
			return false;
		if (k > 0)
			learner_name_next(l, name);
		l->listed[k] = listed != 0;
	}
	return true;
}

static bool
all_finite(const float *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(list[i]))
			return false;
	return true;
}

static bool
read_rows(struct channel *c, struct learner *l, uint32_t rows)
{
	size_t n = (size_t)l->n;

	for (uint32_t i = 0; i < rows; i++) {
		uint32_t row = 0;
		float *weight, *sum;

		if (!get(c, &row, sizeof row) || row >= LEARNER_ROWS)
			return false;
		weight = l->weight + row * (size_t)l->room;
		sum = l->sum + row * (size_t)l->room;
		if (!get(c, weight, n * sizeof *weight) ||
			!get(c, sum, n * sizeof *sum) || !all_finite(weight, n) ||
			!all_finite(sum, n))
			return false;
	}
	return true;
}

struct learner *
model_read(FILE *f, char problem[MODEL_PROBLEM])
{
	struct channel c = {.f = f, .ok = true};
	struct head head;
	struct learner *l;
	uint64_t sum, saved = 0;
	const char *wrong;

	if (!get(&c, &head, sizeof head))
		return refuse(NULL, problem, "the model ends in its head");
	wrong = head_problem(&head);
	if (wrong != NULL)
		return refuse(NULL, problem, wrong);
	l = learner_create_empty((int)head.labels);
	l->n = 1;
	l->trained = head.trained != 0;
	l->n_cases = head.cases;
	l->idf_cases = head.idf_cases;
	l->temperature = head.temperature;
	memcpy(l->lang, head.lang, sizeof l->lang);
	if (!read_labels(&c, l, (int)head.labels) ||
		!get(&c, l->df, LEARNER_BUCKETS * sizeof *l->df) ||
		!get(&c, l->idf, LEARNER_BUCKETS * sizeof *l->idf) ||
		!all_finite(l->idf, LEARNER_BUCKETS) || !read_rows(&c, l, head.rows))
		return refuse(l, problem, "the model is torn or damaged");
	sum = c.sum;
	if (!get(&c, &saved, sizeof saved) || saved != sum || getc(f) != EOF)
		return refuse(l, problem,
			"the model's checksum is wrong: it is torn or "
			"damaged");
	return l;
}

struct learner *
model_load(const char *path, char problem[MODEL_PROBLEM])
{
	FILE *f = fopen(path, "rbe");
	struct learner *l;

	if (f == NULL) {
		snprintf(problem, MODEL_PROBLEM, "%s", strerror(errno));
		return NULL;
	}
	l = model_read(f, problem);
	fclose(f);
	return l;
}

/* ---- saving ---- */

/* The renaming itself must survive, too. */
static bool
flush_folder(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	free(copy);
	return ok;
}

static bool
write_and_flush(const struct learner *l, const char *path)
{
	FILE *f = fopen(path, "wbe");
	bool ok;

	if (f == NULL)
		return false;
	ok = model_write(l, f) && fflush(f) == 0 && fsync(fileno(f)) == 0;
	return fclose(f) == 0 && ok;
}

bool
model_save(const struct learner *l, const char *path, char problem[MODEL_PROBLEM])
{
	char *beside = xasprintf("%s.new", path);
	bool ok = write_and_flush(l, beside) && rename(beside, path) == 0 &&
		  flush_folder(path);

	if (!ok) {
		snprintf(problem, MODEL_PROBLEM, "%s", strerror(errno));
		unlink(beside);
	}
	free(beside);
	return ok;
}
