/* usherctl/completion.c - completion for shells, made from the table of commands. Names
 * of queues and agents are asked of the daemon when the key is pressed. */
#include <string.h>

#include "usherctl/usherctl.h"

static void
put_verbs(const char *noun)
{
	for (int i = 0; i < n_commands; i++) {
		if (commands[i].verb != NULL && strcmp(commands[i].noun, noun) == 0)
			printf("%s ", commands[i].verb);
	}
}

static bool
is_first_of_noun(int at)
{
	return at == 0 || strcmp(commands[at].noun, commands[at - 1].noun) != 0;
}

static void
put_options(const struct option_spec *table)
{
	for (; table != NULL && table->name != NULL; table++)
		printf("--%s ", table->name);
}

/* The command line that lists candidates for a command's first word. */
static const char *
lister(const struct command *c)
{
	if (c->complete == NULL || strcmp(c->complete, "file") == 0)
		return NULL;
	if (strcmp(c->complete, "queue") == 0)
		return "queue list";
	if (strcmp(c->complete, "agent") == 0)
		return "agent list";
	if (strcmp(c->complete, "account") == 0)
		return "account list";
	return "contact list";
}

static void
put_bash_command(const struct command *c)
{
	printf("\t\t\"%s%s%s\")", c->noun, c->verb != NULL ? " " : "",
		c->verb != NULL ? c->verb : "");
	printf(" words=\"");
	put_options(c->options);
	printf("\"");
	if (lister(c) != NULL)
		printf("; [[ $cur == -* ]] || words=$(usherctl %s 2>/dev/null | awk "
		       "'{print %s}')",
			lister(c), strcmp(c->complete, "contact") == 0 ? "$1, $2" : "$1");
	if (c->complete != NULL && strcmp(c->complete, "file") == 0)
		printf("; [[ $cur == -* ]] || { COMPREPLY=($(compgen -f -- \"$cur\")); "
		       "return; }");
	if (strcmp(c->noun, "completion") == 0)
		printf("; words='bash zsh fish'");
	printf(" ;;\n");
}

static void
put_bash(void)
{
	printf("# bash completion of usherctl; made by: usherctl completion bash\n"
	       "_usherctl() {\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} noun=${COMP_WORDS[1]} "
	       "verb=${COMP_WORDS[2]} words=\n"
	       "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords=\"");
	for (int i = 0; i < n_commands; i++) {
		if (is_first_of_noun(i))
			printf("%s ", commands[i].noun);
	}
	printf("\"\n\telse\n\t\tcase \"$noun\" in\n");
	for (int i = 0; i < n_commands; i++) {
		if (is_first_of_noun(i) && commands[i].verb == NULL)
			printf("\t\t%s) verb= ;;\n", commands[i].noun);
	}
	printf("\t\tesac\n\t\tcase \"$COMP_CWORD $noun\" in\n");
	for (int i = 0; i < n_commands; i++) {
		if (!is_first_of_noun(i) || commands[i].verb == NULL)
			continue;
		printf("\t\t\"2 %s\") words=\"", commands[i].noun);
		put_verbs(commands[i].noun);
		printf("\"; verb=- ;;\n");
	}
	printf("\t\tesac\n\t\t[ \"$verb\" = - ] || case \"$noun${verb:+ $verb}\" in\n");
	for (int i = 0; i < n_commands; i++)
		put_bash_command(&commands[i]);
	printf("\t\tesac\n\tfi\n\t[[ $cur == -* ]] && words+=\" ");
	put_options(global_options);
	printf("\"\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
	       "complete -F _usherctl usherctl\n");
}

static void
put_zsh(void)
{
	/* zsh runs bash's functions through bashcompinit: one source for both. */
	printf("#compdef usherctl\n# zsh completion of usherctl; made by: usherctl "
	       "completion zsh\nautoload -U +X bashcompinit && bashcompinit\n");
	put_bash();
}

/* Single quotes end a fish string. */
static void
put_fish_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
}

static void
put_fish_options(const char *condition, const struct option_spec *table)
{
	for (; table != NULL && table->name != NULL; table++) {
		printf("complete -c usherctl -f %s -l %s%s -d '", condition, table->name,
			table->argument != NULL ? " -r" : "");
		put_fish_text(table->help);
		printf("'\n");
	}
}

static void
put_fish_command(const struct command *c)
{
	char seen[160];

	if (c->verb == NULL)
		snprintf(seen, sizeof seen, "-n '__fish_seen_subcommand_from %s'",
			c->noun);
	else
		snprintf(seen, sizeof seen,
			"-n '__fish_seen_subcommand_from %s; and "
			"__fish_seen_subcommand_from %s'",
			c->noun, c->verb);
	if (c->verb != NULL) {
		printf("complete -c usherctl -f -n '__fish_seen_subcommand_from %s' -a "
		       "%s -d "
		       "'",
			c->noun, c->verb);
		put_fish_text(c->help);
		printf("'\n");
	}
	put_fish_options(seen, c->options);
	if (lister(c) != NULL)
		printf("complete -c usherctl -f %s -a '(usherctl %s 2>/dev/null | awk "
		       "\"NR>1{print \\$%d}\")'\n",
			seen, lister(c), strcmp(c->complete, "contact") == 0 ? 2 : 1);
}

static void
put_fish(void)
{
	printf("# fish completion of usherctl; made by: usherctl completion fish\n");
	for (int i = 0; i < n_commands; i++) {
		if (is_first_of_noun(i))
			printf("complete -c usherctl -f -n __fish_use_subcommand -a %s\n",
				commands[i].noun);
		put_fish_command(&commands[i]);
	}
	put_fish_options("", global_options);
}

enum status
do_completion(struct ctl *ctl)
{
	const char *shell = ctl->word[0];

	if (strcmp(shell, "bash") == 0)
		put_bash();
	else if (strcmp(shell, "zsh") == 0)
		put_zsh();
	else if (strcmp(shell, "fish") == 0)
		put_fish();
	else {
		complain("there is completion for bash, zsh and fish, not for %s", shell);
		return STATUS_USAGE;
	}
	return STATUS_OK;
}
