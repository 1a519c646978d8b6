/*
 * suggest/live.c - a mailbox's matcher in use.
 *
 * One lock: those who rank read, who learns or swaps writes, for microseconds; training
 * and reading of files happen outside of it. Readers of words and matchers of rules are
 * for one thread each, so those not in use lie ready by language.
 */
#include "suggest/live.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/map.h"

/* What one thread needs to read a mail. */
struct desk_set {
	struct desk_set *next;
	struct words_reader *reader;
	struct rule_matcher *matcher;
	struct words words;
	struct features features;
};

/* Scores of a verdict before it was learnt, and which label was right. */
struct remembered {
	float *score; /* owned; n of them */
	int n, label;
};

struct tongue {
	char language[WORD_LANG_MAX];
	struct learner *learner; /* owned */
	int version;
	int64_t built_ms;
	struct desk_set *ready; /* owned; under `lend` */
	struct remembered ring[LIVE_SCORES_KEPT];
	int n_ring, at_ring, since_fit;
};

struct live {
	char *name, *folder, *models; /* owned */
	double floor;
	pthread_rwlock_t lock; /* over all below but `lend`'s */
	pthread_mutex_t lend;
	struct library *library; /* owned */
	uint64_t version;	 /* of the library */
	struct map edits;	 /* texts by id, owned */
	int n;
	struct tongue tongue[LIVE_LANGUAGES_MAX];
};

/* ---- what lies ready ---- */

static void
set_free(struct desk_set *s)
{
	rule_matcher_destroy(s->matcher);
	words_reader_destroy(s->reader);
	words_finish(&s->words);
	features_finish(&s->features);
	free(s);
}

static void
drop_ready(struct tongue *t)
{
	while (t->ready != NULL) {
		struct desk_set *s = t->ready;

		t->ready = s->next;
		set_free(s);
	}
}

static struct desk_set *
borrow(struct live *live, struct tongue *t)
{
	struct desk_set *s;

	pthread_mutex_lock(&live->lend);
	s = t->ready;
	if (s != NULL)
		t->ready = s->next;
	pthread_mutex_unlock(&live->lend);
	if (s != NULL)
		return s;
	s = xcalloc(1, sizeof *s);
	s->reader = words_reader_create(t->language);
	if (live->library != NULL && rules_count(live->library->rules) > 0)
		s->matcher = rule_matcher_create(live->library->rules, t->language);
	return s;
}

static void
give_back(struct live *live, struct tongue *t, struct desk_set *s)
{
	pthread_mutex_lock(&live->lend);
	s->next = t->ready;
	t->ready = s;
	pthread_mutex_unlock(&live->lend);
}

/* ---- languages ---- */

/* "de" of "de-AT", in lower case; "" when it is no tag. */
static void
main_language(const char *tag, char out[WORD_LANG_MAX])
{
	size_t n = 0;

	for (; tag != NULL && tag[n] != '\0' && tag[n] != '-' && n < 3; n++) {
		char c = tag[n];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 'a' - 'A');
		if (c < 'a' || c > 'z')
			break;
		out[n] = c;
	}
	if (n < 2 || (tag[n] != '\0' && tag[n] != '-'))
		n = 0;
	out[n] = '\0';
}

static char *
model_name(const struct live *live, const char *language)
{
	return xasprintf("%s-%s", live->name, *language != '\0' ? language : "any");
}

/* When the file of a version was written; 0: unknown. */
static int64_t
built_at(const struct live *live, const char *name, int version)
{
	char *path = xasprintf("%s/%s.%06d.model", live->models, name, version);
	struct stat st;
	int64_t at_ms = stat(path, &st) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000 +
						       st.st_mtim.tv_nsec / 1000000
					     : 0;

	free(path);
	return at_ms;
}

/* With the lock held for writing. */
static void
take_up(struct live *live, struct tongue *t)
{
	char *name = model_name(live, t->language);

	learner_destroy(t->learner);
	t->learner =
		live->models != NULL ? shelf_load(live->models, name, &t->version) : NULL;
	t->built_ms = t->learner != NULL ? built_at(live, name, t->version) : 0;
	if (t->learner == NULL) {
		t->version = 0;
		t->learner = learner_create(t->language);
	}
	if (live->library != NULL)
		library_seed(live->library, t->learner);
	free(name);
}

static struct tongue *
known(struct live *live, const char *language)
{
	for (int i = 0; i < live->n; i++)
		if (strcmp(live->tongue[i].language, language) == 0)
			return &live->tongue[i];
	return NULL;
}

