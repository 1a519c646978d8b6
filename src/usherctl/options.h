/* usherctl/options.h - reads the command line into a struct ctl. */
#ifndef USHER_USHERCTL_OPTIONS_H
#define USHER_USHERCTL_OPTIONS_H

#include "usherctl/usherctl.h"

struct globals {
	bool help, version;
	const char *socket; /* as given; NULL: not */
	const char *noun;   /* the first word; NULL: none */
};

/* False: wrong usage, said why. The command may be NULL when only help was asked for. */
bool read_command_line(
	int argc, char **argv, struct ctl *ctl, struct globals *globals) USHER_MUST_CHECK;
/* Help of the command, of a noun, or of all. */
void print_help(const struct ctl *ctl, const char *noun);

#endif
