/*
 * tests/flow/diskfull.c - preloaded into usherd, lets the disk be full for files whose
 * path begins with DISKFULL_UNDER, for as long as the file DISKFULL_WHEN exists (always,
 * when that is not set). Writes that make no room fail with ENOSPC, as they would on a
 * full disk.
 */
#undef _FILE_OFFSET_BITS /* both forms of pwrite are ours */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int
is_full(int fd)
{
	const char *under = getenv("DISKFULL_UNDER"), *when = getenv("DISKFULL_WHEN");
	char link[40], path[4096];
	ssize_t n;

	if (under == NULL || (when != NULL && access(when, F_OK) != 0))
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	path[n > 0 ? n : 0] = '\0';
	return strncmp(path, under, strlen(under)) == 0;
}

ssize_t
write(int fd, const void *bytes, size_t n)
{
	static ssize_t (*real)(int, const void *, size_t);

	if (real == NULL)
		real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	if (is_full(fd)) {
		errno = ENOSPC;
		return -1;
	}
	return real(fd, bytes, n);
}

ssize_t
pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
	static ssize_t (*real)(int, const void *, size_t, off64_t);

	if (real == NULL)
		real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(
			RTLD_NEXT, "pwrite64");
	if (is_full(fd)) {
		errno = ENOSPC;
		return -1;
	}
	return real(fd, bytes, n, at);
}

ssize_t
pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	return pwrite64(fd, bytes, n, at);
}
