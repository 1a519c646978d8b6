/* plugins/asterisk/devices.c - states of telephones, whoever had them rung. */
#include <string.h>

#include "link.h"

static enum usher_device_state
state_of(const char *state)
{
	static const struct {
		const char *word;
		enum usher_device_state state;
	} rows[] = {
		{"NOT_INUSE", USHER_DEVICE_FREE},
		{"RINGING", USHER_DEVICE_RINGING},
		{"INUSE", USHER_DEVICE_IN_USE},
		{"BUSY", USHER_DEVICE_IN_USE},
		{"RINGINUSE", USHER_DEVICE_IN_USE},
		{"ONHOLD", USHER_DEVICE_IN_USE},
		{"UNAVAILABLE", USHER_DEVICE_AWAY},
		{"INVALID", USHER_DEVICE_AWAY},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(state, rows[i].word) == 0)
			return rows[i].state;
	return USHER_DEVICE_UNKNOWN;
}

/* Comes at each change, and as an item of DeviceStateList. Of a recording it says nothing
 * that its calls do not. */
void
on_device_state(struct link *l, const struct ami_message *m)
{
	const char *device = known(ami_get(m, "Device")), *state = ami_get(m, "State");

	if (l->sink->send == NULL || device == NULL || state == NULL)
		return;
	emit(l, &(struct usher_switch_event){.kind = USHER_DEVICE_STATE,
			.device = device,
			.device_state = state_of(state)});
}
