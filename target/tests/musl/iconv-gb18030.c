/*
 * CVE-2026-6042: iconv() read its whole table of two-byte characters up to 20905 times to decode four bytes of GB18030.
 * First, hours of such work for a library with the fault; one without it has done after milliseconds. No clock decides:
 * the kernel's limit of processor time only puts an end to the hours. Then every four bytes decode to what musl 1.2.5
 * made of them, by a digest, and a few characters are known by name.
 */
#include <errno.h>
#include <iconv.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <wchar.h>

/*
 * Of all four bytes, from musl 1.2.5 as released. From 83 36 C7 39 on it makes of them other characters than the standard
 * does, or surrogates; who mends that must change this number.
 */
#define DIGEST UINT64_C(0x2632ab3122e67a44)

enum { SLOW = 100000, BATCH = 1000, ENOUGH_SECONDS = 10 };

static void fail(const char *why)
{
	printf("GB18030: %s\n", why);
	exit(1);
}

static void give_up(int signal)
{
	static const char why[] = "GB18030: decoding does not end\n";
	(void)signal;
	if (write(STDOUT_FILENO, why, sizeof why - 1) < 0)
		_exit(2);
	_exit(1);
}

static void limit_processor_time(rlim_t seconds)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CPU, &limit))
		fail("getrlimit");
	limit.rlim_cur = seconds == RLIM_INFINITY ? limit.rlim_max : seconds;
	if (setrlimit(RLIMIT_CPU, &limit))
		fail("setrlimit");
}

static void decode(iconv_t cd, const unsigned char *bytes, size_t count, wchar_t *characters)
{
	char *in = (char *)bytes, *out = (char *)characters;
	size_t in_left = 4 * count, out_left = sizeof *characters * count;

	if (iconv(cd, &in, &in_left, &out, &out_left) || in_left || out_left)
		fail("four bytes were refused");
}

static void decode_the_slowest(iconv_t cd)
{
	static unsigned char bytes[4 * BATCH];
	static wchar_t characters[BATCH];
	int i, done;

	/* The first one after 20902 ideographs that all have two bytes */
	for (i = 0; i < BATCH; i++)
		memcpy(bytes + 4 * i, "\x82\x35\x8f\x33", 4);
	for (done = 0; done < SLOW; done += BATCH) {
		decode(cd, bytes, BATCH, characters);
		for (i = 0; i < BATCH; i++)
			if (characters[i] != 0x9fa6)
				fail("82 35 8F 33 is not U+9FA6");
	}
}

static void decode_all(iconv_t cd)
{
	static unsigned char bytes[4 * 1260];
	static wchar_t characters[1260];
	uint64_t digest = UINT64_C(0xcbf29ce484222325);
	int first, second, i;

	for (first = 0x81; first <= 0xfe; first++)
		for (second = 0x30; second <= 0x39; second++) {
			for (i = 0; i < 1260; i++) {
				bytes[4 * i] = (unsigned char)first;
				bytes[4 * i + 1] = (unsigned char)second;
				bytes[4 * i + 2] = (unsigned char)(0x81 + i / 10);
				bytes[4 * i + 3] = (unsigned char)(0x30 + i % 10);
			}
			decode(cd, bytes, 1260, characters);
			for (i = 0; i < 1260; i++)
				digest = (digest ^ (uint32_t)characters[i]) * UINT64_C(0x100000001b3);
		}
	if (digest != DIGEST) {
		printf("GB18030: digest %016llx\n", (unsigned long long)digest);
		exit(1);
	}
}

static void decode_some(iconv_t cd)
{
	static const struct { unsigned char bytes[5]; wchar_t character; } known[] = {
		{"\x81\x30\x81\x30", 0x0080},
		{"\x81\x30\x84\x36", 0x00a5},
		{"\x81\x39\xee\x39", 0x3400},
		{"\x82\x35\x87\x38", 0x4db5},
	};
	size_t i;
	wchar_t character;

	for (i = 0; i < sizeof known / sizeof *known; i++) {
		decode(cd, known[i].bytes, 1, &character);
		if (character != known[i].character)
			fail("a known character is another one");
	}
}

int main(void)
{
	iconv_t cd = iconv_open("WCHAR_T", "GB18030");

	if (cd == (iconv_t)-1)
		fail("iconv_open");
	if (signal(SIGXCPU, give_up) == SIG_ERR)
		fail("signal");
	limit_processor_time(ENOUGH_SECONDS);
	decode_the_slowest(cd);
	limit_processor_time(RLIM_INFINITY);
	decode_some(cd);
	decode_all(cd);
	iconv_close(cd);
	puts("ok");
	return 0;
}
