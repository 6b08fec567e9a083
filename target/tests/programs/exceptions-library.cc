/* The library of exceptions.cc: a shared one where the program is dynamic. */
#include "exceptions.h"

namespace {
int left;

struct Frame {
	~Frame() { ++left; }
};
} // namespace

Base::~Base() = default;

std::string Derived::name() const
{
	return "derived";
}

void raise_problem(int code)
{
	Frame frame;
	throw Problem("raised in the library", code);
}

void call_back(void (*function)(int), int argument)
{
	Frame frame;
	try {
		Frame inner;
		function(argument);
	} catch (const std::logic_error &) {
		++left;
		throw;
	}
}

int frames_left()
{
	return left;
}

Base *make()
{
	return new Derived;
}
