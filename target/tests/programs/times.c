/* Time after 2038, where 32 bits end: in the calendar, in text, and in what a file system keeps. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void show(time_t time)
{
	struct tm parts;
	char text[64];

	if (!gmtime_r(&time, &parts)) {
		puts("no such time");
		return;
	}
	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %a %j", &parts);
	printf("%lld %s %d\n", (long long)time, text, mktime(&parts) == time);
}

int main(void)
{
	static const long long seconds[] = {-1, 0, 2147483647LL, 2147483648LL, 4102444800LL, 253402300799LL};
	char name[] = "/tmp/times.XXXXXX";
	struct timespec set[2] = {{.tv_sec = (time_t)4102444800LL}, {.tv_sec = (time_t)4102444801LL}};
	struct timespec now;
	struct tm parsed = {0};
	struct stat found;
	time_t made;
	size_t i;
	int file;

	setenv("TZ", "UTC0", 1);
	tzset();
	for (i = 0; i < sizeof seconds / sizeof *seconds; i++)
		show((time_t)seconds[i]);
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	parsed = (struct tm){.tm_year = 199, .tm_mon = 6, .tm_mday = 14, .tm_hour = 12, .tm_isdst = -1};
	made = mktime(&parsed);
	printf("2099 in July: %lld %d\n", (long long)made, parsed.tm_isdst);
	file = mkstemp(name);
	if (file < 0 || futimens(file, set) || fstat(file, &found)) {
		perror(name);
		return 1;
	}
	unlink(name);
	printf("a file of %lld\n", (long long)found.st_mtime);
	printf("the clock runs: %d\n", !clock_gettime(CLOCK_REALTIME, &now) && now.tv_sec > 0);
	return 0;
}
