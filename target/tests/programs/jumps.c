/* setjmp and its kin, out of deep calls and out of a signal handler, with what has to survive. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf place;
static sigjmp_buf in_signal;
static volatile sig_atomic_t handled;

static int compare(const void *a, const void *b)
{
	if (*(const int *)a == 3 || *(const int *)b == 3)
		longjmp(place, 33);
	return *(const int *)a - *(const int *)b;
}

static void deep(int depth, double kept)
{
	volatile int room[64];

	room[depth % 64] = depth;
	if (depth == 0)
		longjmp(place, (int)kept);
	if (room[depth % 64])
		deep(depth - 1, kept + 1);
}

static void handler(int number)
{
	handled = number == SIGUSR1;
	siglongjmp(in_signal, 5);
}

int main(void)
{
	volatile double real = 1.25;
	volatile int rounds = 0;
	int values[] = {5, 4, 3, 2, 1}, got;
	sigset_t mask;

	got = setjmp(place);
	rounds++;
	if (!got)
		deep(100, real);
	printf("from %d, round %d, %.2f\n", got, rounds, real);

	got = setjmp(place);
	if (!got)
		qsort(values, 5, sizeof *values, compare);
	printf("out of a library: %d\n", got);
	if (!setjmp(place))
		longjmp(place, 0);
	else
		puts("zero becomes one");

	signal(SIGUSR1, handler);
	got = sigsetjmp(in_signal, 1);
	if (!got)
		raise(SIGUSR1);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	printf("out of a signal: %d %d, blocked %d\n", got, (int)handled, sigismember(&mask, SIGUSR1));
	return 0;
}
