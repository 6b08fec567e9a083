/* Sorting and searching, with elements of several sizes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 5000 };

struct record {
	char name[13];
	double weight;
	uint16_t number;
};

static uint32_t state = 12345;
static struct record records[COUNT];
static uint64_t words[COUNT];
static unsigned char bytes[COUNT];

static uint32_t random_number(void)
{
	state = state * 1664525u + 1013904223u;
	return state >> 8;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct record *)a)->name, ((const struct record *)b)->name);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

static int by_byte(const void *a, const void *b)
{
	return *(const unsigned char *)a - *(const unsigned char *)b;
}

int main(void)
{
	struct record wanted = {.name = "n0002500"}, *found;
	uint64_t digest = 0;
	int i;

	for (i = 0; i < COUNT; i++) {
		snprintf(records[i].name, sizeof records[i].name, "n%07d", (i * 7919) % COUNT);
		records[i].weight = i / 4.0;
		records[i].number = (uint16_t)i;
		words[i] = (uint64_t)random_number() << 40 | (uint64_t)i;
		bytes[i] = (unsigned char)random_number();
	}
	qsort(records, COUNT, sizeof *records, by_name);
	qsort(words, COUNT, sizeof *words, by_value);
	qsort(bytes, COUNT, 1, by_byte);
	for (i = 0; i < COUNT; i++)
		digest = (digest ^ words[i] ^ bytes[i] ^ records[i].number) * UINT64_C(0x100000001b3);
	printf("first %s %.2f, last %s %.2f\n", records[0].name, records[0].weight, records[COUNT - 1].name,
		records[COUNT - 1].weight);
	found = bsearch(&wanted, records, COUNT, sizeof *records, by_name);
	printf("found %s %u, digest %016" PRIx64 "\n", found ? found->name : "nothing", found ? found->number : 0u, digest);
	return 0;
}
