/*
 * tests/flow/diskstall.c - preloaded into usherd, lets the disk hang for files whose path
 * begins with DISKSTALL_UNDER, for as long as the file DISKSTALL_WHEN exists: reads,
 * writes and syncs do not come back, as on a dead disk or a network file system that is
 * gone.
 */
#undef _FILE_OFFSET_BITS /* both forms of pread and pwrite are ours */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static int
is_stalled(int fd)
{
	const char *under = getenv("DISKSTALL_UNDER"), *when = getenv("DISKSTALL_WHEN");
	char link[40], path[4096];
	ssize_t n;

	if (under == NULL || when == NULL || access(when, F_OK) != 0)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	path[n > 0 ? n : 0] = '\0';
	return strncmp(path, under, strlen(under)) == 0;
}

static void
hang(int fd)
{
	const struct timespec a_while = {0, 20000000};

	while (is_stalled(fd))
		nanosleep(&a_while, NULL);
}

ssize_t
pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
	static ssize_t (*real)(int, const void *, size_t, off64_t);

	if (real == NULL)
		real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(
			RTLD_NEXT, "pwrite64");
	hang(fd);
	return real(fd, bytes, n, at);
}

ssize_t
pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	return pwrite64(fd, bytes, n, at);
}

ssize_t
pread64(int fd, void *bytes, size_t n, off64_t at)
{
	static ssize_t (*real)(int, void *, size_t, off64_t);

	if (real == NULL)
		real = (ssize_t(*)(int, void *, size_t, off64_t))dlsym(
			RTLD_NEXT, "pread64");
	hang(fd);
	return real(fd, bytes, n, at);
}

ssize_t
pread(int fd, void *bytes, size_t n, off_t at)
{
	return pread64(fd, bytes, n, at);
}

int
fdatasync(int fd)
{
	static int (*real)(int);

	if (real == NULL)
		real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	hang(fd);
	return real(fd);
}

int
fsync(int fd)
{
	static int (*real)(int);

	if (real == NULL)
		real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	hang(fd);
	return real(fd);
}
