/* usherctl/options.c - words and options of the command line, by the table. */
#include "usherctl/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WATCH_S 2 /* --watch without a number */

const struct option_spec global_options[] = {
	{"state", "DIR",
		"state directory of the daemon (else $USHER_STATE, ./state, "
		"/var/lib/usher)"},
	{"socket", "PATH", "socket of the daemon, if it is not DIR/usherd.sock"},
	{"json", NULL, "print JSON instead of text"},
	{"watch", "[SECS]", "again and again, every 2 seconds if not said otherwise"},
	{"help", NULL, "this help; after a command: its help"},
	{"version", NULL, "version of usherctl"},
	{0},
};

/* Place of an option in a table; -1: not there. */
static int
place_of(const struct option_spec *table, const char *name, size_t n)
{
	for (int i = 0; table != NULL && table[i].name != NULL; i++) {
		if (strlen(table[i].name) == n && strncmp(table[i].name, name, n) == 0)
			return i;
	}
	return -1;
}

const char *
option(const struct ctl *ctl, const char *name)
{
	int at = place_of(ctl->command->options, name, strlen(name));

	return at >= 0 ? ctl->value[at] : NULL;
}

bool
option_number(const struct ctl *ctl, const char *name, int64_t least, int64_t most,
	int64_t otherwise, int64_t *out)
{
	const char *text = option(ctl, name);
	char *end;

	*out = otherwise;
	if (text == NULL)
		return true;
	errno = 0;
	*out = strtoll(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && *out >= least && *out <= most)
		return true;
	complain("--%s takes a whole number from %" PRId64 " to %" PRId64 ", not %s",
		name, least, most, text);
	return false;
}

bool
read_duration(const char *text, int64_t *ms)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = {{"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 36e5}, {"d", 864e5}};
	char *end;
	double number = strtod(text, &end);

	if (end == text || !(number >= 0 && number < 1e12))
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(end, units[i].unit) == 0) {
			*ms = (int64_t)(number * units[i].ms);
			return true;
		}
	}
	return false;
}

/* ---- reading the command line ---- */

struct line {
	struct ctl *ctl;
	struct globals *globals;
	char **argv;
	int argc, at;
};

static bool
is_number(const char *text)
{
	char *end;

	return text != NULL && text[0] != '\0' && text[0] != '-' &&
	       strtod(text, &end) >= 0 && *end == '\0';
}

/* The value of an option: behind "=", or the next word. NULL: said that it is missing. */
static const char *
take_value(struct line *l, const char *name, const char *equals)
{
	if (equals != NULL)
		return equals + 1;
	if (l->at < l->argc)
		return l->argv[l->at++];
	complain("%s needs a value", name);
	return NULL;
}

static bool
take_global(struct line *l, int place, const char *arg, const char *equals)
{
	const char *name = global_options[place].name, *value;

	if (global_options[place].argument == NULL) {
		l->globals->help |= strcmp(name, "help") == 0;
		l->globals->version |= strcmp(name, "version") == 0;
		l->ctl->json |= strcmp(name, "json") == 0;
		return true;
	}
	if (strcmp(name, "watch") == 0) {
		value = equals != NULL				       ? equals + 1
			: l->at < l->argc && is_number(l->argv[l->at]) ? l->argv[l->at++]
								       : NULL;
		l->ctl->watch_s = value != NULL ? strtod(value, NULL) : WATCH_S;
		if (l->ctl->watch_s >= 0.1)
			return true;
		complain("--watch takes seconds, 0.1 or more");
		return false;
	}
	value = take_value(l, arg, equals);
	if (strcmp(name, "state") == 0)
		l->ctl->state = value;
	else
		l->globals->socket = value;
	return value != NULL;
}

static bool
take_option(struct line *l, const char *arg)
{
	const char *equals = strchr(arg, '=');
	size_t n = equals != NULL ? (size_t)(equals - arg) - 2 : strlen(arg) - 2;
	const struct option_spec *own =
		l->ctl->command != NULL ? l->ctl->command->options : NULL;
	int place = place_of(own, arg + 2, n);

	if (place >= 0 && place < OPTIONS_MAX) {
		l->ctl->value[place] =
			own[place].argument != NULL ? take_value(l, arg, equals) : "";
		return l->ctl->value[place] != NULL;
	}
	place = place_of(global_options, arg + 2, n);
	if (place >= 0)
		return take_global(l, place, arg, equals);
	complain("%s is not an option here; see usherctl %s%s--help", arg,
		l->ctl->command != NULL ? l->ctl->command->noun : "",
		l->ctl->command != NULL ? " " : "");
	return false;
}

