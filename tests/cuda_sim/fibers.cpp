// Runs a kernel: one fiber per CUDA thread, all on one CPU thread, giving way only where CUDA
// synchronises. SIMCUDA_ORDER says who goes first:
//
//   ascending   blocks one after another, warps and lanes by number (the default)
//   descending  all the other way round
//   random:SEED up to eight blocks at a time, their warps by random priority
//
// A warp runs until it waits for another one, so that warps get as far apart as barriers allow, and
// what no barrier orders comes out differently in some order. (Random priorities: Burckhardt et al.
// 2010, "A randomized scheduler with probabilistic guarantees of finding bugs".) Found besides:
// access outside every allocation, threads at different barriers, lanes missing from a warp
// operation, deadlock.
#include "sim.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <random>

extern "C" {
struct CusimThread {  // as in cusim.h
    uint3 thread, block;
    dim3 threads, blocks;
    unsigned lane;
};
CusimThread *cusim_now;
}

namespace {
constexpr size_t STACK = 64 << 10;
constexpr int RESIDENT = 8;  // blocks at a time in random order

enum class State { ready, at_barrier, in_warp, done };

struct Exchange {  // one warp operation under way
    unsigned arrived = 0, votes = 0;
    uint64_t values[32];
};

struct Block;
struct Fiber {
    CusimThread self;
    Block *block;
    unsigned warp;
    State state = State::ready;
    int site = -1;               // of the barrier it waits at
    uint64_t given[32];          // what the lanes of its last warp operation brought
    unsigned votes = 0;
    bool started = false;
    char *stack;
    ucontext_t entry;
    jmp_buf resume;
};
struct Block {
    std::vector<Fiber> fibers;
    std::vector<char> shared;
    std::map<std::pair<unsigned, unsigned>, Exchange> exchanges;  // by warp and mask
};

jmp_buf scheduler;
sigjmp_buf fault;
volatile sig_atomic_t inside = 0;
Fiber *running = nullptr;
Block *loaded = nullptr;         // whose shared memory lies in the module's section
const Kernel *launched = nullptr;
void **launch_arguments = nullptr;
std::string problem;

void give_way() {
    if (!_setjmp(running->resume)) _longjmp(scheduler, 1);
}

void fiber_main() {
    launched->run(launch_arguments);
    running->state = State::done;
    give_way();
}

[[noreturn]] void stop_at(const std::string &what) {
    problem = what;
    _longjmp(scheduler, 1);
}

void on_fault(int number) {
    if (inside) siglongjmp(fault, 1);
    signal(number, SIG_DFL);
    raise(number);
}

std::string name_of(const CusimThread &t) {
    char text[96];
    snprintf(text, sizeof text, "block (%u, %u, %u) thread %u", t.block.x, t.block.y, t.block.z, t.thread.x);
    return text;
}

// Meets the other lanes of the mask; afterwards the fiber holds what all of them brought.
void meet(unsigned mask, uint64_t value, bool vote) {
    Fiber &me = *running;
    const unsigned bit = 1u << me.self.lane;
    if (!(mask & bit)) stop_at(name_of(me.self) + ": not in the mask of its own warp operation");
    Exchange &exchange = me.block->exchanges[{me.warp, mask}];
    exchange.values[me.self.lane] = value;
    exchange.arrived |= bit;
    if (vote) exchange.votes |= bit;
    me.state = State::in_warp;
    if (exchange.arrived == mask) {
        for (Fiber &other : me.block->fibers) {
            if (other.warp != me.warp || !(mask >> other.self.lane & 1)) continue;
            memcpy(other.given, exchange.values, sizeof exchange.values);
            other.votes = exchange.votes;
            other.state = State::ready;
        }
        exchange.arrived = exchange.votes = 0;
    } else {
        give_way();
    }
}

void load(Block *block) {
    if (block == loaded) return;
    const size_t bytes = launched->shared_to - launched->shared_from;
    if (loaded) memcpy(loaded->shared.data(), launched->shared_from, bytes);
    memcpy(launched->shared_from, block->shared.data(), bytes);
    loaded = block;
}

void run(Fiber &fiber) {
    load(fiber.block);
    running = &fiber;
    cusim_now = &fiber.self;
    if (_setjmp(scheduler)) return;
    if (fiber.started) _longjmp(fiber.resume, 1);
    fiber.started = true;
    setcontext(&fiber.entry);
}

char *stack_of(size_t number) {  // mapped once, used again by every launch
    static std::deque<char *> stacks;
    while (stacks.size() <= number)
        stacks.push_back(static_cast<char *>(mmap(nullptr, STACK, PROT_READ | PROT_WRITE,
                                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)));
    return stacks[number];
}

void fill(Block &block, size_t number, uint3 index, dim3 blocks, dim3 threads) {
    block.shared.assign(launched->shared_to - launched->shared_from, char(0xFF));
    block.fibers.resize(size_t(threads.x) * threads.y * threads.z);
    for (unsigned i = 0; i < block.fibers.size(); ++i) {
        Fiber &fiber = block.fibers[i];
        const uint3 thread{i % threads.x, i / threads.x % threads.y, i / threads.x / threads.y};
        fiber.self = {thread, index, threads, blocks, i % 32};
        fiber.block = &block;
        fiber.warp = i / 32;
        fiber.stack = stack_of(number * block.fibers.size() + i);
        getcontext(&fiber.entry);
        fiber.entry.uc_stack.ss_sp = fiber.stack;
        fiber.entry.uc_stack.ss_size = STACK;
        fiber.entry.uc_link = nullptr;
        makecontext(&fiber.entry, fiber_main, 0);
    }
}

// Opens the block's barrier once all that still run are there.
void open_barrier(Block &block) {
    const Fiber *first = nullptr;
    for (const Fiber &fiber : block.fibers) {
        if (fiber.state == State::done) continue;
        if (fiber.state != State::at_barrier) return;
        if (first && first->site != fiber.site) {
            problem = name_of(fiber.self) + " waits at another __syncthreads than " + name_of(first->self);
            return;
        }
        first = &fiber;
    }
    for (Fiber &fiber : block.fibers)
        if (fiber.state == State::at_barrier) fiber.state = State::ready;
}

struct Order {
    bool random = false, descending = false;
    std::mt19937 generator;
    Order() {
        const char *told = getenv("SIMCUDA_ORDER");
        const std::string order = told ? told : "ascending";
        descending = order == "descending";
        random = order.rfind("random", 0) == 0;
        if (random) generator.seed(order.size() > 7 ? atoi(order.c_str() + 7) : 0);
    }
    template <class T>
    void apply(std::vector<T> &items) {
        if (random) std::shuffle(items.begin(), items.end(), generator);
        if (descending) std::reverse(items.begin(), items.end());
    }
};

// Runs one warp until all its lanes wait for another warp or are done. Returns whether it moved.
bool run_warp(std::vector<Fiber *> &lanes, Order &order) {
    for (bool moved = false;; moved = true) {
        std::vector<Fiber *> ready;
        std::copy_if(lanes.begin(), lanes.end(), std::back_inserter(ready),
                     [](Fiber *fiber) { return fiber->state == State::ready; });
        if (ready.empty()) return moved;
        order.apply(ready);
        for (Fiber *fiber : ready) {
            run(*fiber);
            if (!problem.empty()) return true;
        }
    }
}

// Runs blocks that are resident together, to their end or to the first problem: the first warp that
// can run always does, which lets warps get as far apart as barriers allow.
void run_together(std::vector<Block> &blocks, Order &order) {
    std::vector<std::vector<Fiber *>> warps;
    for (Block &block : blocks)
        for (Fiber &fiber : block.fibers) {
            if (fiber.self.lane == 0) warps.emplace_back();
            warps.back().push_back(&fiber);
        }
    order.apply(warps);
    loaded = nullptr;
    auto moves = [&](std::vector<Fiber *> &warp) {
        return run_warp(warp, order) && (open_barrier(*warp.front()->block), true);
    };
    while (std::any_of(warps.begin(), warps.end(), moves) && problem.empty()) {
    }
    for (auto &warp : warps)
        for (Fiber *fiber : warp)
            if (problem.empty() && fiber->state != State::done)
                problem = "deadlock: " + name_of(fiber->self) + " waits for ever";
}

void run_grid(dim3 blocks, dim3 threads) {
    Order order;
    std::vector<uint3> indices;
    for (unsigned z = 0; z < blocks.z; ++z)
        for (unsigned y = 0; y < blocks.y; ++y)
            for (unsigned x = 0; x < blocks.x; ++x) indices.push_back({x, y, z});
    if (!order.random) order.apply(indices);  // random: those of one room stay together
    const size_t at_once = order.random ? RESIDENT : 1;
    for (size_t from = 0; from < indices.size() && problem.empty(); from += at_once) {
        std::vector<Block> group(std::min(at_once, indices.size() - from));
        for (size_t i = 0; i < group.size(); ++i) fill(group[i], i, indices[from + i], blocks, threads);
        run_together(group, order);
    }
}
}  // namespace

