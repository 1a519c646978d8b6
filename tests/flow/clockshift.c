/*
 * tests/flow/clockshift.c - preloaded into usherd, moves its wall clock while it runs: by
 * as many milliseconds as the 8 bytes of the file in CLOCKSHIFT_FILE say. Steady clocks
 * are left alone, as a clock that is set leaves them.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef int (*gettime)(clockid_t, struct timespec *);

static const volatile int64_t *shift_ms; /* mapped; NULL: no file */
static gettime real_gettime;

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("CLOCKSHIFT_FILE");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *page = MAP_FAILED;

	real_gettime = (gettime)dlsym(RTLD_NEXT, "clock_gettime");
	if (fd >= 0) {
		page = mmap(NULL, sizeof *shift_ms, PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
	}
	shift_ms = page != MAP_FAILED ? page : NULL;
}

static int
shifted(struct timespec *now)
{
	int code = real_gettime(CLOCK_REALTIME, now);
	int64_t ms = shift_ms != NULL ? *shift_ms : 0;

	now->tv_sec += ms / 1000;
	return code;
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	if (real_gettime == NULL)
		begin();
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		return shifted(now);
	return real_gettime(clock, now);
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec t;
	int code = clock_gettime(CLOCK_REALTIME, &t);

	now->tv_sec = t.tv_sec;
	now->tv_usec = t.tv_nsec / 1000;
	return code;
}

time_t
time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out != NULL)
		*out = t.tv_sec;
	return t.tv_sec;
}
