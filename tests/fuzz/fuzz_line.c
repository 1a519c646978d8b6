/* tests/fuzz/fuzz_line.c - the line protocol's adapter behind a switch that says
 * anything. */
#include "fuzz_switch.h"

/* As the plugin's own struct begins: its settings, in their order. */
struct settings {
	const char *user, *secret, *auth;
};

static const struct settings settings = {"usher", "", "tls"};

static void *
fuzz_settings(void)
{
	return (void *)(uintptr_t)&settings;
}

static const char *
fuzz_greeting(void)
{
	return "{\"is\":\"hello\",\"line\":1}\n{\"is\":\"welcome\"}\n"
	       "{\"is\":\"up\",\"instance\":\"i\"}\n";
}

/* A message and its end are sent one behind the other. */
static bool
fuzz_sent_is_sound(const char *bytes, size_t n)
{
	json_t *m;

	if (n == 1 && bytes[0] == '\n')
		return true;
	m = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, NULL);
	json_decref(m);
	return m != NULL;
}
