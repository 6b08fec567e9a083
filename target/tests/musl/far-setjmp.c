/*
 * sigsetjmp() of 1.2.5 jumps to setjmp() by a branch of 64 KiB on S/390, and they stand farther apart in a static program
 * that uses much of what the library's archive has behind sigsetjmp(), as this one does.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

/* An address is enough to have a function linked with all that it needs. */
#define USE(name) (void (*)(void))name
static void (*const volatile crowd[])(void) = {
	USE(printf), USE(scanf), USE(wprintf), USE(wscanf), USE(popen), USE(tmpfile), USE(open_memstream), USE(open_wmemstream),
	USE(fmemopen), USE(fopencookie), USE(getdelim), USE(fgetws), USE(fputws), USE(ungetwc), USE(tempnam), USE(freopen),
	USE(qsort), USE(strtold), USE(wcstold), USE(wcstoll), USE(ecvt), USE(gcvt), USE(bsearch),
	USE(memmem), USE(strstr), USE(strcasestr), USE(strverscmp), USE(strsignal), USE(strtok_r), USE(wcsstr), USE(memmove),
	USE(wcscasecmp), USE(stpncpy), USE(strlcat), USE(strspn), USE(wmemmove), USE(strsep), USE(wcstok),
	USE(mkdtemp), USE(mkostemps), USE(tcsetattr), USE(statvfs), USE(fstatat), USE(mkfifo),
	USE(pthread_create), USE(pthread_cond_timedwait), USE(pthread_barrier_wait), USE(pthread_rwlock_timedwrlock),
	USE(pthread_mutex_timedlock), USE(pthread_setschedparam), USE(pthread_key_create), USE(pthread_getattr_np), USE(sem_open),
	USE(sem_timedwait), USE(pthread_cancel), USE(pthread_atfork), USE(pthread_join),
	USE(strftime), USE(wcsftime), USE(strptime), USE(getdate), USE(mktime), USE(timer_create), USE(asctime), USE(clock_nanosleep),
	USE(localtime), USE(gmtime), USE(timespec_get), USE(getcwd), USE(isatty), USE(ttyname), USE(alarm), USE(nice),
};

int main(void)
{
	static sigjmp_buf place;
	volatile int turns = 0;
	unsigned i;

	for (i = 0; i < sizeof crowd / sizeof *crowd; i++)
		if (!crowd[i])
			return 1;
	if (sigsetjmp(place, 0) < 2)
		siglongjmp(place, ++turns);
	if (sigsetjmp(place, 1) < 4)
		siglongjmp(place, ++turns);
	return turns != 4;
}
