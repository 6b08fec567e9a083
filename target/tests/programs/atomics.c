/* 64-bit atomic operations, by several threads at once: without them, additions are lost. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { THREADS = 4, ROUNDS = 5000 };

static _Atomic uint64_t sum, exchanged;
static _Atomic int64_t difference;

static void *work(void *number)
{
	uint64_t step = UINT64_C(0x100000001) * (uint64_t)(*(int *)number + 1), seen;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		atomic_fetch_add(&sum, step);
		atomic_fetch_sub_explicit(&difference, (int64_t)step, memory_order_relaxed);
		seen = atomic_load(&exchanged);
		while (!atomic_compare_exchange_weak(&exchanged, &seen, seen + step))
			;
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	int numbers[THREADS], i;
	_Atomic uint64_t word = 5;
	_Atomic unsigned char byte = 250;
	uint64_t expected = 6, before, then;
	int swapped, small;

	for (i = 0; i < THREADS; i++) {
		numbers[i] = i;
		if (pthread_create(&threads[i], NULL, work, &numbers[i]))
			return 1;
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("sum %" PRIu64 " %" PRIu64 " %" PRId64 "\n", atomic_load(&sum), atomic_load(&exchanged),
		atomic_load(&difference));
	swapped = atomic_compare_exchange_strong(&word, &expected, 7);
	printf("compare %d %" PRIu64, swapped, expected);
	swapped = atomic_compare_exchange_strong(&word, &expected, UINT64_MAX);
	printf(" %d %" PRIu64 "\n", swapped, atomic_load(&word));
	before = atomic_exchange(&word, 1);
	then = atomic_fetch_or(&word, UINT64_C(1) << 63);
	printf("exchange %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", before, then, atomic_load(&word));
	small = atomic_fetch_add(&byte, 10);
	printf("byte %d %d\n", small, byte);
	return 0;
}
