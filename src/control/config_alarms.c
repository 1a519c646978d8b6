/* control/config_alarms.c - `alarms` as the desk uses them. */
#include <math.h>

#include "control/config_compile.h"

void
compile_alarms(struct compile *c)
{
	const struct entry *e = entry_section(c->top, TOP_ALARMS);

	c->centre->alarms =
		(struct alarm_settings){.late = (int)entry_number(e, ALARM_LATE),
			.forecast = (int)entry_number(e, ALARM_FORECAST),
			.waiting = (int)entry_number(e, ALARM_WAITING),
			.service_level = entry_number(e, ALARM_SERVICE_LEVEL),
			.not_responding = (int)entry_number(e, ALARM_NOT_RESPONDING),
			.hold_ms = compile_ms(c, entry_number(e, ALARM_HOLD))};
}
