/* Exceptions within the program and across the boundary of a shared library, with destructors, types and threads. */
#include "exceptions.h"
#include <exception>
#include <iostream>
#include <memory>
#include <new>
#include <thread>
#include <typeinfo>

static void out_of_range(int index)
{
	(void)std::string("abc").at(static_cast<std::string::size_type>(index));
}

static void whole_number(int number)
{
	throw number;
}

static int depth(int number)
{
	if (number == 0)
		throw std::length_error("deep");
	try {
		return depth(number - 1) + 1;
	} catch (const std::length_error &error) {
		std::throw_with_nested(std::runtime_error(std::to_string(number) + " over " + error.what()));
	}
}

int main()
{
	try {
		raise_problem(17);
	} catch (const std::runtime_error &error) {
		auto *problem = dynamic_cast<const Problem *>(&error);
		std::cout << error.what() << ", code " << (problem ? problem->code() : -1) << '\n';
	}
	try {
		call_back(out_of_range, 7);
	} catch (const std::out_of_range &) {
		std::cout << "out of range, " << frames_left() << " frames left\n";
	}
	try {
		call_back(whole_number, 9);
	} catch (int number) {
		std::cout << "number " << number << ", " << frames_left() << " frames left\n";
	}
	try {
		depth(1);
	} catch (const std::exception &error) {
		std::cout << error.what();
		try {
			std::rethrow_if_nested(error);
		} catch (const std::exception &inner) {
			std::cout << ", nested " << inner.what() << '\n';
		}
	}
	std::unique_ptr<Base> base(make());
	std::cout << base->name() << ' ' << (dynamic_cast<Derived *>(base.get()) != nullptr) << ' '
		  << (typeid(*base) == typeid(Derived)) << '\n';
	std::exception_ptr carried;
	std::thread([&] {
		try {
			raise_problem(3);
		} catch (...) {
			carried = std::current_exception();
		}
	}).join();
	try {
		std::rethrow_exception(carried);
	} catch (const Problem &problem) {
		std::cout << "carried " << problem.code() << '\n';
	}
	// Volatile, lest the compiler warn of what is wanted here.
	const volatile std::size_t too_much = static_cast<std::size_t>(-1) - 65536;
	try {
		::operator delete(::operator new(too_much));
		std::cout << "too much memory\n";
	} catch (const std::bad_alloc &) {
		std::cout << "bad_alloc\n";
	}
	return 0;
}
