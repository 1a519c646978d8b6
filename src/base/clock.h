/* base/clock.h - the clocks of the process. Deadlines use boot time; calendars read the
 * wall clock. */
#ifndef USHER_BASE_CLOCK_H
#define USHER_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_boot_ms(void); /* CLOCK_BOOTTIME in ms; never goes back */
int64_t clock_boot_us(void); /* the same in us */
int64_t clock_wall_ms(void); /* Unix ms of the wall clock; may jump */

/*
 * Centre time (CONTRACTS 8.6): Unix ms at the first start, advanced by the boot-time
 * clock and carried across restarts by the wall clock's difference, where a negative
 * difference counts as 0.
 */
struct centre_clock {
	int64_t base_ms; /* centre time at boot_ms */
	int64_t boot_ms;
};

/* Starts centre time from now's wall clock (first start). */
void centre_clock_init(struct centre_clock *clock);

/*
 * centre_clock_carry - takes centre time over from an earlier run.
 *
 * centre_ms  centre time saved last, Unix ms
 * wall_ms    wall clock when it was saved, Unix ms
 * Returns    ms by which the wall clock went back meanwhile; 0 if it did not (alarm when
 * > 0)
 */
int64_t centre_clock_carry(
	struct centre_clock *clock, int64_t centre_ms, int64_t wall_ms);

int64_t centre_clock_now_ms(const struct centre_clock *clock);

#endif
