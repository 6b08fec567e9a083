/*
 * CVE-2026-40200: qsort() lost its way where two trees of its forest are as many orders apart as size_t has bits, and
 * wrote beyond an array on its stack. With 32 bits, that is when one element follows a tree of L(33) = 11405773; a
 * least one in that place makes the sort walk. With 64 bits no memory is large enough, and this is a large sort only.
 * The comparison function sees the fault before it does harm, and ends the program there.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 11405774, STEP = 65536, LIMIT = 40 };

static unsigned char *elements;
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
	const unsigned char *x = a, *y = b, *last = elements + COUNT - 1;

	if (x < elements || x > last || y < elements || y > last)
		fail("compares what is outside of the array");
	/* The array that overflowed has 57 places: one comparison with the last element fills one of them */
	if ((x == last || y == last) && ++calls_for_last > LIMIT)
		fail("compares with the last element over and over");
	return (*x > *y) - (*x < *y);
}

int main(void)
{
	long i;

	elements = malloc(COUNT);
	if (!elements)
		fail("no memory");
	for (i = 0; i < COUNT - 1; i++)
		elements[i] = expected(i);
	elements[COUNT - 1] = 0;
	qsort(elements, COUNT, 1, compare);
	for (i = 0; i < COUNT; i++)
		if (elements[i] != (i ? expected(i - 1) : 0))
			fail("left the array unsorted");
	free(elements);
	puts("ok");
	return 0;
}
