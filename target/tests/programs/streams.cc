/* Streams, strings and containers, in the classic locale. */
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <map>
#include <numeric>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

int main()
{
	std::cout << std::hex << std::showbase << 48879 << ' ' << std::oct << 8 << std::dec << std::noshowbase << ' '
		  << std::setw(8) << std::setfill('*') << -42 << ' ' << std::internal << std::setw(8) << -42 << '\n';
	std::cout << std::fixed << std::setprecision(3) << 3.14159 << ' ' << std::scientific << 12345.678L << ' '
		  << std::defaultfloat << std::setprecision(15) << 0.1 << ' ' << std::boolalpha << true << '\n';
	std::istringstream in("17 0x1f 2.5e3 word 18446744073709551615");
	int decimal = 0, hexadecimal = 0;
	double real = 0;
	std::string word;
	unsigned long long large = 0;
	in >> decimal >> std::hex >> hexadecimal >> std::dec >> real >> word >> large;
	std::cout << decimal << ' ' << hexadecimal << ' ' << real << ' ' << word << ' ' << large << ' ' << in.fail() << '\n';
	std::map<std::string, int> counted;
	std::istringstream text("the cat and the dog and the bird");
	for (std::string each; text >> each;)
		++counted[each];
	for (const auto &[name, count] : counted)
		std::cout << name << '=' << count << ' ';
	std::vector<int> numbers(20);
	std::iota(numbers.begin(), numbers.end(), -3);
	std::stable_sort(numbers.begin(), numbers.end(), [](int a, int b) { return a % 5 < b % 5; });
	std::cout << '\n';
	std::copy(numbers.begin(), numbers.end(), std::ostream_iterator<int>(std::cout, ","));
	std::unordered_map<int, std::string> names{{1, "one"}, {2, "two"}};
	std::cout << '\n' << names.at(2) << ' ' << std::to_string(-7LL) << ' ' << std::stod("1.5") << std::endl;
	return 0;
}
