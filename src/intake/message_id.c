/* intake/message_id.c - Message-IDs of the mails that leave here. */
#include "intake/message_id.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

char *
message_id_make(const char *case_id, const char out_id[OUT_ID_TEXT], const char *domain)
{
	return xasprintf("%s.%s@%s", case_id, out_id, domain);
}

bool
message_id_read(const char *id, char case_id[NUMBER_ID_TEXT], char out_id[OUT_ID_TEXT],
	const char **domain)
{
	const size_t dot = NUMBER_ID_TEXT - 1, at = dot + OUT_ID_TEXT;
	uint64_t contact;

	if (id == NULL || strnlen(id, at + 2) < at + 2 || id[dot] != '.' || id[at] != '@')
		return false;
	memcpy(case_id, id, dot);
	case_id[dot] = '\0';
	memcpy(out_id, id + dot + 1, OUT_ID_TEXT - 1);
	out_id[OUT_ID_TEXT - 1] = '\0';
	for (size_t i = 0; i < OUT_ID_TEXT - 1; i++)
		if (!isxdigit((unsigned char)out_id[i]) ||
			isupper((unsigned char)out_id[i]))
			return false;
	if (domain != NULL)
		*domain = id + at + 1;
	return number_id_parse(case_id, 'c', &contact);
}
