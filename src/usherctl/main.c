/* usherctl/main.c - reads the command line, runs one command, once or again and again. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "usher-config.h"
#include "usherctl/options.h"

static const char *
default_state(void)
{
	const char *named = getenv("USHER_STATE");

	if (named != NULL && named[0] != '\0')
		return named;
	return access("state/vault.lock", F_OK) == 0 ? "state" : "/var/lib/usher";
}

static void
pause_for(double seconds)
{
	struct timespec t = {.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};

	nanosleep(&t, NULL);
}

/* Each round shows the whole again, from the top of a cleared screen. */
static enum status
watch(struct ctl *ctl)
{
	for (;;) {
		enum status s;

		if (!ctl->json && isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		s = ctl->command->run(ctl);
		fflush(stdout);
		if (s != STATUS_OK || ferror(stdout))
			return s;
		pause_for(ctl->watch_s);
	}
}

static enum status
run(struct ctl *ctl)
{
	const struct command *c = ctl->command;

	if (ctl->n_words < c->least) {
		complain("%s%s%s needs %s; see --help", c->noun,
			c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "",
			c->words);
		return STATUS_USAGE;
	}
	if (ctl->watch_s == 0 || strcmp(c->noun, "top") == 0)
		return c->run(ctl);
	if (!c->watchable) {
		complain("%s %s cannot be watched", c->noun,
			c->verb != NULL ? c->verb : "");
		return STATUS_USAGE;
	}
	return watch(ctl);
}

static bool
wants_color(void)
{
	const char *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0');
}

int
main(int argc, char **argv)
{
	struct globals globals = {0};
	struct ctl ctl = {.state = default_state(), .color = wants_color()};
	enum status s;

	setlocale(LC_CTYPE, "");
	log_set_level(LOG_LEVEL_ERROR);
	if (!read_command_line(argc, argv, &ctl, &globals))
		return STATUS_USAGE;
	if (globals.version) {
		printf("usherctl %s\n", USHER_VERSION);
		return STATUS_OK;
	}
	if (globals.help) {
		print_help(&ctl, globals.noun);
		return STATUS_OK;
	}
	if (ctl.command == NULL) {
		complain("name a command%s; see usherctl --help",
			globals.noun != NULL ? " of this noun" : "");
		return STATUS_USAGE;
	}
	ctl.socket = globals.socket != NULL ? xstrdup(globals.socket)
					    : xasprintf("%s/usherd.sock", ctl.state);
	s = run(&ctl);
	client_close(ctl.client);
	free((char *)ctl.socket);
	return fflush(stdout) == 0 ? (int)s : STATUS_FAILED;
}