/* The language's, made when it is new. Takes the lock, for reading, and keeps it. */
static struct tongue *
read_tongue(struct live *live, const char *tag)
{
	char language[WORD_LANG_MAX];
	struct tongue *t;

	main_language(tag, language);
	pthread_rwlock_rdlock(&live->lock);
	t = known(live, language);
	while (t == NULL) {
		pthread_rwlock_unlock(&live->lock);
		pthread_rwlock_wrlock(&live->lock);
		if (live->n == LIVE_LANGUAGES_MAX)
			language[0] = '\0';
		if (known(live, language) == NULL && live->n < LIVE_LANGUAGES_MAX) {
			t = &live->tongue[live->n++];
			snprintf(t->language, sizeof t->language, "%s", language);
			take_up(live, t);
		}
		pthread_rwlock_unlock(&live->lock);
		pthread_rwlock_rdlock(&live->lock);
		t = known(live, language);
		if (t == NULL && live->n > 0)
			t = &live->tongue[0];
	}
	return t;
}

/* ---- the library ---- */

static uint64_t
version_of(const struct library *library)
{
	uint64_t version = 1469598103934665603u;

	for (int i = 0; i < library->n; i++)
		version = (version ^ library->list[i].version) * 1099511628211u;
	return version;
}

static void
read_edit(struct library *library, const char *id, const char *text,
	struct library_problems *problems)
{
	char *file = xasprintf("%s.md", id);

	library_read(library, file, text, strlen(text), problems);
	free(file);
}

/* The folder with its edits; `id` with `text` besides, when id is not NULL. */
static struct library *
read_library(const struct live *live, const char *id, const char *text,
	struct library_problems *problems)
{
	struct library *library = library_create();
	const char *name;
	size_t at = 0;
	void *value;

	while (map_next(&live->edits, &at, &name, &value))
		if (id == NULL || strcmp(id, name) != 0)
			read_edit(library, name, value, problems);
	if (id != NULL && text != NULL)
		read_edit(library, id, text, problems);
	if (live->folder != NULL)
		library_add(library, live->folder, problems);
	if (library_check(library, problems))
		return library;
	library_destroy(library);
	return NULL;
}

void
live_edit(struct live *live, const char *id, const char *text)
{
	free(text != NULL ? map_put(&live->edits, id, xstrdup(text))
			  : map_remove(&live->edits, id));
}

bool
live_load(struct live *live, struct library_problems *problems)
{
	struct library *library = read_library(live, NULL, NULL, problems);

	if (library == NULL)
		return false;
	pthread_rwlock_wrlock(&live->lock);
	for (int i = 0; i < live->n; i++) {
		drop_ready(&live->tongue[i]);
		library_seed(library, live->tongue[i].learner);
	}
	library_destroy(live->library);
	live->library = library;
	live->version = version_of(library);
	pthread_rwlock_unlock(&live->lock);
	return true;
}

bool
live_would_load(struct live *live, const char *id, const char *text,
	struct library_problems *problems)
{
	struct library *library = read_library(live, id, text, problems);

	library_destroy(library);
	return library != NULL;
}

const struct library *
live_library(const struct live *live)
{
	return live->library;
}

/* ---- proposals ---- */

static void
read_mail(struct desk_set *s, const struct live_mail *mail)
{
	words_clear(&s->words);
	if (s->reader == NULL)
		return;
	if (mail->subject != NULL)
		words_add(s->reader, &s->words, FIELD_SUBJECT, mail->subject,
			strlen(mail->subject));
	if (mail->sender != NULL)
		words_add(s->reader, &s->words, FIELD_SENDER, mail->sender,
			strlen(mail->sender));
	if (mail->text != NULL)
		words_add(
			s->reader, &s->words, FIELD_BODY, mail->text, strlen(mail->text));
	features_make(&s->features, &s->words);
}

static void
copy_found(const struct live *live, const struct proposer *p, const struct desk_set *s,
	const struct bag *bag, const struct suggestions *made, struct live_found *out)
{
	out->none = made->none;
	out->never_automatic = made->never_automatic;
	out->queue = xstrdup(made->queue);
	for (int i = 0; i < made->n_skills; i++)
		out->skill[out->n_skills++] = xstrdup(made->skill[i]);
	for (int i = 0; i < made->n; i++) {
		const struct response *r =
			library_find(live->library, made->list[i].label);
		struct text why = {0};

		if (r == NULL)
			continue;
		propose_why(p, &s->words, &s->features, bag, made, i, LIVE_REASON_WORDS,
			&why);
		out->list[out->n].id = xstrdup(r->id);
		out->list[out->n].title = xstrdup(r->title);
		out->list[out->n].why = text_take(&why);
		out->list[out->n++].p = made->list[i].p;
	}
}

