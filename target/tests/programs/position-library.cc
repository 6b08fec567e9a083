#include <cstring>

int guarded_sum(const char *words, int limit)
{
	char buffer[64];
	int sum = 0;

	std::strncpy(buffer, words, sizeof(buffer) - 1);
	buffer[sizeof(buffer) - 1] = 0;
	for (int i = 0; i < limit; ++i) sum += buffer[i];
	return sum;
}
