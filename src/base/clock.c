/* base/clock.c - boot, wall and centre time. */
#include "base/clock.h"

#include <time.h>

static int64_t
read_us(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_boot_us(void)
{
	return read_us(CLOCK_BOOTTIME);
}

int64_t
clock_boot_ms(void)
{
	return clock_boot_us() / 1000;
}

int64_t
clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

void
centre_clock_init(struct centre_clock *clock)
{
	clock->base_ms = clock_wall_ms();
	clock->boot_ms = clock_boot_ms();
}

int64_t
centre_clock_carry(struct centre_clock *clock, int64_t centre_ms, int64_t wall_ms)
{
	int64_t passed_ms = clock_wall_ms() - wall_ms;

	clock->boot_ms = clock_boot_ms();
	clock->base_ms = centre_ms + (passed_ms > 0 ? passed_ms : 0);
	return passed_ms < 0 ? -passed_ms : 0;
}

int64_t
centre_clock_now_ms(const struct centre_clock *clock)
{
	return clock->base_ms + (clock_boot_ms() - clock->boot_ms);
}