void
live_propose(struct live *live, const struct live_mail *mail, struct live_found *out)
{
	struct tongue *t = read_tongue(live, mail->language);

	memset(out, 0, sizeof *out);
	if (live->library != NULL) {
		struct desk_set *s = borrow(live, t);
		struct proposer p = {t->learner, s->matcher, live->library, live->floor};
		struct suggestions made = {0};
		struct bag bag = {0};

		read_mail(s, mail);
		bag_make(&bag, &s->features);
		propose(&p, &s->words, &bag, &made);
		copy_found(live, &p, s, &bag, &made, out);
		snprintf(out->library, sizeof out->library, "%016" PRIx64, live->version);
		out->model = t->version;
		bag_finish(&bag);
		give_back(live, t, s);
	}
	pthread_rwlock_unlock(&live->lock);
}

void
live_found_finish(struct live_found *found)
{
	for (int i = 0; i < found->n; i++) {
		free(found->list[i].id);
		free(found->list[i].title);
		free(found->list[i].why);
	}
	for (int i = 0; i < found->n_skills; i++)
		free(found->skill[i]);
	free(found->queue);
	memset(found, 0, sizeof *found);
}

/* ---- learning ---- */

static void
fit(struct tongue *t)
{
	struct scored *list = xcalloc(LIVE_SCORES_KEPT, sizeof *list);
	int most = learner_labels(t->learner), n = 0;

	/* Those of before a new label came know nothing of it. */
	for (int i = 0; i < t->n_ring; i++)
		if (t->ring[i].n == most)
			list[n++] =
				(struct scored){t->ring[i].score, &t->ring[i].label, 1};
	if (n >= TEMPERATURE_LEAST)
		learner_set_temperature(t->learner,
			temperature_fit(list, n, most, learner_temperature(t->learner)));
	free(list);
}

static void
remember(struct tongue *t, const struct bag *bag, int label)
{
	struct remembered *r = &t->ring[t->at_ring];

	free(r->score);
	r->n = learner_labels(t->learner);
	r->score = xcalloc((size_t)r->n, sizeof *r->score);
	r->label = label;
	learner_score(t->learner, bag, r->score);
	t->at_ring = (t->at_ring + 1) % LIVE_SCORES_KEPT;
	if (t->n_ring < LIVE_SCORES_KEPT)
		t->n_ring++;
}

void
live_learn(struct live *live, const struct live_mail *mail, const char *response,
	double weight)
{
	struct tongue *t = read_tongue(live, mail->language);
	struct desk_set *s = borrow(live, t);
	struct bag bag = {0};
	char language[WORD_LANG_MAX];
	int label;

	snprintf(language, sizeof language, "%s", t->language);
	read_mail(s, mail);
	bag_make(&bag, &s->features);
	give_back(live, t, s);
	pthread_rwlock_unlock(&live->lock);
	pthread_rwlock_wrlock(&live->lock);
	t = known(live, language);
	label = response != NULL ? learner_label(t->learner, response, true)
				 : LEARNER_NONE;
	if (label >= 0) {
		/* Before it is learnt: what was not seen yet proves something. */
		if (response != NULL || learner_knows_none(t->learner))
			remember(t, &bag, label);
		if (weight > 0)
			learner_learn(t->learner,
				&(struct learner_case){&bag, &label, 1, (float)weight});
		if (++t->since_fit >= LIVE_FIT_EVERY) {
			t->since_fit = 0;
			fit(t);
		}
	}
	pthread_rwlock_unlock(&live->lock);
	bag_finish(&bag);
}

