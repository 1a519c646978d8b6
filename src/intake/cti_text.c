/* intake/cti_text.c - text of a switch made sound, and the words of the neutral set. */
#include <string.h>

#include "intake/cti.h"

/* ---- UTF-8 ---- */

/* The character at s; its bytes in *n. -1: no UTF-8, one byte. */
static int32_t
decode(const unsigned char *s, size_t *n)
{
	static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t bytes = s[0] < 0x80	       ? 1
		       : (s[0] & 0xe0) == 0xc0 ? 2
		       : (s[0] & 0xf0) == 0xe0 ? 3
		       : (s[0] & 0xf8) == 0xf0 ? 4
					       : 0;
	int32_t c;

	*n = 1;
	if (bytes <= 1)
		return bytes == 1 ? s[0] : -1;
	c = s[0] & (0x7f >> bytes);
	for (size_t i = 1; i < bytes; i++) {
		if ((s[i] & 0xc0) != 0x80) /* also at the NUL */
			return -1;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[bytes] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return -1;
	*n = bytes;
	return c;
}

static bool
is_control(int32_t c)
{
	return (c >= 0 && c < 0x20) || (c >= 0x7f && c < 0xa0) || c == 0x2028 ||
	       c == 0x2029;
}

static bool
is_invisible(int32_t c)
{
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xad;
}

bool
cti_clean(char *out, size_t room, const char *text)
{
	const unsigned char *s = (const unsigned char *)(text != NULL ? text : "");
	size_t at = 0, n;

	out[0] = '\0';
	for (; *s != '\0'; s += n) {
		int32_t c = decode(s, &n);
		const char *from = c < 0 ? "\xef\xbf\xbd" : (const char *)s;
		size_t bytes = c < 0 ? 3 : n;

		if (is_invisible(c) || (at == 0 && c == ' '))
			continue;
		if (is_control(c) || at + bytes >= room) {
			out[0] = '\0';
			return false;
		}
		memcpy(out + at, from, bytes);
		at += bytes;
	}
	while (at > 0 && out[at - 1] == ' ')
		at--;
	out[at] = '\0';
	return true;
}

/* ---- words ---- */

const char *
cti_kind_name(enum usher_switch_kind kind)
{
	switch (kind) {
	case USHER_SWITCH_UP:
		return "switch.up";
	case USHER_SWITCH_DOWN:
		return "switch.down";
	case USHER_CALL_WAITING:
		return "call.waiting";
	case USHER_CALL_PLACED:
		return "call.placed";
	case USHER_CALL_GONE:
		return "call.gone";
	case USHER_LEG_RINGING:
		return "agent.ringing";
	case USHER_LEG_ANSWERED:
		return "agent.answered";
	case USHER_LEG_HELD:
		return "agent.held";
	case USHER_LEG_RETRIEVED:
		return "agent.retrieved";
	case USHER_LEG_TRANSFERRED:
		return "agent.transferred";
	case USHER_LEG_RELEASED:
		return "agent.released";
	case USHER_SNAPSHOT_BEGIN:
	case USHER_SNAPSHOT_CALL:
	case USHER_SNAPSHOT_END:
		return "snapshot";
	case USHER_ACTION_FAILED:
		return "action.failed";
	case USHER_DEVICE_STATE:
		return "device.state";
	case USHER_CALL_ASKS:
		return "call.asks";
	case USHER_CALL_WANTS_CALLBACK:
		return "call.wants_callback";
	}
	return "";
}

const char *
cti_outcome_name(enum usher_call_outcome outcome)
{
	switch (outcome) {
	case USHER_OUTCOME_NONE:
		return "";
	case USHER_OUTCOME_ABANDONED:
		return "abandoned";
	case USHER_OUTCOME_ENDED:
		return "ended";
	case USHER_OUTCOME_FAILED:
		return "failed";
	case USHER_OUTCOME_LOST:
		return "lost";
	}
	return "";
}

const char *
cti_reason_name(enum usher_leg_reason reason)
{
	switch (reason) {
	case USHER_REASON_NONE:
		return "";
	case USHER_REASON_HUNG_UP:
		return "hung_up";
	case USHER_REASON_NO_ANSWER:
		return "no_answer";
	case USHER_REASON_BUSY:
		return "busy";
	case USHER_REASON_UNAVAILABLE:
		return "unavailable";
	case USHER_REASON_CONGESTION:
		return "congestion";
	case USHER_REASON_CANCELLED:
		return "cancelled";
	case USHER_REASON_GONE:
		return "gone";
	case USHER_REASON_LOST:
		return "lost";
	case USHER_REASON_OTHER:
		return "other";
	}
	return "";
}
