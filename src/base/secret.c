/* base/secret.c - see secret.h. */
#include "base/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

char *
secret_read(const char *path, char *error, size_t room)
{
	char line[SECRET_BYTES_MAX + 2] = "";
	char *secret = NULL;
	struct stat st;
	FILE *file = fopen(path, "re");
	size_t n;

	if (file == NULL || fstat(fileno(file), &st) != 0) {
		snprintf(error, room, "cannot read %s: %s", path, strerror(errno));
		if (file != NULL)
			fclose(file);
		return NULL;
	}
	setvbuf(file, NULL, _IONBF, 0); /* no copy stays behind */
	if (fgets(line, sizeof line, file) == NULL)
		line[0] = '\0';
	n = strcspn(line, "\r\n");
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		snprintf(error, room, "%s can be read by others; run: chmod 600 %s", path,
			path);
	else if (n == 0 || n > SECRET_BYTES_MAX)
		snprintf(error, room,
			"%s must hold the secret as its first line, of 1 to %d bytes",
			path, SECRET_BYTES_MAX);
	else
		secret = xstrndup(line, n);
	OPENSSL_cleanse(line, sizeof line);
	fclose(file);
	return secret;
}

void
secret_free(char *secret)
{
	if (secret != NULL)
		OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
}
