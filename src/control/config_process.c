/* control/config_process.c - listeners, Redis, plugins and the simulation. */
#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/moment.h"
#include "base/redis.h"
#include "control/config_compile.h"

#define REDIS_ERROR_MAX 400 /* bytes, of what is said of its address */

/* ---- listeners ---- */

/* "127.0.0.1:8443" or "[::1]:8443": the address without the port, in host. */
static bool
parse_address(const char *text, char host[64], bool *loopback)
{
	const char *colon = strrchr(text, ':');
	struct in_addr v4;
	struct in6_addr v6;
	size_t n = colon != NULL ? (size_t)(colon - text) : 0;

	if (n < 2 || n >= 64 || colon[1] == '\0' || strlen(colon + 1) > 5 ||
		colon[1 + strspn(colon + 1, "0123456789")] != '\0' ||
		atoi(colon + 1) > 65535)
		return false;
	if (text[0] == '[' && text[n - 1] == ']') {
		memcpy(host, text + 1, n - 2);
		host[n - 2] = '\0';
		if (inet_pton(AF_INET6, host, &v6) != 1)
			return false;
		*loopback = IN6_IS_ADDR_LOOPBACK(&v6);
		return true;
	}
	memcpy(host, text, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &v4) != 1)
		return false;
	*loopback = ntohl(v4.s_addr) >> 24 == 127;
	return true;
}

static void
check_listen(struct compile *c, const struct entry *e, const struct config_listen *l,
	bool loopback)
{
	const struct node *at = e->slot[LISTEN_ADDRESS].node;

	if (!loopback && !l->tls && !l->insecure)
		tree_error(c->tree, at,
			"address: %s is not loopback and has no TLS: say tls: true, or "
			"insecure: true if everybody may listen in",
			l->address);
	else if (!loopback && l->tls && l->cert_file == NULL)
		tree_error(c->tree, at,
			"address: %s is not loopback: name cert_file and key_file, the "
			"self-made certificate is for loopback only",
			l->address);
	else if (!loopback && !l->tls)
		tree_warn(c->tree, at,
			"address: passwords and customers' data cross the network in the "
			"open (insecure)");
	if ((l->cert_file == NULL) != (l->key_file == NULL))
		tree_error(c->tree, e->node,
			"cert_file and key_file belong together: name both or none");
}

static struct config_listen
listen_of(struct compile *c, const struct entry *e)
{
	const struct slot *address = &e->slot[LISTEN_ADDRESS];
	struct config_listen l = {
		.tls = entry_bool(e, LISTEN_TLS),
		.insecure = entry_bool(e, LISTEN_INSECURE),
		.cert_file = compile_path(c, &e->slot[LISTEN_CERT_FILE]),
		.key_file = compile_path(c, &e->slot[LISTEN_KEY_FILE]),
	};
	char host[64];
	bool loopback;

	if (strcmp(address->text, "off") == 0)
		return l;
	if (!parse_address(address->text, host, &loopback)) {
		tree_error(c->tree, address->node,
			"address: \"%s\" is none: write 127.0.0.1:8443, [::1]:8443 or "
			"off",
			address->text);
		return l;
	}
	l.address = xstrdup(address->text);
	check_listen(c, e, &l, loopback);
	return l;
}

static char **
texts_of(const struct slot *slot, int *n)
{
	char **list = xcalloc((size_t)slot->n + 1, sizeof list[0]);

	*n = slot->n;
	for (int i = 0; i < slot->n; i++)
		list[i] = xstrdup(slot->node->child[i]->text);
	return list;
}

/* ---- Redis ---- */

static void
check_redis(struct compile *c)
{
	const struct slot *slot = &c->top->slot[TOP_REDIS];
	char error[REDIS_ERROR_MAX];

	if (strcmp(slot->text, "managed") != 0 &&
		!rlink_check(slot->text,
			c->top->slot[TOP_REDIS_PASSWORD_FILE].text != NULL, error,
			sizeof error))
		tree_error(c->tree, slot->node, "redis: %s", error);
}

/* ---- plugins ---- */

static void
fill_plugin(struct config_plugin *to, const struct entry *e)
{
	to->name = xstrdup(entry_text(e, PLUGIN_NAME));
	to->line = e->node->line;
	to->keys = xcalloc((size_t)e->n_others + 1, sizeof to->keys[0]);
	to->values = xcalloc((size_t)e->n_others + 1, sizeof to->values[0]);
	for (int i = 0; i < e->n_others; i++) {
		if (e->other[i].text == NULL)
			continue;
		to->keys[to->n_settings] = xstrdup(e->other[i].key->text);
		to->values[to->n_settings++] = xstrdup(e->other[i].text);
	}
}

static void
fill_plugins(struct config *config, const struct slot *all)
{
	config->plugins = xcalloc((size_t)all->n + 1, sizeof config->plugins[0]);
	for (int i = 0; i < all->n; i++)
		if (entry_text(all->items[i], PLUGIN_NAME) != NULL)
			fill_plugin(&config->plugins[config->n_plugins++], all->items[i]);
}

