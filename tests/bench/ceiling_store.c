/* tests/bench/ceiling_store.c - prints the store's ceiling as one JSON line.
 *
 *   ceiling_store SOCKET [DEPTH [LIVES]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "store_ceiling.h"

int
main(int argc, char **argv)
{
	struct ceiling_result result;

	if (argc < 2) {
		fprintf(stderr, "usage: ceiling_store SOCKET [DEPTH [LIVES]]\n");
		return 2;
	}
	result = store_ceiling(
		argv[1], argc > 2 ? atoi(argv[2]) : 50, argc > 3 ? atoi(argv[3]) : 60000);
	printf("{\"figure\": \"S\", \"value\": %.0f, \"unit\": \"lives/s\", "
	       "\"client_us\": %.1f}\n",
		result.lives_s, result.client_us);
	return 0;
}
