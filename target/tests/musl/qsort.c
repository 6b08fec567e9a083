/*
 * CVE-2026-40200: qsort() lost its way where two trees of its forest are as many orders apart as size_t has bits, or one
 * more, and wrote beyond an array on its stack. With 32 bits, that is when one element follows a tree of L(33) =
 * 11405773, or of L(34) = 18454929; which of them depends on what the arch's count of zeros makes of 0. A least element
 * in that place makes the sort walk. With 64 bits no memory is large enough, and these are large sorts only. The
 * comparison function sees the fault before it does harm, and ends the program there.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEP = 131072, LIMIT = 40 };

static unsigned char *elements, *last;
static int calls_for_last;

static unsigned char expected(long i)
{
	return (unsigned char)(i / STEP + 1);
}

static void fail(const char *why)
{
	printf("qsort: %s\n", why);
	exit(1);
}

static int compare(const void *a, const void *b)
{
	const unsigned char *x = a, *y = b;

	if (x < elements || x > last || y < elements || y > last)
		fail("compares what is outside of the array");
	/* The array that overflowed has 57 places: one comparison with the last element fills one of them */
	if ((x == last || y == last) && ++calls_for_last > LIMIT)
		fail("compares with the last element over and over");
	return (*x > *y) - (*x < *y);
}

static void check(long count)
{
	long i;

	elements = malloc((size_t)count);
	if (!elements)
		fail("no memory");
	last = elements + count - 1;
	calls_for_last = 0;
	for (i = 0; i < count - 1; i++)
		elements[i] = expected(i);
	*last = 0;
	qsort(elements, (size_t)count, 1, compare);
	for (i = 0; i < count; i++)
		if (elements[i] != (i ? expected(i - 1) : 0))
			fail("left the array unsorted");
	free(elements);
}

int main(void)
{
	check(11405774);
	check(18454930);
	puts("ok");
	return 0;
}
