/*
 * CVE-2025-26519: iconv() from EUC-KR took lead bytes beyond the last syllable for valid, and its UTF-8 output moved
 * backwards when a decoder gave it a surrogate. Converts pairs of bytes, and to UTF-8 every four bytes of GB18030 that
 * 1.2.5 takes for a surrogate, each into the middle of a guarded buffer.
 */
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BEFORE = 8, ROOM = 8, AFTER = 8, GUARD = 0x5a };

static const char *encoding;

static void fail(const unsigned char *bytes, const char *why)
{
	printf("%s %02x %02x %02x %02x: %s\n", encoding, bytes[0], bytes[1], bytes[2], bytes[3], why);
	exit(1);
}

static unsigned decode_utf8(const unsigned char *s, size_t length)
{
	if (length == 1 && s[0] < 0x80)
		return s[0];
	if (length == 2 && s[0] >= 0xc2 && s[0] < 0xe0)
		return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
	if (length == 3 && s[0] >= 0xe0 && s[0] < 0xf0)
		return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
	if (length == 4 && s[0] >= 0xf0 && s[0] < 0xf5)
		return (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
	return 0xffffffffu;
}

/* Converts one character with this much room. Its code point, or -1 when it is refused. */
static long convert(iconv_t cd, const unsigned char bytes[4], size_t length, size_t room)
{
	unsigned char buffer[BEFORE + ROOM + AFTER];
	char *in = (char *)bytes, *out = (char *)buffer + BEFORE;
	size_t in_left = length, out_left = room, result, written, i;

	memset(buffer, GUARD, sizeof buffer);
	errno = 0;
	result = iconv(cd, &in, &in_left, &out, &out_left);
	if (out < (char *)buffer + BEFORE || out_left > room)
		fail(bytes, "the output moved backwards");
	written = (size_t)(out - ((char *)buffer + BEFORE));
	if (written + out_left != room)
		fail(bytes, "output and room left do not add up");
	for (i = 0; i < sizeof buffer; i++)
		if ((i < BEFORE || i >= BEFORE + room) && buffer[i] != GUARD)
			fail(bytes, "wrote outside of the output");
	if (result == (size_t)-1) {
		if (written || in_left != length)
			fail(bytes, "refused, but something moved");
		return errno == EILSEQ ? -1 : -2;
	}
	if (in_left)
		fail(bytes, "neither refused nor eaten");
	return (long)decode_utf8(buffer + BEFORE, written);
}

static int is_scalar(long c)
{
	return c >= 0 && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

static int is_trail(int byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= 0x81 && byte <= 0xfe);
}

static iconv_t open_utf8(const char *from)
{
	iconv_t cd = iconv_open("UTF-8", from);
	encoding = from;
	if (cd == (iconv_t)-1) {
		printf("%s: iconv_open: %s\n", from, strerror(errno));
		exit(1);
	}
	return cd;
}

static void check_euc_kr(void)
{
	iconv_t cd = open_utf8("EUC-KR");
	unsigned char bytes[4] = {0};
	int lead, trail;

	for (lead = 0x80; lead < 0x100; lead++)
		for (trail = 0; trail < 0x100; trail++) {
			long c;
			int hangul = lead >= 0x81 && is_trail(trail) && !(lead >= 0xa1 && trail >= 0xa1)
				&& (lead < 0xc6 || (lead == 0xc6 && trail <= 0x52));
			/* A few for each row of the slow part: thousands of characters are counted for one of them */
			if (hangul && lead < 0xc5 && trail % 32 != 1)
				continue;
			bytes[0] = (unsigned char)lead;
			bytes[1] = (unsigned char)trail;
			c = convert(cd, bytes, 2, ROOM);
			if (lead < 0xa1 || trail < 0xa1) {
				if (hangul && !(c >= 0xac00 && c <= 0xd7a3))
					fail(bytes, "is no Hangul syllable");
				if (!hangul && c != -1)
					fail(bytes, "was not refused");
			}
			if (c != -1 && !is_scalar(c))
				fail(bytes, "came out as no character");
		}
	/* Just beyond the end, with less room than the longest character */
	bytes[0] = 0xc8;
	bytes[1] = 0x41;
	if (convert(cd, bytes, 2, 2) != -1)
		fail(bytes, "was not refused for want of room");
	iconv_close(cd);
}

/*
 * 1.2.5 decodes some of these to surrogates: they must be refused in UTF-8, or become characters. 1.2.6 asks for more room
 * before it refuses them.
 */
static void check_output(void)
{
	iconv_t cd = open_utf8("GB18030");
	unsigned char bytes[4];
	long index;
	size_t room;

	for (room = 3; room <= ROOM; room += ROOM - 3)
		for (index = 33460; index < 35530; index++) {
			long c;
			bytes[0] = (unsigned char)(0x81 + index / 12600);
			bytes[1] = (unsigned char)(0x30 + index / 1260 % 10);
			bytes[2] = (unsigned char)(0x81 + index / 10 % 126);
			bytes[3] = (unsigned char)(0x30 + index % 10);
			c = convert(cd, bytes, 4, room);
			if (c == -2 && room == 3)
				continue;
			if (c != -1 && !is_scalar(c))
				fail(bytes, "came out as no character");
		}
	iconv_close(cd);
}

int main(void)
{
	check_euc_kr();
	check_output();
	puts("ok");
	return 0;
}