extern "C" void cusim_barrier(int site) {
    running->state = State::at_barrier;
    running->site = site;
    give_way();
}

extern "C" uint64_t cusim_exchange(unsigned mask, uint64_t value, int source) {
    meet(mask, value, false);
    if (!(mask >> source & 1)) stop_at(name_of(running->self) + ": reads a lane outside the mask");
    return running->given[source];
}

extern "C" unsigned cusim_ballot(unsigned mask, int vote) {
    meet(mask, 0, vote != 0);
    return running->votes;
}

CUresult run_kernel(const Kernel &kernel, dim3 blocks, dim3 threads, std::vector<char> arguments) {
    std::vector<void *> pointers;
    for (size_t offset : kernel.offsets) pointers.push_back(arguments.data() + offset);
    launched = &kernel;
    launch_arguments = pointers.data();
    problem.clear();
    struct sigaction handler {}, segv, bus;
    handler.sa_handler = on_fault;
    handler.sa_flags = SA_NODEFER;
    sigaction(SIGSEGV, &handler, &segv);
    sigaction(SIGBUS, &handler, &bus);
    inside = 1;
    if (sigsetjmp(fault, 1)) problem = name_of(running->self) + ": touched memory that is not allocated";
    else run_grid(blocks, threads);
    inside = 0;
    sigaction(SIGSEGV, &segv, nullptr);
    sigaction(SIGBUS, &bus, nullptr);
    if (problem.empty()) problem = spoiled_allocation();
    if (problem.empty()) return CUDA_SUCCESS;
    const bool hangs = problem.rfind("deadlock", 0) == 0;
    return break_context(hangs ? CUDA_ERROR_LAUNCH_TIMEOUT : CUDA_ERROR_ILLEGAL_ADDRESS,
                         kernel.name + ": " + problem);
}
