/*
 * intake/number_plan.h - telephone numbers as people write them, made E.164 and held
 * against the settings' plan: what is not allowed is not called (toll fraud). Pure.
 */
#ifndef USHER_INTAKE_NUMBER_PLAN_H
#define USHER_INTAKE_NUMBER_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/xalloc.h"
#include "model/web.h"

#define NUMBER_TEXT 17 /* bytes of "+" and 15 digits with the NUL */

/*
 * number_read - "020 7946 0018", "+44 (0)20 79460018", "0044 20 7946 0018".
 *
 * out      "+442079460018"
 * Returns  NULL when it may be called, else a sentence that says what is wrong
 */
const char *number_read(const struct number_plan *plan, const char *text,
	char out[NUMBER_TEXT]) USHER_MUST_CHECK;

/* The same number as somebody may show it: "+44 ... 018". */
void number_mask(const char *number, char out[NUMBER_TEXT + 8]);

#endif
