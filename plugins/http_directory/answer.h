/* plugins/http_directory/answer.h - the body of an answer, read strictly. */
#ifndef HTTP_DIRECTORY_ANSWER_H
#define HTTP_DIRECTORY_ANSWER_H

#include <jansson.h>
#include <stdbool.h>

#include <usher/identify.h>

#define ANSWER_BYTES_MAX 65536 /* of one body; a longer one is a failure */

struct answer {
	json_t *json; /* owned; what `found` points into */
	struct usher_found found;
	struct usher_figure figures[USHER_FIGURES_MOST];
};

/*
 * answer_read - {"name": "Ann", "type": "person", "attributes": {"revenue": 1200}}
 *
 * Returns  false with the problem (static): it is not that. Attributes that are neither
 *          text, number, true, false nor null are left out.
 */
bool answer_read(struct answer *answer, const char *body, size_t n, const char **problem);
void answer_finish(struct answer *answer);

#endif
