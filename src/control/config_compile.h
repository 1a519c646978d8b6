/*
 * control/config_compile.h - from what was read to a centre: inside of control/config*.c.
 *
 * Names become indexes. A name that earlier settings knew keeps its index, and what the
 * new settings no longer name stays behind as `removed` (CONTRACTS 8.7), so each list
 * starts as a copy of the previous one.
 */
#ifndef USHER_CONTROL_CONFIG_COMPILE_H
#define USHER_CONTROL_CONFIG_COMPILE_H

#include "base/map.h"
#include "control/config.h"
#include "control/settings.h"

enum name_kind {
	NAME_CHANNEL,
	NAME_TIER,
	NAME_SKILL,
	NAME_CALENDAR,
	NAME_TEAM,
	NAME_QUEUE,
	NAME_AGENT,
	NAME_KINDS
};

/* The names of one kind in the new settings. */
struct names {
	struct map index;  /* index + 1 in the centre's list */
	const char **list; /* owned; for "did you mean"; ends with NULL */
	int n;
	bool open; /* a new name is taken: there is no list to hold it against */
};

struct compile {
	struct tree *tree;	       /* borrowed */
	const struct entry *top;       /* borrowed from the tree */
	const struct centre *previous; /* borrowed; NULL */
	double speed;
	struct centre *centre; /* owned until it is handed over */
	struct names names[NAME_KINDS];
	bool in_files; /* paths are relative to them; else to where the process runs */
	int looked_at; /* agents, by config_checks.c */
};

/* config_files.c: the mapping of the first file with what it includes; NULL when it is
 * empty or wrong. Texts have no includes. */
struct node *config_read_file(struct tree *tree, const char *path);
struct node *config_read_text(
	struct tree *tree, const char *name, const char *text, size_t n);
char *config_folder(const char *path); /* the caller owns it */

/* config_names.c */
void compile_names_finish(struct compile *c);
/* Makes a name of the new settings known and returns its index: the old one, or a new,
 * empty element of the centre's list. -1 after an error (twice, or too many). */
int compile_add(
	struct compile *c, enum name_kind kind, const struct node *at, const char *name);
/* Index of the name; -1 after an error that says what is like it. */
int compile_find(
	struct compile *c, enum name_kind kind, const struct node *at, const char *name);
/* Index of the channel that a part of the settings serves; -1 without a word for a
 * default that these channels leave out, and after an error. */
int compile_channel(struct compile *c, const struct slot *slot);
/* Index of the queue that gets all of a channel (-1: not known); -1 where none is named,
 * and after an error. */
int compile_queue(struct compile *c, const struct slot *slot, int channel);
/* Indexes of a list of names. The caller owns the result; NULL when it is empty. */
int *compile_list(
	struct compile *c, enum name_kind kind, const struct slot *slot, int *n);
/* Skills with levels from a mapping of them. */
struct require compile_levels(struct compile *c, const struct entry *levels);
/* A path, relative to the file in which it stands. The caller owns it; NULL: not given.
 */
char *compile_path(const struct compile *c, const struct slot *slot);
/* ms as the centre counts them: divided by the speed of a play. */
int64_t compile_ms(const struct compile *c, double ms);
/* Values by channel. The caller owns the result. scaled: they are durations of a play. */
struct queue_limit *compile_by_channel(
	struct compile *c, const struct entry *entry, bool scaled, int *n);

/* config_keep.c: what earlier settings held. */
void compile_keep(struct compile *c);
void compile_clear_channel(struct channel *channel);
void compile_clear_tier(struct tier *tier);
void compile_clear_team(struct team *team);
void compile_clear_queue(struct queue *queue);
void compile_clear_agent(struct agent_settings *agent);

/* One file a part of the settings; in this order. */
void compile_calendars(struct compile *c); /* config_channels.c */
void compile_channels(struct compile *c);
void compile_tiers(struct compile *c);
void compile_skills(struct compile *c);
void compile_teams(struct compile *c);
void compile_queues(struct compile *c); /* config_queues.c */
void compile_laws(struct compile *c);	/* config_laws.c */
void compile_rules(struct compile *c);	/* config_rules.c */
void compile_agents(struct compile *c); /* config_agents.c */
void compile_alarms(struct compile *c); /* config_alarms.c */
void compile_checks(struct compile *c); /* config_checks.c: odd, or never to end */
void compile_process(struct compile *c, struct config *config);	  /* config_process.c */
void compile_web(struct compile *c, struct config *config);	  /* config_web.c */
void compile_customers(struct compile *c, struct config *config); /* config_customers.c */
void compile_history(struct compile *c, struct config *config);	  /* config_history.c */
struct mail_settings *compile_mail(struct compile *c);		  /* config_mail.c */
void compile_voice(struct compile *c, struct config *config);	  /* config_voice.c */
struct mailout_settings *compile_mailout(
	struct compile *c, const struct entry *e); /* config_mailout.c */

#endif
