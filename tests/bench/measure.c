/* tests/bench/measure.c - see measure.h. */
#include "measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t
measure_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void
histogram_add(struct histogram *h, uint64_t ns)
{
	int power = 63 - __builtin_clzll(ns | 1);
	int sub = power >= 5 ? (int)((ns >> (power - 5)) & (HISTOGRAM_SUB - 1)) : 0;

	h->bucket[power * HISTOGRAM_SUB + sub]++;
	h->n++;
}

double
histogram_us(const struct histogram *h, double share)
{
	uint64_t wanted = (uint64_t)((double)h->n * share), seen = 0;

	if (h->n == 0)
		return 0;
	for (int i = 0; i < 64 * HISTOGRAM_SUB; i++) {
		int power = i / HISTOGRAM_SUB, sub = i % HISTOGRAM_SUB;

		seen += h->bucket[i];
		if (seen > wanted)
			return (power >= 5 ? (double)((32ull + (unsigned)sub)
						      << (power - 5))
					   : (double)(1ull << power)) /
			       1000.0;
	}
	return 0;
}

/* From a file as proc(5) describes it. */
static double
cpu_in(const char *path)
{
	char line[1024], *field;
	unsigned long user, system;
	FILE *file;
	size_t n;

	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	n = fread(line, 1, sizeof line - 1, file);
	fclose(file);
	line[n] = '\0';
	field = strrchr(line, ')'); /* the name may hold anything */
	if (field == NULL || sscanf(field + 2,
				     "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu "
				     "%lu",
				     &user, &system) != 2)
		return 0;
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double
measure_cpu(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	return cpu_in(path);
}

double
measure_main_cpu(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)pid);
	return cpu_in(path);
}
