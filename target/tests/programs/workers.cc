/* Threads of C++: mutexes, atomic 64-bit numbers, futures, variables of which each thread has its own. */
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

static std::atomic<long long> sum{0};
static std::mutex lock;
static std::condition_variable changed;
static std::once_flag once;
static int starts, ready;
static thread_local std::vector<int> own{1};

static void work(int number)
{
	std::call_once(once, [] { ++starts; });
	for (int i = 0; i < 2000; ++i)
		sum += 4294967296LL * number;
	own.push_back(number);
	std::lock_guard<std::mutex> guard(lock);
	ready += static_cast<int>(own.size());
	changed.notify_all();
}

int main()
{
	std::vector<std::thread> threads;
	for (int number = 1; number <= 4; ++number)
		threads.emplace_back(work, number);
	{
		std::unique_lock<std::mutex> guard(lock);
		changed.wait(guard, [] { return ready == 8; });
	}
	for (auto &thread : threads)
		thread.join();
	std::cout << "sum " << sum << ", once " << starts << ", own " << own.size() << '\n';
	auto later = std::async(std::launch::async, [] { return 6 * 7; });
	std::promise<std::string> promise;
	auto future = promise.get_future();
	std::thread teller([&] { promise.set_value("kept"); });
	std::cout << later.get() << ' ' << future.get() << '\n';
	teller.join();
	auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
	std::this_thread::sleep_until(end);
	std::cout << "slept " << (std::chrono::steady_clock::now() >= end) << '\n';
	return 0;
}
