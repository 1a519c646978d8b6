/*
 * control/config.h - the settings file: read (libyaml), checked whole against one table,
 * compiled to a centre.
 *
 * All or nothing: with one problem of kind error nothing is returned. Problems name file,
 * line, column and what to do.
 */
#ifndef USHER_CONTROL_CONFIG_H
#define USHER_CONTROL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "model/centre.h"
#include "model/contact.h"
#include "model/customer.h"
#include "model/keeping.h"
#include "model/voice.h"
#include "model/web.h"

#define CONFIG_FILE_MAX 8388608 /* bytes of one file */
#define CONFIG_INCLUDE_DEPTH 8
#define CONFIG_PROBLEMS_MAX 50

struct config_problem {
	bool warning;
	char *file;
	int line, column; /* from 1 */
	char *message;	  /* what is wrong and what to do */
};

struct config_problems {
	int n;
	struct config_problem list[CONFIG_PROBLEMS_MAX];
	int more; /* how many did not fit */
};

void config_problems_print(const struct config_problems *problems,
	FILE *out); /* file:line:column: error: ... */
void config_problems_finish(struct config_problems *problems);
/* One that another reader found; line from 1; file is copied. */
void config_problems_add(struct config_problems *problems, bool warning, const char *file,
	int line, const char *format, ...) USHER_PRINTF(5, 6);

/* Process settings beside the centre. All owned. */
struct config_listen {
	char *address; /* "127.0.0.1:8443"; NULL: off */
	bool tls;      /* default true; plain is refused off loopback unless insecure */
	bool insecure;
	char *cert_file,
		*key_file; /* NULL: self-made in the state directory, loopback only */
};

struct config_plugin {
	char *name;
	int n_settings;
	char **keys, **values;
	int line;
};

/* usher-sim's section (CONTRACTS 4). */
struct config_sim_class {
	int number; /* class column of the trace */
	char *queue, *channel, *tier;
	int n_attributes;
	struct attribute *attributes;
};

struct config_sim {
	int64_t start_ms; /* `start`: Unix ms at the trace's t_ms 0; default 0 */
	int64_t accept_ms;
	bool wrapup;
	int n_classes;
	struct config_sim_class *classes;
};

struct config {
	struct centre *centre; /* owned reference */
	struct config_listen http, desk;
	int n_hosts, n_origins;
	char **hosts, **origins;
	char *redis;		   /* "managed", "unix:/path", "redis://host:port" */
	char *redis_password_file; /* NULL: none */
	char *redis_fsync;	   /* of the managed child: "always", "everysec", "no" */
	int64_t stream_length;	   /* entries that the event stream keeps */
	int connections_most, connections_per_address;
	int messages_per_second; /* of one desktop; 0: no limit */
	int64_t heartbeat_ms;
	char *log_level;
	int n_plugins;
	struct config_plugin *plugins;
	struct chat_settings chat;
	struct callme_settings callme;
	struct customer_rules *customers; /* owned reference */
	struct keeping keeping;		  /* owned; of the history */
	struct config_sim *sim;		  /* NULL: no such section */
	struct mail_settings *mail;	  /* owned reference (model/mailbox.h) */
	struct voice_settings *voice;	  /* owned */
	char *dump; /* "path: value" lines of what holds, defaults included; for
		       config_diff */
};

/*
 * config_load - reads and checks a settings file.
 *
 * path      the file; `include:` names further ones, relative to it
 * previous  settings in force, whose indexes stay valid (model/centre.h); NULL at start
 * speed     of a play; 1 live; durations of the play, H and A are divided by it
 * problems  zeroed by the caller; errors and warnings are added
 * Returns   owned by the caller; NULL when there was an error
 */
struct config *config_load(const char *path, const struct centre *previous, double speed,
	struct config_problems *problems) USHER_MUST_CHECK;
/* The same from text, for tests; name stands for the file in messages. */
struct config *config_parse(const char *name, const char *text, size_t n,
	const struct centre *previous, double speed,
	struct config_problems *problems) USHER_MUST_CHECK;
void config_destroy(struct config *config);

/*
 * config_check_libraries - reads and checks the folders of responses that the mailboxes
 * name, and whether acknowledgements name responses that have a file.
 *
 * path      of the settings file, for messages
 * problems  errors (mistakes in a folder, with file and line) and warnings are added
 * Returns   false when there was an error
 */
bool config_check_libraries(const struct config *config, const char *path,
	struct config_problems *problems) USHER_MUST_CHECK;

/* Writes what changes from a to b, a line a setting; false when nothing does. */
bool config_diff(FILE *out, const struct config *a, const struct config *b);

/*
 * config_warn_of_start - warns of what a reload changes without effect: it is read when
 * usherd starts.
 *
 * started   dump of the settings that usherd was started with
 * config    the settings that are in force now
 * file      for messages
 * problems  warnings are added, one a setting
 */
void config_warn_of_start(const char *started, const struct config *config,
	const char *file, struct config_problems *problems);

/* Writes the settings table as Markdown (the reference page) or as a commented YAML file
 * of all defaults. */
void config_document(FILE *out, bool yaml);

#endif
