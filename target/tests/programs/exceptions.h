/* What exceptions.cc and its library share. */
#include <stdexcept>
#include <string>

struct Base {
	virtual ~Base();
	virtual std::string name() const = 0;
};

struct Derived : Base {
	std::string name() const override;
};

class Problem : public std::runtime_error {
public:
	Problem(const std::string &what, int code) : std::runtime_error(what), code_(code) {}
	int code() const { return code_; }

private:
	int code_;
};

/* Throws a Problem. */
[[noreturn]] void raise_problem(int code);
/* Calls back; what that throws goes through the library, which counts it and throws it on. */
void call_back(void (*function)(int), int argument);
int frames_left();
Base *make();
