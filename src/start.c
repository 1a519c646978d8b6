/* start.c - arguments, state directory, rights, TLS of usherd. */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/tls.h"
#include "usher-config.h"

static const char help[] =
	"usage: usherd --config FILE --state DIR [--user NAME] [--speed N] "
	"[--standby]\n"
	"\n"
	"  --config FILE  settings (usherctl config check FILE checks them without a "
	"daemon)\n"
	"  --state DIR    where everything lives that outlasts the run; one usherd a "
	"directory\n"
	"  --user NAME    account to become when started as root (\"root\" to stay root, "
	"which is not advised)\n"
	"  --speed N      a play: its durations, H and A are divided by N\n"
	"  --standby      wait while another usherd owns the centre in a shared Redis, "
	"and "
	"take it over when it ends\n"
	"  --methods      print the protocol's methods with roles and parameters as "
	"JSON, and end\n"
	"  --version      print the version, and end\n"
	"\n"
	"When ready it prints one JSON line with its addresses. TERM and INT end it, HUP "
	"reads the settings again.\n";

int
start_arguments(int argc, char **argv, struct start_options *options)
{
	static const struct option table[] = {{"config", required_argument, NULL, 'c'},
		{"state", required_argument, NULL, 's'},
		{"user", required_argument, NULL, 'u'},
		{"speed", required_argument, NULL, 'n'},
		{"standby", no_argument, NULL, 'b'}, {"methods", no_argument, NULL, 'm'},
		{"version", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'},
		{0}};
	char *end;

	*options = (struct start_options){.speed = 1};
	for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		switch (c) {
		case 'c':
			options->config = optarg;
			break;
		case 's':
			options->state = optarg;
			break;
		case 'u':
			options->user = optarg;
			break;
		case 'n':
			options->speed = strtod(optarg, &end);
			if (*end != '\0' || options->speed < 0.001 ||
				options->speed > 1e6) {
				fprintf(stderr,
					"usherd: --speed %s: give a number from 0.001 to "
					"1000000\n",
					optarg);
				return 2;
			}
			break;
		case 'b':
			options->standby = true;
			break;
		case 'm':
			options->methods = true;
			break;
		case 'v':
			printf("usherd %s\n", USHER_VERSION);
			return 0;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			fputs("usherd: see usherd --help\n", stderr);
			return 2;
		}
	}
	if (!options->methods &&
		(options->config == NULL || options->state == NULL || optind != argc)) {
		fputs(help, stderr);
		return 2;
	}
	return -1;
}

int
start_state_directory(const char *path)
{
	char *lock;
	int fd;

	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		fprintf(stderr, "usherd: state directory %s: %s\n", path,
			strerror(errno));
		return -1;
	}
	lock = xasprintf("%s/usherd.lock", path);
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		fprintf(stderr, "usherd: %s: %s\n", lock, strerror(errno));
	} else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		fprintf(stderr,
			"usherd: one is running already on the state directory %s\n",
			path);
		close(fd);
		fd = -1;
	}
	free(lock);
	return fd;
}

/* What is in the state directory already belongs to the account, not to root. */
static bool
give_directory(const char *state, const struct passwd *account)
{
	char *lock = xasprintf("%s/usherd.lock", state);
	bool done = chown(state, account->pw_uid, account->pw_gid) == 0 &&
		    chown(lock, account->pw_uid, account->pw_gid) == 0;

	free(lock);
	return done;
}

bool
start_drop_rights(const char *user, const char *state)
{
	const struct passwd *account;

	if (geteuid() != 0) {
		if (user != NULL)
			log_warn("usherd: not started as root, so --user has no effect");
		return true;
	}
	if (user == NULL) {
		fputs("usherd: started as root; name an account to become with --user "
		      "(or --user root to insist)\n",
			stderr);
		return false;
	}
	if (strcmp(user, "root") == 0) {
		log_warn("usherd: runs as root because --user root says so");
		return true;
	}
	account = getpwnam(user);
	if (account == NULL) {
		fprintf(stderr,
			"usherd: no account \"%s\"; create it first (useradd --system "
			"%s)\n",
			user, user);
		return false;
	}
	if (!give_directory(state, account) || initgroups(user, account->pw_gid) != 0 ||
		setgid(account->pw_gid) != 0 || setuid(account->pw_uid) != 0) {
		fprintf(stderr, "usherd: cannot become \"%s\": %s\n", user,
			strerror(errno));
		return false;
	}
	return true;
}

void
start_limits(void)
{
	struct rlimit files, none = {0, 0};

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	setrlimit(RLIMIT_CORE, &none); /* keys and customers' data are in memory (S4) */
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	umask(0077);
}

static bool
is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0 ||
	       strncmp(address, "localhost:", 10) == 0 ||
	       strncmp(address, "unix:", 5) == 0;
}

bool
start_tls(const char *name, const struct config_listen *listen, const char *state,
	struct ssl_ctx_st **tls)
{
	char error[256] = "", *cert, *key;
	bool made = listen->cert_file == NULL;

	*tls = NULL;
	if (listen->address == NULL || strncmp(listen->address, "unix:", 5) == 0)
		return true;
	if (!listen->tls) {
		if (is_loopback(listen->address))
			return true;
		if (!listen->insecure) {
			fprintf(stderr,
				"usherd: %s listens on %s without TLS; set `tls: true`, "
				"or `insecure: true` to insist\n",
				name, listen->address);
			return false;
		}
		log_error("usherd: INSECURE: %s listens without TLS on %s", name,
			listen->address);
		return true;
	}
	if (made && !is_loopback(listen->address)) {
		fprintf(stderr,
			"usherd: %s listens on %s and needs `cert_file` and `key_file`\n",
			name, listen->address);
		return false;
	}
	cert = made ? xasprintf("%s/cert.pem", state) : xstrdup(listen->cert_file);
	key = made ? xasprintf("%s/key.pem", state) : xstrdup(listen->key_file);
	if (!made || tls_make_certificate(cert, key, error, sizeof error))
		*tls = tls_server_create(cert, key, error, sizeof error);
	if (*tls == NULL)
		fprintf(stderr, "usherd: TLS of %s: %s\n", name, error);
	free(cert);
	free(key);
	return *tls != NULL;
}

void
start_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t n;
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@') ||
		(n = strlen(path)) >= sizeof address.sun_path)
		return;
	memcpy(address.sun_path, path, n);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* the abstract name space */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), 0, (const struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		log_warn(
			"usherd: systemd does not hear us error=\"%s\"", strerror(errno));
	close(fd);
}

long
start_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (usec == NULL || (pid != NULL && atol(pid) != (long)getpid()))
		return 0;
	return atol(usec) / 2000; /* twice as often as it wants */
}
