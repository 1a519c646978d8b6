/* What a test draws at random, the same again for the same seed. */
#ifndef USHER_TESTS_DICE_H
#define USHER_TESTS_DICE_H

#include <stdint.h>

static uint64_t seed_state;

static uint32_t
draw(uint32_t below)
{
	seed_state = seed_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed_state >> 33) % below);
}

#define PICK(...)                                                                        \
	((const double[]){__VA_ARGS__}[draw(                                             \
		sizeof((const double[]){__VA_ARGS__}) / sizeof(double))])

#endif
