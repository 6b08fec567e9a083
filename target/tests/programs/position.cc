/*
 * Code that may lie anywhere, with guarded stacks: a static program that is position independent (-static-pie), and a
 * dynamic one with a library, both compiled with -fstack-protector-strong.
 */
#include <climits>
#include <cstdint>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

int guarded_sum(const char *words, int limit);

static thread_local int local = 40;

/* Addresses in data, which the start-up code has to relocate. */
static int twice(int number) { return 2 * number; }
static int thrice(int number) { return 3 * number; }
static int (*const functions[])(int) = {twice, thrice};
static const char *const names[] = {"twice", "thrice"};
static int *pointer = &local + 0;
static const char *const *middle = &names[1];

struct Shape {
	virtual ~Shape() = default;
	virtual const char *name() const { return "shape"; }
};
struct Circle : Shape {
	const char *name() const override { return "circle"; }
};

/* gcc's own <limits.h> has to go on to that of the C library. */
static_assert(PATH_MAX >= 256, "no <limits.h> of the C library");

/* ET_DYN: the kernel chose where the program lies. */
static bool is_position_independent()
{
	char header[EI_NIDENT + 2] = {};
	std::uint16_t type;

	std::ifstream("/proc/self/exe", std::ios::binary).read(header, sizeof(header));
	std::memcpy(&type, header + EI_NIDENT, sizeof(type));
	return std::memcmp(header, ELFMAG, SELFMAG) == 0 && type == ET_DYN;
}

static int guarded_length(const char *text)
{
	char buffer[32];

	std::strncpy(buffer, text, sizeof(buffer) - 1);
	buffer[sizeof(buffer) - 1] = 0;
	return static_cast<int>(std::strlen(buffer));
}

int main(int argc, char **)
{
	std::cout << "position independent: " << (is_position_independent() ? "yes" : "no") << '\n';
	for (int i = 0; i < 2; ++i)
		std::cout << names[i] << ' ' << functions[i](7) << '\n';
	std::cout << *middle << ", " << *pointer + argc << '\n';
	std::thread([] { local += 2; std::cout << "thread " << local << '\n'; }).join();
	Circle circle;
	const Shape &shape = circle;
	std::cout << shape.name() << ", guarded " << guarded_length("twelve chars") << ' ' << guarded_sum("abc", 3) << '\n';
	try {
		throw std::runtime_error("caught");
	} catch (const std::exception &error) {
		std::cout << error.what() << '\n';
	}
	return std::cout.good() ? 0 : 1;
}
