/* part_history.h - what the files of the history's wiring share. */
#ifndef USHER_PART_HISTORY_H
#define USHER_PART_HISTORY_H

#include "usher.h"

/* For metrics_add(); owner is the usher. */
void part_history_metrics(void *owner, struct text *out);

#endif