/* ---- the simulation ---- */

/* An attribute's kind is seen from how it is written: quotes make text of anything. */
static void
fill_attribute(struct attribute *to, const struct slot *slot)
{
	char *end;

	*to = (struct attribute){.name = xstrdup(slot->key->text), .kind = VALUE_TEXT};
	if (slot->node->kind == NODE_LIST) {
		to->kind = VALUE_LIST;
		to->list = texts_of(slot, &to->n_list);
		return;
	}
	to->text = xstrdup(slot->text);
	if (slot->node->quoted)
		return;
	if (strcmp(slot->text, "true") == 0 || strcmp(slot->text, "false") == 0) {
		to->kind = VALUE_BOOL;
		to->boolean = slot->text[0] == 't';
	} else if (slot->text[strspn(slot->text, "0123456789.eE+-")] == '\0' &&
		   isfinite(strtod(slot->text, &end)) && *end == '\0') {
		to->kind = VALUE_NUMBER;
		to->number = strtod(slot->text, NULL);
	}
}

static void
fill_class(struct compile *c, struct config_sim_class *to, const struct slot *slot)
{
	const struct entry *e = slot->entry;
	const struct entry *attributes = entry_section(e, CLASS_ATTRIBUTES);

	to->number = atoi(slot->key->text);
	to->queue = xstrdup(entry_text(e, CLASS_QUEUE));
	to->channel = xstrdup(entry_text(e, CLASS_CHANNEL));
	to->tier = xstrdup(entry_text(e, CLASS_TIER));
	to->attributes =
		xcalloc((size_t)attributes->n_others + 1, sizeof to->attributes[0]);
	if (attributes->n_others > ATTRIBUTES_MAX)
		tree_error(c->tree, attributes->node, "more than %d attributes",
			ATTRIBUTES_MAX);
	for (int i = 0; i < attributes->n_others; i++)
		if (attributes->other[i].node != NULL)
			fill_attribute(&to->attributes[to->n_attributes++],
				&attributes->other[i]);
}

static struct config_sim *
sim_of(struct compile *c)
{
	const struct slot *slot = &c->top->slot[TOP_SIM];
	const struct entry *classes = entry_section(slot->entry, SIM_CLASSES);
	const struct slot *start = &slot->entry->slot[SIM_START];
	struct config_sim *sim;

	if (slot->key == NULL)
		return NULL;
	sim = xcalloc(1, sizeof *sim);
	sim->accept_ms = llround(entry_number(slot->entry, SIM_ACCEPT));
	sim->wrapup = entry_bool(slot->entry, SIM_WRAPUP);
	if (start->text[strspn(start->text, "0123456789")] == '\0' &&
		strlen(start->text) < 15)
		sim->start_ms = atoll(start->text);
	else if (!moment_parse(start->text, &sim->start_ms))
		tree_error(c->tree, start->node,
			"start: \"%s\" is no moment: write 2026-11-23T08:00:00Z, or Unix "
			"ms",
			start->text);
	sim->classes = xcalloc((size_t)classes->n_others + 1, sizeof sim->classes[0]);
	for (int i = 0; i < classes->n_others; i++)
		fill_class(c, &sim->classes[sim->n_classes++], &classes->other[i]);
	return sim;
}

void
compile_process(struct compile *c, struct config *config)
{
	const struct entry *top = c->top;
	const struct entry *http = entry_section(top, TOP_HTTP);
	const struct entry *limits = entry_section(top, TOP_LIMITS);

	config->http = listen_of(c, http);
	config->desk = listen_of(c, entry_section(top, TOP_DESK));
	config->hosts = texts_of(&http->slot[LISTEN_HOSTS], &config->n_hosts);
	config->origins = texts_of(&http->slot[LISTEN_ORIGINS], &config->n_origins);
	check_redis(c);
	config->redis = xstrdup(entry_text(top, TOP_REDIS));
	config->redis_password_file =
		compile_path(c, &top->slot[TOP_REDIS_PASSWORD_FILE]);
	config->redis_fsync = xstrdup(entry_text(top, TOP_REDIS_FSYNC));
	config->stream_length =
		(int64_t)entry_number(entry_section(top, TOP_EVENTS), EVENTS_KEEP);
	config->connections_most = (int)entry_number(limits, LIMITS_CONNECTIONS);
	config->connections_per_address = (int)entry_number(limits, LIMITS_PER_ADDRESS);
	config->messages_per_second = (int)entry_number(limits, LIMITS_MESSAGES);
	config->heartbeat_ms = llround(entry_number(top, TOP_HEARTBEAT));
	config->log_level = xstrdup(entry_text(top, TOP_LOG_LEVEL));
	fill_plugins(config, &top->slot[TOP_PLUGINS]);
	config->sim = sim_of(c);
}
