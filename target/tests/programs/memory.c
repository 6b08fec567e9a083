/* Values at odd addresses, copied as C allows; bit fields; variable arguments; structures by value. */
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct __attribute__((packed)) packed {
	uint8_t kind;
	uint32_t length;
	uint64_t offset;
	double weight;
};

struct mixed {
	char letter;
	long long large;
	float small;
	struct { short x, y; } point;
};

struct fields {
	unsigned low : 3;
	int middle : 7;
	unsigned high : 12;
};

static struct mixed changed(struct mixed value, int by)
{
	value.large += by;
	value.small *= 2;
	value.point.y = (short)(value.point.x + by);
	return value;
}

static double added(int count, ...)
{
	va_list list, copy;
	double sum = 0;
	int i;

	va_start(list, count);
	va_copy(copy, list);
	for (i = 0; i < count; i++) {
		sum += va_arg(list, int);
		sum += (double)va_arg(list, long long);
		sum += va_arg(list, double);
	}
	sum += va_arg(copy, int);
	va_end(copy);
	va_end(list);
	return sum;
}

int main(void)
{
	unsigned char buffer[64];
	struct packed value = {7, 1000000, UINT64_C(0x123456789abcdef), 2.5}, back;
	struct mixed mixed = {'m', -5000000000LL, 1.5f, {3, 4}};
	struct fields fields = {5, -60, 4000};
	volatile unsigned more = 6;
	uint16_t half;
	uint32_t word;
	uint64_t large;
	size_t at;

	for (at = 1; at < 8; at += 2) {
		memset(buffer, 0xa5, sizeof buffer);
		memcpy(buffer + at, &value, sizeof value);
		memmove(buffer + at + 3, buffer + at, sizeof value);
		memcpy(&back, buffer + at + 3, sizeof back);
		memcpy(&word, buffer + at + 3 + offsetof(struct packed, length), sizeof word);
		memcpy(&large, buffer + at + 3 + offsetof(struct packed, offset), sizeof large);
		printf("%zu: %d %" PRIu32 " %" PRIx64 " %.1f, %" PRIu32 " %" PRIx64 "\n", at, back.kind, back.length,
			back.offset, back.weight, word, large);
	}
	half = 0xbeef;
	memcpy(buffer + 1, &half, sizeof half);
	half = 0;
	memcpy(&half, buffer + 1, sizeof half);
	printf("half %x, size %zu\n", half, sizeof(struct packed));
	mixed = changed(mixed, 10);
	printf("%c %lld %.1f %d %d\n", mixed.letter, mixed.large, mixed.small, mixed.point.x, mixed.point.y);
	fields.low += more;
	fields.middle -= 4;
	printf("fields %u %d %u\n", fields.low, fields.middle, fields.high);
	printf("arguments %.2f\n", added(3, 1, 10000000000LL, 0.25, 2, -1LL, 0.5, 3, 7LL, 1e3));
	return 0;
}