/* The command of noun and verb; a verb that the noun does not have is said. */
static const struct command *
find_command(const char *noun, const char *verb, bool *takes_verb)
{
	for (int i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];

		if (strcmp(c->noun, noun) != 0)
			continue;
		*takes_verb = c->verb != NULL;
		if (c->verb == NULL || (verb != NULL && strcmp(c->verb, verb) == 0))
			return c;
	}
	return NULL;
}

static void
suggest(const char *noun, const char *verb)
{
	int least = 3;
	const struct command *near = NULL;
	char given[160], known[160];

	snprintf(given, sizeof given, "%.60s%s%.60s", noun, verb != NULL ? " " : "",
		verb != NULL ? verb : "");
	for (int i = 0; i < n_commands; i++) {
		int d;

		snprintf(known, sizeof known, "%s%s%s", commands[i].noun,
			commands[i].verb != NULL ? " " : "",
			commands[i].verb != NULL ? commands[i].verb : "");
		d = text_distance(given, known);
		if (d < least) {
			least = d;
			near = &commands[i];
		}
	}
	if (near != NULL)
		complain("there is no command \"%s\"; did you mean \"%s%s%s\"?", given,
			near->noun, near->verb != NULL ? " " : "",
			near->verb != NULL ? near->verb : "");
	else
		complain("there is no command \"%s\"; usherctl --help lists them", given);
}

/* Takes noun and verb from the line. False: no such command. */
static bool
take_command(struct line *l, const char *noun)
{
	bool takes_verb = false;
	const char *verb =
		l->at < l->argc && l->argv[l->at][0] != '-' ? l->argv[l->at] : NULL;

	l->ctl->command = find_command(noun, verb, &takes_verb);
	l->globals->noun = noun;
	if (l->ctl->command != NULL) {
		l->at += takes_verb;
		return true;
	}
	/* "usherctl queue --help" */
	if (takes_verb && verb == NULL)
		return true;
	suggest(noun, verb);
	return false;
}

static bool
take_word(struct line *l, const char *word)
{
	if (l->ctl->command == NULL)
		return take_command(l, word);
	if (l->ctl->n_words == WORDS_MAX || l->ctl->n_words == l->ctl->command->most) {
		complain("%s is one word too many; see usherctl %s --help", word,
			l->ctl->command->noun);
		return false;
	}
	l->ctl->word[l->ctl->n_words++] = word;
	return true;
}

bool
read_command_line(int argc, char **argv, struct ctl *ctl, struct globals *globals)
{
	struct line l = {ctl, globals, argv, argc, 1};
	bool only_words = false;

	while (l.at < argc) {
		const char *arg = argv[l.at++];

		if (!only_words && strcmp(arg, "--") == 0)
			only_words = true;
		else if (!only_words && strcmp(arg, "-h") == 0)
			globals->help = true;
		else if (!only_words && strncmp(arg, "--", 2) == 0) {
			if (!take_option(&l, arg))
				return false;
		} else if (!take_word(&l, arg))
			return false;
	}
	return true;
}

/* ---- help ---- */

static void
put_options(const struct option_spec *table)
{
	for (; table != NULL && table->name != NULL; table++) {
		char left[48];

		snprintf(left, sizeof left, "--%s%s%s", table->name,
			table->argument != NULL ? " " : "",
			table->argument != NULL ? table->argument : "");
		printf("  %-26s %s\n", left, table->help);
	}
}

static void
put_usage(const struct command *c)
{
	printf("usherctl %s%s%s%s%s%s\n", c->noun, c->verb != NULL ? " " : "",
		c->verb != NULL ? c->verb : "", c->words[0] != '\0' ? " " : "", c->words,
		c->options != NULL ? " [OPTIONS]" : "");
}

void
print_help(const struct ctl *ctl, const char *noun)
{
	if (ctl->command != NULL) {
		put_usage(ctl->command);
		printf("\n%s\n\n", ctl->command->help);
		put_options(ctl->command->options);
		put_options(global_options);
		return;
	}
	printf("usherctl COMMAND [OPTIONS]: looks into a running usherd and acts on "
	       "it.\n\n");
	for (int i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];
		char left[80];

		if (noun != NULL && strcmp(c->noun, noun) != 0)
			continue;
		snprintf(left, sizeof left, "%s%s%s%s%s", c->noun,
			c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "",
			c->words[0] != '\0' ? " " : "", c->words);
		printf("  %-33s  %s\n", left, c->help);
	}
	printf("\nOptions of every command:\n");
	put_options(global_options);
	printf("\nStatus: 0 done, 1 refused or failed, 2 wrong usage. NO_COLOR is "
	       "respected.\n");
}