/* Trains outside of the lock: only the new learner is touched. */
static struct learner *
train(struct live *live, const char *language, const struct live_case *cases, int n)
{
	struct learner *l = learner_create(language);
	struct words_reader *reader = words_reader_create(language);
	struct learner_case *list = xcalloc((size_t)n + 1, sizeof *list);
	struct bag *bags = xcalloc((size_t)n + 1, sizeof *bags);
	int *label = xcalloc((size_t)n + 1, sizeof *label), used = 0;

	for (int i = 0; i < n; i++) {
		struct desk_set s = {.reader = reader};

		label[used] = cases[i].response != NULL
				      ? learner_label(l, cases[i].response, true)
				      : LEARNER_NONE;
		if (label[used] < 0 || cases[i].weight <= 0)
			continue;
		read_mail(&s, &cases[i].mail);
		bag_make(&bags[used], &s.features);
		words_finish(&s.words);
		features_finish(&s.features);
		list[used] = (struct learner_case){
			&bags[used], &label[used], 1, (float)cases[i].weight};
		used++;
	}
	learner_train(l, list, used, (struct learner_training){.seed = (uint64_t)n});
	for (int i = 0; i < used; i++)
		bag_finish(&bags[i]);
	free(bags);
	free(list);
	free(label);
	words_reader_destroy(reader);
	return l;
}

int
live_rebuild(struct live *live, const char *tag, const struct live_case *cases, int n,
	char problem[MODEL_PROBLEM])
{
	char language[WORD_LANG_MAX], *name;
	struct learner *l;
	struct tongue *t;
	int version;

	if (live->models == NULL) {
		snprintf(problem, MODEL_PROBLEM, "There is no folder for models.");
		return 0;
	}
	main_language(tag, language);
	l = train(live, language, cases, n);
	name = model_name(live, language);
	version = shelf_save(l, live->models, name, problem);
	if (version == 0) {
		learner_destroy(l);
		free(name);
		return 0;
	}
	t = read_tongue(live, language);
	pthread_rwlock_unlock(&live->lock);
	pthread_rwlock_wrlock(&live->lock);
	t = known(live, language);
	if (t != NULL) {
		if (live->library != NULL)
			library_seed(live->library, l);
		learner_destroy(t->learner);
		t->learner = l;
		t->version = version;
		t->built_ms = built_at(live, name, version);
		t->n_ring = t->at_ring = t->since_fit = 0;
	} else
		learner_destroy(l);
	pthread_rwlock_unlock(&live->lock);
	free(name);
	return version;
}

int
live_roll_back(struct live *live, const char *tag)
{
	char language[WORD_LANG_MAX], *name;
	int version = 0;
	struct tongue *t;

	main_language(tag, language);
	name = model_name(live, language);
	if (live->models != NULL)
		version = shelf_roll_back(live->models, name);
	pthread_rwlock_wrlock(&live->lock);
	t = known(live, language);
	if (version > 0 && t != NULL) {
		take_up(live, t);
		t->n_ring = t->at_ring = t->since_fit = 0;
	}
	pthread_rwlock_unlock(&live->lock);
	free(name);
	return version;
}

int
live_states(const struct live *l, struct live_state *out, int most)
{
	struct live *live = (struct live *)l; /* the lock is not the state's */
	int n = 0;

	pthread_rwlock_rdlock(&live->lock);
	for (int i = 0; i < live->n && n < most; i++) {
		const struct tongue *t = &live->tongue[i];

		out[n] = (struct live_state){.version = t->version,
			.built_ms = t->built_ms,
			.cases = learner_cases(t->learner),
			.temperature = learner_temperature(t->learner),
			.labels = learner_labels(t->learner) - 1};
		memcpy(out[n++].language, t->language, sizeof t->language);
	}
	pthread_rwlock_unlock(&live->lock);
	return n;
}

/* ---- life ---- */

struct live *
live_create(const struct live_settings *settings)
{
	struct live *live = xcalloc(1, sizeof *live);

	live->name = xstrdup(settings->name);
	live->folder = xstrdup(settings->library);
	live->models = xstrdup(settings->models);
	live->floor = settings->floor;
	pthread_rwlock_init(&live->lock, NULL);
	pthread_mutex_init(&live->lend, NULL);
	return live;
}

void
live_destroy(struct live *live)
{
	size_t at = 0;
	void *value;

	if (live == NULL)
		return;
	for (int i = 0; i < live->n; i++) {
		drop_ready(&live->tongue[i]);
		learner_destroy(live->tongue[i].learner);
		for (int k = 0; k < LIVE_SCORES_KEPT; k++)
			free(live->tongue[i].ring[k].score);
	}
	while (map_next(&live->edits, &at, NULL, &value))
		free(value);
	map_finish(&live->edits);
	library_destroy(live->library);
	pthread_rwlock_destroy(&live->lock);
	pthread_mutex_destroy(&live->lend);
	free(live->name);
	free(live->folder);
	free(live->models);
	free(live);
}
