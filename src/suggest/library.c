/* suggest/library.c - response files. */
#include "suggest/library.h"

#include <stdlib.h>
#include <string.h>

#include "suggest/head.h"
#include "suggest/words_inner.h"

#define AIM_DEFAULT 98 /* per cent */

static const char *const response_keys[] = {"id", "title", "category", "languages",
	"language", "keywords", "placeholders", "automatic", "never_automatic", "aim",
	"rules", NULL};

struct library *
library_create(void)
{
	struct library *library = xcalloc(1, sizeof *library);

	library->rules = rules_create();
	return library;
}

static void
finish_names(struct name_list *names)
{
	for (int i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
}

static void
finish_response(struct response *r)
{
	free(r->id);
	free(r->title);
	free(r->category);
	free(r->body);
	free(r->file);
	finish_names(&r->languages);
	finish_names(&r->keywords);
	finish_names(&r->placeholders);
}

void
library_destroy(struct library *library)
{
	if (library == NULL)
		return;
	for (int i = 0; i < library->n; i++)
		finish_response(&library->list[i]);
	free(library->list);
	rules_destroy(library->rules);
	free(library);
}

const struct response *
library_find(const struct library *library, const char *id)
{
	int low = 0, high = library->n;

	while (low < high) {
		int middle = (low + high) / 2,
		    order = strcmp(library->list[middle].id, id);

		if (order == 0)
			return &library->list[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool
response_speaks(const struct response *r, const char *lang)
{
	for (int i = 0; i < r->languages.n; i++) {
		size_t n = strlen(r->languages.list[i]);

		if (strncmp(r->languages.list[i], lang, n) == 0 &&
			(lang[n] == '\0' || lang[n] == '-'))
			return true;
	}
	return r->languages.n == 0 || lang[0] == '\0';
}

/* ---- the body ---- */

static bool
is_placeholder_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= '0' && s[i] <= '9') &&
			s[i] != '.' && s[i] != '_')
			return false;
	return n > 0 && n <= PLACEHOLDER_MAX;
}

struct placeholder {
	const char *begin, *end;      /* from "{{" to behind "}}" */
	const char *name, *otherwise; /* not terminated; otherwise NULL: no default */
	size_t n_name, n_otherwise;
	bool wrong;
};

/* The next placeholder of a body: "{{name}}" or "{{name|default}}". */
static bool
next_placeholder(const char *at, struct placeholder *p)
{
	const char *open = strstr(at, "{{"), *close, *bar;

	if (open == NULL)
		return false;
	*p = (struct placeholder){.begin = open, .name = open + 2};
	close = strstr(open, "}}");
	p->end = close != NULL ? close + 2 : open + 2;
	p->wrong = close == NULL;
	if (p->wrong)
		return true;
	bar = memchr(p->name, '|', (size_t)(close - p->name));
	p->n_name = (size_t)((bar != NULL ? bar : close) - p->name);
	if (bar != NULL) {
		p->otherwise = bar + 1;
		p->n_otherwise = (size_t)(close - bar - 1);
	}
	p->wrong = !is_placeholder_name(p->name, p->n_name);
	return true;
}

static int
line_of(const char *text, const char *at)
{
	int line = 0;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

static bool
has_name(const struct name_list *names, const char *s, size_t n)
{
	for (int i = 0; i < names->n; i++)
		if (strlen(names->list[i]) == n && strncmp(names->list[i], s, n) == 0)
			return true;
	return false;
}

static void
check_body(const struct response *r, int first_line, struct library_problems *problems)
{
	struct placeholder p;

	if (r->body[strspn(r->body, " \t\n")] == '\0')
		problem_add(problems, r->file, first_line,
			"the response has no text: write it below the second \"---\"");
	for (const char *at = r->body; next_placeholder(at, &p); at = p.end) {
		int line = first_line + line_of(r->body, p.begin);

		if (p.wrong)
			problem_add(problems, r->file, line,
				"a placeholder is {{name}} or {{name|text without it}}; "
				"a name "
				"has letters a to z, digits, \".\" and \"_\"");
		else if (!has_name(&r->placeholders, p.name, p.n_name))
			problem_add(problems, r->file, line,
				"the placeholder \"%.*s\" is not named under "
				"\"placeholders:\" in the head",
				(int)p.n_name, p.name);
	}
}

bool
response_fill(const struct response *r,
	const char *(*value)(void *owner, const char *name), void *owner,
	struct text *out, struct text *missing)
{
	const char *at = r->body;
	struct placeholder p;
	bool filled = true;

	while (next_placeholder(at, &p)) {
		char name[PLACEHOLDER_MAX + 1];
		const char *text;

		memcpy(name, p.name, p.n_name);
		name[p.n_name] = '\0';
		text = value(owner, name);
		text_add_n(out, at, (size_t)(p.begin - at));
		if (text != NULL && text[0] != '\0') {
			text_add(out, text);
		} else if (p.otherwise != NULL) {
			text_add_n(out, p.otherwise, p.n_otherwise);
		} else {
			text_add_n(out, p.begin, (size_t)(p.end - p.begin));
			if (missing != NULL)
				text_addf(missing, "%s%s", missing->n > 0 ? ", " : "",
					name);
			filled = false;
		}
		at = p.end;
	}
	text_add(out, at);
	return filled;
}

/* ---- the head ---- */

static struct name_list
take_names(struct head *head, const yaml_node_t *map, const char *key)
{
	yaml_node_t *node = head_get(head, map, key);
	const char *text[RESPONSE_WORDS_MAX];
	struct name_list names = {0};

	if (node == NULL)
		return names;
	names.n = head_texts(head, node, text, RESPONSE_WORDS_MAX, key);
	names.list = xcalloc((size_t)names.n + 1, sizeof *names.list);
	for (int i = 0; i < names.n; i++)
		names.list[i] = xstrdup(text[i]);
	return names;
}

static char *
take_text(
	struct head *head, const yaml_node_t *map, const char *key, const char *otherwise)
{
	yaml_node_t *node = head_get(head, map, key);
	const char *text = node != NULL ? head_text(head, node) : otherwise;

	return xstrdup(text != NULL ? text : otherwise);
}

static bool
take_bool(struct head *head, const yaml_node_t *map, const char *key)
{
	const yaml_node_t *node = head_get(head, map, key);

	return node != NULL && head_bool(head, node);
}

/* "cards/lost.md" is the response "lost" of the category "cards". */
static char *
id_of_file(const char *file)
{
	const char *base = strrchr(file, '/');
	const char *from = base != NULL ? base + 1 : file, *dot = strrchr(from, '.');

	return xstrndup(from, dot != NULL ? (size_t)(dot - from) : strlen(from));
}

static char *
category_of_file(const char *file)
{
	const char *base = strrchr(file, '/');

	return xstrndup(file, base != NULL ? (size_t)(base - file) : 0);
}

/* Keywords are the plainest rule: any of them lifts the response a little. */
static void
add_keywords(struct head *head, const yaml_node_t *map, const struct response *r,
	struct rules *rules)
{
	struct keyword_rule rule = {.effect = RULE_BOOST,
		.boost = 1,
		.target = r->id,
		.any = {.n = r->keywords.n}};
	struct text languages = {0};
	char problem[RULE_PROBLEM];

	for (int i = 0; i < r->keywords.n; i++)
		rule.any.phrase[i] = r->keywords.list[i];
	for (int i = 0; i < r->languages.n; i++)
		text_addf(&languages, "%s%s", i > 0 ? "," : "", r->languages.list[i]);
	rule.lang = languages.s;
	if (r->keywords.n > 0 && !rules_add(rules, &rule, problem))
		head_error(head, head_get(head, map, "keywords"), "%s", problem);
	text_finish(&languages);
}

static void
check_head(struct head *head, const yaml_node_t *map, const struct response *r)
{
	if (!id_is_valid(r->id))
		head_error(head, map,
			"\"%.70s\" cannot be the id of a response: letters, digits, "
			"\".\", "
			"\"_\" and \"-\", at most %d",
			r->id, ID_MAX);
	if (r->title[0] == '\0' || strlen(r->title) > RULE_TEXT_MAX)
		head_error(head, map,
			"a response needs a \"title\" of at most %d bytes, by which "
			"agents "
			"know it",
			RULE_TEXT_MAX);
	for (int i = 0; i < r->placeholders.n; i++)
		if (!is_placeholder_name(
			    r->placeholders.list[i], strlen(r->placeholders.list[i])))
			head_error(head, head_get(head, map, "placeholders"),
				"\"%.70s\" cannot be a placeholder: letters a to z, "
				"digits, "
				"\".\" and \"_\", at most %d",
				r->placeholders.list[i], PLACEHOLDER_MAX);
	for (int i = 0; i < r->languages.n; i++)
		if (!id_is_valid(r->languages.list[i]) ||
			strlen(r->languages.list[i]) >= WORD_LANG_MAX)
			head_error(head, map,
				"\"%.40s\" is no language tag, such as en or de",
				r->languages.list[i]);
}

static void
read_head(struct head *head, const yaml_node_t *map, struct response *r,
	struct rules *rules)
{
	const yaml_node_t *aim = head_get(head, map, "aim");
	char *id = id_of_file(r->file), *category = category_of_file(r->file);
	yaml_node_t *list = head_get(head, map, "rules");

	head_known(head, map, response_keys);
	r->id = take_text(head, map, "id", id);
	r->title = take_text(head, map, "title", "");
	r->category = take_text(head, map, "category", category);
	r->languages = take_names(head, map,
		head_get(head, map, "language") != NULL ? "language" : "languages");
	r->keywords = take_names(head, map, "keywords");
	r->placeholders = take_names(head, map, "placeholders");
	r->automatic = take_bool(head, map, "automatic");
	r->never_automatic = take_bool(head, map, "never_automatic");
	r->aim = (aim != NULL ? head_number(head, aim, 50, 99.99) : AIM_DEFAULT) / 100;
	free(id);
	free(category);
	check_head(head, map, r);
	add_keywords(head, map, r, rules);
	if (list != NULL)
		head_rules(head, list, rules, r->id);
}

/* ---- one file ---- */

/* Cuts a text at its two lines "---". False: it has no head. */
struct parts {
	const char *head;
	size_t n_head;
	const char *body;
	int body_line; /* of the file */
};

static bool
is_dashes(const char *line, const char *end)
{
	while (end > line && (end[-1] == '\r' || end[-1] == ' '))
		end--;
	return end - line == 3 && strncmp(line, "---", 3) == 0;
}

static bool
cut(const char *text, struct parts *parts)
{
	const char *line = text;

	*parts = (struct parts){0};
	for (int number = 1; *line != '\0'; number++) {
		const char *end = line + strcspn(line, "\n");
		bool dashes = is_dashes(line, end);

		if (number == 1 && !dashes)
			return false;
		if (number == 1) {
			parts->head = end + (*end == '\n');
		} else if (dashes) {
			parts->n_head = (size_t)(line - parts->head);
			parts->body = end + (*end == '\n');
			parts->body_line = number + 1;
			return true;
		}
		line = end + (*end == '\n');
	}
	return false;
}

/* A copy with LF alone and without NUL and what is not UTF-8; NULL: said. */
static char *
clean_text(
	const char *file, const char *text, size_t n, struct library_problems *problems)
{
	char *clean = xmalloc(n + 1), *out = clean;
	int line = 1;

	for (size_t i = 0; i < n;) {
		size_t from = i;
		uint32_t c = utf8_next(text, n, &i);

		if (c == 0 || (c == 0xfffd && i - from != 3)) {
			problem_add(problems, file, line,
				"not UTF-8: save the file in the encoding UTF-8");
			free(clean);
			return NULL;
		}
		line += c == '\n';
		if (c == '\r' && i < n && text[i] == '\n')
			continue;
		memcpy(out, text + from, i - from);
		out += i - from;
	}
	*out = '\0';
	return clean;
}

static uint64_t
hash_of(const char *text, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* Takes the response over, at its place by id. */
static void
keep(struct library *library, struct response *r, struct library_problems *problems)
{
	const struct response *other = library_find(library, r->id);
	int at = library->n;

	if (other != NULL || library->n == LIBRARY_RESPONSES_MAX) {
		if (other != NULL)
			problem_add(problems, r->file, 1,
				"the id \"%s\" is taken by %s: give it another by "
				"\"id:\"",
				r->id, other->file);
		else
			problem_add(problems, r->file, 0, "more than %d responses",
				LIBRARY_RESPONSES_MAX);
		finish_response(r);
		return;
	}
	library->list = xreallocarray(
		library->list, (size_t)library->n + 1, sizeof *library->list);
	while (at > 0 && strcmp(library->list[at - 1].id, r->id) > 0) {
		library->list[at] = library->list[at - 1];
		at--;
	}
	library->list[at] = *r;
	library->n++;
}

static void
read_response(struct library *library, const char *file, const char *text,
	struct library_problems *problems)
{
	struct head head = {.file = file, .line = 1, .problems = problems};
	struct response r = {
		.file = xstrdup(file), .version = hash_of(text, strlen(text))};
	int before = problems->n;
	struct parts parts;
	yaml_node_t *map = NULL;

	if (!cut(text, &parts))
		problem_add(problems, file, 1,
			"a response begins with a line \"---\", its head, and another "
			"line "
			"\"---\"");
	else
		map = head_parse(&head, parts.head, parts.n_head);
	if (map != NULL && map->type == YAML_MAPPING_NODE) {
		read_head(&head, map, &r, library->rules);
		r.body = xstrdup(parts.body);
		check_body(&r, parts.body_line, problems);
	} else if (problems->n == before) {
		problem_add(problems, file, 2,
			"the head is empty: it needs a \"title\" at least");
	}
	head_finish(&head);
	if (problems->n == before)
		keep(library, &r, problems);
	else
		finish_response(&r);
}

static void
read_general_rules(struct library *library, const char *file, const char *text,
	struct library_problems *problems)
{
	struct head head = {.file = file, .problems = problems};
	yaml_node_t *list = head_parse(&head, text, strlen(text));

	if (list != NULL)
		head_rules(&head, list, library->rules, NULL);
	head_finish(&head);
}

void
library_read(struct library *library, const char *file, const char *text, size_t n,
	struct library_problems *problems)
{
	char *clean;

	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		n -= 3;
	}
	clean = clean_text(file, text, n, problems);
	if (clean != NULL && strcmp(file, "rules.yaml") == 0)
		read_general_rules(library, file, clean, problems);
	else if (clean != NULL)
		read_response(library, file, clean, problems);
	free(clean);
}
