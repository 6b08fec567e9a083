/* Threads, condition variables, once, keys, and variables of which each thread has its own. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORKERS = 4, ITEMS = 200 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int queue[ITEMS], first, last, starts, ends;
static __thread int own = 40;
static __thread struct { char pad; long long value; } aligned = {1, 2};
static const char *where_tls_is = "apart";

static void start(void)
{
	starts++;
}

static void at_end(void *value)
{
	pthread_mutex_lock(&lock);
	ends += *(int *)value;
	pthread_mutex_unlock(&lock);
	free(value);
}

static void *work(void *argument)
{
	int *seen = malloc(sizeof *seen), taken;
	long sum = 0;

	(void)argument;
	if (!seen)
		exit(1);
	*seen = 0;
	pthread_once(&once, start);
	pthread_setspecific(key, seen);
	for (;;) {
		pthread_mutex_lock(&lock);
		while (first == last)
			pthread_cond_wait(&changed, &lock);
		taken = queue[first];
		if (taken >= 0)
			first++;
		pthread_mutex_unlock(&lock);
		if (taken < 0)
			break;
		sum += taken;
		own++;
		aligned.value++;
		++*(int *)pthread_getspecific(key);
	}
	if (own - 40 != *seen || aligned.value - 2 != *seen)
		where_tls_is = "shared";
	return (void *)sum;
}

int main(void)
{
	pthread_t threads[WORKERS];
	long total = 0;
	int i;

	if (pthread_key_create(&key, at_end))
		return 1;
	for (i = 0; i < WORKERS; i++)
		if (pthread_create(&threads[i], NULL, work, NULL))
			return 1;
	for (i = 0; i < ITEMS; i++) {
		pthread_mutex_lock(&lock);
		queue[last++] = i < ITEMS - 1 ? i : -1;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
	}
	for (i = 0; i < WORKERS; i++) {
		void *sum;
		pthread_join(threads[i], &sum);
		total += (long)sum;
	}
	printf("items %d, sum %ld, once %d, at end %d\n", first, total, starts, ends);
	printf("variables are %s, here %d and %lld\n", where_tls_is, own, aligned.value);
	return 0;
}
