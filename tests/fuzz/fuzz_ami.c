/* tests/fuzz/fuzz_ami.c - the Asterisk adapter behind a switch that says anything. */
#include "fuzz_switch.h"

/* As the plugin's own struct begins: its settings, in their order. */
struct settings {
	const char *username, *secret, *wait_context, *agent_context, *id_prefix;
	bool app_queue;
	const char *auth, *out_context, *hold_context, *conference_context,
		*device_prefix;
};

static const struct settings settings = {"usher", "secret", "usher-wait", "usher-agent",
	"usher-", true, "md5", "usher-out", "usher-hold", "usher-conference", "PJSIP/"};

static void *
fuzz_settings(void)
{
	return (void *)(uintptr_t)&settings;
}

static const char *
fuzz_greeting(void)
{
	return "Asterisk Call Manager/12.0.0\n";
}

static bool
fuzz_sent_is_sound(const char *bytes, size_t n)
{
	return n >= 4 && memcmp(bytes + n - 4, "\r\n\r\n", 4) == 0;
}
