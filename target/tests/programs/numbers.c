/*
 * Floating point and integers: conversions, printing and parsing. A long double has 64 to 113 bits depending on the
 * processor, so only digits that a double has are printed.
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Read and written at run time: nothing is computed by the compiler. */
static volatile double third = 1.0 / 3, large = 1.5e19, negative = -2.75, zero = 0;
static volatile long double longer = 1.0L;
static volatile uint64_t most = UINT64_MAX;
static volatile int64_t least = INT64_MIN;
static volatile int32_t minus = -7;

int main(void)
{
	long double sum = 0, parsed = 0;
	double fraction;
	int i, exponent, fields;
	char text[64];

	printf("double %.15g %.6e %a\n", third, third, negative);
	for (i = 1; i <= 20; i++)
		sum += longer / i;
	printf("long double %.15Lg %.12Le %.3Lf\n", sum, sum * 1e30L, -sum);
	printf("long double has a double's range: %d\n", LDBL_MAX_EXP >= DBL_MAX_EXP && LDBL_MANT_DIG >= DBL_MANT_DIG);
	snprintf(text, sizeof text, "%.15Lg", longer / 1024);
	fields = sscanf("6.02214076e23", "%Lf", &parsed);
	printf("parsed %d %.15Lg %s\n", fields, parsed, text);
	printf("strtod %.15g %.15g %g\n", strtod("0x1.8p3", NULL), strtod("-1e-300", NULL), strtod("inf", NULL));
	printf("to integers %d %u %" PRId64 " %" PRIu64 "\n", (int)negative, (unsigned)3e9, (int64_t)(negative * 1e18),
		(uint64_t)large);
	printf("from integers %.0f %.0f %.1f %.0Lf\n", (double)most, (double)least, (float)minus, (long double)least);
	printf("float %.9g %.9g\n", (double)(float)third, (double)(float)16777217);
	printf("division %d %d %" PRId64 " %" PRIu64 "\n", minus / 2, minus % 2, least / 10, most / 10);
	printf("shifts %" PRIu64 " %" PRId64 "\n", most >> (minus + 40), (int64_t)minus * 4294967296);
	printf("functions %.12f %.12f %.12f\n", sqrt(third), sin(third), pow(third, negative));
	fraction = frexp(large, &exponent);
	printf("frexp %.15g %d, rounded %ld %.1f\n", fraction, exponent, lrint(third * 7.5), nearbyint(negative - 0.75));
	printf("compared %d %d %d\n", isnan(zero / zero) != 0, third < large, !(zero / zero < negative) && !(zero / zero > negative));
	return 0;
}
