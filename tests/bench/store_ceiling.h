/*
 * tests/bench/store_ceiling.h - how many contact lives a second Redis takes when each of
 * three steps (add and offer, connect, complete) is one function that checks an owner and
 * a state, and nothing else is done. The reference S of P1, P2 and P13.
 */
#ifndef USHER_BENCH_STORE_CEILING_H
#define USHER_BENCH_STORE_CEILING_H

#define CEILING_BYTES 1024 /* of a contact */

struct ceiling_result {
	double lives_s;
	double client_us; /* processor time of this process, a life */
};

/* Empties its own keys before and after. Ends the program when Redis does not play along.
 */
struct ceiling_result store_ceiling(const char *socket, int depth, int lives);

#endif
