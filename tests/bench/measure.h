/*
 * tests/bench/measure.h - what benchmark programs share: a clock, a histogram, the
 * processor time of a process, and the line that carries a figure.
 */
#ifndef USHER_BENCH_MEASURE_H
#define USHER_BENCH_MEASURE_H

#include <stdint.h>
#include <sys/types.h>

#define HISTOGRAM_SUB 32 /* buckets for each power of two: 3 % wide */

struct histogram {
	uint64_t n;
	uint32_t bucket[64 * HISTOGRAM_SUB];
};

uint64_t measure_ns(void); /* monotonic */
void histogram_add(struct histogram *h, uint64_t ns);
/* The value below which a share (0..1) lies, in microseconds; 0 when empty. */
double histogram_us(const struct histogram *h, double share);
/* Processor seconds that a process has used so far, all threads; 0 when it is gone. */
double measure_cpu(pid_t pid);
double measure_main_cpu(pid_t pid); /* likewise, of its first thread alone */

#endif
